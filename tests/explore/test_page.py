"""The page in a real browser: Chromium from the system, driven by playwright; skipped where one of them is missing."""

from __future__ import annotations

import os
import re
import shutil
import threading

import pytest

from felif.explore.jobs import prepare
from felif.explore.server import Explorer

NAMES = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM = os.environ.get("FELIF_CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
QUIET = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync")  # fmt: skip
driver = pytest.importorskip("playwright.sync_api", reason="the page is looked at with playwright, which is not here")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason=f"no browser to look at the page with: {', '.join(NAMES)}")
RESTED = 'body[data-rested]:not([data-rested=""])'


@pytest.fixture(scope="module")
def explorer():
    prepare()
    server = Explorer()
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def browser():
    with driver.sync_playwright() as play:
        found = play.chromium.launch(executable_path=CHROMIUM, args=list(QUIET))
        yield found
        found.close()


@pytest.fixture
def page(browser, explorer):
    """A page whose requests and errors are kept: none goes elsewhere, none is raised."""
    context = browser.new_context(viewport={"width": 1300, "height": 900})
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    page, requests, errors = context.new_page(), [], []
    page.set_default_timeout(60_000)
    page.on("request", lambda request: requests.append(request.url))
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    context.close()
    assert errors == []
    assert {url.split("/")[2] for url in requests} == {f"localhost:{explorer.port}"}


def answered(page, number):
    page.wait_for_selector(f'body[data-answered="{number}"]')


def move(page, name, place):
    """A slider to a place between 0 and 1000, as a hand does."""
    page.evaluate(
        "([name, place]) => { const s = document.getElementById(name); s.value = place;"
        " s.dispatchEvent(new Event('input', { bubbles: true })); }",
        [name, place],
    )


def curve(page, card):
    return page.locator(f"#{card} .plot svg g path").last.get_attribute("d")


def test_a_slider_changes_the_figures_the_address_and_the_code_and_a_reload_restores_them(page, explorer):
    page.goto(explorer.address("NoisyLIF"))
    answered(page, 1)
    shown = [float(t) for t in re.findall(r"[\d.]+", page.inner_text("#profile .note"))]
    assert shown == sorted(set(shown))
    assert (len(shown), shown[0], shown[-1]) == (5, 0, 10)
    assert shown[2] < 1  # when most of what happens has happened
    before = curve(page, "rate")
    move(page, "b", 100)
    answered(page, 2)
    assert curve(page, "rate") != before
    page.wait_for_selector(RESTED)
    assert "fl.NoisyLIF(b=-8.5)" in page.inner_text("#code pre")
    assert "fl.continuation" in page.inner_text("#code pre")
    assert "1 steady state" in page.inner_text("#facts")
    assert "fold" in page.inner_text("#branch .note")
    assert "stable, forgets at the rate" in page.inner_text("#spectrum .note")
    assert "N(0) = ∞" in page.inner_text("#rate .note")
    assert page.url.endswith("?model=NoisyLIF&b=-8.5&along=b")
    page.click("#copy")
    assert page.evaluate("navigator.clipboard.readText()") == page.inner_text("#code pre")
    moved = curve(page, "rate")
    page.reload()
    answered(page, 1)
    assert curve(page, "rate") == moved
    assert page.input_value('[data-name="b"] input[type="text"]') == "-8.5"
    assert page.evaluate("performance.getEntriesByName('felif answer').length") == 1


def test_a_preset_blows_up_with_a_bar_and_a_wrong_value_shows_the_sentence(page, explorer):
    page.goto(explorer.address("RefractoryLIF"))
    answered(page, 1)
    page.click('#presets button[data-name="Blow-up: b is large"]')
    answered(page, 2)
    assert page.input_value("#model") == "NoisyLIF"
    assert "Blow-up at tBU = 3.418" in page.inner_text("#rate .note")
    assert "±" in page.inner_text("#rate .note")
    field = page.locator('[data-name="a0"] input[type="text"]')
    field.fill("-1")
    field.press("Enter")
    answered(page, 3)
    assert page.inner_text("#problem") == "NoisyLIF: a0 = -1.0; allowed is a positive number"
    assert page.locator(".slider.wrong").count() == 1
    page.locator('[data-name="a0"] input[type="text"]').fill("1")
    page.locator('[data-name="a0"] input[type="text"]').press("Enter")
    answered(page, 4)
    assert page.locator("#problem").is_hidden()
    assert page.locator(".slider.wrong").count() == 0


def test_two_populations_and_a_narrow_screen(page, explorer):
    page.set_viewport_size({"width": 420, "height": 800})
    page.goto(f"{explorer.address()}?model=ExcitatoryInhibitoryLIF&t_end=2&along=b_EE")
    answered(page, 1)
    assert "NE" in page.inner_text("#rate .note")
    assert page.evaluate("document.documentElement.scrollWidth") <= 420
    page.select_option("#model", "RandomThresholdLIF")
    answered(page, 2)
    assert page.locator('[data-name="eps"]').count() == 1
    page.wait_for_selector(RESTED)
    assert "2 Hopf points" in page.inner_text("#branch .note")
    page.select_option("#drift", "Exponential")
    answered(page, 3)
    assert page.locator('[data-name="drift_delta"]').count() == 1
    assert "f(v)" in page.inner_text("#equation")
