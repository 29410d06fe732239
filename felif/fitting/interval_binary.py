"""Arrays in files: .npy and .npz of numpy, .mat of MATLAB and Octave. Nothing that is stored in them is executed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

_CLASSES = ("double", "single", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "cell")


def read_binary(path: Path, column: Any) -> tuple[Any, Any, str | None]:
    """What a file holds, the column left to be chosen in it, its name. In .npz and .mat `column` names a variable."""
    if path.suffix.lower() == ".mat":
        data, name = _matlab(path, column)
        return data, None, name
    try:
        stored = np.load(path, allow_pickle=False)
    except OSError as error:
        if error.errno is not None:  # the file cannot be opened
            raise
        raise ValueError(f"{path} cannot be read as an array: {error}") from None
    except Exception as error:  # damaged in one of many ways
        hint = "; arrays of objects are not read: save numbers, one array a train in a .npz"
        raise ValueError(
            f"{path} cannot be read as an array: {error}{hint if 'pickle' in str(error) else ''}"
        ) from None
    if isinstance(stored, np.ndarray):
        return stored, column, None
    with stored:
        name = _variable(path, column, stored.files)
        try:
            return stored[name], None, name
        except Exception as error:
            raise ValueError(f"{path}: array {name!r} cannot be read: {error}") from None


def _matlab(path: Path, column: Any) -> tuple[Any, str]:
    from scipy.io import loadmat, whosmat

    with path.open("rb") as file:
        beginning = file.read(128)
    try:
        kinds = {name: kind for name, _, kind in whosmat(path)}
        name = _variable(path, column, list(kinds))
        data = loadmat(path, variable_names=[name])[name] if kinds[name] in _CLASSES else None
    except NotImplementedError:
        raise ValueError(
            f"{path} is a MATLAB 7.3 file (HDF5); save it with '-v7', or read it with h5py and give the arrays"
        ) from None
    except Exception as error:
        if isinstance(error, ValueError) and str(error).startswith(str(path)):
            raise
        hdf5 = "; it is HDF5: save it with '-v7'" if b"HDF" in beginning else ""
        raise ValueError(f"{path} cannot be read as a MATLAB file: {error}{hdf5}") from None
    if data is None:
        raise ValueError(f"{path}: variable {name!r} is of class {kinds[name]}; allowed are numbers, and cells of them")
    if data.dtype != object:
        return _row(data), name
    if min(data.shape) > 1 or data.ndim > 2:
        raise ValueError(f"{path}: variable {name!r} is a cell array of shape {data.shape}; allowed is a row of cells")
    cells = [_row(np.asarray(cell)) for cell in data.ravel()]
    for k, cell in enumerate(cells):
        if cell.dtype.kind not in "iuf" or (cell.ndim > 1):
            raise ValueError(
                f"{path}: cell {k} of {name!r} holds {cell.dtype}, shape {cell.shape}; allowed are rows of numbers"
            )
    return cells, name


def _row(data: np.ndarray) -> np.ndarray:
    """MATLAB has no arrays of one dimension: a row or column is one."""
    return data.ravel() if data.ndim == 2 and (min(data.shape) == 1 or data.size == 0) else data


def _variable(path: Path, column: Any, names: list[str]) -> str:
    if column is None and len(names) == 1:
        return names[0]
    if column in names:
        return column
    raise ValueError(
        f"{path}: column = {column!r}; allowed is the name of a variable: {', '.join(names) or 'it has none'}"
    )
