"""Do interspike intervals give back the parameters of the neuron that made them, with honest error bars?

    theta^ = argmax sum_i log f(t_i; theta),   theta = (I, a0)
    f: density of the first passage to V_F of dV = (-V + I) dt + sqrt(2 a0) dW from V_R

Expected: the estimates scatter about the truth like the inverse of the information matrix, so that 95 % intervals of
both kinds, estimate -+ 1.96 standard errors and twice the log-likelihood within 3.84 of its maximum, contain the true
value in 95 % of data sets, give or take 3 standard deviations of a count: 90 to 99 % of 200.

The data sets do not come from the solver that is tested: at I = V_F the law of the intervals is known,
P(T > t) = erf(x0/sqrt(2(e^{2t} - 1))), x0 = (V_F - V_R)/sqrt(a0), and is inverted in closed form.
"""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
from scipy.special import erfinv

import felif as fl
from felif.output.intervals import draw_intervals
from felif.output.style import house_style, new_figure

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


def main(
    cells: int | None = None,
    degree: int = 6,
    t_end: float = 4.0,
    rtol: float = 1e-6,
    datasets: int = 200,
    count: int = 500,
    profiles: int = 20,
    a0: float = 1.0,
    guess_current: float = 1.0,
    guess_a0: float = 0.5,
    seed: int = 1,
    out: Path | None = None,
) -> dict:
    """Fit many synthetic data sets whose truth is known.

    Parameters
    ----------
    cells
        Number of cells on (-6, V_F) for the equation of the fitted neuron, without a mesh chosen from a tolerance.
    degree
        Polynomial degree of its elements.
    t_end
        Length of its run.
    rtol
        Tolerance of a time step of that run.
    datasets
        Number of data sets.
    count
        Intervals in each.
    profiles
        Number of data sets whose profile likelihoods are computed, too.
    a0
        True noise; the true current is V_F.
    guess_current
        Current from which every search begins.
    guess_a0
        Noise from which every search begins.
    seed
        Of the random numbers.
    """
    truth = {"current": 2.0, "a0": a0}
    guess = fl.NoisyLIF(current=guess_current, a0=guess_a0)
    random = np.random.default_rng(seed)
    values, errors, covered, by_profile, seconds, converged = [], [], [], [], [], []
    for k in range(datasets):
        data = intervals_at_rest(count, a0, random)
        began = time.perf_counter()
        found = fl.fit(data, guess, list(truth))
        seconds.append(time.perf_counter() - began)
        converged.append(found.converged)
        values.append(list(found.values.values()))
        errors.append(list(found.errors.values()))
        covered.append([inside(found.confidence(name), true) for name, true in truth.items()])
        if k == 0:
            if out is not None:
                found.save(fl.study.folder(out, "fit"), overwrite=True)
            shown, first = data, found
            profile = found.profile("current", points=5 if profiles == 0 else 13)
        if k < profiles:
            by_profile.append([inside(found.profile(name, points=7).interval(), v) for name, v in truth.items()])
    values, errors, share = np.array(values), np.array(errors), np.mean(covered, axis=0)
    excess = np.maximum(np.abs(share - 0.95) - 3 * np.sqrt(0.95 * 0.05 / datasets), 0.0)
    bias = (values.mean(axis=0) - list(truth.values())) / (values.std(axis=0, ddof=1) / np.sqrt(datasets))

    try:
        fl.fit(shown, guess, ["current", "a0", "v_reset"])
        refusal = ""
    except ValueError as error:
        refusal = str(error)
    best, space = first.model, fl.SpectralElement(degree)
    if cells is None:
        problem = fl.discretize(best, space=space, tol=rtol)
    else:
        problem = fl.discretize(best, fl.interval(best, v_min=-6.0, cells=cells), space=space)
    options = {"rtol": rtol, "folder": fl.study.folder(out, "run"), "resume": True, "snapshots": 21}
    run = fl.evolve(problem, fl.Gaussian(0.0, 0.25), t_end, **options)
    return {
        "run": run,
        "coverage_current": float(share[0]),
        "coverage_a0": float(share[1]),
        "excess_current": float(excess[0]),
        "excess_a0": float(excess[1]),
        "coverage_by_profile": float(np.mean(by_profile)) if by_profile else None,
        "rate": run.final.N * first.passage.mean,
        "defect": run.moment_defect / rtol,
        "bias_current": float(bias[0]),
        "bias_a0": float(bias[1]),
        "spread_over_error": (values.std(axis=0, ddof=1) / errors.mean(axis=0)).tolist(),
        "converged": float(np.mean(converged)),
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


def intervals_at_rest(count: int, a0: float, random: np.random.Generator) -> np.ndarray:
    """Intervals of a neuron with I = V_F, V_F - V_R = 1."""
    return 0.5 * np.log1p(1 / a0 / (2 * erfinv(random.random(count)) ** 2))


def inside(ends: tuple[float, float], value: float) -> bool:
    return ends[0] <= value <= ends[1]


def figure(results: dict):
    """Estimates with their standard errors about the truth; a profile likelihood; intervals and the fitted density."""
    figure, (left, middle, right) = new_figure(1, 3)
    values, errors, truth = (np.asarray(results[k]) for k in ("values", "errors", "truth"))
    with house_style():
        left.errorbar(*values.T, *errors.T[::-1], fmt=".", ms=3, lw=0.5, alpha=0.5)
        left.plot(*truth, "k+", ms=14, mew=2, label="truth")
        left.set(xlabel="current $I$", ylabel="noise $a_0$")
        left.set_title(f"{len(values)} data sets", loc="left")
        left.legend()
        middle.plot(results["profile_values"], results["profile_heights"], ".-")
        middle.axhline(-1.92, color="k", ls="--", lw=0.9, label="95 %")
        middle.axvline(truth[0], color="k", ls=":", lw=0.9, label="truth")
        middle.set(xlabel="current $I$", ylabel="profile log-likelihood")
        middle.set_title("the first of them", loc="left")
        middle.legend()
    best = fl.NoisyLIF(current=float(values[0, 0]), a0=float(values[0, 1]))
    draw_intervals(right, np.asarray(results["intervals"]), fl.first_passage(best).density)
    with house_style():
        right.set(xlabel="interspike interval")
        right.set_title("its intervals", loc="left")
    return figure


if __name__ == "__main__":
    fl.study.run_script(main)
