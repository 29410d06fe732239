"""Studies: what they are, running them, convergence tables, sweeps, and the command line.

A study is described in `felif.study.study`.
"""

from .finding import studies
from .numerics import Solver, folder, numerics
from .script import run_script
from .study import Study, check, load, of

__all__ = ["Solver", "Study", "check", "folder", "load", "numerics", "of", "run_script", "studies"]
