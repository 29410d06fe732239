"""Parts of libraries that a first run does not wait for: each is imported when something of it is first used.

SciPy 1.17 imports all of numpy with its linear algebra, numpy.f2py and numpy.testing among it, which takes longer than
everything that a run of one population does in the compiled core.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any


class Later:
    """A module under its name: what is asked of it is imported, and kept, when it is first asked for."""

    def __init__(self, name: str) -> None:
        self.__name__ = name

    def __getattr__(self, what: str) -> Any:
        found = getattr(import_module(self.__name__), what)
        setattr(self, what, found)
        return found


blas, lapack, linalg = Later("scipy.linalg.blas"), Later("scipy.linalg.lapack"), Later("scipy.linalg")
sparse, sparse_linalg = Later("scipy.sparse"), Later("scipy.sparse.linalg")
optimize = Later("scipy.optimize")
skfem = Later("skfem")
