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
    """For each packet of a batch, its connection (int32, (N,)) and whether endpoint b sent it (bool, (N,)).

    `reopened` are the rows whose SYN opened another connection between known endpoints, int64, ascending.
    """

    connection: NDArray[np.int32]
    from_b: NDArray[np.bool_]
    reopened: NDArray[np.int64]


class Streams:
    """Gives every packet its connection; fed with batches in capture order."""

    def __init__(self, table: ConnectionTable) -> None:
        self._table = table
        self._pairs = Pairs()
        self._of_pair = Columns({"connection": np.int32, "stream": np.int32, "suspected": np.bool_})
        self._next_stream: dict[int, int] = {}

    def assign(self, headers: Headers, first_row: int) -> Assignment:
        """Find or make each packet's connection. `first_row` is the batch's first row in the packet table."""
        pieces = (headers.protocol == Protocol.FRAGMENT4) | (headers.protocol == Protocol.FRAGMENT6)
        if pieces.any():
            transport = headers.endpoints.transport | np.where(pieces, PIECES, 0).astype(np.uint16)
            headers = replace(headers, endpoints=replace(headers.endpoints, transport=transport))
        pair, lower, first_seen = self._number_pairs(headers)
        before: NDArray[np.int32] = self._of_pair["connection"][pair]

        first = self._first_rows(pair, before)
        walked, opened = self._walk(headers, pair, lower, first)
        starts, reopened = first, walked[:0]
        if len(walked):
            starting = np.zeros(len(pair), np.bool_)
            starting[opened[opened != BEFORE]] = True
            starting[first] = False
            reopened = np.flatnonzero(starting)
            starting[first] = True
            starts = np.flatnonzero(starting)

        stream = self._number_streams(headers.endpoints.transport, pair, first_seen, starts, reopened)
        base = len(self._table)
        made = np.arange(base, base + len(starts), dtype=np.int32)
        self._table.add(opening_rows(headers, starts, stream, lower[starts], first_row))

        self._of_pair["connection"][pair[starts]] = made  # ascending: a pair's last start stays
        connection: NDArray[np.int32] = self._of_pair["connection"][pair]
        if len(walked):
            at_row = np.full(len(pair), NO_PACKET, np.int32)
            at_row[starts] = made
            connection[walked] = np.where(opened == BEFORE, before[walked], at_row[opened])
        return Assignment(connection, lower != self._table.columns["a_lower"][connection], reopened)

    def _number_pairs(self, headers: Headers) -> tuple[NDArray[np.int64], NDArray[np.bool_], NDArray[np.int64]]:
        """Each packet's pair; whether its source is the pair's lower endpoint; where each new pair was first seen.

        Places are `4 * row + 1` for a packet's own endpoints, and 1 less or more for what it mentions.
        """
        known = len(self._pairs)
        keys, lower = pair_keys(headers.endpoints)
        place = np.arange(len(lower), dtype=np.int64) * 4 + 1
        mentions = headers.mentions
        if len(mentions.row):
            mentioned, _ = pair_keys(mentions.endpoints)
            place = np.concatenate((place, mentions.row * 4 + np.where(mentions.before, 0, 2)))
            order = np.argsort(place, kind="stable")
            inorder = self._pairs.number(np.concatenate((keys, mentioned), axis=1)[:, order])
            numbers = np.empty(len(place), np.int64)
            numbers[order], place = inorder, place[order]
        else:
            numbers = inorder = self._pairs.number(keys)
        new = np.flatnonzero(inorder >= known)[::-1]
        first_seen = np.zeros(len(self._pairs) - known, np.int64)
        first_seen[inorder[new] - known] = place[new]  # backwards: the first place stays
        rows = self._of_pair.grow(len(first_seen))
        self._of_pair["connection"][rows] = NO_PACKET
        self._of_pair["stream"][rows] = NO_PACKET
        return numbers[: len(lower)], lower, first_seen

    def _first_rows(self, pair: NDArray[np.int64], connection: NDArray[np.int32]) -> NDArray[np.int64]:
        """The first row of each pair that has no connection yet, ascending. Marks it in the pair's place."""
        new = np.flatnonzero(connection == NO_PACKET)
        place = self._of_pair["connection"]
        place[pair[new[::-1]]] = new[::-1]  # backwards: the first row stays
        first: NDArray[np.int64] = new[place[pair[new]] == new]
        return first

    def _walk(
        self, headers: Headers, pair: NDArray[np.int64], lower: NDArray[np.bool_], first: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Rows of the pairs that have a SYN which is not their first packet, and where their streams were opened."""
        tcp = headers.endpoints.transport == TCP
        late = tcp & (headers.flags & np.uint16(Flag.SYN | Flag.ACK) == Flag.SYN)
        late[first] = False
        suspects = pair[late]
        if not len(suspects):
            return suspects, suspects
        suspected = self._of_pair["suspected"]
        suspected[suspects] = True
        walked = np.flatnonzero(tcp & suspected[pair])
        opening = {int(pair[row]): int(row) for row in first[suspected[pair[first]]]}
        suspected[suspects] = False

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
