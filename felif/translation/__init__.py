"""From the equations of a model to what the fast engines read, where they have that shape."""

from .to_weakform import Elsewhere, has_equations, is_fast, weak_form_of

__all__ = ["Elsewhere", "has_equations", "is_fast", "weak_form_of"]
