"""At which rates does the sparse network of Brunel (2000) fire, in hertz, and how are its potentials distributed?

    tau dV_i = (-V_i + mu) dt + sigma sqrt(tau) dW_i,      V = theta: a spike, then V_r, held for tau_rp
    mu = C_E J tau (nu_ext + (1 - g/4) nu),      sigma^2 = C_E J^2 tau (nu_ext + (1 + g^2/4) nu)

A neuron hears C_E = 1000 excitatory neurons of the network, as many outside of it, and 250 inhibitory ones, g times as
strong; nu_ext is given in units of nu_thr = theta/(C_E J tau) = 10 Hz, which alone lifts the mean to the threshold.

Expected: the rates of the theory in Table 1 of N. Brunel, J. Comput. Neurosci. 8 (2000) 183-208, 55.8, 38.0 and 6.5 Hz;
his simulations gave 60.7, 37.7 and 5.5 Hz. The second network settles there from silence within some 20 ms.
"""

import numpy as np

import felif as fl
from felif.output import panels

POINTS = ((6.0, 4.0), (5.0, 2.0), (4.5, 0.9))  # (g, nu_ext/nu_thr) of the table
SIMULATED = (60.7, 37.7, 5.5)
CHEAP = {"points": 3, "tol": 1e-5}
EXPECTED = {
    "rates": ((55.8, 38.0, 6.5), 0.06),  # Table 1, theory, to its digits
    "finite_elements": (0.0, 1e-5),  # against Siegert's formula, relative: tol
    "settled": (38.0, 0.06),  # the same table
}


def network(g: float, external: float) -> fl.physical.Neuron:
    """Model A with the inhibition g and nu_ext = `external` nu_thr."""
    mean, sigma = fl.physical.drive(20.0, weights=0.1, connections=1000, rates=10.0 * external)
    potentials = {"v_rest": 0.0, "v_reset": 10.0, "v_fire": 20.0}
    neuron = fl.physical.lif(tau_m=20.0, mu=mean, sigma=sigma, dead_time=2.0, **potentials)
    return fl.physical.network(neuron, weights=[0.1, -0.1 * g], connections=[1000, 250])


@fl.study.numerics(tol=1e-8, t_end=200.0)
def main(solver, points=25) -> dict:
    """Rates over g for the three inputs of the table, its three networks by finite elements, the second one in time.

    t_end: Length of the run, in ms.
    """
    g, v = np.linspace(4.2, 8.0, points), np.linspace(-10.0, 20.0, 301)
    over_g = [[fl.physical.rate_hz(network(x, external)) for x in g.tolist()] for _, external in POINTS]
    rates, off, densities = [], [], []
    for here in (network(*point) for point in POINTS):
        state = fl.steady_states(solver.discretize(here.model))[0]
        rates.append(fl.physical.rate_hz(here))
        off.append(abs(here.hz(state.N) / rates[-1] - 1))
        densities.append(state.n(np.maximum(here.potential(v), state.n.nodes.min())))  # there it is 0, to tol
    here = network(*POINTS[1])
    start = fl.Gaussian(0.0, 16.0, boundary_layer=2.0)  # in mV; noise grows with the rate, so that it vanishes at theta
    run = solver.evolve("run", here.model, start, here.time(solver.t_end), rtol=solver.tol)
    results = {"rates": np.array(rates), "finite_elements": max(off), "settled": here.hz(run.final.N)}
    return results | {"g": g, "over_g": np.array(over_g), "v": v, "n": np.array(densities)}


@panels(1, 2)
def figure(results, rates, potentials):
    """Left: rates over g, with those of the table. Right: densities of the potential in its three networks."""
    for k, ((g, external), simulated) in enumerate(zip(POINTS, SIMULATED, strict=True)):
        text = rf"$\nu_{{\mathrm{{ext}}}}={external:g}\,\nu_{{\mathrm{{thr}}}}$"
        rates.semilogy(results["g"], results["over_g"][k], f"C{k}", label=text)
        rates.plot(g, results["rates"][k], f"C{k}o", g, simulated, f"C{k}x", ms=5)
        potentials.plot(results["v"], results["n"][k], f"C{k}", label=f"{text}, $g={g:g}$")
    rates.plot([], [], "ko", label="Table 1, theory")
    rates.plot([], [], "kx", label="Table 1, simulation")
    rates.set(xlabel="relative strength of inhibition $g$", ylabel=r"firing rate $\nu$ (Hz)")
    potentials.set(xlabel="membrane potential $V$ (mV)", ylabel="density $n(V)$ (1/mV)", ylim=(0.0, None))
    rates.legend()
    potentials.legend()


if __name__ == "__main__":
    fl.study.run_script(main)
