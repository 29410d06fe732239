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

from __future__ import annotations

from pathlib import Path

import numpy as np

import felif as fl
from felif.output.style import house_style, mark_thresholds, new_figure

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
    "drift": (0.0, 1e-10),  # mass through the event
    "defect": (0.0, 100.0),  # of the exponential-moment identity, in units of the tolerance
}
AFTER = (0.05, 0.5)


def main(
    cells: int | None = None,
    tol: float = 1e-6,
    t_end: float = 3.0,
    rtol: float = 1e-6,
    t_long: float = 8.0,
    b: float = 0.5,
    b_large: float = 3.0,
    a0: float = 1.0,
    a1: float = 0.05,
    tau: float = 0.1,
    out: Path | None = None,
) -> dict:
    """Carry four networks through their blow-ups.

    Parameters
    ----------
    cells
        Number of cells on (-8, V_F), fixed, until the first event.
    tol
        Accuracy of N from which a mesh is chosen, and adapted.
    t_end
        End of the first two runs, in membrane time constants.
    rtol
        Tolerance of a time step.
    t_long
        End of the other two.
    b
        Connectivity of the networks of the first row.
    b_large
        Connectivity of the others.
    a0
        Noise of a silent network.
    a1
        Increase of the noise with N of the second network.
    tau
        Mean time a neuron of the third network rests after firing.
    """
    near, far = fl.Gaussian(1.83, 0.003, boundary_layer=0.5), fl.Gaussian(-1.0, 0.5)
    cases = {
        "constant": (fl.NoisyLIF(b=b, a0=a0), near, t_end),
        "growing": (fl.NoisyLIF(b=b, a0=a0, a1=a1), near, t_end),
        "refractory": (fl.RefractoryLIF(b=b_large, a0=a0, tau=tau), far, t_long),
        "eternal": (fl.NoisyLIF(b=b_large, a0=a0), far, t_long),
    }
    results: dict = {"drift": 0.0, "defect": 0.0}
    for name, (network, start, end) in cases.items():
        mesh = None if cells is None else fl.interval(network, v_min=-8.0, cells=cells, grading=3.0)
        problem = fl.discretize(network, tol=tol) if mesh is None else fl.discretize(network, mesh)
        folder = fl.study.folder(out, name)
        run = fl.evolve(problem, start, end, rtol=rtol, after_blow_up=fl.Continue(), folder=folder, resume=True)
        spikes = [event for event in run.events if hasattr(event, "size")]
        results[name] = run
        results[f"outcome_{name}"] = run.outcome.name
        results[f"time_{name}"] = spikes[0].time if spikes else None
        results[f"size_{name}"] = spikes[0].size if spikes else None
        results[f"events_{name}"] = len(spikes)
        if spikes:
            later = [spikes[0].time + x for x in AFTER]
            results[f"N_{name}"] = [run.sample("N", t) for t in later if t <= run.times[-1]]
        results["drift"] = max(results["drift"], *run.drift.values())
        results["defect"] = max(results["defect"], run.moment_defect / max(tol if cells is None else 0.0, rtol))
    state = results["growing"].events[0].state if results["events_growing"] else None
    return results | {"N_just_after": None if state is None else float(state.N)}


def figure(results: dict):
    """Densities before and after the event; N(t) of the first two; the bursts of the third."""
    figure, axes = new_figure(2, 2)
    with house_style():
        _before_and_after(axes[0, 0], results["constant"])
        axis = axes[0, 1]
        for k, name in enumerate(("constant", "growing")):
            run = results[name]
            t = np.unique(np.concatenate([run.times, np.linspace(*run.times[[0, -1]], 400)]))
            _rate(axis, run, t, f"C{k}", f"$a_1={run.model.a1:g}$")
        axis.set(
            xlabel="time $t$ (membrane time constants)", ylabel="firing rate $N(t)$", ylim=(0.1, 1e4), yscale="log"
        )
        axis.set_xscale("log")
        axis.set_xlim(1e-4, None)
        axis.legend(loc="upper right")
        run, axis = results["refractory"], axes[1, 0]
        _rate(axis, run, run.times, "C2", rf"refractory, $\tau={run.model.tau:g}$")
        axis.set(
            xlabel="time $t$ (membrane time constants)", ylabel="firing rate $N(t)$", ylim=(1e-2, 1e3), yscale="log"
        )
        axis.set_title(f"$b={run.model.b:g}$", loc="left")
        axis.legend(loc="upper left")
        axis = axes[1, 1]
        axis.plot(run.times, run.series["R"], "C2", label="$R(t)$, at rest")
        axis.plot(run.times, run.series["mass"], "0.5", ls="--", label=r"$\int n\,dv$")
        axis.set(xlabel="time $t$ (membrane time constants)", ylabel="fraction of neurons", ylim=(0.0, 1.02))
        axis.legend(loc="upper left")
    return figure


def _rate(axes, run, t, colour: str, label: str) -> None:
    """N(t), with a triangle at every synchronous spike."""
    N = np.asarray(run.sample("N", t))
    axes.plot(t, np.where(np.isfinite(N), np.maximum(N, 1e-12), np.nan), colour, label=label)
    spikes = [event for event in run.events if hasattr(event, "size")]
    for k, spike in enumerate(spikes):
        text = rf"$\Delta={spike.size:.4f}$ at $T={spike.time:.4g}$" if k == 0 else None
        axes.axvline(spike.time, color=colour, ls=":", lw=1.0, label=text)


def _before_and_after(axes, run) -> None:
    """n(v) at the start, just before and right after the first event, and later."""
    if not run.events:
        return
    event = run.events[0]
    before = max(
        k for k, segment in enumerate(run.segments) if segment.times[-1] <= event.time and segment.times[0] < event.time
    )
    last = run.segments[before]
    just = fl.State(last.problem, float(last.times[-1]), last.states[-1])
    v = np.linspace(0.0, run.model.v_fire, 2001)
    shown = (
        ("$t=0$", run.at(0.0), "0.6"),
        ("just before $T$", just, "C0"),
        ("right after $T$", event.state, "C3"),
        ("$T+0.05$", run.at(min(event.time + 0.05, float(run.times[-1]))), "C1"),
    )
    for label, state, colour in shown:
        axes.plot(v, state.n(v), color=colour, label=label, lw=1.3)
    mark_thresholds(axes, run.problem.marks)
    axes.set(xlabel="membrane potential $v$", ylabel="density $n(v,t)$", xlim=(0.5, 2.02), ylim=(0.0, None))
    axes.set_title(f"$b={run.model.b:g}$, $a_1=0$", loc="left", pad=16)
    axes.legend(loc="upper left")


if __name__ == "__main__":
    fl.study.run_script(main)
