"""The three models file every OSI layer exactly once."""

from __future__ import annotations

import pytest

from views.osi import MODELS, level_of


@pytest.mark.parametrize("model", MODELS)
def test_every_osi_layer_has_one_place(model: int) -> None:
    assert len(MODELS[model]) == model
    assert sorted(osi for level in MODELS[model] for osi in level.osi) == [1, 2, 3, 4, 5, 6, 7]
    assert [level.label for level in MODELS[model]] == [f"L{number}" for number in range(model, 0, -1)]


NAMES = {
    7: ["physical", "data link", "network", "transport", "session", "presentation", "application"],
    5: ["physical", "data link", "network", "transport", "application", "application", "application"],
    4: ["link", "link", "internet", "transport", "application", "application", "application"],
}


@pytest.mark.parametrize("model", NAMES)
def test_layers_are_called_as_in_the_model(model: int) -> None:
    assert [level_of(osi, model).name for osi in range(1, 8)] == NAMES[model]


def test_there_is_no_six_layer_model() -> None:
    with pytest.raises(KeyError):
        level_of(1, 6)
