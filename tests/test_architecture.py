"""Who may import whom: the rooms of docs/architecture.md, read from the source."""

from __future__ import annotations

import ast
import re
import runpy
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from felif.algebra import compiled

PACKAGE = Path(__file__).parents[1] / "felif"

ROOMS = {  # room: (rooms it may import from, libraries besides numpy and the standard library)
    "given": ("", ""),
    "weakform": ("given", ""),
    "outcome": ("", ""),
    "notebook": ("given", ""),
    "problem": ("given notebook outcome algebra", ""),
    "algebra": ("given", "threadpoolctl"),
    "translation": ("given weakform", ""),
    "models": ("given weakform translation", "scipy"),
    "spaces": ("given translation algebra", ""),
    "firing": ("given weakform translation problem spaces systems", "scipy"),
    "systems": ("given weakform translation problem algebra spaces", "scipy"),
    "meshing": ("given translation", "meshio"),
    "assembly": ("given translation problem algebra spaces firing meshing systems", "skfem scipy"),
    "solvers": ("given notebook problem algebra output", "scipy"),
    "evolution": ("given problem algebra", "scipy"),
    "analysis": ("given problem algebra", "scipy"),
    "output": (
        "given notebook problem",
        "rich meshio vtk vtkmodules paraview pyvista matplotlib xarray pandas IPython",
    ),
    "parallel": ("given", "cloudpickle threadpoolctl dask distributed mpi4py"),
    "runs": ("given notebook translation problem algebra spaces firing meshing assembly evolution output parallel", ""),
    "stationary": (
        "given translation models problem algebra spaces firing assembly solvers analysis output runs parallel",
        "",
    ),
    "physical": ("given models problem assembly analysis stationary", "scipy"),
    "fitting": ("given translation models problem algebra assembly evolution output runs", "scipy"),
    "particles": ("given translation problem algebra assembly evolution analysis output fitting", "scipy"),
    "testing": ("given translation problem algebra spaces meshing assembly systems", "skfem"),
    "explore": ("given algebra problem models assembly output parallel runs solvers stationary", ""),
    "study": (
        "given problem algebra meshing assembly output runs parallel explore",
        "rich cyclopts matplotlib pandas pyarrow",
    ),
    "__main__": ("study", ""),
    "__init__": ("", ""),
}
# inside functions
LAZY = {"vtk", "vtkmodules", "pyvista", "matplotlib", "meshio", "cloudpickle", "rich", "xarray", "pandas", "IPython"}
LAZY |= {"dask", "distributed", "mpi4py", "pyarrow"}
SCRIPTS = {"output/view.py"}  # run by ParaView's Python, copied into every run folder
FILES = [p for p in sorted(PACKAGE.rglob("*.py")) if str(p.relative_to(PACKAGE)) not in SCRIPTS]


def room_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


@cache
def nodes_of(path: Path) -> list[ast.AST]:
    return list(ast.walk(ast.parse(path.read_text())))


def outside_functions(node: ast.AST) -> Iterator[ast.AST]:
    yield node
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.stmt | ast.excepthandler) and not isinstance(child, ast.FunctionDef):
            yield from outside_functions(child)


@cache
def read(path: Path) -> tuple[list[tuple[str, bool]], list[tuple[str, set[str]]]]:
    """(what is imported: "felif.<room>" or a library, whether outside of functions), for every import of a file.

    And (name, bases) of its classes.
    """
    nodes = nodes_of(path)
    at_top = {id(node) for node in outside_functions(nodes[0])}
    package = ("felif", *path.relative_to(PACKAGE).parts[:-1])
    found = []
    for node in nodes:
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = [*package[: len(package) - node.level + 1]] if node.level else []
            base += node.module.split(".") if node.module else []
            names = [".".join([*base, *([alias.name] if base == ["felif"] else [])]) for alias in node.names]
        else:
            continue
        found += [(".".join(n.split(".")[: 2 if n.startswith("felif.") else 1]), id(node) in at_top) for n in names]
    classes = [(n.name, {ast.unparse(base) for base in n.bases}) for n in nodes if isinstance(n, ast.ClassDef)]
    return found, classes


