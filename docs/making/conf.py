"""Sphinx reads this: Markdown by MyST, the theme furo, nothing from the network."""

import os

project = "sipprobe"
author = "the sipprobe authors"
version = release = os.environ.get("SIPPROBE_VERSION", "")

extensions = ["myst_parser"]
myst_enable_extensions = ["deflist"]
myst_heading_anchors = 4
source_suffix = {".md": "markdown"}
root_doc = "index"
nitpicky = True
smartquotes = False  # flags have two hyphens, and messages are shown as they are
highlight_language = "none"
pygments_style = "friendly"
pygments_dark_style = "monokai"

html_theme = "furo"
html_title = f"sipprobe {version}".strip()
html_static_path = ["style"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sourcelink = False
html_show_search_summary = False  # it fetches pages, which a page opened from disk may not
html_show_copyright = False
html_show_sphinx = False
html_last_updated_fmt = None
