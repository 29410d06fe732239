"""The folders that come with felif beside its modules: `studies` and `meshes`."""

from __future__ import annotations

from pathlib import Path


def shipped(name: str) -> Path:
    """`felif/<name>` of an installation, `<name>` beside the package in a checkout."""
    package = Path(__file__).parents[1]
    inside = package / name
    return inside if inside.is_dir() else package.with_name(name)
