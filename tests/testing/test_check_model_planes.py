"""check_model over (v, w) passes what is right, on lines and on triangles, and names what is wrong."""

from __future__ import annotations

import numpy as np
import pytest
from own_models import OwnPlane, returns

import felif as fl
from felif import d
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


def test_a_model_of_a_user_over_planes_passes():
    assert check_model(OwnPlane()).skipped == ()


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        ({"drive": lambda s, m: 1 + s.w * np.abs(s.Nbar - 1)}, "'current': its coefficient is no analytic .* s.Nbar"),
        ({"drive": lambda s, m: s.M * s.w}, "'current' reads s.M, which is no scalar or input"),
        ({"speed": lambda s, m: m.epsilon * s.N}, "'learning' reads m.epsilon, which OwnPlane does not have"),
        ({"learning": lambda p, phi, x: p * p * d(phi, "w")}, "'learning': its form is not linear in its field"),
        (
            {"resets": (returns(lambda s, m: 0.5 * s.N, "p"),)},
            "Conserved 'mass' of OwnPlane is not conserved by its terms: 0.5 of what fires comes back",
        ),
    ],
)
def test_what_is_wrong_is_named(broken, message):
    with pytest.raises(CheckFailed, match=message):
        check_model(OwnPlane(**broken))
