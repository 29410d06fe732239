"""Studies: one file a question, which is a script, a command line and a regression test at once.

A file studies/NAME.py holds

    docstring      the question, the equation, what to expect; its first line is what `felif list` prints
    main           `main(cells: int | None = None, b: float = 0.5, ..., out: Path | None = None) -> dict`: every option
                   typed and with a default, explained under "Parameters" of a NumPy-style docstring. Returns
                   {name: number, text, array or Run}. `out` is no option: the runner fills it in, None means that
                   nothing is to be written. A main that gives `folder=fl.study.folder(out, "NAME"), resume=True` to
                   `evolve` writes while it runs and can go on after a kill; "NAME" is the Run's name in the results.
    CHEAP          {option: value} that makes main take a second or so: what the tests run
    EXPECTED       {result: (value, tolerance)}: holds with CHEAP *and* with the defaults; |result - value| <= tolerance
    many           optional: `many(b: np.ndarray, a0: np.ndarray, t_end: float = 1.0) -> {name: array}`, main for many
                   points at once, by `evolve_many(..., paired=True)` for example. Options of main that it takes as
                   np.ndarray come as rows with one value a point, others as the one value that those points share;
                   every result has one entry a point. A sweep of options that it takes is computed by it
    CONVERGENCE    optional, see `felif.study.convergence`
    SPACETIME      optional: names of the Runs whose n(v, t) is drawn into spacetime_NAME.png
    figure         optional: `figure(results) -> matplotlib Figure`; the results are those read back from the folder
    last line      if __name__ == "__main__": fl.study.run_script(main)
"""

from __future__ import annotations

import ast
import difflib
import importlib.util
import inspect
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..given.shipped import shipped

RESERVED = ("out", "resume", "overwrite", "json", "executor", "shard", "retry", "folders", "result", "help")


@dataclass(frozen=True)
class Option:
    """A keyword of `main`: what the command line offers as --name."""

    name: str
    type: Any
    default: Any


