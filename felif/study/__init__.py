"""Studies: what they are, running them, convergence tables, sweeps, and the command line.

A study is described in `felif.study.study`.
"""

from .finding import studies
from .script import run_script
from .study import Study, check, folder, load, of

__all__ = ["Study", "check", "folder", "load", "of", "run_script", "studies"]
