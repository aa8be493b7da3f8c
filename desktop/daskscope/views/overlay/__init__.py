"""What lies over the window for a moment: the palette of commands, the list of keys."""
