"""What notebooks show of a result: a few lines of text and a small picture, as HTML that needs nothing else.

Pictures are lines and points in SVG, written here: no library is loaded, and nothing of matplotlib's state is touched.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from html import escape
from math import isfinite
from typing import Any

import numpy as np

from .given.types import Discretised

_WIDTH, _HEIGHT, _LEFT, _BELOW, _ROOM = 260, 150, 46, 20, 8  # of a picture, in pixels
_MOST = 400  # points of a curve: more are not seen
_FAR = 30.0  # times the median, from which a curve is cut
_COLOURS = ("#1f77b4", "#ff7f0e", "#2ca02c", "#d62728", "#9467bd")


def shown(page: Callable[[Any], str]) -> Callable[[Any], str]:
    """A `_repr_html_` that never raises: where no page can be made it is the text of `repr`, or the class's name."""

    @functools.wraps(page)
    def told(self: Any) -> str:
        try:
            return page(self)
        except Exception:
            try:
                return f"<pre>{escape(repr(self))}</pre>"
            except Exception:
                return f"<pre>{escape(type(self).__name__)}</pre>"

    return told


def page(text: str, pictures: Iterable[str] = ()) -> str:
    """Text as it is printed, with pictures beside it."""
    beside = "".join(f'<div style="margin:4px 12px 4px 0">{picture}</div>' for picture in pictures if picture)
    head = f'<pre style="margin:0 0 4px 0">{escape(text)}</pre>'
    return f'<div>{head}<div style="display:flex;flex-wrap:wrap">{beside}</div></div>'


def picture(
    curves: Sequence[tuple[Any, Any]],
    x: str,
    y: str,
    *,
    marks: Mapping[str, float] | None = None,
    points: Sequence[tuple[float, float]] = (),
    dashed: Sequence[bool] = (),
    from_zero: bool = False,
    names: Sequence[str] = (),
    one_colour: bool = False,
) -> str:
    """Curves (x, y) and points as SVG; what is infinite or NaN is left out. An empty string where nothing is left.

    marks: thin vertical lines at named x. `from_zero`: y begins at 0. `dashed`: which curves are. `names` of curves
    are told when the pointer rests on them. A curve that begins 3 times as high as what follows is cut there, one that
    rises to more than 30 times its median, as at a blow-up, at 10 times.
    """
    lines = [_finite(*curve) for curve in curves]
    spots = [(float(a), float(b)) for a, b in points if isfinite(a) and isfinite(b)]
    xs = np.concatenate([*(line[0] for line in lines), [a for a, _ in spots]])
    ys = np.concatenate([*(line[1] for line in lines), [b for _, b in spots]])
    if not xs.size:
        return ""
    (left, right), (low, high) = _range(xs), _range(ys)
    late = ys[xs >= left + 0.02 * (right - left)] if not spots else ys
    if late.size and high > 3.0 * late.max() > 0.0:
        high = 1.1 * float(late.max())
        lines = [(a[b <= high], b[b <= high]) for a, b in lines]
    if lines and not spots and len(lines[0][0]) > 2:
        ys = np.interp(np.linspace(left, right, 65), *lines[0])
    if ys.size > 2 and high > _FAR * (middle := float(np.median(ys))) > 0.0:
        high = 10.0 * middle
    if from_zero:
        low = min(low, 0.0)
    if high <= low:
        low, high = low - 0.5 * (abs(low) or 1.0), low + 0.5 * (abs(low) or 1.0)

    def at(a: Any, b: Any) -> tuple[Any, Any]:
        across = _LEFT + (_WIDTH - _LEFT - _ROOM) * (np.asarray(a) - left) / (right - left)
        up = _HEIGHT - _BELOW - (_HEIGHT - _BELOW - _ROOM) * (np.asarray(b) - low) / (high - low)
        return across, np.clip(up, -5 * _HEIGHT, 5 * _HEIGHT)

    parts = [_frame(left, right, low, high, x, y)]
    for name, place in (marks or {}).items():
        if left <= place <= right:
            a = at(place, low)[0]
            parts.append(
                f'<path d="M{a:.1f} {_ROOM}V{_HEIGHT - _BELOW}" stroke="#999" stroke-dasharray="2 3"><title>'
                f"{escape(name)} = {place:.6g}</title></path>"
            )
    inner = f"{_LEFT} {_ROOM} {_WIDTH - _LEFT - _ROOM} {_HEIGHT - _BELOW - _ROOM}"
    place = 'x="{}" y="{}" width="{}" height="{}"'.format(*inner.split())
    parts.append(f'<svg {place} viewBox="{inner}" overflow="hidden" fill="none" stroke-width="1.5">')
    for number, line in enumerate(lines):
        path = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(*at(*line), strict=True))
        dash = ' stroke-dasharray="4 3"' if number < len(dashed) and dashed[number] else ""
        told = f"<title>{escape(names[number])}</title>" if number < len(names) else ""
        parts.append(
            f'<polyline points="{path}" stroke="{_COLOURS[0 if one_colour else number % 5]}"{dash}>{told}</polyline>'
        )
    parts.append("</svg>")
    for a, b in spots:
        across, up = at(a, b)
        parts.append(
            f'<circle cx="{across:.1f}" cy="{up:.1f}" r="3" fill="#d62728"><title>{a:.6g}, {b:.6g}</title></circle>'
        )
    size = f'width="{_WIDTH}" height="{_HEIGHT}" viewBox="0 0 {_WIDTH} {_HEIGHT}"'
    style = 'font-family="sans-serif" font-size="10" style="background:#fff"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size} {style}>{"".join(parts)}</svg>'


