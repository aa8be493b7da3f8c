"""What is known of the cluster: numpy columns, interned strings, pyramids, frozen snapshots.

One writer (`Store`) applies messages; everybody else reads a frozen `Snapshot`. No Qt, no clock.
"""
