"""How far each end has sent: the highest sequence number so far, and which payload lies below it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from analysis.segments import FIN, RST, SYN

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from analysis.segments import Segments
    from capture.columns import Columns


def find_repeats(s: Segments, columns: Columns) -> NDArray[np.bool_]:
    """Which segments carry payload that does not go beyond what their end had sent before, bool (K,).

    Sequence numbers are followed across their wrap by the signed 32-bit difference to the end's segment before
    (RFC 9293 section 3.4), so what is carried to the next batch is that segment's end and how far ahead of it the
    highest number is. Resets are left out: their numbers often come from the other end.
    """
    result = np.zeros(len(s), np.bool_)
    judged = s.analysed & ~s.has(RST)
    at = s.by_side[judged[s.by_side]]
    if not len(at):
        return result
    end = s.side[at]
    length, flags = s.length[at], s.flags[at]
    finish = s.sequence[at] + (length + ((flags & SYN) != 0) + ((flags & FIN) != 0)).astype(np.uint32)
    first = np.ones(len(at), np.bool_)
    first[1:] = end[1:] != end[:-1]
    begin = np.flatnonzero(first)
    row, side = s.connection[s.group[at[begin]]], s.direction[at[begin]]
    known = columns["sent_known"][row, side] != 0
    origin = np.where(known, columns["sent"][row, side], finish[begin])
    ahead = np.where(known, columns["top_ahead"][row, side], 0)

    step = np.zeros(len(at), np.int64)
    step[1:] = (finish[1:] - finish[:-1]).view(np.int32)
    step[begin] = (finish[begin] - origin).view(np.int32)
    run = np.cumsum(step)
    size = np.diff(np.append(begin, len(at)))
    distance = run - np.repeat((run - step)[begin], size)  # from `origin`
    number = np.cumsum(first) - 1
    # Lifts each end above the one before it, so that one running maximum does for all.
    apart = int(max(distance.max(), ahead.max()) - distance.min()) + 1
    reach = np.maximum.accumulate(distance + number * apart) - number * apart
    top = np.maximum(reach, np.repeat(ahead, size))
    before = np.empty(len(at), np.int64)
    before[1:] = top[:-1]
    before[begin] = np.where(known, ahead, distance.min() - 1)

    result[at] = (length > 0) & (distance <= before)
    last = np.append(begin[1:], len(at)) - 1
    columns["sent"][row, side] = finish[last]
    columns["top_ahead"][row, side] = top[last] - distance[last]
    columns["sent_known"][row, side] = 1
    return result
