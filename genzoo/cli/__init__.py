"""The command line: from words to checks to a command."""
