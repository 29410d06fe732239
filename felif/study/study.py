"""Studies: one file a question, which is a script, a command line and a regression test at once.

A file studies/NAME.py holds

    docstring      the question, the equation, what to expect; its first line is what `felif list` prints
    main           what computes {name: number, text, array or Run}:

                       @fl.study.numerics(tol=1e-6, t_end=5.0, rtol=1e-6)
                       def main(solver, b=0.5) -> dict:
                           run = solver.evolve("NAME", fl.NoisyLIF(b=b), fl.Gaussian(0.0, 0.25))
                           return {"N": run.final.N}

                   Options have a default and its type; those of this study alone have a line `name: What it is.` in
                   the docstring of main. `numerics` adds those that studies share, with their texts, and gives a
                   `Solver` made of them, which writes Runs while they run and goes on after a kill. To the results it
                   adds the Runs and the worst of what they say of themselves: mass_drift, min_n, and defect, that of
                   the exponential-moment identity in units of the tolerance. A main without `numerics` has all options
                   as keywords with types, explained under "Parameters" of a NumPy-style docstring, returns its Runs,
                   too, and writes to `fl.study.folder(out, "NAME")`
    CHEAP          {option: value} that makes main take a second or so: what the tests run
    EXPECTED       {result: (value, tolerance)}: |result - value| <= tolerance with CHEAP *and* with the defaults.
                   With `numerics` a mass_drift of rounding and a defect of at most 100 tolerances are expected anyway
    many           optional: `many(b: np.ndarray, a0: np.ndarray, t_end: float = 1.0) -> {name: array}`, main for many
                   points at once, by `evolve_many(..., paired=True)` for example. Options of main that it takes as
                   np.ndarray come as rows with one value a point, others as the one value that those points share;
                   every result has one entry a point. A sweep of options that it takes is computed by it
    CONVERGENCE    optional, see `felif.study.convergence`
    SPACETIME      optional: names of the Runs whose n(v, t) is drawn into spacetime_NAME.png
    figure         optional: `figure(results) -> matplotlib Figure`; the results are those read back from the folder.
                   `felif.output.panels` makes one of a function that draws on its panels
    last line      if __name__ == "__main__": fl.study.run_script(main)
"""

from __future__ import annotations

import importlib.util
import inspect
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .finding import find, suggest

RESERVED = ("out", "resume", "overwrite", "json", "executor", "shard", "retry", "folders", "result", "help")


@dataclass(frozen=True)
class Option:
    """A keyword of `main`: what the command line offers as --name."""

    name: str
    type: Any
    default: Any


