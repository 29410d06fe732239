"""Do networks of several populations settle where one population does?

    d/dt n_i + d/dv[(-v + I_i + sum_j b_ij N_j) n_i] - a d2/dv2 n_i = N_i delta(v - V_R),   v < V_F,   n_i(V_F, t) = 0

Expected: not always (S24). One inhibitory population without delay settles. A ring of five, each of which inhibits the
next by -beta and none of which inhibits itself, does not beyond beta_H = 5.9367: with K(lambda) the linear response of
one of them, arg K(i omega) = -pi/5 and beta_H |K| = 1. Beyond, the populations fire in turn, two fifths of a round
apart. Of an excitatory and an inhibitory population without delay the steady state is unstable too; from near it the
pair tends to a cycle, from another start its excitatory rate becomes infinite: the cycle attracts only some states.
"""

import numpy as np
from scipy.optimize import brentq

import felif as fl
from felif.analysis.oscillation import last_cycle
from felif.output import fine_times, label, panels

PAIR = ((6.5, -3.77), (3.77, 0.0))
CURRENTS = (-0.2127, -0.4842)
CHEAP = {"tol": 1e-3, "rtol": 1e-4, "t_end": 30.0, "t_pair": 18.0, "points": 2}
# closed determinant; cycles on two meshes of spectral elements, by another code for the pair
EXPECTED = {
    "hopf_beta": (5.936664158195, 3e-6),
    "hopf_omega": (1.509718619473, 2e-6),
    "ring_period": (4.561485, 3e-2),  # as near as a run of t_end = 30 comes to the cycle
    "ring_lowest": (0.029266, 2e-3),
    "ring_highest": (0.313526, 1e-2),
    "pair_N": ((0.2610675407593, 0.2610569843101), 1e-9),
    "pair_eigenvalue_real": (0.05528438, 1e-7),
    "pair_eigenvalue_imag": (1.4300223, 1e-7),
    "pair_period": (4.451072, 0.15),  # and as one of t_pair = 18 does
    "outcome_far": ("blow_up", 0.0),
    "time_far": (2.19337, 1e-3),
}


@fl.study.numerics(tol=1e-6, t_end=80.0, rtol=1e-6)
def main(solver, count=5, beta=6.5, current=1.0, points=3, t_pair=60.0) -> dict:
    """Find where the ring becomes unstable, run it beyond, and run the pair from two starts.

    t_end: Length of the run of the ring, in membrane time constants.
    count: Number of populations in the ring, odd.
    beta: Inhibition of the next population, of the run.
    current: Input to every population of the ring.
    points: Values of beta, beside that of the run and the critical one, at which the growth rate is computed.
    t_pair: Length of the run of the pair from near its steady state.
    """
    known: dict[float, complex] = {}
    before = np.roll(np.eye(count), 1, axis=0)  # population i is inhibited by population i - 1 alone
    ring = lambda strength: fl.Populations(coupling=-strength * before, current=current)
    problem = solver.discretize(ring(beta))
    steady = fl.steady_states(problem)[0]

    def leading(strength: float) -> complex:
        if strength not in known:
            one = fl.discretize(ring(strength), tol=1e-6)
            known[strength] = complex(fl.steady_state(one, guess=steady).growth)
        return known[strength]

    for strength in np.linspace(0.75 * beta, beta, points).tolist():
        leading(strength)
    hopf = brentq(lambda strength: leading(strength).real, 0.75 * beta, beta, xtol=1e-6)
    kick = lambda i: lambda v: steady.n[i](v).clip(0) * (1 + 0.6 * np.cos(4 * np.pi * i / count) * np.tanh(v))
    around = solver.evolve("ring", problem, [kick(i) for i in range(count)])
    pair = solver.discretize(fl.Populations(coupling=PAIR, current=CURRENTS))
    rest = fl.steady_states(pair)[0]
    near = [lambda v, i=i: rest.n[i](v).clip(0) * (1 + 0.1 * (1 - 2 * i) * np.tanh(v - 0.5)) for i in range(2)]
    far = lambda v: np.exp(-((v + 0.2) ** 2) / 0.6) * (1 - np.exp(-(((2 - v) / 0.5) ** 4)))
    cycle, burst = solver.evolve("cycle", pair, near, t_pair), solver.evolve("burst", pair, far, 4.0)
    last = {name: vars(last_cycle(run, "N_0")) for name, run in (("ring", around), ("pair", cycle))}
    order = sorted(known)
    return {f"{name}_{what}": value for name, found in last.items() for what, value in found.items()} | {
        "strengths": np.array(order),
        "growth": np.array([known[strength].real for strength in order]),
        "hopf_beta": float(hopf),
        "hopf_omega": float(leading(hopf).imag),
        "ring_N": float(steady.N[0]),
        "pair_N": rest.N,
        "pair_eigenvalue_real": float(rest.growth.real),
        "pair_eigenvalue_imag": float(abs(rest.growth.imag)),
        "outcome_far": burst.outcome.name,
        "time_far": burst.blow_up.time if burst.blow_up else None,
    }


@panels(2, 2)
def figure(results, growth, rates, times, plane):
    """Above: growth rate of the ring against beta, its rates. Below: rates of the pair, and the plane of both rates."""
    ring, hopf = results["ring"], results["hopf_beta"]
    growth.plot(results["strengths"], results["growth"], "C0o-", ms=4)
    growth.axhline(0.0, color="k", lw=0.8)
    growth.plot(hopf, 0.0, "C3*", ms=13, label=f"Hopf point, $\\beta={hopf:.5f}$")
    title = "ring of inhibitory populations"
    label(growth, "inhibition $\\beta$ of the next population", "growth rate Re $\\lambda$", "upper left", title)
    t = np.linspace(max(ring.times[-1] - 10.0, 0.0), ring.times[-1], 300)
    for i, N in enumerate(ring.sample("N", t).T):
        rates.plot(t, N, lw=1.3, label=f"$N_{i + 1}$")
    rates.axhline(results["ring_N"], color="k", ls="--", lw=0.9)
    label(rates, "t", "firing rates $N_i(t)$", "upper center", columns=3, ylim=(0.0, 0.42))
    for name, colour, text in (("cycle", "C0", "from near the steady state"), ("burst", "C3", "from far: blow-up")):
        run = results[name]
        t = fine_times(run.times)
        t = t[t <= run.times[-1] - (1e-6 if run.blow_up else 0.0)]
        N = run.sample("N", t)
        seen = N[:, 0] < 6
        times.plot(t[seen], N[seen, 0], colour, lw=1.2, label=f"$N_E$ {text}")
        plane.plot(*N[seen, :2].T, colour, lw=0.9)
    plane.plot(*results["pair_N"], "ko", ms=4)
    title = "excitatory and inhibitory population"
    label(times, "t", "excitatory rate $N_E(t)$", "upper right", title, ylim=(0.0, 3.2))
    plane.set(xlim=(0.0, 2.5), ylim=(0.0, 1.8))
    label(plane, "excitatory rate $N_E$", "inhibitory rate $N_I$")


if __name__ == "__main__":
    fl.study.run_script(main)
