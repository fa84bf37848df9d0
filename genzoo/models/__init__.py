"""The families: one file each, with its loss and its ways to sample."""
