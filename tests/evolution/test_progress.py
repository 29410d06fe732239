"""The progress bar shows up on terminals, late, and leaves the run alone."""

import io

from toys import Smooth

from felif.evolution import integrate
from felif.output.progress import Progress


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_the_bar_shows_the_time_reached():
    terminal = Terminal()
    with Progress(terminal, delay=0.0, interval=0.0) as bar:
        integrate(Smooth(), [1.0, 0.0], 0, 2, observers=[bar])
    assert "t = 2 of 2" in terminal.getvalue()


def test_the_bar_is_silent_for_short_runs_and_away_from_terminals():
    for stream, delay in ((Terminal(), 60.0), (io.StringIO(), 0.0)):
        with Progress(stream, delay=delay) as bar:
            integrate(Smooth(), [1.0, 0.0], 0, 2, observers=[bar])
        assert stream.getvalue() == ""
