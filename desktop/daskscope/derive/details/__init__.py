"""Everything that is known of one span, and of the spans that have to do with it. No Qt.

What the store holds is gathered in slices (`survey`), the rest comes as answers of the process that
holds the journal; `frame` makes of both what the panel draws, `arrows` what the task stream draws.
"""
