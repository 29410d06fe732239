"""The numerical options that studies share, and the solver that their mains are given."""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..given.types import Model
    from ..problem import Problem
    from ..runs.run import Run

NUMERICAL: dict[str, Any] = {"cells": int | None, "degree": int, "tol": float, "t_end": float, "rtol": float}
TEXTS = {  # of options that mean the same wherever they occur
    "cells": "Number of cells, fixed, in place of a mesh made from tol.",
    "degree": "Polynomial degree of the elements.",
    "tol": "Accuracy of N from which meshes are made, and adapted.",
    "t_end": "Latest end of the runs, in membrane time constants.",
    "rtol": "Tolerance of a time step.",
    "a0": "Noise; of a silent network where it grows.",
    "a1": "Increase of the noise with N; data must vanish at V_F then.",
    "b": "Connectivity.",
    "b_excitatory": "Connectivity of the excitatory network.",
    "current": "Input.",
    "dt": "Step of the simulated neurons.",
    "eps": "Mean time a neuron spends above V_F before it fires.",
    "N_max": "Firing rate at which branches of steady states end.",
    "points": "Number of values of the parameter along which something is computed.",
    "seed": "Of the random numbers.",
    "snapshots": "Number of times at which densities are written for ParaView.",
    "step": "Longest step along a branch, in twentieths of the ranges of what it is drawn over.",
    "strength": "s of sigma(Nbar) = s Nbar.",
    "tau": "Mean time a neuron rests after firing.",
    "v_fire": "Threshold V_F.",
}
MESH = {"v_min": -8.0, "grading": 3.0}  # of `felif.interval`, for the option cells
SOUND = {  # EXPECTED of every study whose main has `numerics`, as far as its Runs can be checked
    "mass_drift": (0.0, 1e-12),  # rounding
    "defect": (0.0, 100.0),  # of the exponential-moment identity, in units of the tolerance
}


def folder(out: Path | None, name: str) -> Path | None:
    """Where main writes its Run `name`: a folder inside `out`, or None where nothing is to be written.

    It belongs to the study from then on.

    Parameters
    ----------
    out : path or None
        What main was given.
    name : str
        Of the Run among the results.

    Returns
    -------
    path or None

    Raises
    ------
    ValueError
        If it is there and the study did not make it.

    Examples
    --------
    >>> import felif as fl
    >>> fl.study.folder(None, "first") is None
    True
    """
    from ..given import arguments as kinds

    kinds.required("folder", "name", name, kinds.TEXT)
    if out is None:
        return None
    kinds.required("folder", "out", out, kinds.FOLDER)
    from ..output.manifest import Room

    room = Room(out, "study")
    return room.at(f"{name}/") if "results.json" in room.names else Path(out) / name


@dataclass(frozen=True)
class Solver:
    """What a main with `numerics` is given: it discretises and evolves with the options of the study.

    Attributes
    ----------
    cells, degree, tol, t_end, rtol : numbers
        The options; None where the study does not have them.
    out : path or None
        Where the study is written.
    mesh : mapping or callable
        Keywords of `felif.interval` for meshes of so many cells, or a function of model and cells that returns one.
    runs : dict
        The Runs that `evolve` has made, by name.

    Examples
    --------
    >>> import felif as fl
    >>> solver = fl.study.Solver(tol=1e-4, t_end=1.0, rtol=1e-4)
    >>> run = solver.evolve("settles", fl.NoisyLIF(b=0.5), fl.Gaussian(0.0, 0.25))
    >>> run is solver.runs["settles"], solver.checks()["mass_drift"] < 1e-12
    (True, True)
    """

    cells: int | None = None
    degree: int | None = None
    tol: float | None = None
    t_end: float | None = None
    rtol: float | None = None
    out: Path | None = None
    mesh: Mapping[str, Any] | Callable[[Any, int], Any] = field(default_factory=MESH.copy)
    runs: dict[str, Run] = field(default_factory=dict)

    @property
    def tolerance(self) -> float:
        """The larger one of the tolerances of a step and, where it follows tol, of the mesh."""
        return max(self.tol or 0.0 if self.cells is None else 0.0, self.rtol or 0.0)

    def discretize(self, model: Any) -> Problem:
        """The problem of a model on a mesh made from tol, or of so many cells.

        Parameters
        ----------
        model : model
            Of the network.

        Returns
        -------
        Problem
        """
        from ..assembly import SpectralElement, discretize
        from ..meshing import interval

        space = {} if self.degree is None else {"space": SpectralElement(self.degree)}
        if self.cells is None:
            return discretize(model, tol=self.tol, **space)
        make = self.mesh if callable(self.mesh) else lambda model, cells: interval(model, cells=cells, **self.mesh)
        return discretize(model, make(model, self.cells), **space)

    def evolve(
        self, name: str, problem: Problem | Model, start: Any, t_end: float | None = None, **options: Any
    ) -> Run:
        """The Run `name` among the results, which is written while it runs and goes on after a kill.

        Parameters
        ----------
        name : str
            Of the Run, and of its folder.
        problem : Problem or model
            A model is discretised first.
        start : initial state
            As for `felif.evolve`.
        t_end : float
            Another end than that of the study.
        **options
            Of `felif.evolve`.

        Returns
        -------
        Run
        """
        from ..problem import Problem
        from ..runs.starting import evolve

        problem = problem if isinstance(problem, Problem) else self.discretize(problem)
        t_end = self.t_end if t_end is None else t_end
        options = {"rtol": self.rtol, "folder": folder(self.out, name), "resume": True, **options}
        self.runs[name] = evolve(problem, start, t_end, **options)
        return self.runs[name]

    def ends(self) -> dict[str, Any]:
        """outcome_NAME of every Run so far, and time_, error_, mechanism_ and exponent_NAME of its blow-up, or None.

        Returns
        -------
        dict
        """
        found: dict[str, Any] = {}
        for name, run in self.runs.items():
            found[f"outcome_{name}"] = run.outcome.name
            for what in ("time", "error", "mechanism", "exponent"):
                found[f"{what}_{name}"] = run.blow_up and getattr(run.blow_up, what)
        return found

    def checks(self) -> dict[str, float]:
        """mass_drift, min_n and defect, the worst of all Runs so far; without those that no Run has.

        Returns
        -------
        dict
        """
        runs = list(self.runs.values())
        drifts = [drift for run in runs for drift in run.drift.values()]
        lowest = [run.series["min_n"].min() for run in runs if "min_n" in run.series]
        defects = [run.moment_defect for run in runs if run.moment_defect is not None]
        return (
            ({"mass_drift": max(drifts)} if drifts else {})
            | ({"min_n": float(min(lowest))} if lowest else {})
            | ({"defect": max(defects) / self.tolerance} if defects else {})
        )


