"""Does a network of noisy neurons burst by itself, with no input at all?

    n_t + [(-v + b N) n]_v - (a0 + a1 N) n_vv + (n/eps) 1_{v > V_F} = (R/tau) delta(v - V_R),   v real
    N(t) = int_{v > V_F} n/eps dv,      dR/dt + R/tau = N,      int n dv + R = 1

Expected: yes (the lecture's "spontaneous activity", S13; Caceres & Perthame 2014, section 4). Above V_F neurons fire at
the rate 1/eps instead of at once, which bounds N; then they rest for tau. A burst starts when firing neurons lift
others over V_F, and ends when most are at rest. For tau = 1, eps = 0.05, a0 = 1 the steady state is unstable and
N(t) tends to a periodic solution for 4.56878 < b < 17.00030, between two Hopf bifurcations; outside N(t) settles, and
period is None. `felif sweep spontaneous_activity --b 4:18:15` draws the line.
"""

import felif as fl
from felif.analysis import exact
from felif.analysis.oscillation import last_cycle
from felif.output import draw_spacetime, label, panels, plot_series

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
def main(solver, b=5.0, eps=0.05, a0=1.0, a1=0.0, tau=1.0) -> dict:
    """Evolve a Gaussian, with nobody at rest, and measure the last burst: period, largest and smallest N.

    a1: Increase of the noise with N.
    """
    network = fl.RandomThresholdLIF(b=b, eps=eps, tau=tau, a0=a0, a1=a1)
    run = solver.evolve("activity", network, fl.Gaussian(mean=0.0, variance=0.25))
    burst = last_cycle(run)
    return {
        "period": burst.period,
        "period_change": burst.change,
        "N_max": burst.highest,
        "N_min": burst.lowest,
        "steady_N": exact.steady_rates(network)[0],
    }


@panels(2, 1, height=2.0, wide=True, sharex=True)
def figure(results, above, below):
    """Above: N(t) and R(t), as on the slide. Below: n(v, t) on the same axis of time."""
    run, period = results["activity"], results["period"]
    plot_series(above, run, "N", label="firing rate $N(t)$")
    plot_series(above, run, "R", label="fraction at rest $R(t)$")
    steady = "unstable steady state" if period else "steady state"
    above.axhline(results["steady_N"], color="0.4", ls="--", lw=1.0, label=steady)
    title = f"$b={run.model.b:g}$" + (f", period {period:.6f}" if period else "")
    label(above, "", "$N(t)$, $R(t)$", "upper right", title, columns=3, ylim=(0.0, None))
    draw_spacetime([below], run)
    label(below, "t", "v")


if __name__ == "__main__":
    fl.study.run_script(main)
