"""What a run says of itself."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..given.text import few, listed, model_text
from ..notebook import page, picture, profile


def smallest(run: Any) -> str:
    """The series of the smallest value of the density."""
    return next(name for name in run.series if name.startswith("min_"))


def _undershoots(run: Any) -> str:
    """What is said about densities below zero, where a tolerance is there to compare with."""
    tol, count = run.problem.tol, run.statistics.get("undershoots", 0)
    text = f"; {count} meshes refined where n < -tol max n" if count else ""
    if tol is not None and run.undershoot > tol:
        spaces = "ExponentialFitting() keeps"
        if run.problem.line_names:
            spaces = "Tensor(v=ExponentialFitting(), w=MUSCL()) on lines and Triangles(positive=True) keep"
        worst = f"as it evolves {-run.undershoot:.1e} of the largest at worst, beyond tol = {tol:g}"
        text += f"; {worst}: {spaces} densities nonnegative"
    return text


def printed(run: Any) -> str:
    """What `print(run)` shows."""
    low, high = float(run.times[0]), float(run.times[-1])
    scalars = listed(run.problem.scalar_names, lambda name: f"{name} = {run.series[name][-1]:.10g}")
    asked = run.settings.t_end
    reached = f"  reached    t = {high:.10g} of {asked:g} with {scalars}: no result" if run.failed else None
    lines = [
        *([f"FAILED: {run.outcome}"] if run.failed else []),
        f"Run of {model_text(run.model)}",
        f"  outcome    {run.outcome}",
        f"  time       {low:g} to {high:.10g}: {run.statistics['steps']} steps, "
        f"{run.statistics['rejected']} rejected, {run.statistics['remeshes']} meshes changed, "
        f"{run.wall_time:.3g} s",
        reached or f"  final      {scalars}",
        "  conserved  "
        + (listed(run.drift, lambda name: f"{name} to {run.drift[name]:.1e}") or "nothing declared")
        + (f", at most {max(run.drift.values()):.1e}" if "..." in few(run.drift) else "")
        + (f" (rounding taken out on the way: {run.trajectory.rounding:.1e})" if run.drift else ""),
        f"  {smallest(run).replace('_', ' ')}      {float(np.min(run.series[smallest(run)])):.2e}" + _undershoots(run),
    ]
    if run.moment_defect is not None:
        lines.append(f"  check      exponential moment (mu = 1): defect {run.moment_defect:.1e}")
    if run.events:
        lines.append("  events     " + ", ".join(f"{e.name} at t = {e.time:.6g}" for e in run.events[:6]))
    return "\n".join(lines)


def shown_in_notebooks(run: Any) -> str:
    """What it prints, with pictures of its rates and of its last density."""
    names = [name for name in run.problem.scalar_names if name.partition("_")[0] in ("N", "R", "Nbar")]
    names = (names or list(run.problem.scalar_names))[:5]
    rates = picture([(run.times, run.series[name]) for name in names], "t", ", ".join(names)[:8], names=names)
    return page(repr(run), [rates, profile(run.final)])


def undershoot(run: Any) -> float:
    """max(-min n / max n) over the accepted steps."""
    if run.problem.largest_and_lowest is None:
        name = smallest(run)
        return max(0.0, -float(np.min(run.series.get("evolving_" + name, run.series[name]))) / run.checks.start)
    return run.checks.undershoot
