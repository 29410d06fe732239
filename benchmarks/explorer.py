"""How fast `felif explore` answers: slider moves in a real browser, from the move to the picture.

    python benchmarks/explorer.py [--moves 50] [--only NoisyLIF] [--check] [--screenshots FOLDER]

Needs playwright (`pip install "felif[browser]"`) and an installed Chromium (FELIF_CHROMIUM names another). For each
case: the median and the 95 % quantile of the time from the event of the slider to the frame that shows the new run, as
the page measures it, and the processor time of the server and of all processes of the browser for a move (Linux);
steady states and branches are computed in other processes, which a move ends. On a machine that others use, the
processor times are what counts. --check ends with status 1 where the median of one population is not below 100 ms.
--screenshots: pictures of every case, wide and narrow.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlencode

import numpy as np

CASES = {  # name: (address, slider, places of the slider from and to, a population)
    "NoisyLIF": ({"model": "NoisyLIF"}, "b", (100, 760), True),
    "NoisyLIF, delayed": ({"model": "NoisyLIF", "b": -9, "delay": 0.4, "t_end": 20}, "b", (50, 700), True),
    "NoisyLIF, blow-up": (
        {"model": "NoisyLIF", "b": 3, "mean": -1, "variance": 0.5, "boundary_layer": 0.5},
        "b",
        (840, 1000),
        True,
    ),
    "RefractoryLIF": ({"model": "RefractoryLIF"}, "b", (100, 760), True),
    "RandomThresholdLIF": ({"model": "RandomThresholdLIF", "t_end": 22}, "b", (100, 800), True),
    "Exponential": ({"model": "NoisyLIF", "drift": "Exponential", "v_fire": 3}, "b", (100, 700), True),
    "ExcitatoryInhibitoryLIF": ({"model": "ExcitatoryInhibitoryLIF"}, "b_EE", (0, 400), False),
    "Populations of two": ({"model": "Populations", "t_end": 5}, "coupling_0_0", (600, 900), False),
}
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
QUIET = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync"]  # fmt: skip
MOVE = """async ([name, place]) => {
  const known = performance.getEntriesByName("felif answer").length, slider = document.getElementById(name);
  slider.value = place;
  slider.dispatchEvent(new Event("input", { bubbles: true }));
  while (performance.getEntriesByName("felif answer").length === known) await new Promise((go) => setTimeout(go, 2));
  return performance.getEntriesByName("felif answer").at(-1).duration;
}"""
TYPE = """async ([name, text]) => {
  const known = performance.getEntriesByName("felif answer").length;
  const field = document.querySelector(`[data-name="${name}"] input[type="text"]`);
  field.value = text;
  field.dispatchEvent(new Event("change", { bubbles: true }));
  while (performance.getEntriesByName("felif answer").length === known) await new Promise((go) => setTimeout(go, 2));
  return [performance.getEntriesByName("felif answer").at(-1).duration, document.querySelector("#problem").textContent];
}"""
RESTED = 'body[data-rested]:not([data-rested=""])'


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--moves", type=int, default=50)
    parser.add_argument("--only", action="append", choices=list(CASES), help="these cases, by default all")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--screenshots", type=Path)
    given = parser.parse_args()
    from playwright.sync_api import sync_playwright

    chromium = os.environ.get("FELIF_CHROMIUM") or next(filter(None, map(shutil.which, BROWSERS)), None)
    if chromium is None:
        print(f"There is no browser: {', '.join(BROWSERS)}.", file=sys.stderr)
        return 2
    code = "from felif.study.cli import run; run(['explore', '--port', '0', '--no-browser'])"
    server = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    try:
        address = re.search(r"http://\S+/", server.stdout.readline())[0]
        with sync_playwright() as play:
            browser = play.chromium.launch(executable_path=chromium, args=QUIET)
            met = measure(browser, address, server.pid, given)
            browser.close()
    finally:
        server.terminate()
        server.wait()
    return 0 if met or not given.check else 1


def measure(browser, address: str, pid: int, given) -> bool:
    met = True
    print(f"{'case':26}{'median ms':>10}{'95 % ms':>9}{'CPU ms a move: server':>23}{'browser':>9}")
    for name in given.only or CASES:
        asked, slider, ends, one = CASES[name]
        page = browser.new_page(viewport={"width": 1400, "height": 900})
        page.set_default_timeout(120_000)
        page.goto(f"{address}?{urlencode(asked)}")
        page.wait_for_selector("body[data-answered]")
        places = np.random.default_rng(1).integers(*ends, given.moves).tolist()
        page.evaluate(MOVE, [slider, ends[0]])
        before = np.array([cpu_seconds(pid), browser_seconds(pid)])
        times = [page.evaluate(MOVE, [slider, place]) for place in places]
        server, own = 1e3 * (np.array([cpu_seconds(pid), browser_seconds(pid)]) - before) / len(places)
        found = f"{np.median(times):10.0f}{np.quantile(times, 0.95):9.0f}{server:23.0f}{own:9.0f}"
        print(f"{name:26}{found}", flush=True)
        met &= np.median(times) < 100 or not one
        if given.screenshots:
            pictures(page, given.screenshots, re.sub(r"\W+", "_", name).lower())
        page.close()
    page = browser.new_page()
    page.goto(f"{address}?model=NoisyLIF")
    page.wait_for_selector("body[data-answered]")
    times, said = zip(*(page.evaluate(TYPE, ["a0", text]) for text in ("-1", "abc", "0", "1e999", "")), strict=True)
    print(f"{'wrong values':26}{np.median(times):10.0f}{max(times):9.0f}     {' | '.join(said)}")
    return met


def pictures(page, folder: Path, name: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    page.wait_for_timeout(600)
    page.wait_for_selector(RESTED, timeout=300_000)
    for width in (1400, 420):
        page.set_viewport_size({"width": width, "height": 900})
        page.wait_for_timeout(400)
        page.screenshot(path=folder / f"{name}_{width}.png", full_page=True)


def cpu_seconds(pid: int) -> float:
    """Processor time of a process so far (Linux)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def browser_seconds(server: int) -> float:
    """Processor time of all processes that descend from this one, without the server and what descends from it."""
    parents = {}
    for place in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(place.parent.name)] = int(place.read_text().rsplit(")", 1)[1].split()[1])
        except OSError:  # it has ended
            continue
    known, found = {os.getpid()}, {os.getpid()}
    while found := {pid for pid, parent in parents.items() if parent in found and pid not in known and pid != server}:
        known |= found
    total = 0.0
    for pid in known - {os.getpid()}:
        try:
            total += cpu_seconds(pid)
        except OSError:
            continue
    return total


if __name__ == "__main__":
    sys.exit(main())
