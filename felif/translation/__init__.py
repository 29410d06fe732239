"""From the equations of a model to what the fast engines read, where they have that shape."""

from .law import law_of
from .particle_law import ParticleLaw, Population
from .places import require_places
from .to_weakform import Elsewhere, elsewhere, has_equations, is_fast, weak_form_of

__all__ = [
    "Elsewhere",
    "ParticleLaw",
    "Population",
    "elsewhere",
    "has_equations",
    "is_fast",
    "law_of",
    "require_places",
    "weak_form_of",
]