def numerics(
    *, mesh: Mapping[str, Any] | Callable[[Any, int], Any] | None = None, **options: Any
) -> Callable[[Callable], Callable]:
    """Give a main the numerical options of a study, with these defaults, and a `Solver` made of them.

    The main takes the solver first and then its own options, of the type of their defaults where none is written. Its
    results are completed by the Runs that the solver has made and by `Solver.checks`. Its docstring explains own
    options, a line each: `name: What it is.`; options that mean the same everywhere have their texts already.

    Parameters
    ----------
    mesh : mapping or callable
        Of the option cells: keywords of `felif.interval`, by default v_min = -8 and grading = 3, or a function of model
        and cells that returns a mesh.
    **options
        The defaults of cells, degree, tol, t_end and rtol: those of them that the study has.

    Returns
    -------
    callable
        A decorator.

    Raises
    ------
    ValueError
        For other names; by the decorator, for an option that is not explained.

    Examples
    --------
    >>> import felif as fl
    >>> @fl.study.numerics(tol=1e-4, t_end=1.0, rtol=1e-4)
    ... def main(solver, b=0.5) -> dict:
    ...     "Evolve a Gaussian."
    ...     return {"N": solver.evolve("run", fl.NoisyLIF(b=b), fl.Gaussian(0.0, 0.25)).final.N}
    >>> list(main(b=0.25))
    ['run', 'N', 'mass_drift', 'min_n', 'defect']
    """
    if strange := set(options) - set(NUMERICAL):
        raise ValueError(f"numerics: {', '.join(sorted(strange))}; allowed are mesh, {', '.join(NUMERICAL)}.")
    from ..given import arguments as kinds  # loads numpy, which is not needed to say what studies there are

    meshes = kinds.either(kinds.FUNCTION, kinds.NAMED)
    mesh = kinds.required("numerics", "mesh", MESH if mesh is None else mesh, meshes)
    whole = {"cells": kinds.optional(kinds.whole(1)), "degree": kinds.whole(1)}
    for name, value in options.items():
        kinds.required("numerics", name, value, whole.get(name, kinds.POSITIVE))

    def decorated(function: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
        @functools.wraps(function)
        def main(*, out: Path | None = None, **given: Any) -> dict[str, Any]:
            numbers = {name: given.pop(name, default) for name, default in options.items()}
            solver = Solver(**numbers, out=out, mesh=mesh)
            own = function(solver, **given)
            return {**solver.runs, **own, **{name: x for name, x in solver.checks().items() if name not in own}}

        signature = inspect.signature(function, eval_str=True)
        given = list(signature.parameters.values())[1:]
        own = [one.replace(kind=one.KEYWORD_ONLY, annotation=_type(one)) for one in given]
        keyword = functools.partial(inspect.Parameter, kind=inspect.Parameter.KEYWORD_ONLY)
        shared = [
            keyword(n, default=x, annotation=int if n == "cells" and x else NUMERICAL[n]) for n, x in options.items()
        ]
        out = keyword("out", default=None, annotation=Path | None)
        main.__signature__ = signature.replace(parameters=[*shared, *own, out])
        main.__doc__ = _explained(function, [one.name for one in (*shared, *own)])
        main.sound = SOUND
        return main

    return decorated


def _type(option: inspect.Parameter) -> Any:
    """That is written down, or that of the default; a row of floats is a tuple of any length."""
    if option.annotation is not option.empty or option.default is option.empty:
        return option.annotation
    return tuple[float, ...] if isinstance(option.default, tuple) else type(option.default)


def _explained(function: Callable[..., Any], options: list[str]) -> str:
    """The docstring of a main with all of its options under "Parameters"."""
    text = inspect.getdoc(function) or ""
    own = {name: " ".join(said.split()) for name, said in re.findall(r"^(\w+): (.*(?:\n +.*)*)", text, re.M)}
    texts = {**TEXTS, **own}
    for name in (*own, *options):
        if name not in options or name not in texts:
            what = "explained, but no option" if name not in options else "not explained: a line `name: What it is.`"
            raise ValueError(f"main of {function.__module__}: {name} is {what}.")
    question = text.partition("\n\n")[0]
    return "\n".join([question, "", "Parameters", "----------", *(f"{name}\n    {texts[name]}" for name in options)])
