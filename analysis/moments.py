"""What else the judgements of a batch ask: times, the initial RTT and the windows' scaling, as they were then."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from analysis.connections import NEVER
from analysis.judging import REORDERED_NS
from analysis.places import indices

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from analysis.segments import Segments
    from capture.columns import Columns


@dataclass(frozen=True, slots=True)
class Moments:
    """Of one batch of G connections. Segments are named by their rows in the batch."""

    earlier: NDArray[np.int64]  # times of all packets before the batch
    shift: NDArray[np.int8]  # (N,) window scale option of each row, as in analysis.windows
    scaling_before: NDArray[np.int8]  # (2G,) before the batch
    scaling: NDArray[np.int8]  # (2G,) after it
    rtt_ns: NDArray[np.int64]  # (G,) initial RTT after it, `NEVER` where it is not known
    rtt_at: NDArray[np.int64]  # (G,) the segment that told it, -1 for one of an earlier batch
    last_syn: NDArray[np.int64]  # (G,) the last segment with SYN, -1 for none
    excused: NDArray[np.int64]  # places of segments that are no duplicate ACKs (analysis.multipath), ascending
    amid_syns: NDArray[np.int64]  # places of segments between two SYNs, while their connection's scaling was settled

    def times(self, packets: NDArray[np.int32]) -> NDArray[np.int64]:
        """When earlier packets came, 0 for none."""
        if not len(self.earlier):
            return np.zeros(len(packets), np.int64)
        return np.where(packets >= 0, self.earlier[packets], 0)

    def reordered_within(self, group: NDArray[np.int64], row: NDArray[np.int64]) -> NDArray[np.int64]:
        """How late a segment may be and still be out of order: the initial RTT that is known before it.

        Where the clock went backwards meanwhile that is negative.
        """
        known = (self.rtt_ns[group] != NEVER) & (self.rtt_at[group] < row)
        return np.where(known, self.rtt_ns[group], REORDERED_NS)


def moments_of(  # noqa: PLR0913, PLR0917 - one argument a thing that was learnt
    s: Segments,
    columns: Columns,
    earlier: NDArray[np.int64],
    shift: NDArray[np.int8],
    scaling_before: NDArray[np.int8],
    told_rtt: NDArray[np.int64],
    excused: NDArray[np.int64],
) -> Moments:
    """After the batch has been learnt from; `told_rtt` are the segments that told an initial RTT."""
    rtt_at = np.full(len(s.connection), -1)
    rtt_at[s.side[told_rtt] >> 1] = s.row[told_rtt]
    last = np.full(len(s.connection), -1)
    last[s.side[s.opening] >> 1] = s.row[s.opening]  # in order: the last stays
    return Moments(
        earlier,
        shift,
        scaling_before,
        columns["scaling"].reshape(-1)[s.ends],
        columns["initial_rtt_ns"][s.connection],
        rtt_at,
        last,
        excused,
        _amid_syns(s),
    )


def _amid_syns(s: Segments) -> NDArray[np.int64]:
    if len(s.opening) < 2:
        return s.opening[:0]
    group, turn = s.side[s.opening] >> 1, s.opening_turn
    between = np.diff(turn) - 1
    index = indices((between > 0) & (group[1:] == group[:-1]))
    parts = [s.turn[turn[at] + 1 : turn[at + 1]] for at in index.tolist()]
    return np.concatenate([np.zeros(0, np.int64), *parts])
