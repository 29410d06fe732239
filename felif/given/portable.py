"""What goes to other processes: results are made of models and numbers, and models of what modules define."""

from __future__ import annotations

import pickle
from typing import Any

from .arguments import shown


def require_portable(what: str, **parts: Any) -> None:
    """PicklingError in a sentence where a part of a result, such as its model, cannot be copied to another process."""
    for name, value in parts.items():
        try:
            pickle.dumps(value)
        except (pickle.PicklingError, AttributeError, TypeError) as error:
            raise pickle.PicklingError(
                f"{what} cannot go to another process: its {name} = {shown(value)} holds what no module defines "
                f"({error}); allowed are functions and classes that a module defines, not lambdas or functions within "
                "functions"
            ) from None
