"""Every odd value for every argument of every public callable, and pairs of them: what is wrong, and what is taken.

usage: python tests/fuzz.py [--pairs 5000] [--only evolve] [--seed 1] [--part 0/1] [--accepted accepted.txt]

Each is taken, or refused in a sentence, within 20 s and 2 GB. `--part k/n`: the k-th of n parts, for several processes.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import resource
import sys
import tempfile
import warnings
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
from odd_values import ODD, outcome, said_of, watched
from public_calls import calls

MOST = 2e9  # bytes more than felif itself needs


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=5000)
    parser.add_argument("--only", default="", help="callables whose name begins so")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--part", default="0/1")
    parser.add_argument("--accepted", type=Path)
    asked = parser.parse_args()
    warnings.simplefilter("ignore")
    where = Path.cwd()
    counts: Counter[str] = Counter()
    taken: dict[str, set[str]] = defaultdict(set)
    with tempfile.TemporaryDirectory(prefix="odd", ignore_cleanup_errors=True) as folder:
        os.chdir(folder)
        table = {name: call for name, call in calls(Path(folder)).items() if name.startswith(asked.only)}
        for function, arguments in table.values():
            function(**arguments)
        watched()
        virtual = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (virtual + int(MOST),) * 2)
        chosen = [(called, {name: k}) for called in table for name in table[called][1] for k in range(len(ODD))]
        rng = np.random.default_rng(asked.seed)
        several = [called for called in table if len(table[called][1]) > 1]
        for _ in range(asked.pairs if several else 0):
            called = several[rng.integers(len(several))]
            names = rng.permutation([*table[called][1]])[:2].tolist()
            chosen.append(
                (called, {name: int(k) for name, k in zip(names, rng.integers(len(ODD), size=2), strict=True)})
            )
        part, parts = map(int, asked.part.split("/"))
        for called, odd in chosen[part::parts]:
            function, arguments = table[called]
            values = {name: ODD[k]() for name, k in odd.items()}
            with contextlib.redirect_stdout(io.StringIO()):
                how, said = outcome(function, {**arguments, **values})
            counts[how] += 1
            words = ", ".join(f"{name} = {said_of(value)}" for name, value in values.items())
            if how == "wrong":
                print(f"WRONG {called}({words}): {said:.200}", flush=True)
            elif how == "taken" and len(odd) == 1:
                taken[f"{called}: {next(iter(odd))}"].add(said_of(next(iter(values.values()))))
        os.chdir(where)
    if asked.accepted:
        lines = [f"{name}\n" + "".join(f"    {value}\n" for value in sorted(taken[name])) for name in sorted(taken)]
        asked.accepted.write_text("".join(lines))
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(f"{sum(counts.values())} of {len(chosen)} asked: {dict(counts)}; at most {used:.2f} GB")
    sys.exit(bool(counts["wrong"]))


if __name__ == "__main__":
    main()
