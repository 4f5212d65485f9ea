"""Numbers with units on the command line: what is understood, and how the bounds are told."""

from __future__ import annotations

import click
import pytest

from commands.live import BYTES
from commands.quantities import MILLISECONDS, PERCENT, Quantity

DELAY = Quantity(MILLISECONDS, "20ms", 0, 1000)
LOSS = Quantity(PERCENT, "3%", 0, 60)
SIZE = Quantity(BYTES, "1GiB", 16 << 20, 1 << 40)


@pytest.mark.parametrize(
    ("kind", "typed", "number"),
    [(DELAY, "20ms", 20.0), (DELAY, "0.5 s", 500.0), (LOSS, "3%", 3.0), (SIZE, "16MiB", 1 << 24), (SIZE, "1GB", 1e9)],
)
def test_a_number_may_have_a_unit(kind: Quantity, typed: str, number: float) -> None:
    assert kind.convert(typed, None, None) == number


@pytest.mark.parametrize(
    ("kind", "typed", "sentence"),
    [
        (SIZE, "4MiB", "4MiB is not between 16MiB and 1024GiB."),
        (DELAY, "100s", "100s is not between 0ms and 1s."),
        (LOSS, "61%", "61% is not between 0% and 60%."),
        (LOSS, "some", "'some' is not a number as it should be, like 3%."),
    ],
)
def test_what_is_out_of_bounds_is_told_in_units(kind: Quantity, typed: str, sentence: str) -> None:
    with pytest.raises(click.BadParameter, match=sentence):
        kind.convert(typed, None, None)
