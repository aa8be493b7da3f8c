"""Pure derivations: a snapshot, a session and a size make a frame that a view can draw as it is.

No Qt, no clock, nothing is kept between calls but caches whose key is the input. Level of detail
and hit tests are decided here, not while painting. `frames` holds what the functions return.
"""
