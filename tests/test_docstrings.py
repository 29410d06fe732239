"""Docstrings of public names: every parameter is mentioned, every name has an example, and examples run."""

from __future__ import annotations

import doctest
import inspect
import re
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import matplotlib
import pytest

import felif as fl

ROOT = Path(__file__).parents[1]
MODULES = {"study": fl.study, "testing": fl.testing, "physical": fl.physical, "analysis.exact": fl.analysis.exact}
MODULES |= {f"analysis.{name}": getattr(fl.analysis, name) for name in ("density", "exact_time")}
NAMES = {name: getattr(fl, name) for name in fl.__all__ if name not in ("study", "testing", "physical", "analysis")}
NAMES |= {
    f"{place}.{name}": getattr(module, name)
    for place, module in MODULES.items()
    for name in module.__all__
    if name != "CONVENTIONS"
}


def sections(text: str) -> dict[str, str]:
    """The sections of a numpydoc docstring by name."""
    pieces = re.split(r"^(\w[\w ]*)\n-{3,}\n", text, flags=re.MULTILINE)
    return dict(zip(pieces[1::2], pieces[2::2], strict=True))


def mentioned(text: str) -> set[str]:
    """Names that a docstring explains under Parameters or Attributes."""
    found = sections(text)
    heads = re.findall(r"^(\S.*)$", found.get("Parameters", "") + "\n" + found.get("Attributes", ""), re.MULTILINE)
    return {name.strip().lstrip("*") for head in heads for name in head.split(" : ")[0].split(",")}


def parameters(function: Callable[..., Any]) -> set[str]:
    if inspect.isclass(function) and issubclass(function, Exception):
        return set()
    return set(inspect.signature(function).parameters) - {"self", "cls"}


def methods(kind: type) -> dict[str, Callable[..., Any]]:
    found = {name: getattr(value, "__func__", value) for name, value in vars(kind).items() if name[0] != "_"}
    return {name: value for name, value in found.items() if inspect.isfunction(value)}


LISTED = re.findall(r"^   ([\w.]+)\.(\w+)$", (ROOT / "docs" / "api" / "results.rst").read_text(), re.MULTILINE)
RESULTS = {name: getattr(import_module(f"felif.{module}"), name) for module, name in LISTED if name != "Problem"}


@pytest.mark.parametrize("name", NAMES)
def test_every_parameter_is_mentioned(name):
    thing = NAMES[name]
    text = inspect.getdoc(thing) or ""
    assert parameters(thing) <= mentioned(text), parameters(thing) - mentioned(text)
    if inspect.isclass(thing):
        explains_its_members(thing)
    elif inspect.signature(thing).return_annotation != "None":
        assert "Returns" in sections(text)


@pytest.mark.parametrize("name", RESULTS)
def test_members_of_what_functions_return_are_explained(name):
    explains_its_members(RESULTS[name])


def explains_its_members(kind: type) -> None:
    for method, function in methods(kind).items():
        text = inspect.getdoc(function) or ""
        assert text, method
        assert parameters(function) <= mentioned(text), (method, parameters(function) - mentioned(text))
        if parameters(function) and inspect.signature(function).return_annotation != "None":
            assert "Returns" in sections(text), method
    for attribute, value in vars(kind).items():
        assert attribute[0] == "_" or not isinstance(value, property) or value.__doc__, attribute


@pytest.mark.parametrize("name", NAMES)
def test_every_name_has_an_example_that_runs(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    matplotlib.use("agg")
    thing = NAMES[name]
    texts = [inspect.getdoc(thing) or ""]
    if inspect.isclass(thing):
        texts += [inspect.getdoc(function) or "" for function in methods(thing).values()]
    assert "Examples" in sections(texts[0])
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    for text in texts:
        test = doctest.DocTestParser().get_doctest(text, {}, name, None, None)
        assert runner.run(test).failed == 0


def test_what_is_mentioned_is_there():
    """A parameter that a docstring explains, and the signature does not have, is one that was renamed."""
    for name, thing in NAMES.items():
        if inspect.isfunction(thing):
            explained = mentioned("Parameters\n---\n" + sections(inspect.getdoc(thing) or "").get("Parameters", ""))
            assert explained <= parameters(thing), (name, explained - parameters(thing))


def test_counts_for_the_record():
    assert len(NAMES) > 100
    assert Path(fl.__file__).with_name("__init__.pyi").exists()
