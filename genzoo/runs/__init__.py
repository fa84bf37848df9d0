"""What lies on the disk: the run folder, its exact state, what was measured of it, and the way back to a model."""
