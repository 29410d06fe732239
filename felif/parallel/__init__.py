"""Work in other processes, on this machine or others: what goes there by value, and who does it."""

from .executors import Pool, open_pool
from .spreading import spread
from .travel import packed, unpacked

__all__ = ["Pool", "open_pool", "packed", "spread", "unpacked"]
