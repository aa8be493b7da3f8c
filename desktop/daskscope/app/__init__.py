"""The program: command line, main window, the one clock. Everything else is wired together here."""
