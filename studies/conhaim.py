"""What can bursts of the model be compared with in recordings of spontaneous activity in the developing cortex?

    n_t + [(-v + b N) n]_v - n_vv + (n/eps) 1_{v > V_F} = (R/tau) delta(v - V_R),   N = int_{v > V_F} n/eps dv

Expected (S14): the lecture shows this activity beside a recording of Conhaim et al., J. Physiol. 589 (2011) 2529-2541,
whose numbers are not used here. Corlew, Bosma & Moody, J. Physiol. 560 (2004) 377-390, same laboratory, calcium imaging
of cortical slices of mice, say in their abstract: synchronous transients at 0.91 per minute on the day of birth, in
which 52 % of the neurons take part. The model has the membrane time constant for a unit, so that only ratios can be
compared: spikes per neuron and burst n_ev = int N dt over a period, which is int R dt/tau exactly, and the fraction of
the period with N above half. The share of neurons that fire at all in a burst is another thing: N does not hold it.
"""

import felif as fl
from felif.analysis.oscillation import last_cycle, smooth
from felif.output import label, panels, plot_series

CHEAP = {"tol": 1e-5, "rtol": 1e-6, "t_end": 16.0}
EXPECTED = {  # the cycle for b = 5 by spectral elements of degrees 7 and 8 and Radau's method at 1e-10
    "period": (2.5709051992, 2e-4),
    "spikes": (1.2978377026, 1e-4),
    "duty": (0.09335, 2e-4),
    "rise": (0.72641, 1e-3),
    "decay": (0.17842, 1e-3),
    "R_max": (0.826751398, 1e-4),
    "R_min": (0.360431363, 1e-4),
    "balance": (0.0, 1e-4),  # n_ev - int R / tau
}
ROWS = (  # what, of the model, of the recordings
    ("period", "{period:.4f} membrane time constants", "66 s (0.91 per minute)"),
    ("spikes per neuron and burst", "{spikes:.4f}", "not in the abstract"),
    ("neurons in a burst", "not held by $N(t)$", "52 % on average"),
    ("part of the period above half", "{duty:.4f}", "not in the abstract"),
    ("rise, 10 to 90 %, over the period", "{rise_part:.4f}", "not in the abstract"),
    ("decay, 90 to 10 %, over the period", "{decay_part:.4f}", "not in the abstract"),
    ("at rest, least and most", "{R_min:.3f}, {R_max:.3f}", "not in the abstract"),
)


@fl.study.numerics(tol=1e-7, t_end=30.0, rtol=1e-8)
def main(solver, b=5.0, eps=0.05, tau=1.0) -> dict:
    """Run the network to its cycle and measure its last burst, half a period before and after N rises."""
    network = fl.RandomThresholdLIF(b=b, eps=eps, tau=tau)
    run = solver.evolve("activity", network, fl.Gaussian(mean=0.0, variance=0.25))
    burst, resting = last_cycle(run), last_cycle(run, "R")
    N, R, height = smooth(run, "N"), smooth(run, "R"), burst.highest - burst.lowest
    first, last = burst.begins - burst.period / 2, burst.begins + burst.period / 2
    # where N rises through a part of its height, and where it falls
    crossed = lambda part: [x for x in N.solve(burst.lowest + part * height).tolist() if first < x < last]
    (rises, falls), (on, off), (risen, fallen) = map(crossed, (0.1, 0.5, 0.9))
    spikes = float(N.integrate(first, last))
    extrema = {"N_max": burst.highest, "N_min": burst.lowest, "R_max": resting.highest, "R_min": resting.lowest}
    return extrema | {
        "begins": first,
        "period": burst.period,
        "spikes": spikes,
        "duty": (off - on) / burst.period,
        "rise": risen - rises,
        "decay": falls - fallen,
        "balance": float(spikes - R.integrate(first, last) / tau),
    }


@panels(2, 1, height=2.0, wide=True)
def figure(results, bursts, table):
    """Above: N(t) of the last bursts. Below: a table of features beside the two numbers that were read."""
    run, period = results["activity"], results["period"]
    since = max(run.times[-1] - 4 * period, 0.0)
    plot_series(bursts, run, "N", "C0", since, label="firing rate $N(t)$")
    plot_series(bursts, run, "R", "C1", since, lw=1.1, label="fraction at rest $R(t)$")
    bursts.axvspan(results["begins"], results["begins"] + period, color="0.92", lw=0, label="measured burst")
    label(bursts, "t", "", legend="upper left", ylim=(0.0, 3.6))
    known = results | {f"{name}_part": results[name] / period for name in ("rise", "decay")}
    cells = [(what, model.format(**known), recorded) for what, model, recorded in ROWS]
    table.axis("off")
    heads = ("feature", f"model, $b={run.model.b:g}$", "Corlew et al. 2004, mouse, P0")
    look = {"cellLoc": "left", "colWidths": (0.36, 0.34, 0.3), "edges": "horizontal"}
    drawn = table.table(cells, colLabels=heads, loc="center", **look)
    drawn.auto_set_font_size(False)
    drawn.set_fontsize(8)
    drawn.scale(1.0, 1.3)


if __name__ == "__main__":
    fl.study.run_script(main)
