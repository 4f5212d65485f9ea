"""Zeek's history: what happened in a connection as a string of letters, upper case for endpoint a.

The letters and when they repeat are those of Zeek's conn.log (base/protocols/conn/main.zeek): `s` SYN, `h` SYN with
ACK, `a` pure ACK, `d` payload, `f` FIN, `r` RST, `i` and `q` flags that do not go together, `t` payload sent again, `w`
zero window, `g` payload acknowledged but never seen. `c` (bad checksum) and `x` (analysis given up) are not written,
nor is `g` for payload that the snap length cut off. Who is the client is told on reading.
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


def write_history(
    s: Segments, repeated: NDArray[np.bool_], over_holes: list[tuple[int, int]], table: ConnectionTable
) -> None:
    """Add the batch's letters.

    `repeated` (bool (K,)) says which segments carry payload that was sent before, `over_holes` (`analysis.coverage`)
    which acknowledge payload that was never seen.
    """
    columns = table.columns
    told = _Told(s, columns["history_told"])
    opening_or_closing = s.flags & (SYN | FIN | RST)
    several = s.analysed & (opening_or_closing & (opening_or_closing - np.uint16(1)) != 0)
    plain = s.analysed & (opening_or_closing == 0)
    data = plain & (s.length > 0)
    ack = s.has(ACK)
    letters = _Letters(s, table)
    at = told.first(several, TOLD_MIX)
    letters.add(at, np.where(s.flags[at] & (FIN | RST) == FIN | RST, ord("i"), ord("q")))
    for flag, bit, marks, letter in (
        (SYN, TOLD_SYN, columns["syn_sequence"], "s"),
        (FIN, TOLD_FIN, columns["fin_sequence"], "f"),
        (RST, TOLD_RST, columns["rst_sequence"], "r"),
    ):
        where = s.analysed & (opening_or_closing == flag)
        at, first = np.flatnonzero(where), told.first(where, bit)
        is_first = np.zeros(len(at), np.bool_)
        is_first[np.searchsorted(at, first)] = True
        numbers = s.sequence[at] + np.where(flag == SYN, 0, s.length[at]).astype(np.uint32)
        if bit == TOLD_RST:
            marks[s.connection[s.group[first]], s.direction[first]] = numbers[is_first]
        at = at[is_first | (numbers != marks[s.connection[s.group[at]], s.direction[at]])]
        letters.add(at, np.where(ack[at] & (flag == SYN), ord("h"), ord(letter)))
    letters.add(told.first(data, TOLD_DATA), ord("d"))
    letters.add(told.first(plain & ack & ~data, TOLD_ACK), ord("a"))
    told.store()
    zero = s.analysed & (s.window == 0) & ~s.has(RST)
    letters.add(_at_powers_of_ten(s, zero, columns["zero_windows"]), ord("w"))
    letters.add(_at_powers_of_ten(s, repeated, columns["repeats"]), ord("t"))
    letters.add(_gaps_at_powers_of_ten(s, over_holes, columns["gaps"]), ord("g"), of_the_other_end=True)
    letters.write()


class _Letters:
    """Letters collected kind by kind, then written in the order of their segments."""

    def __init__(self, s: Segments, table: ConnectionTable) -> None:
        self._s = s
        self._table = table
        self._at: list[NDArray[np.int64]] = []
        self._letter: list[NDArray[np.uint8]] = []

    def add(self, at: NDArray[np.int64], letter: NDArray[np.int64] | int, *, of_the_other_end: bool = False) -> None:
        """Add a letter at these segments: one for all, or one for each; upper case for endpoint a."""
        self._at.append(at)
        of_a = self._s.direction[at] == int(of_the_other_end)
        self._letter.append(np.full(len(at), letter, np.uint8) - np.where(of_a, 32, 0).astype(np.uint8))

    def write(self) -> None:
        """Append them to the connections' histories; what does not fit the column goes into the table's overflow."""
        at = np.concatenate(self._at)
        order = np.argsort(at, kind="stable")
        at, letter = at[order], np.concatenate(self._letter)[order]
        group = self._s.group[at]
        connection = self._s.connection[group]
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


class _Told:
    """What was told of each end, as bits that are set once."""

    def __init__(self, s: Segments, column: NDArray[np.uint8]) -> None:
        self._s = s
        self._column = column
        self._now = column[s.connection]
        self._before = self._now.reshape(-1)[s.side]
        self._first = np.empty(2 * len(s.connection), np.int64)

    def first(self, where: NDArray[np.bool_], bit: int) -> NDArray[np.int64]:
        """The first segment of each end for which `where` holds, if that was not told of the end before; ascending."""
        at: NDArray[np.int64] = np.flatnonzero(where & (self._before & bit == 0))
        side = self._s.side[at]
        self._first[side[::-1]] = at[::-1]  # backwards: the first one stays
        at = at[self._first[side] == at]
        self._now.reshape(-1)[self._s.side[at]] |= np.uint8(bit)
        return at

    def store(self) -> None:
        """Keep it for the next batch."""
        self._column[self._s.connection] = self._now


def _at_powers_of_ten(s: Segments, where: NDArray[np.bool_], seen: NDArray[np.uint32]) -> NDArray[np.int64]:
    """Each end's 1st, 10th, 100th … segment for which `where` holds."""
    at = np.flatnonzero(where)
    if not len(at):
        return at
    end = s.side[at]
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
    powers = 10 ** np.arange(11)
    chosen: NDArray[np.int64] = at[powers[np.searchsorted(powers, number)] == number]
    return chosen


def _gaps_at_powers_of_ten(
    s: Segments, over_holes: list[tuple[int, int]], seen: NDArray[np.uint32]
) -> NDArray[np.int64]:
    """The segments by which an end's 1st, 10th, 100th … hole is acknowledged."""
    chosen = []
    for at, side in over_holes:
        row, end = s.connection[side // 2], side % 2
        seen[row, end] += 1
        if str(seen[row, end]).strip("0") == "1":
            chosen.append(at)
    return np.array(chosen, np.int64)
