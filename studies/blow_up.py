"""When does the firing rate of an excitatory network become infinite?

    n_t + [(-v + b N) n]_v - (a0 + a1 N) n_vv = N(t) delta(v - V_R),   v < V_F
    n(V_F, t) = 0,      N(t) = -(a0 + a1 N) n_v(V_F, t)

Expected: the lecture's blow-up figure (S9). A solution ceases to exist in finite time in the two cases of the theorem
of Caceres, Carrillo & Perthame (2011): b is large enough for given data (first row, b = 3), or the data are
concentrated enough near V_F for given b > 0 (second row, b = 1.5, though a stable steady state exists as well).
N = N_linear / (1 - b n(V_F^-)): as the density piles up in a layer of width a0/(b N) below V_F, its height tends to
1/b, and N grows like (t_BU - t)^(-1/2) up to a logarithm. The time t_BU comes with an error bar: what the extrapolation
leaves open plus the difference to a coarser companion run.
"""

import numpy as np

import felif as fl
from felif.output import fine_times, label, panels, plot_densities, plot_rates

CHEAP = {"tol": 1e-5, "rtol": 1e-5}
# times: two independent discretisations, converged to the digits given
EXPECTED = {
    "outcome_large_b": ("blow_up", 0.0),
    "outcome_concentrated": ("blow_up", 0.0),
    "time_large_b": (3.41805743, 2e-5),
    "time_concentrated": (0.0475514383, 2e-7),
}
CONVERGENCE = {"option": "rtol", "values": [1e-4, 1e-5, 1e-6, 1e-7], "result": "time_large_b", "reference": 3.41805743}
DATA = {
    "large_b": fl.Gaussian(mean=-1.0, variance=0.5, boundary_layer=0.5),
    "concentrated": fl.Gaussian(mean=1.5, variance=0.005, boundary_layer=0.5),
}
SYMBOL = r"t_{\mathrm{BU}}"


@fl.study.numerics(cells=None, degree=6, tol=1e-7, t_end=10.0, rtol=1e-7)
def main(solver, b=3.0, b_concentrated=1.5, a0=1.0, a1=0.0) -> dict:
    """Run two excitatory networks into their blow-up.

    b: Connectivity of the network that starts far from V_F.
    b_concentrated: Connectivity of the network that starts close to V_F.
    """
    for name, connectivity in (("large_b", b), ("concentrated", b_concentrated)):
        solver.evolve(name, fl.NoisyLIF(b=connectivity, a0=a0, a1=a1), DATA[name])
    return solver.ends()


def many(
    b: np.ndarray, b_concentrated: np.ndarray, a0: np.ndarray, a1: np.ndarray, tol: float = 1e-7, t_end: float = 10.0
) -> dict:
    """Outcomes and times of both networks at many points, for sweeps; `tol` is of the mesh and of the steps."""
    results = {}
    for name, connectivity in (("large_b", b), ("concentrated", b_concentrated)):
        values = {"b": connectivity, "a0": a0, "a1": a1}
        found = fl.evolve_many(fl.NoisyLIF(), values, DATA[name], [t_end], tol=tol, paired=True, workers=1)
        results[f"outcome_{name}"] = found.outcome
        results[f"time_{name}"], results[f"error_{name}"] = found.blow_up_time, found.blow_up_error
    return results


@panels(2, 2)
def figure(results, *axes):
    """A row for each case, as on the slide: n(v, t) left as t nears t_BU; N(t) right."""
    titles = {"large_b": "large connectivity", "concentrated": "data concentrated near $V_F$"}
    for (name, title), left, right in zip(titles.items(), axes[::2], axes[1::2], strict=True):
        run = results[name]
        if run.blow_up is None:  # with other options
            plot_densities(left, run)
            plot_rates(right, run)
        else:
            _densities(left, run)
            _rate(right, run)
        label(left, "v", "n", title=f"{title}, $b={run.model.b:g}$", pad=16)
        label(right, "t", "N")


def _densities(axes, run) -> None:
    """Densities at times whose distance to the blow-up falls from curve to curve."""
    blow_up = run.blow_up.time
    power = int(np.floor(np.log10(0.2 * blow_up)))
    curves = {"$t=0$": blow_up, f"$t={blow_up / 2:.3g}$": blow_up / 2}
    curves |= {f"${SYMBOL}-t=10^{{{k}}}$": 10.0**k for k in range(power, power - 4, -1)}
    plot_densities(axes, run, [min(max(blow_up - left, 0.0), run.times[-1]) for left in curves.values()])
    for line, text in zip(axes.lines, curves, strict=False):  # the lines after these mark V_R and V_F
        line.set_label(text)
    axes.legend(loc="upper left")


def _rate(axes, run) -> None:
    """N(t), the blow-up time with its error bar; inside, N against the distance to it, shaded below its error."""
    blow_up, t = run.blow_up, fine_times(run.times)
    N, left = run.sample("N", t), run.blow_up.time - t
    power = int(np.floor(np.log10(blow_up.error)))
    time, error = f"{blow_up.time:.{max(1 - power, 0)}f}", f"{blow_up.error / 10.0**power:.1f}"
    top = 60.0 * np.median(run.sample("N", np.linspace(0.5, 0.99, 50) * run.times[-1]))
    axes.plot(t, N)
    axes.set_ylim(0.0, top)
    text = rf"${SYMBOL}={time}\pm{error}\times10^{{{power}}}$"
    axes.errorbar(blow_up.time, 0.04 * top, xerr=blow_up.error, fmt="k|", ms=14, capsize=3, label=text)
    axes.legend(loc="lower left", bbox_to_anchor=(0.0, 0.07))
    inset = axes.inset_axes((0.26, 0.44, 0.54, 0.52))
    inset.loglog(left, N)
    at = lambda distance: np.interp(distance, left[::-1], N[::-1])
    guide = blow_up.time * np.array([1e-2, 1e-5])
    inset.loglog(guide, 0.4 * at(guide[0]) * np.sqrt(guide[0] / guide), "k--", lw=1.0)
    inset.text(guide[1], at(guide[0]), f"$({SYMBOL}-t)^{{-1/2}}$", ha="left", va="center")
    inset.axvspan(left[-1], blow_up.error, color="0.85")
    inset.text(0.99, 0.04, "within the error", ha="right", transform=inset.transAxes)
    inset.set(xlim=(blow_up.time, left[-1]), ylim=(at(0.7 * blow_up.time) / 3, 3 * N.max()))  # toward the blow-up
    inset.tick_params(labelsize=8)
    inset.set_xlabel(f"${SYMBOL}-t$", labelpad=1)
    inset.set_ylabel("$N$", labelpad=1)


if __name__ == "__main__":
    fl.study.run_script(main)
