"""Sliders, presets, settings and the Python that says them."""

from __future__ import annotations

import dataclasses
import re

import pytest

import felif as fl
from felif.explore.presets import PRESETS
from felif.explore.setting import Setting
from felif.explore.sliders import DRIFTS, KINDS, kind_of


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_every_number_of_a_model_its_drift_and_the_start_has_a_slider(kind):
    names = {slider.name for slider in kind.sliders}
    for field in dataclasses.fields(kind.of):
        entries = {name for name in names if re.fullmatch(rf"{field.name}(_\d)*", name)}
        if field.name == "drift":
            continue
        assert len(entries) in (1, len(kind.populations) ** dict(kind.arrays).get(field.name, 0))
    if any(field.name == "drift" for field in dataclasses.fields(kind.of)):
        assert {f"drift_{f.name}" for drift in DRIFTS.values() for f in dataclasses.fields(drift)} <= names
    for field in dataclasses.fields(fl.Gaussian):
        assert sum(name.startswith(field.name) for name in names) == len(kind.populations)


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_sliders_begin_at_values_the_model_allows_and_between_their_ends(kind):
    for drift in DRIFTS:
        setting = Setting.of({"model": kind.name, "drift": drift})
        assert type(setting.model()) is kind.of
    for slider in kind.sliders:
        assert slider.low <= slider.value <= slider.high, slider
        assert slider.low > 0 or not slider.logarithmic, slider


def test_every_model_of_felif_is_served_or_refused_in_a_sentence():
    models = [name for name in fl.__all__ if dataclasses.is_dataclass(getattr(fl, name)) and
              hasattr(getattr(fl, name), "equations")]  # fmt: skip
    assert set(KINDS) < set(models)
    for name in [*models, "Nothing"]:
        if name not in KINDS:
            with pytest.raises(ValueError, match=rf"explore: .*{name}.*allowed are NoisyLIF, RefractoryLIF"):
                kind_of(name)


def test_values_of_a_url_are_those_of_the_model_and_the_start():
    asked = {"model": "NoisyLIF", "b": "1.5", "delay": "0.2", "drift": "Exponential", "drift_delta": "0.3"}
    setting = Setting.of({**asked, "v_fire": "inf", "mean": "-1", "variance": "0.5", "t_end": "3"})
    assert setting.model() == fl.NoisyLIF(b=1.5, delay=0.2, v_fire=float("inf"), drift=fl.Exponential(delta=0.3))
    assert setting.start() == fl.Gaussian(-1.0, 0.5)
    assert setting.t_end == 3.0
    two = Setting.of({"model": "Populations", "coupling_0_1": -2, "a0_1": 0.5, "mean_1": -1})
    assert two.arguments == {"coupling": [[0.5, -2.0], [0.5, -0.25]], "a0": [1.0, 0.5]}
    assert two.start() == [fl.Gaussian(), fl.Gaussian(-1.0)]
    pair = Setting.of({"model": "ExcitatoryInhibitoryLIF", "variance_I": 0.5})
    assert pair.start() == {"n_E": fl.Gaussian(), "n_I": fl.Gaussian(0.0, 0.5)}


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ({"model": "LIF"}, "explore: model = 'LIF'; allowed are NoisyLIF"),
        ({"drift": "Cubic"}, "explore: drift = 'Cubic'; allowed are Leaky, Exponential, Quadratic"),
        ({"tau": 1}, "explore: NoisyLIF has no slider 'tau'; it has b, a0"),
    ],
)
def test_what_the_page_does_not_have_is_refused_in_a_sentence(asked, sentence):
    with pytest.raises(ValueError, match=sentence):
        Setting.of(asked)


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ({"a0": "-1"}, "NoisyLIF: a0 = -1.0; allowed is a positive number"),
        ({"b": "1,5"}, "NoisyLIF: b = '1,5'; allowed is a finite number"),
        ({"v_reset": "3"}, "NoisyLIF: v_reset = 3.0 is not below v_fire = 2.0"),
        ({"drift": "Exponential", "drift_delta": "0"}, "Exponential: delta = 0.0; allowed is a positive number"),
        ({"variance": "0"}, "Gaussian: variance = 0.0"),
    ],
)
def test_wrong_values_give_the_sentences_of_the_model_itself(asked, sentence):
    setting = Setting.of(asked)
    with pytest.raises(ValueError, match=sentence.replace("(", r"\(")):
        setting.model(), setting.start()


@pytest.mark.parametrize("preset", PRESETS, ids=lambda preset: preset.name)
def test_presets_are_settings_with_a_branch_in_one_of_their_parameters(preset):
    setting = Setting.of(preset.values)
    setting.model(), setting.start()
    assert preset.along in [slider.name for slider in setting.sliders if slider.along]
