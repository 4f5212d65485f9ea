"""The initial round-trip time of a connection, as Wireshark measures it.

From the latest SYN (of either end) to the first segment with ACK and without SYN (of either end); a reset that refuses
the connection counts. No time at all counts as not measured, and where the clock went backwards it is negative.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from analysis.connections import NEVER, NO_PACKET
from analysis.places import indices, run_starts
from analysis.segments import ACK, SYN, SYN_ACK

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from analysis.segments import Segments
    from capture.columns import Columns


def learn_timing(s: Segments, times: NDArray[np.int64], columns: Columns) -> NDArray[np.int64]:
    """Note the initial RTT of connections that have none, and the latest SYN. Gives the segments that told an RTT.

    Nearly always that is the connection's first plain ACK, after all its SYNs; only where it is not, the connection's
    segments are gone through. `times` are those of all packets before the batch.
    """
    waiting = columns["initial_rtt_ns"][s.connection] == NEVER
    if not len(s.opening) and not waiting.any():
        return s.opening
    syn = s.opening[indices(s.flags[s.opening] & ACK == 0)]
    last_syn = np.full(len(s.connection), -1)
    last_syn[s.side[syn] >> 1] = syn  # in order: the last one stays
    before = columns["last_syn_packet"][s.connection]
    earlier = np.full(len(before), NEVER)
    sent = indices(before != NO_PACKET)
    earlier[sent] = times[before[sent]]
    asking = (last_syn >= 0) | (earlier != NEVER)
    asking &= waiting
    group, first = _first_plain_acks(s, indices(asking))
    latest = last_syn[group]
    took = s.time_ns(first) - np.where(latest >= 0, s.time_ns(latest), earlier[group])
    regular = (took != 0) & ((latest < 0) | (s.row[latest] < s.row[first]))
    irregular = group[~regular]
    parts = [(first[regular], took[regular])]
    if len(irregular):
        parts.append(_gone_through(s, irregular, earlier[irregular]))
    told, took = (np.concatenate(values) for values in zip(*parts, strict=True))
    columns["initial_rtt_ns"][s.connection[s.side[told] >> 1]] = took
    columns["last_syn_packet"][s.connection[s.side[syn] >> 1]] = s.packet(syn)  # in order: the last one stays
    return told


def _first_plain_acks(s: Segments, group: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Those of the connections that have a segment with ACK and without SYN, and the first one of each."""
    plain = s.first_but(indices(s.flags & SYN_ACK != ACK))
    row = np.append(s.row, len(s.row) + s.row.max())  # the last one for "none"
    of_a, of_b = plain[2 * group], plain[2 * group + 1]
    first = np.where(row[of_a] < row[of_b], of_a, of_b)
    having = indices(first < len(s))
    return group[having], first[having]


def _gone_through(
    s: Segments, group: NDArray[np.int64], earlier: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The segments that tell an RTT in these connections, and what they tell; `earlier` are their last SYNs' times."""
    begin, end = s.begin[2 * group], s.begin[2 * group + 2]
    own = np.repeat(np.arange(len(group)), end - begin)
    first = np.cumsum(end - begin) - (end - begin)
    index = np.arange(len(own))
    at = s.turn[index + (begin - first)[own]]
    kind = s.flags[at] & SYN_ACK
    last_syn = np.maximum.accumulate(np.where(kind == SYN, index, -1))
    inside = last_syn >= first[own]
    since = np.where(inside, s.time_ns(at[last_syn]), earlier[own])
    took = s.time_ns(at) - since
    telling = indices((kind == ACK) & (since != NEVER) & (took != 0))
    telling = telling[run_starts(own[telling])]
    return at[telling], took[telling]