@dataclass(frozen=True)
class Study:
    """A loaded study: `load`, or `of` for a function that is not in a file.

    Attributes
    ----------
    name : str
        Of the file or the function.
    main : callable
        What computes the results.
    options : tuple of Option
        Its keywords, with types and defaults.
    takes_out : bool
        Whether main has a keyword `out`.
    path : path or None
        Of the file.
    text : str
        Docstring of the file.
    cheap, expected, convergence : mappings
        CHEAP, EXPECTED and CONVERGENCE of the file.
    sound : mapping
        What is expected of the Runs of every main with `numerics`, as far as they can be checked.
    spacetime : tuple of str
        Names of the Runs whose n(v, t) is drawn.
    figure, many : callables or None
        What makes a figure of the results, and main for many points of a sweep at once.

    Examples
    --------
    >>> import felif as fl
    >>> fl.study.load("blow_up").defaults["b"]
    3.0
    """

    name: str
    main: Callable[..., dict[str, Any]]
    options: tuple[Option, ...]
    takes_out: bool  # main has a keyword `out`
    path: Path | None = None
    text: str = ""  # docstring of the file
    cheap: Mapping[str, Any] = field(default_factory=dict)
    expected: Mapping[str, tuple[Any, float]] = field(default_factory=dict)
    sound: Mapping[str, tuple[Any, float]] = field(default_factory=dict)
    convergence: Mapping[str, Any] = field(default_factory=dict)
    spacetime: tuple[str, ...] = ()
    figure: Callable[[dict[str, Any]], Any] | None = None
    many: Callable[..., dict[str, Any]] | None = None  # main for many points of a sweep at once

    @property
    def defaults(self) -> dict[str, Any]:
        """Every option with its default."""
        return {option.name: option.default for option in self.options}

    def complete(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """The defaults with `options` put in.

        Parameters
        ----------
        options : mapping of str to value
            Some of the options.

        Returns
        -------
        dict

        Raises
        ------
        ValueError
            For a name that main does not have.
        """
        known = self.defaults
        for name in _required("complete", "options", options, lambda kinds: kinds.NAMED):
            if name not in known:
                raise ValueError(f"The study {self.name} has no option {name!r}. {suggest(name, known)}")
        return {**known, **options}

    def deviations(self, results: Mapping[str, Any]) -> list[str]:
        """What of EXPECTED the results do not meet.

        Parameters
        ----------
        results : mapping
            What main returned.

        Returns
        -------
        list of str
            One sentence for every entry that is not met.
        """
        import numpy as np

        found, results = [], _required("deviations", "results", results, lambda kinds: kinds.NAMED)
        sound = {name: entry for name, entry in self.sound.items() if name in results}
        for name, (value, tolerance) in {**sound, **self.expected}.items():
            if name not in results:
                found.append(f"{name} is expected, but main does not return it")
            elif isinstance(value, str):
                if results[name] != value:
                    found.append(f"{name} = {results[name]!r}, expected {value!r}")
            elif results[name] is None or not np.allclose(results[name], value, rtol=0.0, atol=tolerance):
                found.append(f"{name} = {results[name]}, expected {value} within {tolerance}")
        return found


def load(study: str | Path, where: str | Path | None = None) -> Study:
    """The study of that name, or in the file given by its path.

    Parameters
    ----------
    study : str or path
        A name, or a file.
    where : path
        The folder to look in; by default ./studies and those that come with felif.

    Returns
    -------
    Study

    Raises
    ------
    ValueError
        If there is none, or if the file does not run or breaks a rule of what a study is.

    Examples
    --------
    >>> import felif as fl
    >>> fl.study.load("blow_up").name
    'blow_up'
    """
    _required("load", "study", study, lambda kinds: kinds.Kind("a name, or a path", kinds.FOLDER.read))
    _required("load", "where", where, lambda kinds: kinds.optional(kinds.FOLDER))
    module = _import(path := find(study, where))
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
        sound=getattr(main, "sound", {}),
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
    """A study made of functions alone: for sweeps and convergence tables from Python.

    Parameters
    ----------
    main : callable or Study
        A function with options that have defaults, numbers or text or with types written down; a Study is given back.
    many : callable
        Of rows of values of the same options: many points of a sweep at once.

    Returns
    -------
    Study

    Examples
    --------
    >>> import felif as fl
    >>> def square(x: float = 2.0) -> dict:
    ...     return {"y": x * x}
    >>> fl.study.of(square).defaults
    {'x': 2.0}
    """
    if isinstance(main, Study):
        return main
    _required("of", "main", main, lambda kinds: kinds.FUNCTION)
    _required("of", "many", many, lambda kinds: kinds.optional(kinds.FUNCTION))
    name = getattr(main, "__name__", type(main).__name__)
    options, takes_out = _signature(main, name, written=False)
    study = Study(name, main, options, takes_out, text=inspect.getdoc(main) or "", many=many)
    if many is not None:
        _require_options_of_main(study, name)
    return study


def check(study: Study | str | Path) -> list[str]:
    """Run a study with CHEAP, writing nothing, and compare with EXPECTED: what the tests call.

    Parameters
    ----------
    study : Study, str or path
        As for `load`.

    Returns
    -------
    list of str
        `Study.deviations`: empty if all is as expected.

    Examples
    --------
    >>> import felif as fl
    >>> def square(x: float = 2.0) -> dict:
    ...     return {"y": x * x}
    >>> fl.study.check(fl.study.of(square))
    []
    """
    loaded = study if isinstance(study, Study) else load(study)
    return loaded.deviations(loaded.main(**loaded.cheap))


def _required(who: str, name: str, value: Any, kind: Callable[[Any], Any]) -> Any:
    """`given.arguments.required`, which loads numpy: that is not needed to say what there is."""
    from ..given import arguments

    return arguments.required(who, name, value, kind(arguments))


def _import(path: Path) -> Any:
    name = f"felif_study_{path.stem}"
    if (spec := importlib.util.spec_from_file_location(name, path)) is None:
        raise ValueError(f"{path} is no file of Python; a study is a file NAME.py.")
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


def _signature(main: Callable[..., Any], place: str, written: bool = True) -> tuple[tuple[Option, ...], bool]:
    """Options of a main, and whether it has `out`. Raises ValueError for one that no command line can be made of.

    Unless types must be `written`, that of a default is taken where it is a number or text.
    """
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
        kind = parameter.annotation
        if kind is parameter.empty and not written and isinstance(parameter.default, bool | int | float | str):
            kind = type(parameter.default)
        if parameter.default is parameter.empty or kind is parameter.empty:
            raise ValueError(f"{place}: the option {name!r} needs a type and a default, as in `{name}: float = 1.0`.")
        options.append(Option(name, kind, parameter.default))
    return tuple(options), "out" in parameters


def _require_options_of_main(study: Study, place: str) -> None:
    for option in inspect.signature(study.many).parameters:
        if option not in study.defaults:
            raise ValueError(f"{place}: many takes {option!r}, which is no option of main. It has the options of main.")
