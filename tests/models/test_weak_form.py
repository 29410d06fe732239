"""The language of models refuses sentences that make no sense."""

from __future__ import annotations

from dataclasses import replace

import pytest

from felif.weakform import Conserved, Field, Input, Scalar, Term, WeakForm

N = Scalar("N", algebraic="flux", of="n", over="firing")
P, LINE = Field("p", over=("v", "w")), Scalar("N", algebraic="flux", of="p", over="firing", along="w")
product = lambda n, phi, x: n * phi


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Scalar("N", algebraic="sum"), "'N': algebraic='sum'; allowed are False, 'integral' and 'flux'"),
        (lambda: Scalar("N", algebraic="flux"), "a flux, and only a flux, names its field"),
        (lambda: Scalar("R", of="n", over="firing"), "a flux, and only a flux, names its field"),
        (lambda: WeakForm((Field("n"), Scalar("n")), ()), "names are used twice"),
        (lambda: WeakForm((Field("n"),), (), inputs=(Input("n", "current"),)), "names are used twice"),
        (lambda: WeakForm((Field("n"),), (Term("drift", into="m", of="n", form=product),)), "'drift' goes into 'm'"),
        (lambda: WeakForm((Field("n"),), (Term("drift", into="n", of="m", form=product),)), "'drift' is of 'm'"),
        (lambda: WeakForm((Field("n"), N), (Term("x", into="n", of="N", form=product),)), "'x' is of 'N'"),
        (lambda: WeakForm((Field("n"),), (Term("drift", into="n", of="n"),)), "'drift' needs a form"),
        (
            lambda: WeakForm((Field("n"),), (Term("a", into="n", of="n", form=product),) * 2),
            "names of terms are used twice",
        ),
        (lambda: WeakForm((Field("n"),), (), inputs=(Input("M", "delay", of="n"),)), "'M' is a delayed 'n'"),
        (lambda: WeakForm((Field("m"), N), ()), "'N' is the flux of 'n', which is no field"),
        (lambda: Field("p", over=("w",)), r"'p': over=\('w',\); allowed are \('v',\) and \('v', 'w'\)"),
        (lambda: Scalar("N", algebraic="integral", along="w"), "'N': along='w', algebraic='integral'"),
        (lambda: WeakForm((P, N), ()), "'N' is the flux of 'n', which is no field"),
        (lambda: WeakForm((Field("n"), replace(N, along="w")), ()), "'N': along='w', but 'n' is over"),
        (lambda: WeakForm((P, replace(N, of="p")), ()), "'N': along=None, but 'p' is over"),
        (lambda: WeakForm((P, LINE), (), (Conserved("mass", {"N": 1.0}),)), r"weighs \['N'\]"),
        (lambda: WeakForm((P, LINE), (Term("x", into="p", of="N", form=product),)), "'x' is of 'N'"),
        (lambda: WeakForm((Field("n"),), (), (Conserved("mass", {"m": 1.0}),)), r"'mass' weighs \['m'\]"),
    ],
)
def test_sentences_that_make_no_sense_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_fields_and_scalars_are_sorted_out():
    form = WeakForm((Scalar("R"), Field("n"), N), ())
    assert [f.name for f in form.fields] == ["n"]
    assert [s.name for s in form.scalars] == ["N", "R"]


def test_a_scalar_along_w_is_a_line_that_a_number_may_integrate():
    total = Term("total rate", into="Nbar", of="N", form=lambda N, x: N)
    form = WeakForm((P, LINE, Scalar("Nbar", algebraic="integral")), (total,))
    assert form.lines == (LINE,)
    assert [s.name for s in form.scalars] == ["N", "Nbar"]
