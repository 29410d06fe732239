"""Checks of models: felif's own and a user's."""

from .checking import CheckFailed, check_model

__all__ = ["CheckFailed", "check_model"]
