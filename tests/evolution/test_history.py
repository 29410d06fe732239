"""Where solutions with delays are not smooth."""

import numpy as np
import pytest

from felif.evolution import breaking_points


def test_sums_of_few_delays_count_up_to_six():
    assert breaking_points(0.0, 10.0, [1.0]) == pytest.approx([1, 2, 3, 4, 5, 6])
    assert breaking_points(0.0, 0.9, [0.2, 0.5], jumps=[0.3]) == pytest.approx([0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8])


@pytest.mark.parametrize("count", [10, 400])
def test_many_delays_count_once(count):
    """As many as couplings of a network: 7^count sums were made, and ten delays took a minute and all memory."""
    delays = np.random.default_rng(1).uniform(0.1, 0.3, count).tolist()
    found = breaking_points(0.0, 1.0, delays)
    assert set(delays) <= set(found)
    assert len(found) <= max(count, 100)
