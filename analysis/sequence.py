"""How far each end has sent: the highest sequence number so far, and which payload lies below it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from analysis.segments import FIN, RST, SYN

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from analysis.segments import Segments
    from capture.columns import Columns


@dataclass(frozen=True, slots=True)
class Sent:
    """n segments of some ends, each end's together and in capture order; resets are left out.

    Distances are int64 and count from a place of each end, `origin`: its last segment's end before the batch, or its
    first one's, if it has none before.
    """

    at: NDArray[np.int64]  # (n,) index in `Segments`
    side: NDArray[np.int64]  # (n,) the end: 2 * group + direction
    start: NDArray[np.int64]  # (n,) distance of the segment's first number, a SYN's included
    payload: NDArray[np.int64]  # (n,) distance of its payload
    length: NDArray[np.int64]  # (n,) of its payload
    top: NDArray[np.int64]  # (n,) the highest number before it; its own first one, for an end's very first
    origin: NDArray[np.uint32]  # (2G,)
    moved: NDArray[np.int64]  # (2G,) how far `origin` lies further on in the next batch

    def repeated(self, count: int) -> NDArray[np.bool_]:
        """Which of the batch's `count` segments carry payload that was all sent before."""
        result = np.zeros(count, np.bool_)
        result[self.at] = (self.length > 0) & (self.payload + self.length <= self.top)
        return result


def follow(s: Segments, columns: Columns) -> Sent:
    """Follow how far each end sends, across the wrap of its sequence numbers.

    Each number is taken as the one nearest to the end of the segment before (RFC 9293 section 3.4), so what is carried
    to the next batch is that and how far ahead of it the highest number is. Resets are left out: their numbers often
    come from the other end.
    """
    judged = s.analysed & ~s.has(RST)
    at = s.by_side[judged[s.by_side]]
    side = s.side[at]
    length, flags = s.length[at], s.flags[at]
    syn, fin = ((flags & flag) != 0 for flag in (SYN, FIN))
    finish = s.sequence[at] + (length + syn + fin).astype(np.uint32)
    first = np.ones(len(at), np.bool_)
    first[1:] = side[1:] != side[:-1]
    begin = np.flatnonzero(first)
    here = side[begin]
    known = columns["sent_known"][s.connection].ravel()[here] != 0
    origin = columns["sent"][s.connection].ravel()
    origin[here] = np.where(known, origin[here], finish[begin])
    ahead = np.where(known, columns["top_ahead"][s.connection].ravel()[here], 0)

    step = np.zeros(len(at), np.int64)
    step[1:] = (finish[1:] - finish[:-1]).view(np.int32)
    step[begin] = (finish[begin] - origin[here]).view(np.int32)
    run = np.cumsum(step)
    size = np.diff(np.append(begin, len(at)))
    distance = run - np.repeat((run - step)[begin], size)
    start = distance - length - syn - fin
    top = _highest_before(distance, begin, np.where(known, ahead, start[begin]), size)
    last = begin + size - 1
    moved = np.zeros(len(origin), np.int64)
    moved[here] = distance[last]

    row, end = s.connection[here // 2], here % 2
    columns["sent"][row, end] = finish[last]
    columns["top_ahead"][row, end] = np.maximum(top[last], distance[last]) - distance[last]
    columns["sent_known"][row, end] = 1
    return Sent(at, side, start, start + syn, length, top, origin, moved)


def _highest_before(
    distance: NDArray[np.int64], begin: NDArray[np.int64], carried: NDArray[np.int64], size: NDArray[np.int64]
) -> NDArray[np.int64]:
    """The highest distance of each run before each of its places; runs begin at `begin` with `carried`."""
    if not len(distance):
        return distance
    before = np.empty(len(distance), np.int64)
    before[1:] = distance[:-1]
    before[begin] = carried
    # Lifts each run above the one before it, so that one running maximum does for all.
    apart = int(before.max() - before.min()) + 1
    lift = np.repeat(np.arange(len(begin)) * apart, size)
    return np.maximum.accumulate(before + lift) - lift
