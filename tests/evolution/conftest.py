"""The toy problems of this folder are importable by its tests as `toys`."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
