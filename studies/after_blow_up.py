"""What does an excitatory network do after its firing rate has become infinite?

    n_t + [(-v + b N) n]_v - (a0 + a1 N) n_vv = N(t) delta(v - V_R),   v < V_F
    n(V_F, t) = 0,      N(t) = -(a0 + a1 N) n_v(V_F, t)

Expected: it goes on (S21). At T a fraction of the neurons fires at one instant, N -> size x delta(t - T), "partial
synchronisation"; physical time stands still while their spikes are delivered, and the density right after is n moved
up by b size, what passed V_F set down above V_R. From there the equations hold again: N starts like t^(-1/2), from a
finite rate when the noise grows with N (a1 = 0.05), and both networks of the first row settle at a steady state. Second
row: a refractory network with b = 3 has no steady state of low activity and fires in synchrony again and again; without
refractory state (the fourth network) the first spike never ends: every neuron fires again and again at once. Delarue,
Inglis, Rubenthaler & Tanre 2015 call these physical solutions.
"""

import numpy as np

import felif as fl
from felif.output import label, mark_thresholds, panels, plot_series

CHEAP = {"tol": 1e-5, "rtol": 1e-5, "t_end": 0.6, "t_long": 3.8}
# finite elements and a characteristics prototype; the first row agrees with particles (.5217 +- .0017)
EXPECTED = {
    "time_constant": (0.009224431428, 1e-7),
    "size_constant": (0.52373045, 2e-6),
    "N_constant": ((0.969891435, 0.4265551713), 5e-5),
    "time_growing": (0.00247291642, 1e-6),
    "size_growing": (0.84696243, 1e-5),
    "N_growing": ((1.89034799, 0.4369557), 5e-5),
    "N_just_after": (10.8909118, 1e-2),
    "time_refractory": (3.78757, 1e-4),
    "size_refractory": (0.73173, 1e-4),
    "outcome_eternal": ("eternal_blow_up", 0.0),
}
AFTER = (0.05, 0.5)


@fl.study.numerics(cells=None, tol=1e-6, t_end=3.0, rtol=1e-6)
def main(solver, t_long=8.0, b=0.5, b_large=3.0, a0=1.0, a1=0.05, tau=0.1) -> dict:
    """Carry four networks through their blow-ups.

    cells: Number of cells, fixed, until the first event.
    t_end: End of the first two runs, in membrane time constants.
    t_long: End of the other two.
    b: Connectivity of the networks of the first row.
    b_large: Connectivity of the others.
    a1: Increase of the noise with N of the second network.
    """
    near, far = fl.Gaussian(1.83, 0.003, boundary_layer=0.5), fl.Gaussian(-1.0, 0.5)
    cases = {
        "constant": (fl.NoisyLIF(b=b, a0=a0), near, solver.t_end),
        "growing": (fl.NoisyLIF(b=b, a0=a0, a1=a1), near, solver.t_end),
        "refractory": (fl.RefractoryLIF(b=b_large, a0=a0, tau=tau), far, t_long),
        "eternal": (fl.NoisyLIF(b=b_large, a0=a0), far, t_long),
    }
    results: dict = {"N_just_after": None}
    for name, case in cases.items():
        run = solver.evolve(name, *case, after_blow_up=fl.Continue())
        spikes = synchronous(run)
        results |= {f"outcome_{name}": run.outcome.name, f"events_{name}": len(spikes)}
        results[f"time_{name}"] = spikes[0].time if spikes else None
        results[f"size_{name}"] = spikes[0].size if spikes else None
        if spikes:
            later = [spikes[0].time + x for x in AFTER]
            results[f"N_{name}"] = [run.sample("N", t) for t in later if t <= run.times[-1]]
        if spikes and name == "growing":
            results["N_just_after"] = float(spikes[0].state.N)
    return results


def synchronous(run: fl.Run) -> list:
    """The synchronous spikes among the events of a run."""
    return [event for event in run.events if hasattr(event, "size")]


@panels(2, 2)
def figure(results, densities, first, bursts, shares):
    """Densities before and after the event; N(t) of the first two; the bursts of the third."""
    _before_and_after(densities, results["constant"])
    for k, run in enumerate((results["constant"], results["growing"])):
        _rate(first, run, f"C{k}", f"$a_1={run.model.a1:g}$")
    label(first, "t", "N", "upper right", xscale="log", yscale="log", xlim=(1e-4, None), ylim=(0.1, 1e6))
    run = results["refractory"]
    _rate(bursts, run, "C2", rf"$\tau={run.model.tau:g}$")
    label(bursts, "t", "N", "upper left", f"refractory, $b={run.model.b:g}$", yscale="log", ylim=(1e-2, 1e4))
    shares.plot(run.times, run.series["R"], "C2", label="$R(t)$, at rest")
    shares.plot(run.times, run.series["mass"], "0.5", ls="--", label=r"$\int\;n\,dv$")
    label(shares, "t", "fraction of neurons", legend="upper left", ylim=(0.0, 1.02))


def _rate(axes, run, colour: str, text: str) -> None:
    """N(t), with a line at every synchronous spike and size and time of the first."""
    for spike in synchronous(run):
        axes.axvline(spike.time, color=colour, ls=":", lw=1.0)
    for spike in synchronous(run)[:1]:
        text += rf": $\Delta={spike.size:.4f}$ at $T={spike.time:.4g}$"
    plot_series(axes, run, "N", colour, label=text)


def _before_and_after(axes, run) -> None:
    """n(v) at the start, just before and right after the first event, and later."""
    if not run.events:
        return
    event, v = run.events[0], np.linspace(0.0, run.model.v_fire, 2001)
    last = [one for one in run.segments if one.times[-1] <= event.time and one.times[0] < event.time][-1]
    for text, state, colour in (
        ("$t=0$", run.at(0.0), "0.6"),
        ("just before $T$", fl.State(last.problem, float(last.times[-1]), last.states[-1]), "C0"),
        ("right after $T$", event.state, "C3"),
        ("$T+0.05$", run.at(min(event.time + 0.05, float(run.times[-1]))), "C1"),
    ):
        axes.plot(v, state.n(v), color=colour, label=text, lw=1.3)
    mark_thresholds(axes, run.problem.marks)
    axes.set(xlim=(0.5, 2.02), ylim=(0.0, None))
    label(axes, "v", "n", legend="upper left", title=f"$b={run.model.b:g}$, $a_1=0$", pad=16)


if __name__ == "__main__":
    fl.study.run_script(main)
