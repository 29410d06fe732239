"""Is the synchronous spike of a network of neurons the one that its equation predicts?

    dV_i = -V_i dt + sqrt(2 a0) dW_i + (b/n) sum of spikes,   V_i = V_F: a spike, V_i is reset to V_R

Expected: yes (S7, S21). In the limit of many neurons the density of V solves the equation of `after_blow_up`, whose
rate becomes infinite at a time T, N -> size x delta(t - T). In a network of n neurons the spikes that each spike
causes, at the same instant, are delivered until none is left, b/n to everyone a spike; nothing else is told to it, and
it fires once together, near T, about the same fraction of its neurons. Time and size differ from the equation's by
amounts of order n^(-1/2), mostly by chance; steps are halved on the way to it, so that the choice of dt hardly matters.
"""

import numpy as np

import felif as fl
from felif.output import label, mark_thresholds, panels, ticks

CHEAP = {"neurons": 6400, "networks": 10, "tol": 1e-5, "rtol": 1e-5, "dt": 2e-4, "t_end": 0.03}
EXPECTED = {
    # the equation: two discretisations
    "expected_time_strong": (0.009224431428, 1e-7),
    "expected_size_strong": (0.52373045, 1e-5),
    "expected_time_late": (0.0263756927048, 1e-6),
    "expected_size_late": (0.47087962, 1e-5),
    # the largest networks: within three standard errors and two per cent
    **dict.fromkeys((f"excess_{what}_{name}" for what in ("time", "size") for name in ("strong", "late")), (0.0, 0.02)),
    # root mean square of the differences of the single networks: powers of n, -1/2 expected
    **dict.fromkeys((f"order_{what}_{name}" for what in ("time", "size") for name in ("strong", "late")), (-0.5, 0.25)),
}
CASES = {"strong": (0.5, 1.83, 0.003), "late": (0.8, 1.7, 0.005)}  # b; mean and variance of the initial density
RATIOS = (16, 4, 1)
PART = 0.2  # of the neurons: what fewer fire at once is not the event; small networks have such precursors


