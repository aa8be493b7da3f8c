"""Statistics of a stretch of time and some lanes: sums in slices, their frame, its words.

`work` walks over the chunks of a snapshot in slices of a millisecond (`rows` and `cover` are the
slices, `sums` adds them up); what it has found so far is a `Figures`. `table`, `histogram`,
`workers` and `frame` make of it what is drawn.
"""
