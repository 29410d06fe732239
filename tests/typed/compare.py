"""Runs mypy on user.py, beside this file, and pyright where it is installed: every line must be found as its comment
says, in mypy's words, and nothing else."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

script = Path(__file__).with_name("user.py")
lines = enumerate(script.read_text().splitlines(), 1)
EXPECTED = {number: line.partition("  # ")[2] for number, line in lines if "  # " in line}
CHECKERS = {"mypy": [sys.executable, "-m", "mypy", "--no-error-summary", "--follow-imports=silent", str(script)]}
if pyright := shutil.which("pyright"):
    CHECKERS["pyright"] = [pyright, "--pythonpath", sys.executable, str(script)]


def agrees(checker: str, expected: str, found: str) -> bool:
    """pyright says types without their modules and errors in words of its own, with the same name between quotes."""
    if checker == "pyright" and expected.startswith("error: "):
        return "error: " in found and expected.split('"')[-2] in found
    return (expected if checker == "mypy" else f'is "{expected.rpartition(".")[2]}"') in found


def wrong_lines(checker: str, command: list[str]) -> list[str]:
    """What a checker does not say as expected, and what it says of other lines."""
    printed = subprocess.run(command, capture_output=True, text=True).stdout
    found: dict[int, str] = {}
    for number, text in re.findall(r"user\.py:(\d+):(.*)", printed):
        found[int(number)] = found.get(int(number), "") + text + " "
    wrong = [
        f"{checker}, line {number}: expected {expected}; {found.get(number)}"
        for number, expected in EXPECTED.items()
        if not agrees(checker, expected, found.get(number, ""))
    ]
    return wrong + [f"{checker}, line {number}: {text}" for number, text in found.items() if number not in EXPECTED]


wrong = [line for checker, command in CHECKERS.items() for line in wrong_lines(checker, command)]
print("\n".join(wrong) or f"{' and '.join(CHECKERS)}: {len(EXPECTED)} types and errors as expected")
sys.exit(bool(wrong))
