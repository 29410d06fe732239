"""What the page draws, without a browser: the numbers are those of felif, and those of the script beside them."""

from __future__ import annotations

import numpy as np
import pytest

import felif as fl
from felif.explore.at_rest import at_rest, branches
from felif.explore.evolution import TakenOver, evolution, rate_axis
from felif.explore.presets import PRESETS
from felif.explore.setting import Setting

FOLD_B, FOLD_N = 2.10096, 0.42424  # of b at a0 = 1, V_R = 1, V_F = 2: Caceres, Carrillo & Perthame (2011), figure 1


def preset(name):
    return Setting.of(next(one.values for one in PRESETS if one.name == name))


def executed(code, folder, monkeypatch):
    monkeypatch.chdir(folder)
    space = {"__name__": "__main__"}
    exec(compile(code, "copied", "exec"), space)
    return space


@pytest.mark.parametrize(
    "asked",
    [
        {"b": 3.0, "mean": -1.0, "variance": 0.5},
        {"drift": "Exponential", "v_fire": "inf", "b": 0.5, "t_end": 2.0},
        {"delay": 0.3, "b": -5.0, "dead_time": 0.1, "t_end": 3.0},
        {"model": "ExcitatoryInhibitoryLIF", "variance_I": 0.5, "t_end": 2.0},
        {"model": "Populations", "mean_1": -1.0, "t_end": 0.2, "tol": 1e-3},
    ],
    ids=["blow-up", "threshold at infinity", "delays", "two populations", "Populations"],
)
def test_the_script_beside_the_figures_runs_and_gives_their_numbers(asked, tmp_path, monkeypatch, capsys):
    found = evolution(Setting.of(asked))
    space = executed(found["code"], tmp_path, monkeypatch)
    run = space["run"]
    assert (tmp_path / "run.png").stat().st_size > 10_000
    assert str(run) in capsys.readouterr().out
    assert found["final"] == {name: run.series[name][-1] for name in found["final"]}
    assert found["conserved"] == run.drift
    assert max(run.drift.values()) < 1e-13
    assert found["blow_up"] == (run.blow_up and {"time": run.blow_up.time, "error": run.blow_up.error})
    some = found["times"][::37]
    for name, values in {**found["rates"], **found["waiting"]}.items():
        expected = run.sample(name, some)
        assert np.array_equal(np.isinf(values[::37]), np.isinf(expected))
        finite = np.isfinite(expected)
        assert values[::37][finite] == pytest.approx(expected[finite], rel=1e-12, abs=1e-14)
    t, v, fields = (found["density"][key] for key in ("t", "v", "of"))
    for name, values in fields.items():
        state = run.at(float(t[40]))
        field = getattr(state, name) if name in state.problem.field_names else state.n[int(name[-1])]
        assert values[40] == pytest.approx(field(v), abs=1e-13)


def test_the_steady_states_spectra_and_branches_are_those_of_the_script(tmp_path, monkeypatch):
    setting = Setting.of({"b": 1.5})
    found = list(at_rest(setting, "b", (1.4, 2.3)))
    assert [what for what, _ in found] == ["states", "spectrum", "spectrum", "branches", "branches"]
    states, branch = found[0][1], found[-1][1]
    space = executed(setting.run_code() + states["code"] + branch["code"], tmp_path, monkeypatch)
    assert [s["rates"]["N"] for s in states["states"]] == [state.N for state in space["states"]]
    assert [s["stable"] for s in states["states"]] == [True, False]
    for k, (_, modes) in enumerate(found[1:3]):
        same = fl.spectrum(space["states"][k].problem, space["states"][k], 8)
        assert modes["real"].tolist() == np.real(same.eigenvalues).tolist()
    fold = space["branches"][0].folds[0]
    assert branch["special"] == [{"kind": "fold", "x": fold.b, "rates": {"N": fold.N}}]
    assert (fold.b, fold.N) == (pytest.approx(FOLD_B, abs=1e-5), pytest.approx(FOLD_N, abs=1e-4))
    assert [piece["stable"] for piece in branch["pieces"]] == [True, False]
    assert branch["pieces"][0]["x"][0] == 1.4
    assert branch["pieces"][0]["x"][-1] == fold.b
    assert (tmp_path / "branches.png").exists()


def test_a_branch_is_found_from_where_no_steady_state_exists():
    found = branches(Setting.of({"b": 3.0}), "b", (1.0, 4.0), stability=False)
    assert [point["kind"] for point in found["special"]] == ["fold"]
    assert "fl.NoisyLIF(b=1.0)" in found["code"]
    assert "NoisyLIF(b=3" not in found["code"]
    nothing = branches(Setting.of({"b": 3.0}), "b", (2.5, 4.0), stability=False)
    assert nothing["message"] == "No steady state was found for b between 2.5 and 4."
    assert nothing["pieces"] == []


def test_a_branch_in_what_is_no_such_parameter_is_refused_in_a_sentence():
    with pytest.raises(ValueError, match="explore: along = 'delay'; allowed are b, a0, a1, current"):
        list(at_rest(Setting.of({}), "delay"))


def test_an_infinite_rate_at_the_start_leaves_the_axis_to_what_follows():
    found = evolution(Setting.of({"b": 0.5}))
    N = found["rates"]["N"]
    assert N[0] == np.inf
    assert N[1:].max() < np.inf
    assert 1.0 < found["axis"]["high"] / N[found["times"] > 1.0].max() < 1.2
    assert not found["axis"]["logarithmic"]


def test_towards_a_blow_up_the_axis_is_logarithmic_and_its_time_has_a_bar():
    found = evolution(preset("Blow-up: b is large"))
    assert found["axis"]["logarithmic"]
    assert found["outcome"]["name"] == "blow_up"
    # two independent discretisations, see studies/blow_up.py
    assert abs(found["blow_up"]["time"] - 3.41805743) < found["blow_up"]["error"] < 1e-3
    assert found["reached"] <= found["blow_up"]["time"]


def test_rates_that_are_all_infinite_or_all_zero_have_an_axis():
    times = np.array([0.0, 1.0])
    assert rate_axis(times, [np.array([np.inf, np.inf])], False) == {"low": 0.0, "high": 1.0, "logarithmic": False}
    assert rate_axis(times, [np.zeros(2)], False)["high"] == 1.0


def test_a_run_that_nobody_waits_for_is_given_up():
    with pytest.raises(TakenOver):
        evolution(Setting.of({"t_end": 50.0}), wanted=lambda: False)


@pytest.mark.parametrize(
    ("name", "blows_up"),
    [("Blow-up: data near V_F", True), ("Noise does not help", True), ("Refractory, and still a blow-up", True),
     ("Two steady states", False), ("Spontaneous activity", False), ("Delayed inhibition oscillates", False)],
)  # fmt: skip
def test_presets_do_what_they_say(name, blows_up):
    found = evolution(preset(name))
    assert (found["blow_up"] is not None) == blows_up
    if name in ("Spontaneous activity", "Delayed inhibition oscillates"):  # N goes up and down to the end
        N = found["rates"]["N"][found["times"] > 0.7 * found["t_end"]]
        assert N.max() > 5 * N.min()
