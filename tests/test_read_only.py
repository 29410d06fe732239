"""Everything runs where only a temporary folder and those that a user names can be written: no HOME, no caches."""

from __future__ import annotations

import os
import subprocess
import sys

PROGRAM = """
import os, sys
mine = os.path.realpath(sys.argv[1])
WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_TRUNC


def watch(event, arguments):
    # every file that is opened to be written, and every folder that is made, elsewhere
    if event == "open":
        path, mode, flags = arguments
        writes = any(sign in (mode or "") for sign in "wax+") or (mode is None and flags & WRITES)
    elif event in ("os.mkdir", "os.rename", "os.remove"):
        path, writes = arguments[0], True
    else:
        return
    if not writes or isinstance(path, int) or path is None:
        return
    path = os.path.realpath(os.fsdecode(path))
    if not (path.startswith(mine) or path.startswith("/dev/")):
        raise PermissionError(30, "read-only", path)


sys.addaudithook(watch)
import numpy as np
import felif as fl

model, start = fl.NoisyLIF(b=0.5), fl.Gaussian(-0.5, 0.25)
problem = fl.discretize(model, tol=1e-2)
run = fl.evolve(problem, start, 0.2, folder=mine + "/run", snapshots=3)
assert fl.load_run(mine + "/run").final.N == run.final.N
run.plot(mine + "/run.png")
states = fl.steady_states(problem)
branch = fl.continuation(problem, states[0], "b", (0.4, 0.6), folder=mine + "/branch")
fl.spectrum(problem, states[0])
fl.simulate_particles(model, neurons=100, t_end=0.1, start=start, seed=1, folder=mine + "/neurons")
law = fl.first_passage(fl.NoisyLIF(current=2.0))
fl.fit(law.sample(50, seed=1), fl.NoisyLIF(current=1.8), ["current"]).save(mine + "/fit")
learning = fl.LearningLIF(eps=0.2, K=-1.0, sigma=fl.Proportional(4), current=1.5, w_min=-1.0, w_max=0.0)
lines = fl.discretize(learning, space=fl.Tensor(), tol=3e-2)
fl.evolve(lines, lambda v, w: np.exp(-v**2) * (v < 2) * (2 - v) * w**2 * (1 + w) ** 2, 0.01)
from felif.study.cli import run as command

assert command(["run", sys.argv[2], "--out", mine + "/study"]) == 0
assert command(["sweep", sys.argv[2], "--b", "0,1", "--out", mine + "/sweep", "--executor", "1"]) == 0
print("all of it")
"""

STUDY = '''"""What is b?"""


def main(b: float = 0.0) -> dict:
    """It."""
    return {"is": b}


def figure(results):
    from felif.output.style import new_figure

    return new_figure()[0]
'''


def test_everything_runs_without_a_home_and_where_nothing_else_can_be_written(tmp_path):
    (tmp_path / "mine" / "temporary").mkdir(parents=True)  # matplotlib needs one
    (tmp_path / "study.py").write_text(STUDY)
    names = ("HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "MPLCONFIGDIR", "TMPDIR", "NUMBA_CACHE_DIR")
    environment = {name: value for name, value in os.environ.items() if name not in names}
    environment |= dict.fromkeys(("XDG_CACHE_HOME", "XDG_CONFIG_HOME"), "/dev/null/nowhere") | {
        "TMPDIR": str(tmp_path / "mine" / "temporary")
    }
    command = [
        sys.executable,
        "-W",
        "error::UserWarning:felif",
        "-c",
        PROGRAM,
        tmp_path / "mine",
        tmp_path / "study.py",
    ]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("all of it\n")
