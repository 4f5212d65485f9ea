"""How far each end's numbers had reached before each segment, and which ends these sums cannot tell that of.

Wireshark compares each segment with the highest number so far, by the signed 32-bit difference (RFC 9293 section 3.4).
Here the differences from segment to segment are summed, and a running maximum gives the same, as long as no segment is
half the number space away from it; an end for which that does not hold is left to `analysis.judging`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from analysis.ends import Ends

HALF: Final = 1 << 31
FAR: Final = 1 << 40
"""Farther than this the sums are not followed: 2**18 ends that far apart fit 64 bits."""


@dataclass(frozen=True, slots=True)
class Reach:
    """n rows, in the order of `Ends`."""

    next: NDArray[np.uint32]  # the highest number before the segment, 0: not known
    after: NDArray[np.uint32]  # and after it
    moved: NDArray[np.bool_]  # the segment moved it
    lost: NDArray[np.bool_]  # the sums do not tell


def reach_of(ends: Ends, finish: NDArray[np.uint32], known: NDArray[np.uint32]) -> Reach:
    """`finish` (n,) is the number after each segment, `known` (2G,) the highest of each end before the batch."""
    head, head_slot = ends.head, ends.slot[ends.head]
    start = known[head_slot]
    fresh = start == 0
    origin = np.where(fresh, finish[head], start)
    step = np.empty(len(finish), np.int64)
    step[1:] = (finish[1:] - finish[:-1]).view(np.int32)
    step[head] = (finish[head] - origin).view(np.int32)
    total = np.cumsum(step)
    size = np.diff(np.append(head, len(finish)))
    distance = total - np.repeat((total - step)[head], size)
    far = np.abs(distance) > FAR
    if far.any():
        distance = np.where(far, 0, distance)
    lift = np.repeat(np.arange(len(head)), size) * int(distance.max(initial=0) - min(distance.min(initial=0), 0) + 1)
    top = distance + lift
    top[head] = np.maximum(top[head], lift[head])
    top = np.maximum.accumulate(top) - lift
    earlier = np.empty_like(top)
    earlier[1:] = top[:-1]
    earlier[head] = 0
    base = np.repeat(origin, size)
    before = base + earlier.astype(np.uint32)
    after = base + top.astype(np.uint32)
    moved = distance > earlier
    moved[head[fresh]] = True
    lost = far | (np.abs(distance - earlier) >= HALF) | (before == 0)
    before[head[fresh]] = 0
    lost[head[fresh]] = False
    return Reach(before, after, moved, lost)
