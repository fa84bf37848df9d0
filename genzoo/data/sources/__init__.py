"""Where images come from: a loader a file, named in `data.catalogue`."""
