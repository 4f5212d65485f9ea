"""Zeek's history: what happened in a connection as a string of letters, upper case for endpoint a.

The letters and when they repeat are those of Zeek's conn.log (base/protocols/conn/main.zeek): `s` SYN, `h` SYN with
ACK, `a` pure ACK, `d` payload, `f` FIN, `r` RST, `i` and `q` flags that do not go together, `t` payload sent again, `w`
zero window. `c` (bad checksum) and `g` (content gap) are not written yet; who is the client is told on reading.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from analysis.connections import HISTORY_LETTERS
from analysis.segments import ACK, FIN, RST, SYN

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from analysis.connections import ConnectionTable
    from analysis.segments import Segments

TOLD_SYN: Final = 1
TOLD_FIN: Final = 2
TOLD_RST: Final = 4
TOLD_DATA: Final = 8
TOLD_ACK: Final = 16
TOLD_MIX: Final = 32

MOST_LETTERS: Final = 400
"""A longer history says nothing more; a crafted capture could make it endless."""


def write_history(s: Segments, repeated: NDArray[np.bool_], table: ConnectionTable) -> None:
    """Add the batch's letters. `repeated` (bool (K,)) says which segments carry payload that was sent before."""
    columns = table.columns
    syn, fin, rst, ack = (s.analysed & s.has(flag) for flag in (SYN, FIN, RST, ACK))
    count = syn.astype(np.int8) + fin + rst
    plain = s.analysed & (count == 0)
    data = plain & (s.length > 0)
    end = s.sequence + s.length.astype(np.uint32)
    letters = _Letters(s, table)
    letters.add(_once(s, count > 1, TOLD_MIX, columns["history_told"]), np.where(fin & rst, ord("i"), ord("q")))
    for where, bit, numbers, marks, letter in (
        (syn & (count == 1), TOLD_SYN, s.sequence, columns["syn_sequence"], np.where(ack, ord("h"), ord("s"))),
        (fin & (count == 1), TOLD_FIN, end, columns["fin_sequence"], ord("f")),
        (rst & (count == 1), TOLD_RST, end, columns["rst_sequence"], ord("r")),
    ):
        first = _once(s, where, bit, columns["history_told"])
        if bit == TOLD_RST:
            marks[s.connection[s.group[first]], s.direction[first]] = numbers[first]
        again = np.flatnonzero(where)
        again = again[numbers[again] != marks[s.connection[s.group[again]], s.direction[again]]]
        letters.add(np.union1d(first, again), letter)
    letters.add(_once(s, data, TOLD_DATA, columns["history_told"]), ord("d"))
    letters.add(_once(s, plain & ack & ~data, TOLD_ACK, columns["history_told"]), ord("a"))
    letters.add(_at_powers_of_ten(s, s.analysed & (s.window == 0) & ~rst, columns["zero_windows"]), ord("w"))
    letters.add(_at_powers_of_ten(s, repeated, columns["repeats"]), ord("t"))
    letters.write()


class _Letters:
    """Letters collected kind by kind, then written in the order of their segments."""

    def __init__(self, s: Segments, table: ConnectionTable) -> None:
        self._s = s
        self._table = table
        self._at: list[NDArray[np.int64]] = []
        self._letter: list[NDArray[np.uint8]] = []

    def add(self, at: NDArray[np.int64], letter: NDArray[np.int64] | int) -> None:
        """Add a letter at these segments: one for all, or one a segment of the batch."""
        chosen = np.full(len(at), letter, np.uint8) if isinstance(letter, int) else letter[at].astype(np.uint8)
        self._at.append(at)
        self._letter.append(chosen)

    def write(self) -> None:
        """Append them to the connections' histories; what does not fit the column goes into the table's overflow."""
        at = np.concatenate(self._at)
        order = np.argsort(at, kind="stable")
        at, letter = at[order], np.concatenate(self._letter)[order]
        group = self._s.group[at]
        connection = self._s.connection[group]
        letter = np.where(self._s.direction[at] == 0, letter - 32, letter)
        first = np.ones(len(at), np.bool_)
        first[1:] = group[1:] != group[:-1]
        begin = np.flatnonzero(first)
        turn = np.arange(len(at)) - np.repeat(begin, np.diff(np.append(begin, len(at))))
        length = self._table.columns["history_length"]
        place = length[connection] + turn
        fits = place < HISTORY_LETTERS
        self._table.columns["history"][connection[fits], place[fits]] = letter[fits]
        for row, code in zip(connection[~fits].tolist(), letter[~fits].tolist(), strict=True):
            rest = self._table.long_histories.setdefault(row, bytearray())
            if len(rest) < MOST_LETTERS:
                rest.append(code)
        np.maximum.at(length, connection, np.minimum(place + 1, HISTORY_LETTERS).astype(np.uint8))


def _once(s: Segments, where: NDArray[np.bool_], bit: int, told: NDArray[np.uint8]) -> NDArray[np.int64]:
    """The first segment of each end for which `where` holds, if that was not told of the end before."""
    at = np.flatnonzero(where)
    if not len(at):
        return at
    _, first = np.unique(s.group[at] * 2 + s.direction[at], return_index=True)
    at = at[np.sort(first)]
    row, end = s.connection[s.group[at]], s.direction[at]
    new = (told[row, end] & bit) == 0
    told[row[new], end[new]] |= np.uint8(bit)
    fresh: NDArray[np.int64] = at[new]
    return fresh


def _at_powers_of_ten(s: Segments, where: NDArray[np.bool_], seen: NDArray[np.uint32]) -> NDArray[np.int64]:
    """Each end's 1st, 10th, 100th … segment for which `where` holds."""
    at = np.flatnonzero(where)
    if not len(at):
        return at
    end = s.group[at] * 2 + s.direction[at]
    order = np.argsort(end, kind="stable")
    ordered = end[order]
    first = np.ones(len(at), np.bool_)
    first[1:] = ordered[1:] != ordered[:-1]
    begin = np.flatnonzero(first)
    size = np.diff(np.append(begin, len(at)))
    turn = np.empty(len(at), np.int64)
    turn[order] = np.arange(len(at)) - np.repeat(begin, size)
    row, side = s.connection[s.group[at]], s.direction[at]
    number = seen[row, side] + turn + 1
    np.add.at(seen, (row, side), 1)
    powers = 10 ** np.arange(10)
    return at[np.isin(number, powers)]
