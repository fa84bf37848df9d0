"""The documentation: `make docs`. Its tutorial is the stored notebooks, its commands are those of the parser."""

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
sys.path[:0] = [str(ROOT), str(HERE / "extensions")]

import generated  # noqa: E402

import genzoo  # noqa: E402

project = "genzoo"
release = version = genzoo.__version__
author = copyright = "genzoo contributors"
language = "en"
nitpicky = False

extensions = ["myst_nb", "sphinx.ext.autodoc", "docstrings", "mathml"]
exclude_patterns = ["_build", "extensions", "README.md"]
html_theme = "furo"
html_title = "genzoo"
html_static_path = ["static"]
html_css_files = ["genzoo.css"]
html_math_renderer = "mathml"
html_show_sphinx = False
html_copy_source = False
html_show_search_summary = False  # it fetches pages, which a browser refuses where they are files
templates_path = []
pygments_style = "a11y-high-contrast-light"
pygments_dark_style = "a11y-high-contrast-dark"

nb_execution_mode = "off"
nb_merge_streams = True
# No widget is stored, and so no script for it has to be fetched.
nb_ipywidgets_js = {}
myst_enable_extensions = ["dollarmath", "colon_fence"]
myst_dmath_double_inline = True
myst_heading_anchors = 4
myst_links_external_new_tab = False

autodoc_member_order = "bysource"
autodoc_default_options = {"members": True, "undoc-members": True, "show-inheritance": True}
autodoc_typehints = "signature"
autodoc_preserve_defaults = True

generated.write(HERE)
