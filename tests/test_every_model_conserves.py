"""Every model, space and scheme that felif exports is in the table of `conservation.py`; a few steps of each model."""

from __future__ import annotations

import dataclasses

import conservation
import pytest
from conservation import CASES, MODELS, SCHEMES, SPACES, exported

import felif as fl
from felif import evolution


def test_every_exported_model_space_and_scheme_is_in_the_table():
    assert {type(case.model) for case in CASES} == {*MODELS}
    parts = [value for space in SPACES for value in vars(space).values() if dataclasses.is_dataclass(value)]
    others = {fl.Gaussian, fl.Uniform, fl.discretize}
    assert {type(space) for space in [*SPACES, *parts]} == {*exported("assembly")} - others
    assert {type(scheme).__name__ for scheme in SCHEMES} == {*evolution.SCHEMES}


def combinations(case, first):
    """(problem, space, scheme) of small problems, in an order that differs from case to case."""
    turned = lambda row: [*row[first % len(row) :], *row[: first % len(row)]]
    for space in turned(SPACES):
        for _, problem in conservation.problems(case, space):
            if not isinstance(problem, str) and problem.size < 300:
                yield from ((problem, space, scheme) for scheme in turned(SCHEMES))


@pytest.mark.parametrize("number", range(len(CASES)), ids=lambda number: type(CASES[number].model).__name__)
def test_what_it_declares_conserved_stays_so_to_rounding(number, tmp_path):
    case = CASES[number]
    for problem, space, scheme in combinations(case, number):
        try:
            found = conservation.run(case, problem, scheme, 20, tmp_path / "run")
        except ValueError as refused:  # schemes that a space does not take
            if "allowed" not in str(refused):
                raise
            continue
        assert not found.wrong, f"{space}, {scheme}: {found}"
        assert found.departure < 1e-14
        return
    pytest.fail("no space and no scheme was taken")
