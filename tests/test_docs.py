"""Documents tell the truth: their Python runs, README's commands are what .ci/run runs, links and names exist."""

from __future__ import annotations

import dataclasses
import doctest
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import felif as fl
import felif.models

ROOT = Path(__file__).parents[1]
PAGES = [path for place in ("", "docs/", "docs/howto/", "meshes/") for path in sorted(ROOT.glob(place + "*.md"))]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
FILE = re.compile(r"# ([\w/]+\.py)\n")  # a block that begins with the name of a file is that file


def blocks(page: Path, language: str) -> list[str]:
    return [code for kind, code in BLOCK.findall(page.read_text(encoding="utf-8")) if kind == language]


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.fixture
def workplace(tmp_path, monkeypatch):
    """A folder to run snippets in: relative paths of the documents exist, files they write are importable."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    shutil.copytree(ROOT / "meshes", tmp_path / "meshes")
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        if str(tmp_path) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


@pytest.mark.parametrize("page", [p for p in PAGES if blocks(p, "python") or blocks(p, "pycon")], ids=name_of)
def test_every_python_snippet_of_the_documents_runs(page, workplace):
    namespace = {"__name__": "__main__"}
    for code in blocks(page, "python"):
        file = FILE.match(code)
        if file:
            (workplace / file[1]).parent.mkdir(exist_ok=True)
            (workplace / file[1]).write_text(code, encoding="utf-8")
        else:
            exec(compile(code, name_of(page), "exec"), namespace)
    for number, code in enumerate(blocks(page, "pycon")):
        test = doctest.DocTestParser().get_doctest(code, namespace, f"{name_of(page)}, {number}", None, None)
        runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
        assert runner.run(test).failed == 0


def test_ci_runs_the_commands_of_the_readme_word_for_word():
    commands = [line for block in blocks(ROOT / "README.md", "bash") for line in block.splitlines() if line]
    told = subprocess.run(
        ["bash", ".ci/run", "--commands"], cwd=ROOT, capture_output=True, text=True, timeout=20, check=True
    ).stdout.splitlines()
    assert told == commands
    assert len(commands) == 2
    assert any("pytest" in command for command in commands)


def test_studies_and_commands_that_the_documents_name_exist():
    placeholders = {"STUDY", "NAME", "conductance"}  # adding_a_model.md writes the last one
    known = placeholders | set(fl.study.studies(ROOT / "studies"))
    for page in PAGES:
        for command, study in re.findall(r"felif (\w+) ([\w./]+)", page.read_text(encoding="utf-8")):
            if command in ("run", "convergence", "sweep"):
                assert Path(study).stem in known, f"{name_of(page)}: felif {command} {study}"


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_of_the_documents_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text(encoding="utf-8")):
        assert target.startswith("http") or (page.parent / target).exists(), target


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_names_that_the_documents_use_are_public(page):
    for name in re.findall(r"\bfl\.(\w+)", page.read_text(encoding="utf-8")):
        assert name in fl.__all__, name


def test_the_reference_lists_every_public_name():
    pages = [path.read_text(encoding="utf-8") for path in sorted((ROOT / "docs" / "api").glob("*.rst"))]
    listed = {name for page in pages for name in re.findall(r"^   ([\w.]+)$", page, re.MULTILINE)}
    assert {name for name in fl.__all__ if name not in ("testing", "study", "analysis")} <= listed
    assert {"testing.check_model", *fl.study.__all__} <= listed


def test_every_study_is_in_the_gallery():
    studies = set(fl.study.studies(ROOT / "studies"))
    for kind in ("png", "json"):
        assert {path.stem for path in (ROOT / "docs" / "gallery").glob(f"*.{kind}")} == studies


def test_the_version_is_that_of_the_package_wherever_it_is_written():
    for file in ("CITATION.cff", "recipe/recipe.yaml"):
        (told,) = re.findall(r'^ *version: "?([\d.]+)"?$', (ROOT / file).read_text(encoding="utf-8"), re.MULTILINE)
        assert told == fl.__version__, file


def test_every_parameter_of_the_models_has_its_symbol():
    table = (ROOT / "docs" / "symbols.md").read_text(encoding="utf-8")
    models = [value for value in map(vars(felif.models).get, felif.models.__all__) if hasattr(value, "equations")]
    assert len(models) > 10
    for model in models:
        for parameter in dataclasses.fields(model):
            assert f"`{parameter.name}`" in table, parameter.name


def test_modules_that_the_map_names_exist_and_it_names_all_of_them():
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    package = ROOT / "felif"
    for name in re.findall(r"`felif/([\w/]+\.py)`", text):
        assert (package / name).is_file(), name
    entries = [path.stem for path in package.glob("*.py") if path.stem != "__init__"]
    entries += [path.parent.name + "/" for path in package.glob("*/__init__.py")]
    for entry in entries:
        assert f"`{entry}`" in text, f"docs/architecture.md does not mention {entry}"


def test_mesh_files_are_what_their_script_writes(tmp_path):
    subprocess.run([sys.executable, ROOT / "meshes" / "make_meshes.py", tmp_path], timeout=60, check=True)
    for model, name in ((fl.NoisyLIF(), "neurons.msh"), (fl.RandomThresholdLIF(), "random_threshold.msh")):
        kept, made = (np.sort(fl.read_mesh(folder / name, model).p[0]) for folder in (ROOT / "meshes", tmp_path))
        np.testing.assert_allclose(kept, made, rtol=0, atol=1e-15)
        assert {model.v_reset, model.v_fire} <= set(kept)


def test_a_run_on_a_mesh_file_has_the_rate_of_the_reference():
    network = fl.NoisyLIF(b=0.5)
    problem = fl.discretize(network, fl.read_mesh(ROOT / "meshes" / "neurons.msh", network))
    run = fl.evolve(problem, fl.Gaussian(mean=0.0, variance=0.25), t_end=1.0, rtol=1e-9, progress=False)
    # two independent discretisations, digits as given; 216 degrees of freedom: 4e-9 measured
    np.testing.assert_allclose(run.sample("N", [0.1, 0.5, 1.0]), [0.030380475, 0.116563117, 0.135953971], rtol=5e-8)
