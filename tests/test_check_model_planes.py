"""check_model over (v, w) passes what is right, on lines and on triangles, and names what is wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest

import felif as fl
from felif.models import terms
from felif.models.parameters import fixed
from felif.testing import CheckFailed, check_model

MODELS = [
    fl.LearningLIF(eps=0.2, K=-1.0, sigma=lambda x: 4 * x, current=1.5),
    fl.LearningLIF(eps=0.5, K=lambda w: 3 + w, sigma=np.tanh, current=[0.0, 1.0, 0.5], w_min=0.0, w_max=2.0, a0=0.4),
    fl.LearningLIF(eps=0.0, K=3.0, sigma=lambda x: x / (1 + x), current=lambda w: w, w_max=2.0, v_reset=-1.0),
]


@pytest.mark.parametrize("model", MODELS, ids=("inhibitory", "excitatory", "without-learning"))
def test_learning_passes_every_check_on_lines_and_on_triangles(model):
    report = check_model(model)
    kinds = {check.kind for check in report.checks}
    assert kinds >= {"form linear", "coefficient analytic", "equation of scalar", "scalar_gradient", "conserved", "at"}
    assert {check.space for check in report.checks} == {"", "Tensor", "Tensor, positive", "Triangles"}
    assert ("Jacobian without learning" in kinds) == (model.eps == 0)
    assert report.skipped == ()


@dataclass(frozen=True)
class Own:
    """A user's network over (v, w), parts of which a test can break."""

    eps: float = 0.3
    w_min: float = fixed(-1.0)
    w_max: float = fixed(0.0)
    v_reset: float = fixed(1.0)
    v_fire: float = fixed(2.0)
    current: Callable = fixed(lambda s, m: 1 + s.w * s.Nbar)
    reset: Callable = fixed(lambda s, m: s.N)
    learning: Callable = fixed(lambda p, phi, x: p * fl.dw(phi))
    speed: Callable = fixed(lambda s, m: m.eps * (-s.N * s.Nbar - s.w))

    def weak_form(self) -> fl.WeakForm:
        return fl.WeakForm(
            unknowns=(
                fl.Field("p", over=("v", "w")),
                fl.Scalar("N", algebraic="flux", of="p", over="firing", along="w"),
                fl.Scalar("Nbar", algebraic="integral"),
            ),
            terms=(
                terms.drift(fl.Leaky(), "p"),
                terms.current(self.current, "p"),
                terms.noise(lambda s, m: 1.0, "p"),
                terms.firing(lambda s, m: s.N, "p"),
                terms.reset(self.reset, "p"),
                fl.Term("learning", into="p", of="p", form=self.learning, coefficient=self.speed),
                fl.Term("total", into="Nbar", of="N", form=lambda N, x: N),
            ),
            conserved=(fl.Conserved("mass", {"p": 1.0}),),
        )


def test_a_model_of_a_user_over_planes_passes():
    assert check_model(Own()).skipped == ()


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        ({"current": lambda s, m: 1 + s.w * np.abs(s.Nbar - 1)}, "'current': its coefficient is no analytic .* s.Nbar"),
        ({"current": lambda s, m: s.M * s.w}, "'current' reads s.M, which is no scalar or input"),
        ({"speed": lambda s, m: m.epsilon * s.N}, "'learning' reads m.epsilon, which Own does not have"),
        ({"learning": lambda p, phi, x: p * p * fl.dw(phi)}, "'learning': its form is not linear in its field"),
        (
            {"reset": lambda s, m: 0.5 * s.N},
            "Conserved 'mass' of Own is not conserved by its terms: 0.5 of what fires comes back",
        ),
    ],
)
def test_what_is_wrong_is_named(broken, message):
    with pytest.raises(CheckFailed, match=message):
        check_model(Own(**broken))
