"""Runs mypy on user.py, beside this file: every line must be found as its comment says, and nothing else."""

import re
import subprocess
import sys
from pathlib import Path

script = Path(__file__).with_name("user.py")
command = [sys.executable, "-m", "mypy", "--no-error-summary", "--follow-imports=silent", str(script)]
printed = subprocess.run(command, capture_output=True, text=True).stdout
found: dict[int, str] = {}
for number, text in re.findall(r"user\.py:(\d+): (.*)", printed):
    found[int(number)] = found.get(int(number), "") + text + " "
lines = enumerate(script.read_text().splitlines(), 1)
expected = {number: line.partition("  # ")[2] for number, line in lines if "  # " in line}
wrong = [f"line {k}: expected {text}; {found.get(k)}" for k, text in expected.items() if text not in found.get(k, "")]
wrong += [f"line {k}: {text}" for k, text in found.items() if k not in expected]
print("\n".join(wrong) or f"mypy: {len(expected)} types and errors as expected")
sys.exit(bool(wrong))
