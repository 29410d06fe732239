"""The independent solver of tests/analysis is importable by every test as `independent`; the option --fresh."""

import dataclasses
import os
import secrets
import sys
from pathlib import Path

import pytest

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parent / "analysis")]

for _name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")  # before numpy: threads of several workers wait for each other on small matrices

import randomised  # noqa: E402  (found on the path above)


@pytest.fixture(scope="module")
def few_snapshots():
    """At most five snapshots a run folder, not a hundred, each of which takes as long as ten steps."""
    from felif.output import snapshot_times

    def few(start, end, count):
        return snapshot_times(start, end, min(count, 5) if isinstance(count, int) else count)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("felif.output.drawn.snapshot_times", few)
        yield


def pytest_addoption(parser):
    parser.addoption(
        "--fresh",
        type=int,
        default=0,
        metavar="N",
        help="random tests look at N new cases each, with new seeds, instead of their fixed ones",
    )
    parser.addoption("--fresh-seed", type=int, default=None, help="the seed printed by a run with --fresh")


def pytest_configure(config):
    randomised.fresh = config.getoption("--fresh")
    if randomised.fresh and config.getoption("--fresh-seed") is None:
        config.option.fresh_seed = secrets.randbelow(
            2**31
        )  # one for all workers of a run, which collect the same tests
    randomised.first = config.getoption("--fresh-seed") or 0


def pytest_report_header(config):
    if randomised.fresh:
        again = f"--fresh {randomised.fresh} --fresh-seed {randomised.first}"
        return f"{randomised.fresh} new cases a random test; the same seeds again with {again}"
    return None


@pytest.fixture
def tune(monkeypatch):
    """tune(module, "STRATEGY", number=...): numbers of a strategy changed for a test, where a module reads it."""

    from felif.given.memory import forget

    def change(module, strategy, **numbers):
        monkeypatch.setattr(module, strategy, dataclasses.replace(getattr(module, strategy), **numbers))
        forget()

    yield change
    forget()
