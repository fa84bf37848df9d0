"""How a run comes about: its settings, its length, its steps, its stops."""
