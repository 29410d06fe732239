"""`python -m felif`: the command line, for what starts modules, such as `python -m mpi4py.futures -m felif`."""

import sys

from .study.cli import run

if __name__ == "__main__":
    sys.exit(run())
