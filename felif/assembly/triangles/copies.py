"""What a problem on triangles is made from, for `pickle`."""

from __future__ import annotations

from typing import Any

from ...given.portable import require_portable


def reduced(problem: Any) -> tuple[Any, ...]:
    require_portable(type(problem.model).__name__, model=problem.model)
    return type(problem), (problem._assembled, problem.model)


def assembled_again(mesh: Any) -> tuple[Any, ...]:
    return type(mesh), (mesh.model, mesh.mesh, mesh.space, mesh.tol, mesh.coarsest, mesh.again)
