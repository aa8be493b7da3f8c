"""The task stream with everything that is aligned to it: one view of five strips.

    legend     what colours mean; switches prefixes off and on
    minimap    the whole run; a brush around what is in view
    axis       time since the start, and on the wall clock
    events     what happened to graphs and workers
    stream     hosts, workers and threads, and what each did

`panel.TimelinePanel` stacks them on one gutter. `lanes` and `raster` are pure: from a frame to
rectangles, labels and pixels; `strip` turns wheel and mouse into gestures on the time axis.
"""
