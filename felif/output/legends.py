"""Legends that stand on nothing that is drawn."""

from __future__ import annotations

from typing import Any

import numpy as np

from .tuning import FIGURES


def clear_legends(figure: Any) -> None:
    """Move every legend that covers something or is too large: in its panel, above what is drawn, or below it."""
    from matplotlib.backends.backend_agg import RendererAgg

    crowded = [axes for axes in figure.axes if axes.get_legend() is not None]
    if not crowded:
        return
    figure.draw_without_rendering()  # where panels are
    pen = RendererAgg(*figure.bbox.size, figure.dpi)
    lowered = [axes for axes in crowded if _covers(axes, pen) and not _moved(axes, pen)]
    if lowered:
        rows = len({round(axes.get_position().y0, 3) for axes in lowered})
        more = max(_lower(figure, axes, pen) for axes in lowered)
        figure.set_size_inches(figure.get_figwidth(), figure.get_figheight() + rows * more)


def _moved(axes: Any, pen: Any) -> bool:
    """Whether a place within the axes was found, and taken."""
    columns = (1, 2, 3) if len(axes.get_legend().get_texts()) > 2 else (1, 2)
    for count in columns:
        _placed(axes, "best", count)
        if not _covers(axes, pen):
            return True
    ends = axes.get_ylim()
    for count in () if _is_map(axes) else columns[::-1]:
        _placed(axes, "upper right", count)
        share = axes.get_legend().get_window_extent(pen).height / axes.bbox.height + 0.04
        if share < FIGURES.room and _fits(axes, pen):
            _raise_top(axes, share)
            for side in ("upper right", "upper left"):
                _placed(axes, side, count)
                if not _covers(axes, pen):
                    return True
            axes.set_ylim(ends)
    return False


def _lower(figure: Any, axes: Any, pen: Any) -> float:
    """Below the label of the axes; the inches that this takes."""
    from matplotlib.transforms import ScaledTranslation

    for count in (3, 2, 1):
        _placed(axes, "upper center", count)
        if _fits(axes, pen):
            break
    down = ScaledTranslation(0.0, -FIGURES.below / 72, figure.dpi_scale_trans)
    axes.get_legend().set_bbox_to_anchor((0.5, 0.0), axes.transAxes + down)
    return float(axes.get_legend().get_window_extent(pen).height / figure.dpi)


def _is_map(axes: Any) -> bool:
    return bool(axes.images) or any(hasattr(one, "get_coordinates") for one in axes.collections)


def _placed(axes: Any, where: str, columns: int) -> None:
    """The legend once more, there and in so many columns."""
    legend = axes.get_legend()
    labels, title = [text.get_text() for text in legend.get_texts()], legend.get_title().get_text()
    named = dict(zip(*axes.get_legend_handles_labels()[::-1], strict=True))
    handles = [named[label] for label in labels] if set(labels) <= set(named) else legend.legend_handles
    axes.legend(handles, labels, loc=where, ncols=columns, title=title or None, columnspacing=1.0)


def _raise_top(axes: Any, share: float) -> None:
    """The upper end of the y axis such that what is shown now leaves this share of it free."""
    transform = axes.yaxis.get_transform()
    low, high = transform.transform(np.array(axes.get_ylim()))
    axes.set_ylim(top=float(transform.inverted().transform(np.array([low + (high - low) / (1 - share)]))[0]))


def _fits(axes: Any, pen: Any) -> bool:
    """Whether the legend is within its axes."""
    box = axes.get_legend().get_window_extent(pen)
    return bool(box.width <= axes.bbox.width and box.height <= axes.bbox.height)


def _covers(axes: Any, pen: Any) -> bool:
    """Whether the legend, where it is not outside of its axes, stands on data, text or axes, or is larger than them."""
    from matplotlib.collections import PathCollection
    from matplotlib.transforms import Bbox

    box = axes.get_legend().get_window_extent(pen)
    if not box.overlaps(axes.bbox):
        return False
    if not _fits(axes, pen):
        return True
    inner = Bbox(box.get_points())
    for line in axes.lines:
        if line.get_transform() != axes.transData:
            continue  # a reference line across the panel
        points = line.get_xydata()
        shown = axes.transData.transform(points[np.isfinite(points).all(axis=1)])
        if line.get_marker() not in ("None", None, "", " ") and inner.count_contains(shown):
            return True
        path = line.get_path().transformed(axes.transData)
        if line.get_linestyle() not in ("None", "", " ") and path.intersects_bbox(inner, filled=False):
            return True
    for patch in axes.patches:
        if patch.get_transform() and patch.get_path().transformed(patch.get_transform()).intersects_bbox(inner):
            return True
    for collection in axes.collections:
        if isinstance(collection, PathCollection):
            if inner.count_contains(axes.transData.transform(collection.get_offsets())):
                return True
        elif any(path.transformed(axes.transData).intersects_bbox(inner) for path in collection.get_paths()):
            return True
    others = [text for text in axes.texts if text.get_visible() and text.get_text()]
    return any(inner.overlaps(one.get_window_extent(pen)) for one in [*others, *axes.child_axes])
