"""How Sphinx makes the site: `python docs/build.py` builds and checks it."""

from __future__ import annotations

import re
import shutil
import sys
from importlib.metadata import distribution
from pathlib import Path

DOCS = Path(__file__).resolve().parent
sys.path.insert(0, str(DOCS))
sys.path.insert(0, str(DOCS.parent))

import gallery  # noqa: E402
from sphinx.util import logging  # noqa: E402

import felif  # noqa: E402

project = "felif"
author = "The felif developers"
project_copyright = "the felif developers, BSD-3-Clause"
version = release = felif.__version__

extensions = [
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.mathjax",
    "sphinx_copybutton",
    "sphinx_design",
]
root_doc = "index"
exclude_patterns = ["gallery", "build"]
templates_path = ["_templates"]
html_static_path = ["_static"]
smartquotes = False
default_role = "code"  # `name` in a docstring is code

# pages: Markdown that is read on a repository's web page too
myst_enable_extensions = ["dollarmath", "colon_fence", "deflist"]
myst_heading_anchors = 4
myst_dmath_double_inline = True
suppress_warnings = ["myst.header"]

# the reference: docstrings in numpydoc's sections
autosummary_generate = True
autodoc_typehints = "none"  # types stand in the docstrings
autodoc_member_order = "bysource"
numpydoc_show_class_members = False
numpydoc_use_plots = False
add_module_names = False

# equations: MathJax is a part of the site
mathjax_path = "tex-svg.js"
mathjax3_config = {"svg": {"fontCache": "global"}, "options": {"enableMenu": False}}

html_theme = "pydata_sphinx_theme"
html_title = f"felif {version}"
html_css_files = ["site.css"]
html_copy_source = False
html_show_sourcelink = False
html_theme_options = {
    "logo": {"text": "felif"},
    "navbar_end": ["theme-switcher"],
    "navbar_align": "left",
    "header_links_before_dropdown": 6,
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": [],
    "pygments_light_style": "a11y-high-contrast-light",
    "show_prev_next": True,
}
html_sidebars = {"first_steps": [], "gallery_pages/index": [], "glossary": [], "changelog": []}

ELSEWHERE = {  # files beside docs/ that are pages of the site
    "../README.md": "index.md",
    "../CONTRIBUTING.md": "contributing.md",
    "../CHANGELOG.md": "changelog.md",
    "../meshes/README.md": "mesh_files.md",
    "../../meshes/README.md": "../mesh_files.md",
}


def _links(app, name, source) -> None:
    """Links between files of the repository become links between pages of the site."""
    for file, page in ELSEWHERE.items():
        source[0] = source[0].replace(f"]({file}", f"]({page}")


def _included(app, path, parent, source) -> None:
    source[0] = re.sub(r"\]\(docs/([\w/]+\.md)", r"](\1", source[0])
    for file, page in ELSEWHERE.items():
        source[0] = source[0].replace(f"]({file.removeprefix('../')}", f"]({page}")


def _equations(app, what, name, obj, options, lines) -> None:
    """Indented lines of a docstring, outside of numpydoc's sections, are equations: shown as they are written.

    A bar is a bar: |x| names no substitution.
    """
    out, literal, sections = [], False, False
    for k, line in enumerate(lines):
        sections = sections or (k + 1 < len(lines) and re.fullmatch(r"-{3,}", lines[k + 1].strip()) is not None)
        indented = line.startswith("    ")
        if indented and not literal and not sections and k > 0 and not lines[k - 1].strip():
            out += [".. code-block:: text", ""]
        literal = indented or (literal and not line.strip())
        out.append(line if (literal and not sections) or ">>>" in line else line.replace("|", "\\|"))
    lines[:] = out


def _prepare(app) -> None:
    """MathJax from the package that has it, and the pages of the gallery from its cached results."""
    mathjax = distribution("sphinx-mathjax-offline").locate_file("sphinx-mathjax-offline/static/mathjax/tex-svg.js")
    shutil.copyfile(str(mathjax), DOCS / "_static" / "tex-svg.js")
    for name in gallery.write_pages(DOCS / "gallery_pages"):
        logging.getLogger(__name__).warning("the gallery has no result of %s: run `python docs/gallery.py`", name)


def setup(app) -> None:
    app.connect("builder-inited", _prepare, priority=100)
    app.connect("source-read", _links)
    app.connect("include-read", _included)
    app.connect("autodoc-process-docstring", _equations, priority=100)
