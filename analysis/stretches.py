"""Stretches of places, many at once: all their places, and the first place in each that something holds for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from analysis.places import indices

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

STEP: Final = 64
"""Places of each stretch that are looked at first; each time nothing is found, twice as many."""


def places(begin: NDArray[np.int64], end: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """All places of the stretches [begin, end), one stretch after the other, and the index of each one's stretch."""
    size = end - begin
    of = np.repeat(np.arange(len(size)), size)
    return np.arange(len(of)) + (begin - size.cumsum() + size)[of], of


def first_in_each(
    begin: NDArray[np.int64],
    end: NDArray[np.int64],
    holds: Callable[[NDArray[np.int64], NDArray[np.int64]], NDArray[np.bool_]],
) -> NDArray[np.int64]:
    """The first place in each of the stretches [begin, end) that `holds`, -1 for none.

    `holds` is asked of places, each with the index of its stretch.
    """
    first = np.full(len(begin), -1)
    left, at, step = indices(begin < end), begin.copy(), STEP
    while len(left):
        stop = np.minimum(at[left] + step, end[left])
        place, of = places(at[left], stop)
        found = indices(holds(place, left[of]))[::-1]  # backwards: the first one stays
        first[left[of[found]]] = place[found]
        at[left] = stop
        left = left[(first[left] < 0) & (stop < end[left])]
        step *= 2
    return first
