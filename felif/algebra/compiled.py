"""The compiled core: the C library of `core/`, where it was built, and the structures it is called with.

It is opened with ctypes and knows nothing of Python. Where no compiler was there, `library()` is None and the loop of
`evolution` runs, which computes the same, slower. FELIF_CORE=python in the environment chooses that, too.
"""

from __future__ import annotations

import ctypes
import os
from functools import cache
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
from typing import Any

import numpy as np

LANES, MOST_ALGEBRAIC, MOST_SCALARS, MOST_Z = 4, 16, 24, 48  # as in core.h
LOWEST_DEGREE, HIGHEST_DEGREE = 2, 16
LANDED, FULL, LOOK_AT_MESH, RISING, NO_RATE, STUCK, PIVOT, NO_INPUT = range(8)
INFEASIBLE, TOO_LARGE, NOT_FINITE = 1, 2, 3
FIXED_INPUT, CALLED_INPUT, DELAYED_INPUT = range(3)

InputFunction = ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_int, ctypes.c_double)
_int, _double, _pointer = ctypes.c_int, ctypes.c_double, ctypes.c_void_p


def _fields(kind: Any, names: str) -> list[tuple[str, Any]]:
    return [(name, kind) for name in names.split()]


class System(ctypes.Structure):
    """`System` of core.h."""

    _fields_ = [
        *_fields(_int, "degree lanes size inputs differential algebraic matrices invariants ends layers arriving"),
        *_fields(_int, "arriving_places fields cells worthwhile relative"),
        *_fields(_pointer, "A weights mass rows rows_lanes numbers source_start source_place source_value integral"),
        *_fields(_pointer, "differential_place place invariant_weights invariant_carriers tops pairs"),
        *_fields(_pointer, "first_lane end_place end_limit layer_table"),
        *_fields(_double, "undershoot smooth"),
        *_fields(_pointer, "speed arriving_noise arriving_place"),
        *_fields(_double, "spread"),
    ]


class Control(ctypes.Structure):
    """`Control` of core.h."""

    _fields_ = [
        *_fields(_double, "floor count rising arriving first first_of_span from_nothing safety smallest largest"),
        *_fields(_double, "after_first upward least_error least_first_error least_kept refused_smallest"),
        *_fields(_double, "refused_largest failed whole shortest_ulps first_ulps layer longer first_change rounding"),
    ]


class Progress(ctypes.Structure):
    """`Progress` of core.h."""

    _fields_ = [
        *_fields(_double, "t h end low high rtol accepted_rtol atol span max_step N_max shortest layer tiny"),
        *_fields(_double, "control_error control_step rounding failure_value past_start"),
        *_fields(_int, "control_rejected control_starting fixed rate"),
        *_fields(_int, "capacity made rejected factorisations failure known"),
        *_fields(_int, "until_coarsening coarsening_every longest_pause finer coarser"),
        ("control", Control),
    ]


class Scheme(ctypes.Structure):
    """`Scheme` of core.h."""

    _fields_ = [*_fields(_pointer, "a C b c d H"), *_fields(_double, "gamma exponent")]


class Inputs(ctypes.Structure):
    """`Inputs` of core.h."""

    _fields_ = [("called", InputFunction), *_fields(_pointer, "kind value scalar nodes times values")]


class Steps(ctypes.Structure):
    """`Steps` of core.h."""

    _fields_ = _fields(_pointer, "times errors scalars states dense")


class Lines(ctypes.Structure):
    """`Lines` of planes.h."""

    _fields_ = [
        *_fields(ctypes.c_int64, "n w lines kinds"),
        *_fields(_pointer, "bands coefficients own low high start"),
    ]


class Across(ctypes.Structure):
    """`Across` of planes.h."""

    _fields_ = [
        *_fields(ctypes.c_int64, "n cells nodes"),
        *_fields(_pointer, "c below above alpha blend inner volume left right mass widths work"),
    ]


class Shifted(ctypes.Structure):
    """`Shifted` of core.h."""

    _fields_ = [*_fields(ctypes.c_int64, "n kl ku rows columns"), *_fields(_pointer, "A mass U G envelope")]


class Chain(ctypes.Structure):
    """`Chain` of core.h."""

    _fields_ = [
        *_fields(ctypes.c_int64, "pieces n s kl ku rank reach"),
        *_fields(_pointer, "lu Q G mass first small pivots above"),
    ]


def pointer(array: np.ndarray) -> int:
    """The address of an array's memory; whoever takes it keeps the array."""
    return array.__array_interface__["data"][0]


def place_of_library() -> Path | None:
    """The file of the compiled core; None where it was not built."""
    for suffix in EXTENSION_SUFFIXES:
        path = Path(__file__).with_name("_core" + suffix)
        if path.exists():
            return path
    return None


@cache
def built() -> Any:
    """The compiled core, opened; None where it was not built."""
    path = place_of_library()
    if path is None:
        return None
    found = ctypes.CDLL(str(path))
    found.felif_work.restype = ctypes.c_long
    found.felif_work.argtypes = [_pointer]
    found.felif_burst.argtypes = [_pointer] * 7
    found.felif_solve.argtypes = [_pointer, _pointer, _double, _pointer, _pointer, _int, _pointer]
    found.felif_lines_envelope.restype = ctypes.c_int64
    found.felif_lines_factor.restype = _double
    found.felif_lines_factor.argtypes = [_pointer, _double, _pointer, _pointer, _pointer]
    found.felif_lines_solve.argtypes = [*[_pointer] * 4, ctypes.c_int64, *[_pointer] * 4]
    found.felif_lines_multiply.argtypes = [_pointer] * 3
    found.felif_polynomial_cells.argtypes = found.felif_limited_slopes.argtypes = [_pointer] * 3
    found.felif_suspects.argtypes = [*[_pointer] * 3, _int, _double, _pointer]
    found.felif_normals.argtypes = [_pointer, ctypes.c_uint64, ctypes.c_int64, _pointer]
    found.felif_resolvents.argtypes = [_pointer, _pointer, ctypes.c_int64, *[_pointer] * 3]
    found.felif_resolvents.restype = None
    found.felif_krylov.restype = ctypes.c_int64
    found.felif_krylov.argtypes = [_pointer, _double, ctypes.c_int64, ctypes.c_int64, *[_pointer] * 3]
    found.felif_chain.argtypes = [_pointer] * 4
    found.felif_chain_piece.argtypes = [_pointer, ctypes.c_int64, _pointer]
    found.felif_chain.restype = found.felif_chain_piece.restype = None
    found.felif_instructions.restype = ctypes.c_char_p
    return found


def library() -> Any:
    """The compiled core, if it was built and FELIF_CORE does not say python. Raises ValueError for other words."""
    chosen = os.environ.get("FELIF_CORE", "")
    if chosen == "python":
        return None
    if chosen not in ("", "compiled"):
        raise ValueError(f"FELIF_CORE = {chosen!r}; allowed are python and compiled")
    if chosen and built() is None:
        raise ValueError("FELIF_CORE = 'compiled', but felif was installed without its compiled core")
    return built()


def describe() -> str:
    """Which core runs, for people."""
    found = library()
    return "python" if found is None else f"compiled ({found.felif_instructions().decode()})"
