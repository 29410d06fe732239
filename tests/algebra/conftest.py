"""Both ways of computing: by the compiled core, and by LAPACK."""

import pytest

from felif.algebra.compiled import library


@pytest.fixture(params=["compiled", "python"])
def core(request, monkeypatch):
    monkeypatch.setenv("FELIF_CORE", "python")
    if request.param == "compiled":
        monkeypatch.delenv("FELIF_CORE")
        if library() is None:
            pytest.skip("no compiled core")
