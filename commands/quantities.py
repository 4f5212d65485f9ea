"""Numbers with units as they are typed on the command line: `20ms`, `3%`, `5`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import click

if TYPE_CHECKING:
    from collections.abc import Mapping

MILLISECONDS: Final = {"": 1.0, "ms": 1.0, "s": 1000.0, "us": 0.001, "µs": 0.001}
PERCENT: Final = {"": 1.0, "%": 1.0}
COUNT: Final = {"": 1.0}

TYPED: Final = re.compile(r"(\d+(?:\.\d+)?)\s*(\D*)")


class Quantity(click.ParamType):  # type: ignore[type-arg] # generic from click 8.4 on
    """A number with one of some units, each of which has a factor; `example` shows how it is typed."""

    name = "quantity"

    def __init__(self, units: Mapping[str, float], example: str, least: float, most: float) -> None:
        self.units, self.example, self.least, self.most = units, example, least, most

    def get_metavar(self, param: click.Parameter, ctx: click.Context | None = None) -> str:
        """What stands for it in the help."""
        del param, ctx
        return self.example.upper() if self.example.isalpha() else self.example

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """The number in the first unit; wrong usage if it is none, or out of bounds."""
        if isinstance(value, int | float):
            return float(value)
        typed = TYPED.fullmatch(str(value).strip())
        if typed is None or typed[2] not in self.units:
            self.fail(f"{value!r} is not a number as it should be, like {self.example}.", param, ctx)
        number = float(typed[1]) * self.units[typed[2]]
        if self.units is COUNT and number != int(number):
            self.fail(f"{value!r} is not a whole number.", param, ctx)
        if not self.least <= number <= self.most:
            self.fail(f"{value} is not between {self.shown(self.least)} and {self.shown(self.most)}.", param, ctx)
        return number

    def shown(self, number: float) -> str:
        """A number as it is typed: in the largest unit of which it has at least one."""
        units = {factor: unit for unit, factor in self.units.items()}  # of the same factor, the one named last
        factor = max((each for each in units if each <= number), default=1.0)
        return f"{number / factor:g}{units.get(factor, '')}"
