"""A cluster that is not there: what one of any size would send, from a seed.

`recipe` says what graphs look like, `graph` lays one out in time on the lanes of `cluster`, `model`
strings graphs together; `spans`, `points` and `records` write OTLP, `send` sends it, `run` keeps
time. The model is pure: the same seed gives the same bytes.
"""
