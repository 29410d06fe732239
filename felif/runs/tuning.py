"""Numbers of this room that are chosen, not derived: one class a strategy, a reason beside each number."""

from dataclasses import dataclass


@dataclass(frozen=True)
class AfterBlowUp:
    """What happens beyond a blow-up."""

    nobody: float = 1e-10  # fraction of neurons below V_F that is none: all of them wait in the refractory state
    # kicks after which a spike that has not ended by itself is called eternal, where there may be one
    longest: float = 200.0
    longest_that_ends: float = 1e6  # kicks after which one is, that is known to end
    first_horizon: float = 2.0  # kicks for which a mesh has room at first
    # spikes fired by a kick: 1 - O(1/N) where a blow-up has been followed to N, less where there is no queue
    starts: float = 0.9
    heard_with: float = 1e-3  # spikes per neuron right before and after an event that are heard with it
    apart: float = 1e-3  # a time, over d, that is too short to be heard apart
    cut: float = 1e-6  # part of a density beyond the mesh that is warned of, at least
    largest: float = 1e12  # N_max where rates rise by what is heard late
    more: float = 100.0  # how much it rises
    # spikes of each population for which a mesh has room; behind the last it is eternal
    horizons: tuple[float, ...] = (2.0, 20.0, 200.0)
    # of dilated time: data that do not vanish at V_F fire like sqrt(s), a long step misses that a queue was there
    first_step: float = 1e-14


AFTER = AfterBlowUp()


@dataclass(frozen=True)
class ErrorBars:
    """Error bars of runs and of blow-up times, by companions and by adjoints."""

    tighter: float = 30.0  # tolerance of a companion over that of the run
    looks: int = 4  # how much more closely functions of time are looked at
    tightest: float = 1e-12  # tolerance below which steps count rounding only
    # tolerance of the companion of a run on a mesh chosen by the user, if its steps ask for no less
    of_users: float = 1e-8
    of_lines: float = 1e-6  # tolerance that says how far lines over (v, w) must reach
    floor: float = 0.01  # of the tolerance: least bar, relative to J, as errors of either sign pass through 0
    # of the bar over the difference: what the companion lacks, measured 0.9 to 1.1 of the error mostly
    margin: float = 1.15
    beside: int = 6  # steps on either side among which the largest difference counts, where jumps are carried
    spread: float = 1.5  # of that difference: cells half as wide still spread a jump, over a third as far
    large: float = 1e5  # a rate no network has for long
    coarser: float = 10.0  # how much looser the companion run is that measures the error of a blow-up time
    sharper: float = 3.0  # how much tighter its tolerance is where the user chose the mesh
    loosest: float = 1e-6  # its tolerance at most where the user chose the mesh, whatever that cuts off
    growth: float = 1.12  # of the steps away from T, where the adjoint of a rate is a distribution at V_F
    least: int = 3  # steps of the adjoint in a step of the run
    first: float = 1e-4  # first step of the adjoint, in units of the time in which noise crosses the smallest cell
    part: int = 32  # of a run in which the error is controlled
    rtol: float = 1e-8  # and its tolerance
    points_of_step: int = 4  # Gauss points a step


BARS = ErrorBars()


@dataclass(frozen=True)
class Many:
    """One model at many parameters."""

    worthwhile: int = 40  # points whose rates run away, from which meshes for them cost less than a run of each
    finer: float = 0.5  # of the tolerance from which the common mesh is made
    closer: float = 0.02  # the same for rates that run away: next to a blow-up errors of the mesh grow as those of time
    tried: int = 9  # points, at most, whose meshes make the common one
    longest: int = 1000  # points a thread takes at a time, at most
    sent: int = 200  # points that go to an executor at a time
    rising: float = 50.0  # a rate from which a point goes on where layers are resolved
    # time before a blow-up, of all the time up to it, in which steps are the more accurate the less of it is left: its
    # error is about tol times that time, and what N has of it grows as what is left falls (up to 0.4 tol measured)
    last: float = 0.5
    finest: float = 1e-10  # tolerance of such steps, at least
    wider: float = 0.2  # than cells of the runs, relative, that cells cut in two may be


MANY = Many()


@dataclass(frozen=True)
class Recording:
    """What a run keeps, in memory and in its folder."""

    seconds_a_chunk: float = 2.0  # of steps between two checkpoints, at most
    bytes_a_chunk: int = 2**22  # likewise
    most_steps: float = 1e9  # of a run, where steps have a longest size
    most_bytes: float = 4e9  # of its states, in memory


RECORDING = Recording()