def profile(state: Any) -> str:
    """The densities of a state over one axis as a picture; an empty string where there are none."""
    problem, found = state.problem, []
    for name in problem.field_names:
        density = getattr(state, name)
        found += density if isinstance(density, tuple) else (density,)
    curves = []
    for density in [one for one in found if one.nodes.ndim == 1][:5]:
        seen = density.nodes[density.values > 1e-3 * density.values.max()]
        low, high = min([seen[0], *problem.marks.values()]), max([seen[-1], *problem.marks.values()])
        v = np.linspace(max(low, density.nodes[0]), min(high, density.nodes[-1]), 160)
        curves.append((v, density(v)))
    if not curves:
        return ""
    return picture(curves, _first_axis(problem), problem.field_names[0], marks=problem.marks, from_zero=True)


def cells_of(problem: Discretised) -> str:
    """The widths of the cells of a problem along its first axis as a picture; an empty string where it has no mesh."""
    cells = next(iter(problem.lines.values())).cells if problem.lines else problem.cells
    if cells is None or np.ndim(cells) != 1:
        return ""
    steps = np.repeat(np.asarray(cells, float), 2)[1:-1], np.repeat(np.diff(cells), 2)
    return picture([steps], _first_axis(problem), "cells", marks=problem.marks, from_zero=True)


def _first_axis(problem: Discretised) -> str:
    return next(iter(problem.lines)) if problem.lines else "v"


def _finite(x: Any, y: Any) -> tuple[np.ndarray, np.ndarray]:
    x, y = np.asarray(x, float).ravel(), np.asarray(y, float).ravel()
    there = np.isfinite(x) & np.isfinite(y)
    x, y = x[there], y[there]
    step = -(-len(x) // _MOST) or 1
    if step > 1:
        kept = np.unique(np.append(np.arange(0, len(x), step), len(x) - 1))
        x, y = x[kept], y[kept]
    return x, y


def _range(values: np.ndarray) -> tuple[float, float]:
    low, high = float(values.min()), float(values.max())
    if high > low:
        return low, high
    return low - 0.5 * (abs(low) or 1.0), high + 0.5 * (abs(high) or 1.0)


def _frame(left: float, right: float, low: float, high: float, x: str, y: str) -> str:
    bottom, end = _HEIGHT - _BELOW, _WIDTH - _ROOM
    labels = [
        (_LEFT, bottom + 12, "start", f"{left:.4g}"),
        (end, bottom + 12, "end", f"{right:.4g}"),
        ((_LEFT + end) / 2, bottom + 12, "middle", x),
        (_LEFT - 3, bottom, "end", f"{low:.3g}"),
        (_LEFT - 3, _ROOM + 8, "end", f"{high:.3g}"),
        (_LEFT - 3, (_ROOM + bottom) / 2, "end", y),
    ]
    texts = "".join(
        f'<text x="{a:.0f}" y="{b:.0f}" text-anchor="{c}" fill="#333">{escape(d)}</text>' for a, b, c, d in labels
    )
    return f'<path d="M{_LEFT} {_ROOM}V{bottom}H{end}" fill="none" stroke="#333"/>{texts}'


def in_notebook() -> bool:
    """Whether the program runs in the kernel of a notebook, which has loaded what tells."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return getattr(shell, "kernel", None) is not None
