"""Numbers of this room that are chosen, not derived: one class a strategy, a reason beside each number."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Spike:
    """Synchronous spikes of one population and of several, with noise that grows with N too."""

    nobody: float = 1e-10  # fraction of neurons that is none
    at_reset: float = 1e-2  # cell at V_R where neurons return, in units of V_F - V_R
    spread: float = 1e-3  # of edges that a spike leaves, over V_F - V_R
    layer: float = 1e-6  # below V_F, over V_F - V_R
    wider: float = 1.5  # cells below, for neurons that are moved down
    lost: float = 1e-13  # fraction of neurons that may be below the mesh
    deviations: float = 7.0  # of the noise of a spike, in the room below
    finest: float = 1e-6  # cell at V_F after it, in units of V_F - V_R
    most_laps: int = 2000  # sums of ways; with two places these are 60 rounds
    most_windows: int = 100  # of the longest way


SPIKE = Spike()


@dataclass(frozen=True)
class Cascade:
    """The cascade of several populations."""

    longest: float = 200.0  # spikes per neuron after which an event that has not ended is called eternal
    finer: float = 1.25  # steps of the size of a queue
    directions: int = 12  # steps to the direction of a queue
    part: float = 1e-5  # below which nobody fires
    powers: int = 60  # steps to that direction at larger sizes
    same_ray: float = 1e-7  # change of it that is none
    generations: int = 20_000  # of spikes
    # spikes per neuron of a population that does not take part: what it does to others is below all errors
    nobody: float = 1e-6
    same: float = 1e-13  # relative change of the spikes fired that is none: the event has ended
    thinnest: float = 1e-9  # layer that is looked at
    parallel: float = 1e-9  # relative difference of directions that are one
    queue: float = 1e-3  # of the spikes fired, from which a queue is followed
    turns: int = 100  # changes of course of spikes that are delivered one after the other
    rtol: float = 1e-7  # of their path
    end: float = 1e-8  # of the spikes, which is none
    longest_event: float = 1e6  # in mean times that a spike waits
    longest_step: float = 2.0  # in the same


CASCADE = Cascade()


@dataclass(frozen=True)
class InitialLayer:
    """Data that do not vanish at V_F, packets that the drift carries there, and neurons one by one."""

    strong: float = -20.0  # b P from which on this is done; without it runs fail from about -100 on
    width: float = 1e-3  # l in units of 1/P
    thinnest: float = 1e-8  # least l, in units of V_F - V_R
    early: float = 0.05  # l in units of sqrt(a tol): N ~ t^(-1/2) is early by l^2/a, to be seen at t = 1e-3 at most
    grading: float = 3.0  # of the cells from V_F down
    # noise over drift and V_F - V_R, times this: the part of the largest flux that counts as small
    spread: float = 10.0
    silent: float = -200.0  # log of the rate below which a population is taken to be silent
    same: float = 1e-9  # relative deviation from what is affine that rounding explains
    highest: float = 25.0  # (V_F - m)/sqrt(a) from which a neuron is taken to be there: it fires at e^-300
    drop: float = 40.0  # powers of e after which an integrand is cut
    # panels in the width sqrt(a/|f'|) that noise spreads over; errors of second order are extrapolated
    per_unit: float = 10.0


LAYER = InitialLayer()
