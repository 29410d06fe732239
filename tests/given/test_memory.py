"""What is kept of what was computed: the latest, also where threads share it."""

import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import felif as fl
from felif.given.memory import remembered
from felif.translation import weak_form_of


def test_the_latest_stay():
    memory = {}
    for key in (1, 2, 3, 1, 4):
        assert remembered(memory, key, 10 * key, 3) == 10 * key
    assert memory == {3: 30, 1: 10, 4: 40}
    assert remembered({}, 0, "one", 1) == "one"


@pytest.fixture
def hasty():
    """Threads that take turns all the time."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def test_threads_share_what_is_kept(hasty):
    """Maps of 10,000 blow-ups ended in "dictionary changed size during iteration"."""
    with ThreadPoolExecutor(8) as pool:
        forms = list(pool.map(weak_form_of, [fl.NoisyLIF(b=b) for b in np.linspace(-1.0, 1.0, 12_000)]))
    assert all(form is forms[0] for form in forms)  # b is in none of the forms
