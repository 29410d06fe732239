"""Damage to what felif wrote, for tests: and folders whose list agrees with what was done to them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from felif.output.durable import Sum
from felif.output.listing import Entry, Listing
from felif.output.manifest import KINDS


def seal(folder: Path, *names: str) -> None:
    """Put files of a folder on its list as they are now: as somebody does who knows of the checksums."""
    listing = Listing(folder, KINDS)
    listing.append({name: Entry(listing.entries[name].kind, Sum.of(Path(folder) / name)) for name in names})


def spoiled(rng: np.random.Generator, data: bytes) -> bytes:
    """Bytes that are not what they were: flipped, cut off, other digits, something put in, nothing."""
    changed, at = bytearray(data), int(rng.integers(max(1, len(data))))
    how = rng.choice(["flip", "cut", "digit", "insert", "empty", "zeros", "drop", "repeat"])
    if how == "empty" or not data:
        return b"" if data else b"\x00"
    digits = [k for k, c in enumerate(data) if 48 <= c < 58]
    if how == "flip":
        changed[at] ^= 1 << int(rng.integers(8))
    elif how == "cut":
        del changed[at:]
    elif how == "digit" and digits:
        k = int(rng.choice(digits))
        changed[k] = 48 + (changed[k] - 48 + int(rng.integers(1, 10))) % 10
    elif how == "insert":
        changed[at:at] = bytes(rng.integers(0, 256, int(rng.integers(1, 40)), dtype=np.uint8))
    elif how == "zeros":
        changed[at : at + 64] = bytes(len(changed[at : at + 64]))
    elif how == "drop":
        del changed[at : at + int(rng.integers(1, 40))]
    else:
        changed += data[at:]
    return bytes(changed) if bytes(changed) != data else data + b"\n"


def spoil(rng: np.random.Generator, folder: Path, other: Path) -> tuple[list[str], str]:
    """Damage a file somewhere in a folder: ([names], in words). `other`: another folder of that kind."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    weights = np.array([0.2 if path.suffix in (".vtu", ".vtp", ".vtr", ".py", ".png") else 1.0 for path in files])
    path = files[int(rng.choice(len(files), p=weights / weights.sum()))]
    how, data = str(rng.choice(["bytes", "bytes", "bytes", "delete", "swap", "foreign", "json"])), path.read_bytes()
    same = other / path.relative_to(folder)
    if how == "delete":
        path.unlink()
    elif how == "swap":
        second = files[int(rng.integers(len(files)))]
        path.write_bytes(second.read_bytes())
        second.write_bytes(data)
        return [path.name, second.name], f"{path.name} and {second.name} swapped"
    elif how == "foreign" and same.is_file():
        path.write_bytes(same.read_bytes())
    elif how == "json" and path.suffix == ".json":
        path.write_text(json.dumps(retyped(rng, json.loads(data))))
    else:
        path.write_bytes(spoiled(rng, data))
    return [path.name], f"{path.relative_to(folder)}: {how}"


def retyped(rng: np.random.Generator, value: Any) -> Any:
    """JSON with a value somewhere of another type."""
    if isinstance(value, dict) and value and rng.random() < 0.9:
        key = str(rng.choice(sorted(value)))
        return {**value, key: retyped(rng, value[key])}
    others = [None, True, 1, -0.5, "text", [], {}, [[1], "a"]]
    return others[int(rng.integers(len(others)))]