@fl.study.numerics(cells=None, tol=1e-6, t_end=0.05, rtol=1e-6)
def main(solver, neurons=100_000, networks=14, dt=1e-4, a0=1.0, seed=1) -> dict:
    """Follow two networks of three sizes, and their equations, through a synchronous spike.

    cells: Number of cells, fixed, until the event.
    t_end: End of the runs of the equation, in membrane time constants; networks end soon after their spikes.
    neurons: In a network of the largest size; the others have a fourth and a sixteenth of them.
    networks: Independent ones of each size.
    dt: Step of the neurons; it is halved where the rate grows.
    """
    sizes = [max(neurons // ratio, 1) for ratio in RATIOS]
    results: dict = {"neurons": sizes, "networks": networks}
    for name, (b, mean, variance) in CASES.items():
        network, start = fl.NoisyLIF(b=b, a0=a0), fl.Gaussian(mean, variance, boundary_layer=0.5)
        run = solver.evolve(name, network, start, after_blow_up=fl.Continue(), snapshots=21)
        expected = next((event for event in run.events if hasattr(event, "size")), None)
        results[f"expected_time_{name}"] = None if expected is None else expected.time
        results[f"expected_size_{name}"] = None if expected is None else expected.size
        if expected is None:
            continue
        table, options = [], {"networks": networks, "dt": dt, "start": start, "event_size": PART}
        for size in sizes:
            last = min(expected.time * (1.0 + 16.0 / np.sqrt(size)), solver.t_end)
            particles = fl.simulate_particles(network, neurons=size, t_end=last, seed=seed + size, **options)
            for spike in fl.compare(particles, run).spikes[:1]:
                row = (spike.time, spike.time_error, spike.size, spike.size_error)
                table.append([size, *row, spike.networks])
                if size == sizes[-1] and name == "strong":
                    results |= _pictured(particles)
        results[f"table_{name}"] = table = np.array(table).reshape(-1, 6)
        for k, (quantity, value) in enumerate((("time", expected.time), ("size", expected.size))):
            difference, error = table[:, 1 + 2 * k] - value, table[:, 2 + 2 * k]
            results[f"excess_{quantity}_{name}"] = _excess(difference, error, value)
            if len(table) > 1:
                spread = np.sqrt(difference**2 + table[:, 5] * error**2)
                results[f"order_{quantity}_{name}"] = float(np.polyfit(np.log(table[:, 0]), np.log(spread), 1)[0])
    return results


def _excess(difference: np.ndarray, error: np.ndarray, value: float) -> float | None:
    """How far the largest networks are from the equation beyond three standard errors, relative."""
    if not difference.size or not np.isfinite(error[-1]):
        return None
    return float(max(abs(difference[-1]) - 3.0 * error[-1], 0.0) / value)


def _pictured(particles: fl.ParticleRun) -> dict:
    """Spikes per neuron up to the edges of the bins, one row a network; a histogram of all potentials at the end."""
    rates, widths = particles.batches["N"], np.diff(particles.times)
    fired = np.concatenate([np.zeros((len(rates), 1)), np.cumsum(rates * widths, axis=1)], axis=1)
    for event in particles.events:
        fired[event.network] += np.where(particles.times >= event.time, event.size, 0.0)
    bars, v = np.linspace(0.8, particles.model.v_fire, 61), particles.final.v
    histogram = np.histogram(v, bars)[0] / v.size / np.diff(bars)
    results = {"fired_times": particles.times, "fired": fired, "histogram_time": particles.final.t}
    return results | {"bars": bars, "histogram": histogram}


@panels(2, 2)
def figure(results, fired, density, times, sizes):
    """Spikes fired and the density after them; time and size of the event against the size of the network."""
    if "fired" in results:
        _draw_fired(fired, results)
        _draw_density(density, results)
    for column, quantity, axes, symbol in ((1, "time", times, "T"), (3, "size", sizes, r"\Delta")):
        for k, (name, (b, *_)) in enumerate(CASES.items()):
            if (table := results.get(f"table_{name}")) is None:
                continue
            value = results[f"expected_{quantity}_{name}"]
            size, off, bar = table[:, 0], 100 * (table[:, column] / value - 1), 300 * table[:, column + 1] / value
            look = {"fmt": "os"[k], "ms": 4, "lw": 1.0, "capsize": 3, "color": f"C{k}"}
            axes.errorbar(size * (1.0 + 0.06 * (k - 0.5)), off, bar, label=f"$b={b:g}$, expected {value:.5g}", **look)
        axes.axhspan(-2.0, 2.0, color="0.9", zorder=0)
        axes.axhline(0.0, color="0.4", lw=0.8)
        label(axes, "neurons in a network", f"{quantity} ${symbol}$: difference, per cent", xscale="log")
        ticks(axes.xaxis, results["neurons"])
        axes.legend(loc="best", title="three standard errors")


def _draw_fired(axes, results: dict) -> None:
    run, times = results["strong"], np.asarray(results["fired_times"])
    for number, fired in enumerate(np.asarray(results["fired"])):
        text = f"{len(results['fired'])} networks of {results['neurons'][-1]} neurons" if number == 0 else None
        axes.plot(times, fired, color="C0", lw=0.7, alpha=0.6, label=text)
    t = np.unique(np.concatenate([run.times, np.linspace(run.times[0], times[-1], 200)]))
    t = t[t <= times[-1]]
    N = np.asarray(run.sample("N", 0.5 * (t[1:] + t[:-1])))
    spent = np.concatenate([[0.0], np.cumsum(np.where(np.isfinite(N), N, 0.0) * np.diff(t))])
    spent += np.where(t >= results["expected_time_strong"], results["expected_size_strong"], 0.0)
    axes.plot(t, spent, color="k", lw=1.2, label="equation")
    label(axes, "t", "spikes per neuron up to $t$", "upper left")


def _draw_density(axes, results: dict) -> None:
    run, bars = results["strong"], np.asarray(results["bars"])
    t = min(float(results["histogram_time"]), float(run.times[-1]))
    v = np.linspace(bars[0], bars[-1], 1201)
    axes.stairs(results["histogram"], bars, fill=True, color="C0", alpha=0.45, label="neurons")
    axes.plot(v, run.at(t).n(v), color="k", lw=1.2, label="equation")
    mark_thresholds(axes, run.problem.marks)
    label(axes, "v", "n", "upper right", f"after the event, $t={t:.4g}$", pad=16, ylim=(0.0, None))


if __name__ == "__main__":
    fl.study.run_script(main)
