"""Random cases: the same ones in every run of CI, new ones on request with `pytest --fresh N`.

`@cases(12)` in place of hypothesis' settings: 12 examples, always the same; with `--fresh 200`, 200 unseen ones.
`seeds(12)` for tests that draw by themselves: the numbers 0 to 11; with `--fresh 200`, 200 new ones.
"""

from __future__ import annotations

from hypothesis import HealthCheck, settings

fresh: int = 0  # both set by conftest.py from the options
first: int = 0


def cases(count: int, **others) -> settings:
    """Settings of a random test that looks at `count` examples, or at as many new ones as `--fresh` asks for."""
    others.setdefault("suppress_health_check", [HealthCheck.too_slow])
    return settings(max_examples=fresh or count, deadline=None, derandomize=not fresh, print_blob=True, **others)


def seeds(count: int) -> list[int]:
    """Seeds for `pytest.mark.parametrize`: fixed ones, or as many new ones as `--fresh` asks for."""
    return list(range(first, first + (fresh or count)))
