"""The command line: one file a command group; heavy libraries load inside command bodies."""
