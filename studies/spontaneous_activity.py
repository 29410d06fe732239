"""Does a network of noisy neurons burst by itself, with no input at all?

    n_t + [(-v + b N) n]_v - (a0 + a1 N) n_vv + (n/eps) 1_{v > V_F} = (R/tau) delta(v - V_R),   v real
    N(t) = int_{v > V_F} n/eps dv,      dR/dt + R/tau = N,      int n dv + R = 1

Expected: yes (the lecture's "spontaneous activity", S13; Caceres & Perthame 2014, section 4). Above V_F neurons fire at
the rate 1/eps instead of at once, which bounds N; then they rest for tau. A burst starts when firing neurons lift
others over V_F, and ends when most are at rest. For tau = 1, eps = 0.05, a0 = 1 the steady state is unstable and
N(t) tends to a periodic solution for 4.56878 < b < 17.00030, between two Hopf bifurcations; outside N(t) settles, and
period is None. `felif sweep spontaneous_activity --b 4:18:15` draws the line.
"""

import numpy as np
from scipy.optimize import brentq, minimize_scalar

import felif as fl
from felif.analysis import exact
from felif.output.style import fine_times, label, mark_thresholds, panels

CHEAP = {"tol": 1e-6, "rtol": 1e-6}
# the cycle for b = 5: a boundary-value problem in time, two discretisations in v
EXPECTED = {
    "period": (2.570905199, 1e-6),
    "N_max": (2.49761587, 1e-5),
    "N_min": (0.1333280115, 1e-6),
    "steady_N": (0.5678758563191, 1e-12),  # closed form
    "min_n": (0.0, 1e-6),  # n >= 0 up to tol
}
CONVERGENCE = {"option": "rtol", "values": [1e-4, 1e-5, 1e-6, 1e-7], "result": "N_max", "reference": 2.49761587}


@fl.study.numerics(cells=None, degree=6, tol=1e-7, t_end=22.0, rtol=1e-7, mesh={"v_min": -8.0, "v_max": 12.0})
def main(solver, b: float = 5.0, eps: float = 0.05, a0: float = 1.0, a1: float = 0.0, tau: float = 1.0) -> dict:
    """Evolve a Gaussian, with nobody at rest, and measure the last burst: period, largest and smallest N.

    a1: Increase of the noise with N.
    """
    network = fl.RandomThresholdLIF(b=b, eps=eps, tau=tau, a0=a0, a1=a1)
    run = solver.evolve("activity", network, fl.Gaussian(mean=0.0, variance=0.25))
    return {**last_burst(run), "steady_N": exact.steady_rates(network)[0]}


def last_burst(run: fl.Run) -> dict:
    """period, its change from the burst before, N_max, N_min; None unless N oscillates to the end of the run.

    A burst begins where N rises through the geometric mean of its extrema in the second half of the run.
    """
    nothing = dict.fromkeys(("period", "period_change", "N_max", "N_min"))
    t = fine_times(run.times)
    N = run.sample("N", t)
    late = N[t > t[-1] / 2]
    if late.size == 0 or late.max() < 1.05 * late.min():
        return nothing
    level = np.sqrt(late.max() * late.min())
    rises = np.flatnonzero((N[:-1] < level) & (N[1:] >= level))
    begins = [brentq(lambda s: run.sample("N", s) - level, t[k], t[k + 1], xtol=1e-13) for k in rises]
    if len(begins) < 3 or t[-1] > begins[-1] + 1.5 * (begins[-1] - begins[-2]):
        return nothing
    before, first, last = begins[-3:]
    inside = np.flatnonzero((t > first) & (t < last))

    def extreme(sign: float) -> float:
        k, how = inside[np.argmin(sign * N[inside])], {"method": "bounded", "options": {"xatol": 1e-8}}
        return sign * float(minimize_scalar(lambda s: sign * run.sample("N", s), bounds=t[[k - 1, k + 1]], **how).fun)

    extrema = {"N_max": extreme(-1.0), "N_min": extreme(1.0)}
    return {"period": last - first, "period_change": abs(last - 2 * first + before), **extrema}


@panels(2, 1, height=2.0, wide=True, sharex=True)
def figure(results, above, below):
    """Above: N(t) and R(t), as on the slide. Below: n(v, t) on the same axis of time."""
    run, period = results["activity"], results["period"]
    t = fine_times(run.times)
    above.plot(t, run.sample("N", t), label="firing rate $N(t)$")
    above.plot(t, run.sample("R", t), label="fraction at rest $R(t)$", lw=1.2)
    steady = "unstable steady state" if period else "steady state"
    above.axhline(results["steady_N"], color="0.4", ls="--", lw=1.0, label=steady)
    title = f"$b={run.model.b:g}$" + (f", period {period:.6f}" if period else "")
    label(above, "", "$N(t)$, $R(t)$", title=title, ylim=(0.0, None))
    above.legend(loc="lower right", ncols=3, bbox_to_anchor=(1.02, 0.98))
    times, v = np.linspace(run.times[0], run.times[-1], 500), np.linspace(-3.0, 4.0, 280)
    n = np.array([run.at(s).n(v) for s in times])
    top = np.quantile(n[times > 0.05 * times[-1]], 0.999)  # the initial peak would leave the rest dark
    mesh = below.pcolormesh(times, v, n.T, cmap="viridis", vmin=0.0, vmax=top, shading="gouraud", rasterized=True)
    below.figure.colorbar(mesh, ax=below, label="$n(v,t)$", pad=0.01, extend="max")
    mark_thresholds(below, run.problem.marks, along="v on y", color="white")
    below.grid(False)
    label(below, "t", "v")


if __name__ == "__main__":
    fl.study.run_script(main)
