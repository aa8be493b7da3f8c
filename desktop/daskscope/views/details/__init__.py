"""The details panel: everything that is known of one span."""
