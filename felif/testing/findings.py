"""What check_model found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..given.text import model_text


@dataclass(frozen=True)
class Check:
    """One thing that was looked at: the largest defect found over the states, and the largest that is allowed."""

    kind: str  # "Jacobian", "conserved", ...
    subject: str  # which term, parameter, scalar or quantity; empty where there is only one
    space: str  # empty for what needs no space
    found: float
    allowed: float


@dataclass(frozen=True)
class ModelReport:
    """What `check_model` found, all of it within what is allowed. Printed, it shows the worst of every kind."""

    model: Any
    checks: tuple[Check, ...]
    skipped: tuple[str, ...]

    def __str__(self) -> str:
        lines = [f"{model_text(self.model)}: {len(self.checks)} checks passed"]
        for kind in dict.fromkeys(c.kind for c in self.checks):
            worst = max((c for c in self.checks if c.kind == kind), key=lambda c: c.found)
            subjects = list(dict.fromkeys(c.subject for c in self.checks if c.kind == kind and c.subject))
            lines.append(f"  {kind:<22} {worst.found:.1e} of {worst.allowed:.0e}  {', '.join(subjects)}")
        return "\n".join(lines + [f"  not checked: {reason}" for reason in self.skipped])
