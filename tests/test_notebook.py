"""The example notebook runs in a kernel, and its results show themselves."""

from __future__ import annotations

from pathlib import Path

import pytest

NOTEBOOK = Path(__file__).parents[1] / "docs" / "first_session.ipynb"


def test_the_example_notebook_runs_and_shows_pictures():
    for library in ("ipykernel", "pandas", "xarray"):
        pytest.importorskip(library)
    nbformat, nbclient = pytest.importorskip("nbformat"), pytest.importorskip("nbclient")
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    stored = [[sorted(output.get("data", {})) for output in cell.get("outputs", [])] for cell in notebook.cells]
    nbclient.NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert not [output for cell in code for output in cell.outputs if output.output_type in ("error", "stream")]
    shown = [
        [sorted(output.data) for output in cell.outputs if output.output_type == "execute_result"]
        for cell in notebook.cells
        if cell.cell_type == "code"
    ]
    assert shown == [kinds for kinds, cell in zip(stored, notebook.cells, strict=True) if cell.cell_type == "code"]
    kinds = {kind for outputs in shown for output in outputs for kind in output}
    assert {"image/png", "text/html"} <= kinds
