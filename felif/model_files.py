"""Models on disk: pickled by value, so that functions of the user come back too; run.json is for reading by eye."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np


def packed(model: Any) -> np.ndarray:
    """A model, or a tuple that holds one, as bytes. Raises ValueError for what cannot be stored."""
    import cloudpickle

    try:
        return np.frombuffer(cloudpickle.dumps(model), np.uint8)
    except Exception as error:  # whatever the user's own class raises
        raise ValueError(
            f"{model} cannot be stored: {error}. Use functions that hold no open files or threads."
        ) from error


def unpacked(arrays: Mapping[str, np.ndarray], description: Mapping[str, Any], folder: str | Path) -> Any:
    """What was stored in final.npz as "model". Raises ValueError that says with which versions it was stored."""
    try:
        return pickle.loads(arrays["model"].tobytes())
    except Exception as error:  # whatever the user's own class raises
        raise ValueError(
            f"{folder}: the model in final.npz cannot be restored ({error}); "
            f"it was stored with {description.get('versions')}"
        ) from error