@dataclass(frozen=True)
class Study:
    """A loaded study: `load`, or `of` for a function that is not in a file."""

    name: str
    main: Callable[..., dict[str, Any]]
    options: tuple[Option, ...]
    takes_out: bool  # main has a keyword `out`
    path: Path | None = None
    text: str = ""  # docstring of the file
    cheap: Mapping[str, Any] = field(default_factory=dict)
    expected: Mapping[str, tuple[Any, float]] = field(default_factory=dict)
    convergence: Mapping[str, Any] = field(default_factory=dict)
    spacetime: tuple[str, ...] = ()
    figure: Callable[[dict[str, Any]], Any] | None = None
    many: Callable[..., dict[str, Any]] | None = None  # main for many points of a sweep at once

    @property
    def defaults(self) -> dict[str, Any]:
        return {option.name: option.default for option in self.options}

    def complete(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """The defaults with `options` put in. Raises ValueError for a name that main does not have."""
        known = self.defaults
        for name in options:
            if name not in known:
                raise ValueError(f"The study {self.name} has no option {name!r}. {_suggest(name, known)}")
        return {**known, **options}

    def deviations(self, results: Mapping[str, Any]) -> list[str]:
        """One sentence for every entry of EXPECTED that the results do not meet; an empty list if all do."""
        import numpy as np

        found = []
        for name, (value, tolerance) in self.expected.items():
            if name not in results:
                found.append(f"{name} is expected, but main does not return it")
            elif isinstance(value, str):
                if results[name] != value:
                    found.append(f"{name} = {results[name]!r}, expected {value!r}")
            elif results[name] is None or not np.allclose(results[name], value, rtol=0.0, atol=tolerance):
                found.append(f"{name} = {results[name]}, expected {value} within {tolerance}")
        return found


def folder(out: Path | None, name: str) -> Path | None:
    """Where main writes its Run `name`: a folder inside `out`, or None where nothing is to be written.

    It belongs to the study from then on. Raises ValueError if it is there and the study did not make it.
    """
    if out is None:
        return None
    from ..output.manifest import Room

    room = Room(out, "study")
    return room.at(f"{name}/") if "results.json" in room.names else Path(out) / name


def places(where: str | Path | None = None) -> list[Path]:
    """The folders in which studies are looked for: `where`, or ./studies and then those that come with felif."""
    return [Path("studies"), shipped("studies")] if where is None else [Path(where)]


def studies(where: str | Path | None = None) -> dict[str, tuple[Path, str]]:
    """{name: (path, first line of the docstring)} of the studies in `places(where)`; the files are read, not run.

    Of two with one name the one in ./studies is meant.
    """
    found: dict[str, tuple[Path, str]] = {}
    for path in [path for place in places(where) for path in sorted(place.glob("[!_.]*.py"))]:
        if path.stem in found:
            continue
        try:
            tree = ast.parse(path.read_bytes())
        except (SyntaxError, ValueError, OSError) as error:
            found[path.stem] = (path, f"cannot be read: {error}")
            continue
        if any(isinstance(node, ast.FunctionDef) and node.name == "main" for node in tree.body):
            found[path.stem] = (path, _first_line(ast.get_docstring(tree)))
    return dict(sorted(found.items()))


def find(study: str | Path, where: str | Path | None = None) -> Path:
    """The file of the study with that name in `places(where)`, or the file given by its path.

    Raises ValueError if there is none, with the folders looked in and what they have.
    """
    path = Path(study)
    if path.suffix == ".py" or len(path.parts) != 1:
        if not path.is_file():
            raise ValueError(f"There is no file {path}. Give the path of a study, or the name of one in ./studies.")
        return path.resolve()
    looked = places(where)
    for place in looked:
        if (place / f"{study}.py").is_file():
            return (place / f"{study}.py").resolve()
    known = studies(where)
    hint = _suggest(str(study), known) if known else "There are no studies there."
    folders = " or ".join(str(place.resolve()) for place in looked)
    raise ValueError(f"There is no study {str(study)!r} in {folders}. {hint} A study is also found by its path.")


def load(study: str | Path, where: str | Path | None = None) -> Study:
    """The study of that name in `places(where)`, or in the file given by its path.

    Raises ValueError if there is none (`find`), or if the file does not run or breaks a rule of this module's
    docstring.
    """
    path = find(study, where)
    module = _import(path)
    main = getattr(module, "main", None)
    if not callable(main):
        raise ValueError(f"{path} has no function main: see `felif.study` for what a study consists of.")
    options, takes_out = _signature(main, f"main of {path}")
    spacetime = getattr(module, "SPACETIME", ())
    loaded = Study(
        name=path.stem,
        main=main,
        options=options,
        takes_out=takes_out,
        path=path,
        text=inspect.cleandoc(module.__doc__ or ""),
        cheap=getattr(module, "CHEAP", {}),
        expected=getattr(module, "EXPECTED", {}),
        convergence=getattr(module, "CONVERGENCE", {}),
        spacetime=(spacetime,) if isinstance(spacetime, str) else tuple(spacetime),
        figure=getattr(module, "figure", None),
        many=getattr(module, "many", None),
    )
    loaded.complete(loaded.cheap)
    if loaded.many is not None:
        _require_options_of_main(loaded, str(path))
    return loaded


def of(main: Callable[..., dict[str, Any]], many: Callable[..., dict[str, Any]] | None = None) -> Study:
    """A study made of functions alone: for sweeps and convergence tables from Python. A Study is given back."""
    if isinstance(main, Study):
        return main
    name = getattr(main, "__name__", type(main).__name__)
    options, takes_out = _signature(main, name)
    study = Study(name, main, options, takes_out, text=inspect.getdoc(main) or "", many=many)
    if many is not None:
        _require_options_of_main(study, name)
    return study


def check(study: Study | str | Path) -> list[str]:
    """Run a study with CHEAP, writing nothing, and compare with EXPECTED: `Study.deviations`. What the tests call."""
    loaded = study if isinstance(study, Study) else load(study)
    return loaded.deviations(loaded.main(**loaded.cheap))


def _import(path: Path) -> Any:
    name = f"felif_study_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up
    if str(path.parent) not in sys.path:
        sys.path.append(str(path.parent))  # a script finds its neighbours; at the end, so that it hides no library
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        del sys.modules[name]
        frames = [frame for frame in inspect.trace() if frame.filename == str(path)]
        line = getattr(error, "lineno", None) or (frames[-1].lineno if frames else "?")
        raise ValueError(f"{path}, line {line}: {type(error).__name__}: {error}") from error
    return module


def _signature(main: Callable[..., Any], place: str) -> tuple[tuple[Option, ...], bool]:
    """Options of a main, and whether it has `out`. Raises ValueError for one that no command line can be made of."""
    try:
        parameters = inspect.signature(main, eval_str=True).parameters
    except NameError as error:
        raise ValueError(f"{place}: the type of an option cannot be read: {error}.") from None
    options = []
    for name, parameter in parameters.items():
        if name == "out":
            continue
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD, parameter.POSITIONAL_ONLY):
            raise ValueError(f"{place}: {parameter} cannot be an option; give every option a name, a type, a default.")
        if name in RESERVED:
            raise ValueError(f"{place}: the option {name!r} belongs to the command line itself; choose another name.")
        if parameter.default is parameter.empty or parameter.annotation is parameter.empty:
            raise ValueError(f"{place}: the option {name!r} needs a type and a default, as in `{name}: float = 1.0`.")
        options.append(Option(name, parameter.annotation, parameter.default))
    return tuple(options), "out" in parameters


def _require_options_of_main(study: Study, place: str) -> None:
    for option in inspect.signature(study.many).parameters:
        if option not in study.defaults:
            raise ValueError(f"{place}: many takes {option!r}, which is no option of main. It has the options of main.")


def _first_line(text: str | None) -> str:
    return (text or "(no docstring)").strip().splitlines()[0]


def _suggest(name: str, known: Mapping[str, Any]) -> str:
    close = difflib.get_close_matches(name, known, n=3, cutoff=0.6)
    return f"Did you mean {' or '.join(close)}?" if close else f"There are: {', '.join(known) or 'none'}."
