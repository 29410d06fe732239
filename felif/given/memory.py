"""What is kept of what was computed, the latest under each key: threads that share a problem share it."""

from __future__ import annotations

import threading
from collections.abc import Hashable
from typing import TypeVar

_Value = TypeVar("_Value")
_LOCK = threading.Lock()
_OF_PROCESS: list[dict] = []


def memory_of_process() -> dict:
    """A memory that all problems of this process share, until `forget`."""
    _OF_PROCESS.append(memory := {})
    return memory


def forget() -> None:
    """Empties what the problems of this process share: what is computed next is computed as in a new process."""
    with _LOCK:
        for memory in _OF_PROCESS:
            memory.clear()


def remembered(memory: dict, key: Hashable, value: _Value, most: int) -> _Value:
    """The value, from now on in `memory` under its key as the latest of at most `most`."""
    with _LOCK:
        memory.pop(key, None)
        memory[key] = value
        for old in list(memory)[: max(len(memory) - most, 0)]:
            del memory[old]
    return value
