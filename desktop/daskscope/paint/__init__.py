"""Qt painting primitives that views share: fonts by role, text, brushes and patterns, icons.

Nothing here knows what it is drawn for. Colours come in as 0xRRGGBB integers of `theme`; what is
made of them (QColor, QBrush, QFont, QStaticText) is cached, since a frame asks for it thousands of
times. All text is drawn as plain text, whatever it contains.
"""
