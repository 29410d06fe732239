"""Long runs in a folder: their steps are on file, and in memory are a few numbers a step."""

from __future__ import annotations

import tracemalloc

import pytest

import felif as fl
from felif.runs import recording, restoring

STEPS = 200, 600


@pytest.fixture
def small_parts(tune):
    """What may be in memory at once, and is written at once, in proportion to runs so short."""
    for module in (recording, restoring):
        tune(module, "FILES", in_memory=2**17)
    tune(recording, "RECORDING", bytes_a_chunk=2**17)


def largest(work):
    """Bytes that are allocated at once at most while `work` is done."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_a_step_more_takes_a_few_numbers_more_to_make_to_read_and_to_go_on_from(small_parts, tmp_path):
    model = fl.NoisyLIF(b=0.5)
    problem = fl.discretize(model, fl.interval(model, v_min=-5.0, cells=20))
    how = {"fixed_step": 1e-3, "snapshots": 0, "progress": False}

    def evolve(folder, steps, **more):
        fl.evolve(problem, fl.Gaussian(-0.5, 0.25), 1e-3 * steps, folder=tmp_path / folder, **how, **more)

    evolve("first", 100)  # what is imported and compiled on the way
    fl.load_run(tmp_path / "first").at(0.05)
    evolve("first", 110, resume=True)
    held = 8 * problem.size * 4  # bytes of the state and the dense output of a step
    for name, work in (
        ("made", lambda steps: evolve(str(steps), steps)),
        ("read", lambda steps: fl.load_run(tmp_path / str(steps)).at(0.05)),
        ("gone on with", lambda steps: evolve(str(steps), steps + 10, resume=True)),
    ):
        few, many = (largest(lambda steps=steps, work=work: work(steps)) for steps in STEPS)
        assert (many - few) / (STEPS[1] - STEPS[0]) < held / 10, name  # times and series: eight numbers, some twice
