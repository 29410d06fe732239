"""Build the site into build/site and check it: `python docs/build.py`. Warnings and broken links are errors.

The gallery is made of cached results (`docs/gallery.py`). Nothing is loaded from elsewhere, now or by readers.
"""

from __future__ import annotations

import re
import shutil
import sys
import time
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

from sphinx.cmd.build import main as sphinx_build

DOCS = Path(__file__).resolve().parent
SITE = DOCS.parent / "build" / "site"
LOADED = {"link": "href", "script": "src", "img": "src", "iframe": "src", "source": "src", "object": "data"}


class Page(HTMLParser):
    """Anchors of a page, what it links to, and what a browser loads with it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.links: list[str] = []
        self.loads: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        values = {name: value for name, value in attributes if value}
        self.anchors |= {values[name] for name in ("id", "name") if name in values}
        if tag == "a" and "href" in values:
            self.links.append(values["href"])
        if tag in LOADED and LOADED[tag] in values and values.get("rel") not in ("canonical", "next", "prev", "search"):
            self.loads.append(values[LOADED[tag]])


def check(site: Path) -> list[str]:
    """One sentence for every link inside the site that leads nowhere, and for everything loaded from elsewhere."""
    found_pages = [path for path in site.rglob("*.html") if "_static" not in path.parts]
    pages = {path: Page(path.read_text(encoding="utf-8")) for path in found_pages}
    found = []
    for path, page in pages.items():
        where = path.relative_to(site)
        for target in page.links + page.loads:
            parts = urlsplit(target)
            if parts.scheme or parts.netloc:
                if target in page.loads and parts.scheme != "data":
                    found.append(f"{where} loads {target}")
                continue
            file = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            if not file.is_file():
                found.append(f"{where} links to {target}, which is not there")
            elif parts.fragment and file in pages and unquote(parts.fragment) not in pages[file].anchors:
                found.append(f"{where} links to {target}, a place that is not there")
    for style in site.rglob("*.css"):
        if re.search(r"url\([\"']?(https?:)?//|@import [\"'](https?:)?//", style.read_text(encoding="utf-8")):
            found.append(f"{style.relative_to(site)} loads from elsewhere")
    return sorted(set(found))


def main(arguments: list[str]) -> int:
    start = time.perf_counter()
    for made in (SITE, DOCS / "api" / "generated", DOCS / "gallery_pages"):
        shutil.rmtree(made, ignore_errors=True)
    failed = sphinx_build(["-W", "--keep-going", "-q", "-b", "html", *arguments, str(DOCS), str(SITE)])
    found = check(SITE) if (SITE / "index.html").exists() else ["nothing was built"]
    print("\n".join(found))
    pages = len(list(SITE.rglob("*.html")))
    seconds = time.perf_counter() - start
    print(f"{SITE}: {pages} pages in {seconds:.0f} s, broken links and external loads: {len(found)}")
    return int(bool(failed or found))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
