"""The independent solver of tests/analysis is importable by every test as `independent`."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "analysis"))
