"""Can a network of rates with Hebb's rule learn a pattern, and when does it forget it?

    N_i' = -N_i + sig(sum_j w_ij N_j + s_i(t)),      w_ij' = k_ij N_i N_j - w_ij,      sig(x) = 1/(1 + e^{-x})

Expected (S16): the first units are stimulated for a while. Weights among them grow like k N_i N_j, the others' do not.
After a long stimulus the units keep each other active when it is gone: the pattern is stored, a stable fixed point
N_i = sig(N_i sum_j k_ij N_j^2 + s_i) beside the silent one. After a short one the weights have not grown enough, and
fade. With strong weights of both signs between two units there is no stable fixed point, and activity goes round.
"""

import numpy as np

import felif as fl
from felif.analysis.oscillation import last_cycle
from felif.output import coloured, fine_times, label, panels, plot_series

PAIR = ((18.0, -23.0), (44.0, -3.0))
CHEAP = {"rtol": 1e-6, "t_end": 50.0}
# Dormand-Prince of order 8 at 1e-13 and Radau at 1e-11; fixed points by mpmath with 30 digits
EXPECTED = {
    "stored_on": (0.991729984103, 1e-6),
    "stored_off": (0.024843596308, 1e-6),
    "stored_weight": (4.425877626161, 2e-5),
    "stored_growth": (-0.432186452, 1e-6),
    "forgotten_N": (0.017988523378, 1e-6),
    "pair_growth": (0.19138996, 1e-7),
    "pair_frequency": (1.00764507, 1e-7),
    "pair_period": (8.4940715862, 5e-3),  # as near as the run comes to its cycle
}


@fl.study.numerics(t_end=60.0, rtol=1e-9)
def main(solver, units=6, stimulated=3, k=4.5, long=5.0, short=1.0) -> dict:
    """Stimulate some of the units for a long and for a short time, and run a pair of units with strong weights.

    t_end: Length of the run of the pair, and time after the end of a stimulus at which the others end.
    units: Number of units.
    stimulated: How many of them the stimulus excites: the pattern.
    k: Strength of Hebb's rule between different units.
    long: Length of the stimulus that is to be remembered.
    short: Length of the stimulus that is not.
    """
    rule, start = k * (1 - np.eye(units)), {"N": 0.02, "w": 0.0}
    for name, length in (("stored", long), ("forgotten", short)):
        stimulus = [fl.Piecewise((length,), (2.0, -4.0))] * stimulated + [-4.0] * (units - stimulated)
        solver.evolve(name, fl.discretize(fl.WilsonCowan(k=rule, s=stimulus)), start, length + solver.t_end)
    stored, forgotten = solver.runs["stored"].final, solver.runs["forgotten"].final
    silent = fl.discretize(fl.WilsonCowan(k=rule, s=-4.0))
    learned = fl.steady_state(silent, guess=stored.y)
    pair = fl.discretize(fl.WilsonCowan(k=PAIR, s=[-0.5, -2.8]))
    centre = fl.steady_states(pair)[0]
    return {
        "stored_on": float(stored.N[0]),
        "stored_off": float(stored.N[-1]),
        "stored_weight": float(stored.w[0, 1]),
        "stored_growth": float(np.real(learned.growth)),
        "forgotten_N": float(forgotten.N[0]),
        "pair_N": centre.N,
        "pair_growth": float(centre.growth.real),
        "pair_frequency": float(abs(centre.growth.imag)),
        "pair_period": last_cycle(solver.evolve("pair", pair, {"N": 0.1, "w": 0.0}), "N_0", since=0.25).period,
        "stimuli": np.array([long, short]),
    }


@panels(2, 2)
def figure(results, stored, forgotten, weights, plane):
    """Above: rates with a long and a short stimulus. Below: the weights that are left, and the pair's cycle."""
    for axes, name, end in zip((stored, forgotten), ("stored", "forgotten"), results["stimuli"], strict=True):
        run = results[name]
        axes.axvspan(0.0, end, color="0.9", lw=0, label="stimulus")
        plot_series(axes, run, "N_0", "C3", label="stimulated units")
        plot_series(axes, run, f"N_{len(run.final.N) - 1}", "C0", label="other units")
        label(axes, "time $t$", "rates $N_i(t)$", "right", f"stimulus of length {end:g}: {name}", ylim=(0.0, 1.25))
    w = results["stored"].final.w
    coloured(weights, range(len(w)), range(len(w)), w.T, "$w_{ij}$ at the end", shading="nearest")
    label(weights, "unit $j$", "unit $i$")
    pair = results["pair"]
    plane.plot(*pair.sample("N", fine_times(pair.times)).T, "C0", lw=1.0, label="from $N=0.1$, $w=0$")
    plane.plot(*results["pair_N"], "ko", ms=5, label="fixed point, unstable")
    label(plane, "$N_1$", "$N_2$", "upper right", ylim=(0.0, 1.2))


if __name__ == "__main__":
    fl.study.run_script(main)
