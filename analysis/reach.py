"""How far each end's numbers had reached before each segment, and which ends these sums cannot tell that of.

Wireshark compares each segment with the highest number so far, by the signed 32-bit difference (RFC 9293 section 3.4).
Here numbers are taken as distances from what the end had reached before the batch, and a running maximum gives the
same, as long as no segment is half the number space away from it; an end for which that does not hold is left to
`analysis.judging`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from analysis.places import indices, run_sizes

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from analysis.segments import Segments

HALF: Final = 1 << 31
NEAR: Final = 1 << 30
"""Numbers that are all nearer than this to one place are the nearest to one another, too."""
FAR: Final = 1 << 40
"""Farther than this the sums are not followed: 2**18 ends that far apart fit 64 bits."""


@dataclass(frozen=True, slots=True)
class Reach:
    """n segments, in their order. `distance` is that of the number after each from the end's `origin`.

    It is int32 if all are `near`, and else the sum of the steps from segment to segment, int64.
    """

    next: NDArray[np.uint32]  # the highest number before the segment, 0: not known
    after: NDArray[np.uint32]  # and after it
    moved: NDArray[np.bool_]  # the segment moved it
    lost: NDArray[np.int64]  # places of segments from which on the sums do not tell
    distance: NDArray[Any]
    highest: NDArray[Any]  # the highest distance before the segment; 0, the origin's own, for an end's first
    origin: NDArray[np.uint32]  # (H,) of the ends that have segments
    near: bool


def reach_of(s: Segments, finish: NDArray[np.uint32], known: NDArray[np.uint32]) -> Reach:
    """`finish` (n,) is the number after each segment, `known` (2G,) the highest of each end before the batch."""
    size = s.last + 1 - s.head
    start = known[s.owner]
    fresh = s.head[start == 0]
    origin = np.where(start == 0, finish[s.head], start)
    base = origin.repeat(size)
    distance: NDArray[Any] = (finish - base).view(np.int32)
    near = bool(distance.max(initial=0) < NEAR and distance.min(initial=0) > -NEAR)
    far = np.zeros(len(s), np.bool_)
    if not near:
        distance = unwrapped(finish, s.head, size, origin)
        far = np.abs(distance) > FAR
        distance = np.where(far, 0, distance)
    highest, top = highest_before(s, distance, np.zeros(len(s.head), distance.dtype))
    before, after = (base + distances.astype(np.uint32) for distances in (highest, top))
    lost = far | (before == 0)  # 0 stands for "not known yet"
    if not near:
        lost |= np.abs(distance - highest) >= HALF
    moved = distance > highest
    moved[fresh] = True
    lost[fresh] = False
    before[fresh] = 0
    return Reach(before, after, moved, indices(lost), distance, highest, origin, near)


def unwrapped(
    finish: NDArray[np.uint32], head: NDArray[np.int64], size: NDArray[np.int64], origin: NDArray[np.uint32]
) -> NDArray[np.int64]:
    """Distances from each end's origin, int64: each number is taken as the one nearest to the one before it."""
    step = np.empty(len(finish), np.int64)
    step[1:] = (finish[1:] - finish[:-1]).view(np.int32)
    step[head] = (finish[head] - origin).view(np.int32)
    total = step.cumsum()
    return total - np.repeat((total - step)[head], size)


def highest_before(s: Segments, distance: NDArray[Any], start: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """The highest distance of each end before each segment and after it; `start` (H,) is that before its first.

    Most ends only go forward, and have it from the segment before; the others' maximum is run.
    """
    top = distance.copy()
    backward = indices(distance[1:] < distance[:-1])
    side = s.side[backward]
    concerned = np.zeros(len(s.ends), np.bool_)
    concerned[side[side == s.side[backward + 1]]] = True
    concerned[s.owner[distance[s.head] < start]] = True
    sides = indices(concerned)
    if len(sides):
        place, heads = s.places_of(sides)
        first = np.zeros(len(s.ends), start.dtype)
        first[s.owner] = start
        top[place] = running_highest(distance[place], heads, first[sides])
    highest = np.empty_like(top)
    highest[1:] = top[:-1]
    highest[s.head] = start
    return highest, top


def running_highest(values: NDArray[Any], begin: NDArray[np.int64], start: NDArray[Any]) -> NDArray[np.int64]:
    """The highest value so far in each run; runs begin at `begin`, each with `start`."""
    run = values.astype(np.int64)
    run[begin] = np.maximum(run[begin], start)
    # Lifts each run above the one before it, so that one running maximum does for all.
    apart = int(run.max()) - int(run.min()) + 1
    lift = np.repeat(np.arange(len(begin)) * apart, run_sizes(begin, len(run)))
    run += lift
    np.maximum.accumulate(run, out=run)
    run -= lift
    return run
