"""Where images come from: sets by name, their pixels, their order."""
