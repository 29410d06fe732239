"""The gallery: figures and results of all studies, computed once and kept in docs/gallery, and the pages made of them.

    python docs/gallery.py                   runs the studies that have no result there yet
    python docs/gallery.py blow_up stefan    runs these again
    python docs/gallery.py --all             runs all of them again, one after the other

A study runs with its defaults; one that takes longer than LIMIT seconds runs with its CHEAP options instead, and its
page says so. `write_pages` is called by the build of the site; it runs nothing.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from PIL import Image

import felif as fl

ROOT = Path(__file__).resolve().parents[1]
KEPT = ROOT / "docs" / "gallery"
LIMIT = 300.0
WIDTH = 1300  # pixels of a kept figure


def run(name: str, folder: Path) -> dict[str, Any]:
    """The record of one run of a study, which is left in `folder`."""
    study = fl.study.load(name, ROOT / "studies")
    here = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])}
    for options in ({}, dict(study.cheap)):
        code = f"from felif.study import load, running; running.run(load({str(study.path)!r}), {options!r}, 'out')"
        out = folder / ("cheap" if options else "defaults")
        out.mkdir()
        limit = None if options else LIMIT
        try:
            command = [sys.executable, "-c", code]
            subprocess.run(command, check=True, timeout=limit, cwd=out, env=here, capture_output=True)
        except subprocess.TimeoutExpired:
            continue
        record = json.loads((out / "out" / "results.json").read_text(encoding="utf-8"))
        keep(out / "out" / "figure.png", KEPT / f"{name}.png")
        return {
            "seconds": round(record["wall_time"], 1),
            "options": options,
            "results": {key: value for key, value in record["results"].items() if _shown(value)},
        }
    raise RuntimeError(f"{name} takes longer than {LIMIT:g} s and has no CHEAP options.")


def keep(figure: Path, kept: Path) -> None:
    """A figure in the width and the colours of a page."""
    with Image.open(figure) as image:
        image = image.convert("RGB")
        image.thumbnail((WIDTH, 10 * WIDTH), Image.Resampling.LANCZOS)
        image.quantize(128, dither=Image.Dither.NONE).save(kept, optimize=True)


def write_pages(target: Path) -> list[str]:
    """One page a study, and the page that shows all of them, as MyST, in `target`; the studies without a result."""
    target.mkdir(parents=True, exist_ok=True)
    shown, missing = {}, []
    for name, (_, question) in fl.study.studies(ROOT / "studies").items():
        record = KEPT / f"{name}.json"
        if not record.exists():
            missing.append(name)
            continue
        shown[name] = question
        (target / f"{name}.md").write_text(_page(name, json.loads(record.read_text())), encoding="utf-8")
    cards = "\n".join(
        f":::{{grid-item-card}} `{name}`\n:link: {name}\n:link-type: doc\n:img-top: ../gallery/{name}.png\n"
        f":img-alt: Figure of the study {name}\n\n{question}\n:::\n"
        for name, question in shown.items()
    )
    hidden = "\n".join(shown)
    (target / "index.md").write_text(
        "# Gallery\n\nA study asks one question of one equation. It is a script, a command line (`felif run STUDY`) "
        "and a test at once:\nthe numbers on these pages are compared with what is expected of them whenever the tests "
        "run. `felif copy STUDY`\nmakes a copy to change.\n\n"
        f"::::{{grid}} 1 2 3 3\n:gutter: 3\n:class-container: gallery\n\n{cards}::::\n\n"
        f"```{{toctree}}\n:hidden:\n\n{hidden}\n```\n",
        encoding="utf-8",
    )
    return missing


def _page(name: str, record: dict[str, Any]) -> str:
    study = fl.study.load(name, ROOT / "studies")
    question, _, text = study.text.partition("\n")
    options = "".join(f" --{key.replace('_', '-')} {_written(value)}" for key, value in record["options"].items())
    how = f"with the quick options `{options.strip()}`" if options else "with its defaults"
    results = record["results"].items()
    rows = "\n".join(f"| `{key}` | {_number(value)} | {_expected(study, key)} |" for key, value in results)
    table = f"| result | value | expected |\n|---|---|---|\n{rows}\n" if rows else "Its results are arrays and runs.\n"
    return (
        f"# {_escaped(question)}\n\n`felif run {name}` ran {how} in {record['seconds']:g} s.\n\n"
        f"![Figure of the study {name}](../gallery/{name}.png)\n\n{_text(text)}\n\n## Results\n\n{table}\n"
        f"## The study\n\n```{{literalinclude}} ../../studies/{name}.py\n:language: python\n```\n"
    )


def _text(text: str) -> str:
    """A docstring: paragraphs, whose equations are indented."""
    parts = []
    for paragraph in text.strip("\n").split("\n\n"):
        lines = paragraph.splitlines()
        if all(line.startswith("    ") for line in lines):
            parts.append("```text\n" + "\n".join(line[4:] for line in lines) + "\n```")
        else:
            parts.append(_escaped(paragraph))
    return "\n\n".join(parts)


def _escaped(text: str) -> str:
    """Text outside of code: characters that Markdown would read."""
    pieces = text.split("`")
    for k in range(0, len(pieces), 2):
        for character in "\\*_<[$":
            pieces[k] = pieces[k].replace(character, "\\" + character)
    return "`".join(pieces)


def _expected(study: Any, key: str) -> str:
    expected = {**study.sound, **study.expected}
    if key not in expected:
        return ""
    value, tolerance = expected[key]
    return _number(value) if isinstance(value, str) else f"{_number(value)} ± {tolerance:.2g}"


def _number(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(_number, value))
    if isinstance(value, float):
        return f"{value:.10g}"
    return _escaped(str(value)).replace("|", "\\|")


def _shown(value: Any) -> bool:
    return not isinstance(value, (list, dict)) or (isinstance(value, list) and len(value) <= 6)


def _written(value: Any) -> str:
    return ",".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)


def main(arguments: list[str]) -> None:
    names = list(fl.study.studies(ROOT / "studies"))
    chosen = names if "--all" in arguments else arguments or [n for n in names if not (KEPT / f"{n}.json").exists()]
    KEPT.mkdir(exist_ok=True)
    for name in chosen:
        with tempfile.TemporaryDirectory() as folder:
            record = run(name, Path(folder))
        (KEPT / f"{name}.json").write_text(json.dumps(record, indent=1, sort_keys=True) + "\n", encoding="utf-8")
        print(f"{name}: {record['seconds']:g} s{' with CHEAP' if record['options'] else ''}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