def imports(path: Path) -> list[tuple[str, bool]]:
    return read(path)[0]


def offenders(wrong: Callable[[Path], Any]) -> dict[str, Any]:
    """What is wrong with every file of the package, by its name."""
    return {str(path.relative_to(PACKAGE)): found for path in FILES if (found := wrong(path))}


def test_rooms_import_only_what_they_may():
    everywhere = {"numpy", "felif.__version__", *sys.stdlib_module_names}
    everywhere |= {"felif.error_estimate"}  # of run.error: the verb runs `evolve` again

    def wrong(path: Path) -> set[str]:
        rooms, libraries = ROOMS[room_of(path)]
        own = {f"felif.{room}" for room in (room_of(path), *rooms.split())}
        return {name for name, _ in imports(path)} - everywhere - own - set(libraries.split())

    assert not offenders(wrong)


def test_what_is_slow_to_import_is_imported_inside_functions():
    assert not offenders(lambda path: {name for name, at_top in imports(path) if at_top} & LAZY)


def test_a_first_run_waits_for_no_part_of_scipy_that_it_does_not_use():
    """These take 0.2 s: imported inside functions in the rooms that a run needs, the rest through `given.libraries`."""
    needed = {"given", "weakform", "problem", "algebra", "translation", "models", "spaces", "firing", "meshing"}
    needed |= {"systems", "assembly", "evolution", "output", "runs"}
    slow = re.compile(r"^(?:from|import) scipy\.(?:interpolate|optimize|integrate|stats|fft|signal)\b", re.M)
    assert not offenders(lambda path: room_of(path) in needed and slow.findall(path.read_text()))


@pytest.mark.skipif(compiled.library() is None, reason="LAPACK makes the steps where no compiled core runs")
@pytest.mark.parametrize(
    "model", ["NoisyLIF(b=0.5)", "NoisyLIF(b=3.0)", "RefractoryLIF(b=0.5)", "RandomThresholdLIF()"]
)
def test_a_first_run_of_one_population_imports_neither_scipy_nor_scikit_fem(model):
    script = f"""
import sys
import felif as fl
run = fl.evolve(fl.discretize(fl.{model}), fl.Gaussian(-1.0, 0.5), t_end=5.0)
print(run.outcome.name, {{"scipy", "skfem"}} & set(sys.modules))
"""
    ends = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert ends == ("blow_up set()\n" if "3.0" in model else "finished set()\n")


def test_a_readers_question_is_answered_by_at_most_two_files():
    """The table of docs/architecture.md: its files exist, and define the functions that are named beside them."""
    page = (PACKAGE.parent / "docs" / "architecture.md").read_text()
    table = page.partition("## Where things happen")[2].partition("\n## ")[0]
    rows = re.findall(r"(?m)^\| (?!---|question)(.+?) \| (.+) \|$", table)
    assert len(rows) > 20
    for question, answer in rows:
        files = [PACKAGE / name for name in re.findall(r"`([\w/]+\.\w+)`", answer)]
        files = [path if path.exists() else PACKAGE.parent / path.relative_to(PACKAGE) for path in files]
        assert 1 <= len(files) <= 2, question
        text = "".join(path.read_text() for path in files)
        for name in (
            name for group in re.findall(r"`\S+\.py` \(([^)]*`)", answer) for name in re.findall("`(.+?)`", group)
        ):
            assert re.search(rf"(?m)^ *(?:def|class) {name}\b", text), (question, name)


def test_files_are_short():
    assert not offenders(lambda path: max(len(path.read_text().splitlines()) - 350, 0))


