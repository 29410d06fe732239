"""The language of models refuses sentences that make no sense."""

from __future__ import annotations

import pytest

from felif.weakform import Conserved, Field, Input, Scalar, Term, WeakForm

N = Scalar("N", algebraic="flux", of="n", over="firing")
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
