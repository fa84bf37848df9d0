"""How good a run is, in numbers, alone and beside others."""
