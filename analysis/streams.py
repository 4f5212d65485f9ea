"""Which connection each packet belongs to, and the numbers that connections and streams get.

TCP packets of one pair of endpoints are split where Wireshark splits them (`analysis.reuse`). Idle time, FIN and RST
end nothing. Everything that is not TCP is one conversation a pair.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np

from analysis.connections import NO_PACKET, opening_rows
from analysis.pairs import Pairs, pair_keys
from analysis.reuse import BEFORE, Stream, opened_at
from capture.columns import Columns
from capture.protocol import Flag, Protocol

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from analysis.connections import ConnectionTable
    from capture.headers import Headers

TCP: Final = 6
PIECES: Final = 0x8000
"""Added to the transport of pieces of datagrams: they have no ports, and are a conversation of their own."""


@dataclass(frozen=True, slots=True)
class Assignment:
    """For each packet of a batch, its connection (int32, (N,)) and whether endpoint b sent it (bool, (N,))."""

    connection: NDArray[np.int32]
    from_b: NDArray[np.bool_]


class Streams:
    """Gives every packet its connection; fed with batches in capture order."""

    def __init__(self, table: ConnectionTable) -> None:
        self._table = table
        self._pairs = Pairs()
        self._of_pair = Columns({"connection": np.int32, "stream": np.int32})
        self._next_stream: dict[int, int] = {}

    def assign(self, headers: Headers, first_row: int) -> Assignment:
        """Find or make each packet's connection. `first_row` is the batch's first row in the packet table."""
        transport = headers.endpoints.transport.copy()
        transport[np.isin(headers.protocol, (Protocol.FRAGMENT4, Protocol.FRAGMENT6))] |= PIECES
        headers = replace(headers, endpoints=replace(headers.endpoints, transport=transport))
        pair, lower, first_seen = self._number_pairs(headers)
        before = self._of_pair["connection"][pair]

        first = _first_rows(pair, before)
        walked, opened = self._walk(headers, pair, lower, first)
        reopened = np.unique(opened[opened != BEFORE])
        starts = np.union1d(first, reopened)
        reopened = np.setdiff1d(reopened, first)

        stream = self._number_streams(transport, pair, first_seen, starts, reopened)
        base = len(self._table)
        connection_at = np.full(len(pair), NO_PACKET, np.int32)
        connection_at[starts] = np.arange(base, base + len(starts), dtype=np.int32)
        self._table.add(opening_rows(headers, starts, stream, lower[starts], first_row))

        self._of_pair["connection"][pair[starts]] = connection_at[starts]  # ascending: a pair's last start stays
        connection = self._of_pair["connection"][pair]
        connection[walked] = np.where(opened == BEFORE, before[walked], connection_at[opened])
        return Assignment(connection, lower != self._table.columns["a_lower"][connection])

    def _number_pairs(self, headers: Headers) -> tuple[NDArray[np.int64], NDArray[np.bool_], NDArray[np.int64]]:
        """Each packet's pair; whether its source is the pair's lower endpoint; where each new pair was first seen.

        Places are `4 * row + 1` for a packet's own endpoints, and 1 less or more for what it mentions.
        """
        known = len(self._pairs)
        keys, lower = pair_keys(headers.endpoints)
        place = np.arange(len(keys), dtype=np.int64) * 4 + 1
        numbers = np.empty(len(keys) + len(headers.mentions.row), np.int64)
        if len(headers.mentions.row):
            mentioned, _ = pair_keys(headers.mentions.endpoints)
            keys = np.concatenate((keys, mentioned))
            place = np.concatenate((place, headers.mentions.row * 4 + np.where(headers.mentions.before, 0, 2)))
        order = np.argsort(place, kind="stable")
        numbers[order] = self._pairs.number(keys[order])
        new = np.flatnonzero(numbers[order] >= known)[::-1]
        first_seen = np.zeros(len(self._pairs) - known, np.int64)
        first_seen[numbers[order[new]] - known] = place[order[new]]  # backwards: the first place stays
        rows = self._of_pair.grow(len(first_seen))
        self._of_pair["connection"][rows] = NO_PACKET
        self._of_pair["stream"][rows] = NO_PACKET
        return numbers[: len(lower)], lower, first_seen

    def _walk(
        self, headers: Headers, pair: NDArray[np.int64], lower: NDArray[np.bool_], first: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Rows of the pairs that have a SYN which is not their first packet, and where their streams were opened."""
        tcp = headers.endpoints.transport == TCP
        late = tcp & (headers.flags & np.uint16(Flag.SYN | Flag.ACK) == Flag.SYN)
        late[first] = False
        suspects = np.unique(pair[late])
        walked = np.flatnonzero(tcp & np.isin(pair, suspects)) if len(suspects) else np.zeros(0, np.int64)
        opening = {int(pair[row]): int(row) for row in first[np.isin(pair[first], suspects)]}

        def known(number: int) -> Stream:
            return Stream(opening[number]) if number in opening else self._newest(number)

        columns = (pair, ~lower, headers.flags, headers.sequence, headers.acknowledgment)
        segments = zip(walked.tolist(), *(column[walked].tolist() for column in columns), strict=True)
        return walked, np.array(opened_at(segments, known), np.int64)

    def _newest(self, pair: int) -> Stream:
        """What the connection table knows of a pair's newest stream."""
        row = self._of_pair["connection"][pair]
        columns = self._table.columns
        known = [
            int(value) if told else None
            for value, told in zip(columns["initial_sequence"][row], columns["sequence_known"][row], strict=True)
        ]
        return Stream(BEFORE, known if columns["a_lower"][row] else known[::-1])

    def _number_streams(
        self,
        transport: NDArray[np.uint16],
        pair: NDArray[np.int64],
        first_seen: NDArray[np.int64],
        starts: NDArray[np.int64],
        reopened: NDArray[np.int64],
    ) -> NDArray[np.int32]:
        """Stream numbers of the connections that start at `starts`, counted for each transport by itself.

        A pair takes a number where it is first seen, be it only mentioned; a reopened one takes another.
        """
        new = np.arange(len(self._pairs) - len(first_seen), len(self._pairs))
        place = np.concatenate((first_seen, reopened * 4 + 1))
        kind = np.concatenate((self._pairs.transports(new), transport[reopened]))
        order = np.lexsort((place, kind))
        kinds, begin, count = np.unique(kind[order], return_index=True, return_counts=True)
        number = np.empty(len(place), np.int32)
        for each, at, size in zip(kinds.tolist(), begin.tolist(), count.tolist(), strict=True):
            base = self._next_stream.get(each, 0)
            number[order[at : at + size]] = np.arange(base, base + size)
            self._next_stream[each] = base + size
        self._of_pair["stream"][new] = number[: len(new)]
        at_row = np.full(len(pair), NO_PACKET, np.int32)
        at_row[reopened] = number[len(new) :]
        return np.where(at_row[starts] == NO_PACKET, self._of_pair["stream"][pair[starts]], at_row[starts])


def _first_rows(pair: NDArray[np.int64], connection: NDArray[np.int32]) -> NDArray[np.int64]:
    """The first row of each pair that has no connection yet, ascending."""
    new = np.flatnonzero(connection == NO_PACKET)
    _, first = np.unique(pair[new], return_index=True)
    return np.sort(new[first])
