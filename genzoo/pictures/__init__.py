"""How results look: grids of images, plots, tables, a page."""
