"""Widgets: each draws the frame it is shown and reports gestures as signals.

A view keeps its last frame and nothing else, has no timer, and knows no other view. A package in
here counts as one view.
"""
