"""Where images come from: one kind of source a file, with a loader that `data.sets.SOURCES` names."""
