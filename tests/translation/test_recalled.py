"""A weak form is made anew only for parameters that the equations read."""

from dataclasses import dataclass

import numpy as np

import felif as fl
from felif.translation.recalled import noted
from felif.translation.to_weakform import weak_form_of


def test_parameters_of_coefficients_leave_the_weak_form_as_it_is():
    form = weak_form_of(fl.NoisyLIF(b=0.3, a0=0.7))
    assert weak_form_of(fl.NoisyLIF(b=-2.0, a0=1.1, current=0.4)) is form
    assert weak_form_of(fl.NoisyLIF(b=0.3, delay=0.5)) is not form  # which delays an input
    assert [term.name for term in weak_form_of(fl.NoisyLIF(v_reset=0.5)).terms] == [term.name for term in form.terms]
    assert weak_form_of(fl.NoisyLIF(v_reset=0.5)) is not form


def test_a_problem_at_other_parameters_is_the_problem_made_of_them():
    problem = fl.steady_state(fl.discretize(fl.RefractoryLIF(b=0.5, tau=0.2))).problem
    y = fl.steady_state(problem).y
    there = problem.at(b=1.3, tau=0.6, a1=0.2)
    anew = fl.discretize(fl.RefractoryLIF(b=1.3, tau=0.6, a1=0.2)).on_cells(problem.cells)
    assert np.array_equal(there.rate(0.0, y), anew.rate(0.0, y))
    assert np.array_equal(there.conserved["total"], anew.conserved["total"])


def test_a_coefficient_that_holds_the_model_is_not_shared():
    """Of felif's own only: what encloses the model reads parameters that `equations` did not."""

    @dataclass(frozen=True)
    class Holds:
        b: float = 1.0

        def equations(self):
            return fl.Equations((), (fl.Unknown("x"),), (fl.Term("x", coefficient=lambda s, m: self.b, name="grows"),))

    Holds.__module__ = "felif.models.holds"
    values = [noted(Holds(b), lambda equations: equations).terms[0].coefficient(None, None) for b in (1.0, 2.0)]
    assert values == [1.0, 2.0]
    from felif.translation.recalled import recalled

    assert recalled(Holds(3.0)) is None
