"""The documentation site: `make docs`.

Pages are Markdown, read on GitHub too; what is made at build time goes to docs/generated, which
nothing commits.  The build needs no network, and neither does the site.
"""

from __future__ import annotations

import sys
from pathlib import Path

DOCS = Path(__file__).parent
sys.path.insert(0, str(DOCS))

from site_build import inventories, tutorials  # noqa: E402

import synfire_bp  # noqa: E402

project = "synfire_bp"
author = "The synfire_bp developers"
copyright = "the synfire_bp developers, MIT licence"
version = release = synfire_bp.__version__

extensions = [
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.intersphinx",
    "sphinx.ext.viewcode",
    "sphinx_gallery.gen_gallery",
    "site_build",
]
source_suffix = {".md": "markdown", ".rst": "restructuredtext"}
root_doc = "index"
exclude_patterns = [
    "_templates",
    "_build",
    "tutorials",
    "notebooks",
    "numbers",
    "inventories",
    "site_build",
]
nitpicky = True

# -- Markdown, as GitHub reads it ------------------------------------------------------------------

myst_heading_anchors = 6
myst_enable_extensions = ["colon_fence"]
suppress_warnings = ["config.cache"]  # the gallery's settings hold a function

# -- the reference of the Python interface ---------------------------------------------------------

autosummary_generate = True
autodoc_member_order = "bysource"
autodoc_typehints = "none"  # the docstrings say it, with shapes and units
numpydoc_show_class_members = False  # the template of a class lists them
templates_path = ["_templates"]
default_role = "py:obj"  # `name` in a docstring

# -- other projects --------------------------------------------------------------------------------

intersphinx_mapping = inventories.mapping(DOCS / "inventories", DOCS / "generated" / "inventories")

# -- tutorials -------------------------------------------------------------------------------------

sphinx_gallery_conf = {
    "examples_dirs": "tutorials",
    "gallery_dirs": "generated/tutorials",
    "filename_pattern": r"/plot_",
    "within_subsection_order": "FileNameSortKey",
    "download_all_examples": False,
    "reference_url": {"synfire_bp": None},
    "doc_module": ("synfire_bp",),
    "backreferences_dir": "generated/backreferences",
    "remove_config_comments": True,
    "reset_modules": ("matplotlib", tutorials.fresh),
    "show_memory": False,
    "min_reported_time": 0,
    "write_computation_times": False,
    "abort_on_example_error": False,  # all of them are tried; a failure is an error of the build
}

# -- how it looks ----------------------------------------------------------------------------------

html_theme = "pydata_sphinx_theme"
html_title = "synfire_bp"
html_static_path = ["_static"]
html_extra_path = ["../figures/report.html"]
html_css_files = ["site.css"]
html_show_sourcelink = False
html_copy_source = False
html_theme_options = {
    "navigation_with_keys": False,
    "show_toc_level": 2,
    "navigation_depth": 3,
    "header_links_before_dropdown": 7,
    "footer_start": ["copyright"],
    "footer_end": [],
    "secondary_sidebar_items": ["page-toc"],
}
