"""How a scenario and its options are written for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab.scenario import Unit

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lab.scenario import Option, Scenario


def written(option: Option, value: float) -> str:
    """A value as it is typed: `3%`, `20ms`, `5`."""
    return f"{value:g}" + {Unit.PERCENT: "%", Unit.MILLISECONDS: "ms", Unit.COUNT: ""}[option.unit]


def describe(scenario: Scenario, values: Mapping[str, float], *, ipv6: bool = False) -> str:
    """A scenario in a sentence, with the values of its options."""
    options = "".join(f" --{each.name} {written(each, values[each.name])}" for each in scenario.options)
    how = (" --real" if scenario.by else "") + (" --ipv6" if ipv6 else "")
    return f"netviz lab {scenario.name}{options}{how}: {scenario.line}"
