"""What else the judgements of a batch ask: times, the initial RTT and the windows' scaling, as they were then."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from analysis.connections import NEVER
from analysis.judging import REORDERED_NS
from analysis.segments import SYN

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from analysis.segments import Segments
    from capture.columns import Columns

ALWAYS: Final = (1 << 63) - 1


@dataclass(frozen=True, slots=True)
class Moments:
    """Of one batch of G connections."""

    earlier: NDArray[np.int64]  # times of all packets before the batch
    shift: NDArray[np.int8]  # (K,) window scale options, as in analysis.windows
    scaling_before: NDArray[np.int8]  # (G, 2) before the batch
    scaling: NDArray[np.int8]  # (G, 2) after it
    rtt_ns: NDArray[np.int64]  # (G,) initial RTT after it, `NEVER` where it is not known
    rtt_at: NDArray[np.int64]  # (G,) the segment that told it, -1 for one of an earlier batch
    first_syn: NDArray[np.int64]  # (G,) the first segment with SYN, K for none
    last_syn: NDArray[np.int64]  # (G,) and the last, -1 for none

    def times(self, packets: NDArray[np.int32]) -> NDArray[np.int64]:
        """When earlier packets came, 0 for none."""
        if not len(self.earlier):
            return np.zeros(len(packets), np.int64)
        return np.where(packets >= 0, self.earlier[packets], 0)

    def amid_syns(self, s: Segments, at: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Whether segments stand between two SYNs of their connection, so that its scaling was being settled."""
        group = s.group[at]
        return (at > self.first_syn[group]) & (at < self.last_syn[group])

    def reordered_within(self, group: NDArray[np.int64], at: NDArray[np.int64]) -> NDArray[np.int64]:
        """How late a segment may be and still be out of order: the initial RTT that is known before it.

        Where the clock went backwards meanwhile that is negative, and counts as endless, as in Wireshark.
        """
        known = (self.rtt_ns[group] != NEVER) & (self.rtt_at[group] < at)
        rtt = np.where(self.rtt_ns[group] < 0, ALWAYS, self.rtt_ns[group])
        return np.where(known, rtt, REORDERED_NS)


def syn_places(s: Segments) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The first segment with SYN of each connection, int64 (G,), K for none, and the last one, -1 for none."""
    first, last = np.full(len(s.connection), len(s)), np.full(len(s.connection), -1)
    syn = np.flatnonzero(s.has(SYN) & s.analysed)
    last[s.group[syn]] = syn
    first[s.group[syn[::-1]]] = syn[::-1]  # backwards: the first stays
    return first, last


def moments_of(
    s: Segments,
    columns: Columns,
    earlier: NDArray[np.int64],
    shift: NDArray[np.int8],
    scaling_before: NDArray[np.int8],
    told_rtt: NDArray[np.int64],
) -> Moments:
    """After the batch has been learnt from; `told_rtt` are the segments that told an initial RTT."""
    rtt_at = np.full(len(s.connection), -1)
    rtt_at[s.group[told_rtt]] = told_rtt
    return Moments(
        earlier,
        shift,
        scaling_before,
        columns["scaling"][s.connection],
        columns["initial_rtt_ns"][s.connection],
        rtt_at,
        *syn_places(s),
    )
