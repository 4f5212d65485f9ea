"""Which connection each packet belongs to, and the numbers that connections and streams get.

TCP packets of one pair of endpoints are split where Wireshark splits them (`analysis.reuse`). Idle time, FIN and RST
end nothing. Everything that is not TCP is one conversation a pair.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from analysis.connections import NO_PACKET, opening_rows
from analysis.places import indices, run_sizes, run_starts
from analysis.reopening import reopenings
from analysis.reuse import BEFORE
from capture.columns import Columns

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from analysis.connections import ConnectionTable
    from analysis.pairing import Paired

RESERVED: Final = -2
"""In place of a connection, less a number: the stream number of a pair that was mentioned, but has no packet yet."""


@dataclass(frozen=True, slots=True)
class Assignment:
    """For each packet of a batch, its connection (int64, (N,)) and whether endpoint b sent it (bool, (N,)).

    `reopened` are the rows whose SYN opened another connection between known endpoints, int64, ascending.
    """

    connection: NDArray[np.int64]
    from_b: NDArray[np.bool_]
    reopened: NDArray[np.int64]


class Streams:
    """Gives every packet its connection; fed with batches in capture order."""

    def __init__(self, table: ConnectionTable) -> None:
        self._table = table
        self._pairs = table.pairs
        self._newest = Columns({"connection": np.int32})  # each pair's newest one, or `RESERVED`
        self._mentioned = False
        self._next_stream: dict[int, int] = {}

    def assign(self, paired: Paired, first_row: int) -> Assignment:
        """Find or make each packet's connection. `first_row` is the batch's first row in the packet table."""
        headers, pair, lower = paired.headers, paired.number, paired.lower
        self._newest.extend({"connection": np.full(len(paired.first_seen), NO_PACKET, np.int32)})
        self._mentioned |= len(headers.mentions.row) > 0
        newest = self._newest["connection"]
        starts = self._first_rows(paired)
        reserved = newest[pair[starts]]
        base = len(self._table)
        newest[pair[starts]] = np.arange(base, base + len(starts))
        walked, opened = reopenings(headers, pair, lower, newest, starts, self._table)
        before = newest[pair[walked]]
        reopened = walked
        if len(walked):
            opening = opened == walked
            opening[walked.searchsorted(starts[_among(starts, walked)])] = False
            reopened = walked[indices(opening)]
        if len(paired.first_seen) or len(starts) or len(reopened):
            starts, stream = self._number_streams(paired, starts, reserved, reopened)
            newest[pair[starts]] = np.arange(base, base + len(starts))  # ascending: a pair's last start stays
            own = {"pair": pair[starts], "a_lower": lower[starts], "stream": stream}
            self._table.add(own | opening_rows(headers, starts, first_row))
        # numpy finds places by 64-bit indices far quicker
        connection = newest.take(pair).astype(np.int64)
        if len(reopened):
            made = base + starts.searchsorted(opened)
            connection[walked] = np.where(opened == BEFORE, before, made)
        return Assignment(connection, lower != self._table.columns["a_lower"].take(connection), reopened)

    def _first_rows(self, paired: Paired) -> NDArray[np.int64]:
        """The first row of each pair that has no connection yet, ascending."""
        if not self._mentioned:
            return paired.first_seen >> 2
        pair = paired.number
        without = indices(self._newest["connection"][pair] < 0)
        place = np.empty(len(self._newest), np.int32)
        place[pair[without[::-1]]] = without[::-1]  # backwards: the first row stays
        first: NDArray[np.int64] = without[indices(place[pair[without]] == without)]
        return first

    def _number_streams(
        self,
        paired: Paired,
        starts: NDArray[np.int64],
        reserved: NDArray[np.int32],
        reopened: NDArray[np.int64],
    ) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
        """All rows at which connections start, ascending, and the streams' numbers, each transport's by itself.

        A pair takes a number where it is first seen, be it only mentioned; what it has `reserved` then is that of the
        connection that starts. A reopened one takes another.
        """
        count = len(paired.first_seen)
        known = len(self._newest) - count
        new = np.arange(known, known + count)
        kind = np.concatenate((self._pairs.transports(new), paired.headers.endpoints.transport[reopened]))
        number = self._next_numbers(kind, np.concatenate((paired.first_seen, reopened * 4 + 1)))
        newest = self._newest["connection"]
        only_mentioned = indices(newest[new] == NO_PACKET)
        newest[new[only_mentioned]] = RESERVED - number[only_mentioned]
        pair = paired.number[starts]
        stream = RESERVED - reserved
        first = indices(pair >= known)
        stream[first] = number[pair[first] - known]
        if not len(reopened):
            return starts, stream
        starts, stream = np.concatenate((starts, reopened)), np.concatenate((stream, number[count:]))
        order = np.argsort(starts)
        return starts[order], stream[order]

    def _next_numbers(self, kind: NDArray[np.uint16], place: NDArray[np.int64]) -> NDArray[np.int32]:
        """Numbers that follow on those of each kind, in the order of the places."""
        by_place = place.argsort(kind="stable")
        order = by_place[np.argsort(kind[by_place], kind="stable")]
        begin = run_starts(kind[order])
        number = np.empty(len(kind), np.int32)
        for each, at, many in zip(
            kind[order[begin]].tolist(), begin.tolist(), run_sizes(begin, len(kind)).tolist(), strict=True
        ):
            base = self._next_stream.get(each, 0)
            number[order[at : at + many]] = np.arange(base, base + many)
            self._next_stream[each] = base + many
        return number


def _among(some: NDArray[np.int64], others: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which of `some` are among `others`; both ascend, and `others` is not empty."""
    found: NDArray[np.bool_] = others[np.minimum(others.searchsorted(some), len(others) - 1)] == some
    return found
