"""What the page is set to: a model, a start and a time, from the names and values of a URL; the Python that says so."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from functools import cached_property
from typing import Any

from ..assembly import Gaussian
from ..given.arguments import shown
from .sliders import DRIFTS, Kind, Slider, kind_of


@dataclass(frozen=True)
class Setting:
    """Values by the names of sliders; what was typed and is no number stays text, for the model to refuse."""

    kind: Kind
    drift: str
    values: Mapping[str, Any]

    @classmethod
    def of(cls, asked: Mapping[str, Any]) -> Setting:
        """From {"model": name, "drift": name, slider: value}, what is missing at its default.

        Raises ValueError for a model or a drift that the page does not have, and for names of no slider.
        """
        kind = kind_of(str(asked.get("model", "NoisyLIF")))
        drift = str(asked.get("drift", "Leaky"))
        if drift not in DRIFTS:
            raise ValueError(f"explore: drift = {drift!r}; allowed are {', '.join(DRIFTS)}")
        sliders = {slider.name: slider for slider in kind.sliders}
        unknown = sorted(set(asked) - set(sliders) - {"model", "drift"})
        if unknown:
            raise ValueError(f"explore: {kind.name} has no slider {unknown[0]!r}; it has {', '.join(sliders)}")
        return cls(kind, drift, {name: _read(asked.get(name, slider.value)) for name, slider in sliders.items()})

    @property
    def sliders(self) -> tuple[Slider, ...]:
        """Those that have a meaning: of the drifts, those of the one that is chosen."""
        return tuple(slider for slider in self.kind.sliders if slider.drift in ("", self.drift))

    @cached_property
    def arguments(self) -> dict[str, Any]:
        """Of the model, those that differ from its defaults."""
        given: dict[str, Any] = {}
        for field in fields(self.kind.of):
            if field.name == "drift":
                value = self._drift()
            else:
                depth = dict(self.kind.arrays).get(field.name, 0)
                value = self._array(field.name, depth) if depth else self.values[field.name]
            default = None if field.default is MISSING else field.default
            if isinstance(value, list) and all(entry == default for entry in value):
                continue
            if value != default:
                given[field.name] = value
        return given

    def _drift(self) -> Any:
        kind = DRIFTS[self.drift]
        return kind(**{field.name: self.values[f"drift_{field.name}"] for field in fields(kind)})

    def _array(self, name: str, depth: int) -> list[Any]:
        parts = [f"{name}_{k}" for k in range(len(self.kind.populations))]
        return [self._array(part, depth - 1) if depth > 1 else self.values[part] for part in parts]

    def model(self, **changes: Any) -> Any:
        """The model, with other values of some sliders. Raises ValueError as the model does."""
        return self.kind.of(**(self.changed(**changes) if changes else self).arguments)

    def changed(self, **changes: Any) -> Setting:
        return Setting(self.kind, self.drift, {**self.values, **changes})

    def start(self) -> Any:
        """The initial data. Raises ValueError as `Gaussian` does."""
        starts = [self._gaussian(population) for population in self.kind.populations]
        if all(start == starts[0] for start in starts):
            return starts[0]
        if self.kind.name == "Populations":
            return starts
        return {f"n_{name}": start for name, start in zip(self.kind.populations, starts, strict=True)}

    def _gaussian(self, population: str) -> Gaussian:
        index = f"_{population}" if population else ""
        return Gaussian(*(self.values[f"{name}{index}"] for name in ("mean", "variance", "boundary_layer")))

    @property
    def marks(self) -> dict[str, float]:
        """V_R and V_F, as they are drawn; V_R of a population where they differ."""
        resets = {name: value for name, value in self.values.items() if name.startswith("v_reset")}
        same = len(set(resets.values())) == 1
        named = {"V_R": next(iter(resets.values()))} if same else {f"V_R{n[7:]}": v for n, v in resets.items()}
        return {**named, "V_F": self.values["v_fire"]}

    @property
    def tol(self) -> Any:
        return self.values["tol"]

    @property
    def t_end(self) -> Any:
        return self.values["t_end"]

    # as Python ----------------------------------------------------------------------------------------------------

    def model_code(self, **changes: Any) -> str:
        """The call that makes the model."""
        given = (self.changed(**changes) if changes else self).arguments
        return f"fl.{self.kind.name}({', '.join(f'{name}={as_code(value)}' for name, value in given.items())})"

    def run_code(self) -> str:
        """A script that makes the run of the page and prints it."""
        numbers = f"t_end={as_code(self.t_end)}, rtol={as_code(self.tol)}"
        lines = [
            "import felif as fl",
            "",
            f"model = {self.model_code()}",
            f"problem = fl.discretize(model, tol={as_code(self.tol)})",
            f"run = fl.evolve(problem, {as_code(self.start())}, {numbers})",
            "print(run)",
            'run.plot("run.png")',
        ]
        if "math." in "".join(lines):
            lines.insert(0, "import math\n")
        return "\n".join(lines) + "\n"


def as_code(value: Any) -> str:
    """A value as Python: felif's own objects by their public names."""
    if isinstance(value, float) and not math.isfinite(value):
        return "math.nan" if math.isnan(value) else f"{'-' if value < 0 else ''}math.inf"
    if isinstance(value, list):
        return f"[{', '.join(map(as_code, value))}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{as_code(key)}: {as_code(entry)}' for key, entry in value.items())}}}"
    if type(value) in (*DRIFTS.values(), Gaussian):
        given = ((field.name, field.default, getattr(value, field.name)) for field in fields(value))
        inner = ", ".join(f"{name}={as_code(entry)}" for name, default, entry in given if entry != default)
        return f"fl.{type(value).__name__}({inner})"
    return repr(value) if isinstance(value, float | int | str) else shown(value)


def _read(value: Any) -> Any:
    """A number, or what was typed in its place."""
    try:
        return float(value)
    except (TypeError, ValueError):
        return value
