"""How far each end has sent: the highest sequence number so far, and which payload lies below it.

Each number is taken as the one nearest to the end of the segment before (RFC 9293 section 3.4), so what is carried to
the next batch is that and how far ahead of it the highest number is. Resets are left out: their numbers often come from
the other end. For nearly all ends `analysis.reach` has found out the same; the few others are followed here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from analysis.places import indices, run_sizes
from analysis.reach import NEAR, running_highest, unwrapped
from analysis.segments import FIN, RST, SYN

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from analysis.connections import ConnectionTable
    from analysis.reach import Reach
    from analysis.segments import Segments


@dataclass(frozen=True, slots=True)
class Sent:
    """n segments, in their order; resets have no payload here, and begin where the highest number is.

    Distances are int64 and count from a place of each end, `origin`.
    """

    start: NDArray[np.int64]  # (n,) distance of the segment's first number, a SYN's included
    payload: NDArray[np.int64]  # (n,) distance of its payload
    length: NDArray[np.int64]  # (n,) of its payload
    top: NDArray[np.int64]  # (n,) the highest number before it; its own first one, for an end's very first
    origin: NDArray[np.uint32]  # (2G,)
    carried: NDArray[np.int64]  # (2G,) where its last segment before the batch ended
    reached: NDArray[np.int64]  # (2G,) and its last segment of the batch

    def repeated(self, fins: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Places of segments with payload that was all sent before, and their FIN, if they have one (`fins`, (n,))."""
        return indices((self.length > 0) & (self.payload + self.length + fins <= self.top))


def follow(s: Segments, reach: Reach, table: ConnectionTable) -> Sent:
    """Follow how far each end sends, across the wrap of its sequence numbers."""
    known, sent = (table.columns[name].reshape(-1)[s.ends] for name in ("sent_known", "sent"))
    ahead = table.counts.of("top_ahead", s.ends)
    origin = np.zeros(len(s.ends), np.uint32)
    origin[s.owner] = reach.origin
    carried = (sent - origin).view(np.int32).astype(np.int64)
    carried[known == 0] = 0
    resets = s.having(RST)
    length = s.length.astype(np.int64)
    length[resets] = 0
    opens, closes = ((s.flags & flag != 0).view(np.int8) for flag in (SYN, FIN))
    payload = reach.distance - length
    payload -= closes
    start = payload - opens
    top = reach.highest.astype(np.int64)
    start[resets] = top[resets] = 0
    fresh = s.head[reach.next[s.head] == 0]
    top[fresh] = start[fresh]
    last, irregular = _last_but_resets(s, resets)
    irregular |= (known != 0) & ((carried + ahead != 0) | (np.abs(carried) > NEAR))
    irregular[s.owner] |= (known[s.owner] == 0) != (reach.next[s.head] == 0)
    irregular[s.side[indices(opens & closes)]] = True
    if not reach.near:
        irregular[:] = True
    result = Sent(start, payload, length, top, origin, carried, carried.copy())
    regular = indices((last >= 0) & ~irregular)
    at = last[regular]
    distance = reach.distance[at].astype(np.int64)
    result.reached[regular] = distance
    ahead[regular] = np.maximum(top[at] - distance, 0)
    sides = indices((last >= 0) & irregular)
    if len(sides):
        origin[sides] = sent[sides]
        carried[sides] = 0
        ahead[sides] = _follow_alone(s, sides, known, ahead, result)
    moved = indices(last >= 0)
    sent[moved] = origin[moved] + result.reached[moved].astype(np.uint32)
    known[moved] = 1
    for name, values in (("sent_known", known), ("sent", sent)):
        table.columns[name].reshape(-1)[s.ends] = values
    table.counts.put("top_ahead", s.ends, ahead)
    return result


def _last_but_resets(s: Segments, resets: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Place of each end's last segment that is no reset, (2G,), -1 for none; and where one comes after a reset."""
    last = s.begin[1:] - 1
    last[s.size == 0] = -1
    if not len(resets):
        return last, np.zeros(len(last), np.bool_)
    side = s.side[resets]
    many = np.bincount(side, minlength=len(last))
    rank = np.arange(len(side)) - many.cumsum()[side]  # from -1, the end's last reset, down
    trailing = np.bincount(side[indices(resets - s.begin[side + 1] == rank)], minlength=len(last))
    last -= trailing
    last[last < s.begin[:-1]] = -1
    return last, trailing != many


def _follow_alone(
    s: Segments, sides: NDArray[np.int64], known: NDArray[np.uint8], ahead: NDArray[np.int64], sent: Sent
) -> NDArray[np.int64]:
    """Follow these ends segment by segment, into `sent`; how far ahead of the last segment their highest number is.

    Each of them has a segment that is no reset; `known` and `ahead` (2G,) are those before the batch.
    """
    place, _ = s.places_of(sides)
    place = place[indices(s.flags[place] & RST == 0)]
    head = place.searchsorted(s.begin[sides])
    size = run_sizes(head, len(place))
    opens, closes = ((s.flags[place] & flag) != 0 for flag in (SYN, FIN))
    length = s.length[place].astype(np.int64)
    finish = s.sequence[place] + (length + opens + closes).astype(np.uint32)
    fresh = known[sides] == 0
    sent.origin[sides] = np.where(fresh, finish[head], sent.origin[sides])
    distance = unwrapped(finish, head, size, sent.origin[sides])
    sent.payload[place] = distance - length - closes
    sent.start[place] = start = sent.payload[place] - opens
    before = np.empty_like(distance)
    before[1:] = distance[:-1]
    before[head] = np.where(fresh, start[head], ahead[sides])
    sent.top[place] = top = running_highest(before, head, before[head])
    last = head + size - 1
    sent.reached[sides] = distance[last]
    found: NDArray[np.int64] = np.maximum(top[last] - distance[last], 0)
    return found
