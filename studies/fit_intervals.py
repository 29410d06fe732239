"""Do interspike intervals give back the parameters of the neuron that made them, with honest error bars?

    theta^ = argmax sum_i log f(t_i; theta),   theta = (I, a0)
    f: density of the first passage to V_F of dV = (-V + I) dt + sqrt(2 a0) dW from V_R

Expected: the estimates scatter about the truth like the inverse of the information matrix, so that 95 % intervals of
both kinds, estimate -+ 1.96 standard errors and twice the log-likelihood within 3.84 of its maximum, contain the true
value in 95 % of data sets, give or take 3 standard deviations of a count: 90 to 99 % of 200.

The data sets do not come from the solver that is tested: at I = V_F the law of the intervals is known,
P(T > t) = erf(x0/sqrt(2(e^{2t} - 1))), x0 = (V_F - V_R)/sqrt(a0), and is inverted in closed form.
"""

import time
from dataclasses import replace

import numpy as np
from scipy.special import erfinv

import felif as fl
from felif.output import draw_intervals, label, panels

CHEAP = {"datasets": 3, "count": 150, "profiles": 0}
EXPECTED = {
    "excess_current": (0.0, 1e-12),  # of the coverage beyond 0.95 -+ 3 deviations of a count: 181 to 199 of 200
    "excess_a0": (0.0, 1e-12),  # (of CHEAP's three data sets: two or three)
    "bias_current": (0.0, 4.0),  # mean error in its standard errors
    "bias_a0": (0.0, 4.0),
    "rate": (1.0, 0.02),  # of the fitted neuron's equation, over that of its intervals: t_end is not infinity
    "converged": (1.0, 0.0),
    "not_identifiable": (1.0, 0.0),  # current, a0 and v_reset at once are refused
}


@fl.study.numerics(cells=None, degree=6, t_end=4.0, rtol=1e-6, mesh={"v_min": -6.0})
def main(solver, datasets=200, count=500, profiles=20, a0=1.0, guess_current=1.0, guess_a0=0.5, seed=1) -> dict:
    """Fit many synthetic data sets whose truth is known.

    cells: Number of cells for the equation of the fitted neuron, in place of a mesh made from rtol.
    datasets: Number of data sets.
    count: Intervals in each.
    profiles: Number of data sets whose profile likelihoods are computed, too.
    a0: True noise; the true current is V_F.
    guess_current: Current from which every search begins.
    guess_a0: Noise from which every search begins.
    """
    truth = {"current": 2.0, "a0": a0}
    guess = fl.NoisyLIF(current=guess_current, a0=guess_a0)
    random, inside = np.random.default_rng(seed), lambda ends, value: ends[0] <= value <= ends[1]
    fits, seconds, covered, by_profile = [], [], [], []
    for k in range(datasets):
        data = 0.5 * np.log1p(1 / a0 / (2 * erfinv(random.random(count)) ** 2))  # I = V_F, V_F - V_R = 1
        began = time.perf_counter()
        found = fl.fit(data, guess, list(truth))
        seconds.append(time.perf_counter() - began)
        fits.append(found)
        covered.append([inside(found.confidence(name), true) for name, true in truth.items()])
        if k == 0:
            if solver.out is not None:
                found.save(fl.study.folder(solver.out, "fit"), overwrite=True)
            shown, profile = data, found.profile("current", points=5 if profiles == 0 else 13)
        if k < profiles:
            by_profile.append([inside(found.profile(name, points=7).interval(), v) for name, v in truth.items()])
    values, errors = (
        np.array([list(getattr(found, name).values()) for found in fits]) for name in ("values", "errors")
    )
    share, spread = np.mean(covered, axis=0), values.std(axis=0, ddof=1)
    excess = np.maximum(np.abs(share - 0.95) - 3 * np.sqrt(0.95 * 0.05 / datasets), 0.0)
    bias = (values.mean(axis=0) - list(truth.values())) / (spread / np.sqrt(datasets))
    refusal = ""
    try:
        fl.fit(shown, guess, ["current", "a0", "v_reset"])
    except ValueError as error:
        refusal = str(error)
    problem = replace(solver, tol=solver.rtol).discretize(fits[0].model)
    run = solver.evolve("run", problem, fl.Gaussian(0.0, 0.25), snapshots=21)
    return {
        **{f"coverage_{name}": float(share[k]) for k, name in enumerate(truth)},
        **{f"excess_{name}": float(excess[k]) for k, name in enumerate(truth)},
        **{f"bias_{name}": float(bias[k]) for k, name in enumerate(truth)},
        "coverage_by_profile": float(np.mean(by_profile)) if by_profile else None,
        "rate": run.final.N * fits[0].passage.mean,
        "spread_over_error": (spread / errors.mean(axis=0)).tolist(),
        "converged": float(np.mean([found.converged for found in fits])),
        "not_identifiable": float("do not tell" in refusal),
        "refusal": refusal,
        "seconds": float(np.median(seconds)),
        "values": values,
        "errors": errors,
        "truth": list(truth.values()),
        "intervals": shown,
        "profile_values": profile.values,
        "profile_heights": profile.log_likelihood - profile.maximum,
    }


@panels(1, 3)
def figure(results, left, middle, right):
    """Estimates with their standard errors about the truth; a profile likelihood; intervals and the fitted density."""
    values, errors, truth = (np.asarray(results[k]) for k in ("values", "errors", "truth"))
    left.errorbar(*values.T, *errors.T[::-1], fmt=".", ms=3, lw=0.5, alpha=0.5)
    left.plot(*truth, "k+", ms=14, mew=2, label="truth")
    label(left, "current $I$", "noise $a_0$", "best", f"{len(values)} data sets")
    middle.plot(results["profile_values"], results["profile_heights"], ".-")
    middle.axhline(-1.92, color="k", ls="--", lw=0.9, label="95 %")
    middle.axvline(truth[0], color="k", ls=":", lw=0.9, label="truth")
    label(middle, "current $I$", "profile log-likelihood", "best", "the first of them")
    best = fl.NoisyLIF(current=float(values[0, 0]), a0=float(values[0, 1]))
    draw_intervals(right, np.asarray(results["intervals"]), fl.first_passage(best).density)
    right.set(xlabel="interspike interval")
    right.set_title("its intervals", loc="left")


if __name__ == "__main__":
    fl.study.run_script(main)