def test_numbers_that_are_chosen_stand_in_a_class_of_their_strategy():
    """At the top of modules stand facts, formats and memories: fewer than there are modules by far."""
    numbers = [re.findall(r"(?m)^_?[A-Z][A-Z0-9_]* *(?:,.*)?= *-?[\d.]", path.read_text()) for path in FILES]
    assert sum(map(len, numbers)) < 80


def test_engines_read_no_parameter_for_a_place():
    """Places come from the equations: `landings`, `top` and `length` of a problem."""
    engines = ("meshing", "assembly", "spaces", "solvers", "evolution", "output")
    assert not offenders(lambda path: room_of(path) in engines and re.findall(r"v_reset|v_fire", path.read_text()))


def test_the_documents_say_who_may_import_whom_and_what_every_module_is():
    """The table of docs/architecture.md, and docs/modules.md, which docs/modules.py writes."""
    docs = PACKAGE.parent / "docs"
    rows = re.findall(r"^\| `(\w+)/?` \|.*\| ([^|]*) \|$", (docs / "architecture.md").read_text(), re.M)
    said = {room: set(re.findall(r"\w+", allowed)) & set(ROOMS) for room, allowed in rows}
    assert said == {room: set(ROOMS[room][0].split()) for room in set(ROOMS) - {"__main__", "__init__"}}
    written = runpy.run_path(str(docs / "modules.py"))["index"]()
    assert (docs / "modules.md").read_text() == written, "run docs/modules.py"


def test_every_package_is_a_room():
    assert {p.parent.name for p in PACKAGE.glob("*/__init__.py")} <= set(ROOMS)


def test_concrete_classes_inherit_from_no_class_of_the_package():
    """But for the protocols, errors, a SteadyState, which is a State, and the `m` of coefficients."""
    classes = [found for path in FILES for found in read(path)[1]]
    protocols = {"Problem", "OverV", "OverPlane", "OverLines", "OverTriangles", "OnAxes"}
    own = {name for name, _ in classes} - protocols - {"State", "Parameters", "NotConverged", "Infeasible"}
    for name, bases in classes:
        assert not bases & own, name


def test_no_room_imports_one_that_imports_it():
    above = {room: set(rooms.split()) for room, (rooms, _) in ROOMS.items()}
    while lowest := {room for room, rooms in above.items() if not rooms & set(above)}:
        above = {room: rooms for room, rooms in above.items() if room not in lowest}
    assert not above


def test_the_wheel_has_every_room_the_studies_and_the_mesh_files():
    settings = tomllib.loads((PACKAGE.parent / "pyproject.toml").read_text())["tool"]["setuptools"]
    rooms = {".".join(p.relative_to(PACKAGE.parent).parts[:-1]) for p in FILES}
    assert set(settings["packages"]) == rooms | {"felif.studies", "felif.meshes"}
    assert settings["package-dir"] == {"felif.studies": "studies", "felif.meshes": "meshes"}


def test_nobody_asks_what_kind_of_problem_it_is():
    """What a problem does not offer is None in the protocol; there is no other way to find out."""
    asking = re.compile(r"(?:has|get)attr\((?:\w+\.)*(?:problem|system), [^)]*\)")
    assert not offenders(lambda path: asking.findall(path.read_text()))


def modules_imported(path: Path) -> set[str]:
    """felif's own modules that a file imports, inside of functions too."""
    names = {".".join(p.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__") for p in FILES}
    package, found = path.relative_to(PACKAGE).parts[:-1], set()
    for node in nodes_of(path):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = [*package[: len(package) - node.level + 1], *(node.module.split(".") if node.module else [])]
            for alias in node.names:
                found.add(next((n for n in (".".join([*base, alias.name]), ".".join(base)) if n in names), ""))
    return found - {""}


def test_no_modules_import_each_other_in_a_circle():
    names = {p: ".".join(p.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__") for p in FILES}
    left = {names[p]: modules_imported(p) - {names[p]} for p in FILES}
    while free := [name for name, imported in left.items() if not imported & set(left)]:
        left = {name: imported for name, imported in left.items() if name not in free}
    assert not left
