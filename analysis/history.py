"""Zeek's history: what happened in a connection as a string of letters, upper case for endpoint a.

The letters and when they repeat are those of Zeek's conn.log (base/protocols/conn/main.zeek): `s` SYN, `h` SYN with
ACK, `a` pure ACK, `d` payload, `f` FIN, `r` RST, `i` and `q` flags that do not go together, `t` payload sent again, `w`
zero window, `g` payload acknowledged but not captured whole. Which of Zeek's letters are not written, and why, stands
in ARCHITECTURE.md. Who is the client is told on reading.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from analysis.connections import HISTORY_LETTERS, NO_PACKET
from analysis.places import indices, run_sizes, run_starts
from analysis.segments import ACK, FIN, RST, SYN

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from analysis.connections import ConnectionTable
    from analysis.counts import Counts
    from analysis.segments import Segments

TOLD_SYN: Final = 1
TOLD_FIN: Final = 2
TOLD_RST: Final = 4
TOLD_DATA: Final = 8
TOLD_ACK: Final = 16
TOLD_MIX: Final = 32
_KNOWN: Final = {TOLD_FIN: "fin_sequence", TOLD_RST: "rst_sequence"}
"""Where the number of an end's first FIN is, and of its last RST."""

MOST_LETTERS: Final = 400
"""A longer history says nothing more; a crafted capture could make it endless."""


def write_history(
    s: Segments, repeated: NDArray[np.int64], over_holes: NDArray[np.int64], table: ConnectionTable
) -> None:
    """Add the batch's letters.

    `repeated` are the places of segments with payload that was sent before, `over_holes` (int64, (K, 2);
    `analysis.coverage`, `analysis.cut_payload`) those that acknowledge payload which was never seen, and the side that
    sent it.
    """
    told = _Told(s, table.columns["history_told"])
    opening_or_closing = s.flags & (SYN | FIN | RST)
    letters = _Letters(s, table)
    control = indices(opening_or_closing != 0)
    if len(control):
        _tell_control(s, control, told, letters, table)
    plain = opening_or_closing == 0
    data = s.length > 0
    letters.add(told.first(indices(plain & data), TOLD_DATA), ord("d"))
    acknowledging = plain & ~data & (s.flags & ACK != 0)
    letters.add(told.first(indices(acknowledging), TOLD_ACK), ord("a"))
    told.store()
    gone = _Gone(s, table)
    zero = indices((s.window == 0) & (s.flags & RST == 0))
    if len(zero):
        zero = zero[~gone.reset(zero) & ~gone.closed(zero, of_the_other_end=True)]
        letters.add_beside(_at_powers_of_ten(s, zero, table.counts, "zero_windows"), ord("w"))
    if len(repeated):
        repeated = repeated[~gone.reset(repeated)]
        letters.add_beside(_at_powers_of_ten(s, repeated, table.counts, "repeats"), ord("t"))
    over_holes = _in_clean(over_holes, s, gone, table.columns["established_packet"])
    if len(over_holes):
        gaps = _gaps_at_powers_of_ten(s, over_holes, table.counts)
        letters.add_beside(gaps, ord("g"), of_the_other_end=True)
    letters.write()


def _in_clean(
    over_holes: NDArray[np.int64], s: Segments, gone: _Gone, established: NDArray[np.int32]
) -> NDArray[np.int64]:
    """Those over holes in a connection whose opening was seen and that no reset has ended, this segment included.

    Zeek's `established_or_cleanly_closing`: of others it does not trust the numbers.
    """
    if not len(over_holes):
        return over_holes
    at = over_holes[:, 0]
    opened = established[s.connection[s.side[at] >> 1]]
    clean = (opened != NO_PACKET) & (opened <= s.packet(at))
    clean &= s.flags[at] & RST == 0
    clean &= ~gone.reset(at) & ~gone.reset(at, of_the_other_end=True)
    kept: NDArray[np.int64] = over_holes[clean]
    return kept


def _tell_control(
    s: Segments, control: NDArray[np.int64], told: _Told, letters: _Letters, table: ConnectionTable
) -> None:
    """Add the letters of the segments with SYN, FIN or RST, `control`."""
    kind = s.flags[control] & (SYN | FIN | RST)
    several = told.first(control[indices(kind & (kind - np.uint16(1)))], TOLD_MIX)
    letters.add(several, np.where(s.flags[several] & (FIN | RST) == FIN | RST, ord("i"), ord("q")))
    for flag, bit, letter in ((SYN, TOLD_SYN, "s"), (FIN, TOLD_FIN, "f"), (RST, TOLD_RST, "r")):
        at = control[indices(kind == flag)]
        if not len(at):
            continue
        end = s.ends[s.side[at]]
        first = told.first(at, bit)
        is_first = np.zeros(len(at), np.bool_)
        is_first[at.searchsorted(first)] = True
        numbers = s.sequence[at] + (flag != SYN) * s.length[at]
        known = table.syn_sequences(end) if bit == TOLD_SYN else table.columns[_KNOWN[bit]].reshape(-1)[end]
        if bit == TOLD_RST:
            known = _before(s, at, numbers, table.columns["rst_sequence"].reshape(-1))
        again = indices(is_first | (numbers != known))
        answers = (s.flags[at[again]] & ACK != 0) & (flag == SYN)
        letters.add(at[again], np.where(answers, ord("h"), ord(letter)))


def _before(
    s: Segments, at: NDArray[np.int64], numbers: NDArray[np.uint32], column: NDArray[np.uint32]
) -> NDArray[np.uint32]:
    """Of each of these segments (places, ascending) the number of its end's last one; `column` keeps the last ones."""
    side = s.side[at]
    begin = run_starts(side)
    known = np.empty_like(numbers)
    known[1:] = numbers[:-1]
    ends = s.ends[side[begin]]
    known[begin] = column[ends]
    column[ends] = numbers[begin + run_sizes(begin, len(at)) - 1]
    return known


class _Gone:
    """Which segments come when an end has closed or reset for Zeek: it asks no more of windows and repetitions then."""

    def __init__(self, s: Segments, table: ConnectionTable) -> None:
        self._s = s
        self._fin = table.columns["fin_packet"].reshape(-1)
        self._rst = table.columns["rst_packet"].reshape(-1)

    def reset(self, at: NDArray[np.int64], *, of_the_other_end: bool = False) -> NDArray[np.bool_]:
        """Before which of these segments their end had sent a reset, and not after both had closed."""
        packet, end = self._of(at, of_the_other_end=of_the_other_end)
        sent = self._was(self._rst[end], packet)
        other = end ^ 1
        after_both = self._was(self._fin[end], self._rst[end]) & self._was(self._fin[other], packet)
        return sent & ~(after_both & ~self._was(self._rst[other], self._fin[other]))

    def closed(self, at: NDArray[np.int64], *, of_the_other_end: bool = False) -> NDArray[np.bool_]:
        """Before which of these segments their end, or the other one, had sent a FIN, and no reset."""
        packet, end = self._of(at, of_the_other_end=of_the_other_end)
        return self._was(self._fin[end], packet) & ~self.reset(at, of_the_other_end=of_the_other_end)

    def _of(self, at: NDArray[np.int64], *, of_the_other_end: bool) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        return self._s.packet(at), self._s.ends[self._s.side[at] ^ int(of_the_other_end)]

    @staticmethod
    def _was(one: NDArray[np.int32], other: NDArray[np.int32]) -> NDArray[np.bool_]:
        """Whether there is the one packet, and before the other."""
        found: NDArray[np.bool_] = (one != NO_PACKET) & (one < other)
        return found


class _Letters:
    """Letters collected kind by kind, then written in the order of their segments.

    A segment has one letter at most for what it is, and others beside it for what it shows.
    """

    def __init__(self, s: Segments, table: ConnectionTable) -> None:
        self._s = s
        self._table = table
        self._letter = np.zeros(len(s), np.uint8)
        self._beside: list[tuple[NDArray[np.int64], NDArray[np.uint8]]] = []

    def add(self, at: NDArray[np.int64], letter: NDArray[np.int64] | int) -> None:
        """Add a letter at these segments: one for all, or one for each; upper case for endpoint a."""
        self._letter[at] = letter - 32 * (self._s.side[at] & 1 == 0)

    def add_beside(self, at: NDArray[np.int64], letter: int, *, of_the_other_end: bool = False) -> None:
        """Add a letter beside those that these segments have."""
        of_a = self._s.side[at] & 1 == int(of_the_other_end)
        self._beside.append((at, (letter - 32 * of_a).astype(np.uint8)))

    def _in_order(self) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
        """All of them: where in `Segments.turn`, ascending, and the letters."""
        s = self._s
        letter = self._letter.take(s.turn)
        turn = indices(letter != 0)
        if not self._beside:
            return turn, letter[turn]
        beside, letters = (np.concatenate(values) for values in zip(*self._beside, strict=True))
        place = np.empty(len(s), np.int64)
        place[s.turn] = np.arange(len(s))
        every = np.concatenate((turn, place[beside]))
        order = every.argsort(kind="stable")
        return every[order], np.concatenate((letter[turn], letters))[order]

    def write(self) -> None:
        """Append them to the connections' histories; what does not fit the column goes into the table's overflow."""
        turn, letter = self._in_order()
        if not len(turn):
            return
        group = self._s.side[self._s.turn[turn]] >> 1
        begin = run_starts(group)
        size = run_sizes(begin, len(group))
        row = self._s.connection[group[begin]]
        length = self._table.columns["history_length"]
        place = np.arange(len(group)) + np.repeat(length[row] - begin, size)
        fits = indices(place < HISTORY_LETTERS)
        connection = row.repeat(size)
        self._table.columns["history"].reshape(-1)[connection[fits] * HISTORY_LETTERS + place[fits]] = letter[fits]
        if len(fits) < len(place):
            self._overflow(connection, place, letter)
        length[row] = np.minimum(length[row] + size, HISTORY_LETTERS)

    def _overflow(self, connection: NDArray[np.int64], place: NDArray[np.int64], letter: NDArray[np.uint8]) -> None:
        over = indices(place >= HISTORY_LETTERS)
        for row, code in zip(connection[over].tolist(), letter[over].tolist(), strict=True):
            rest = self._table.long_histories.setdefault(row, bytearray())
            if len(rest) < MOST_LETTERS:
                rest.append(code)


class _Told:
    """What was told of each end, as bits that are set once."""

    def __init__(self, s: Segments, column: NDArray[np.uint8]) -> None:
        self._s = s
        self._column = column.reshape(-1)
        self._now = self._column[s.ends]

    def first(self, at: NDArray[np.int64], bit: int) -> NDArray[np.int64]:
        """Of these segments (places, ascending) the first of each end, if that was not told of the end before."""
        if not len(at):
            return at
        at = at[run_starts(self._s.side[at])]
        side = self._s.side[at]
        new = indices(self._now[side] & np.uint8(bit) == 0)
        self._now[side[new]] |= np.uint8(bit)
        return at[new]

    def store(self) -> None:
        """Keep it for the next batch."""
        self._column[self._s.ends] = self._now


def _at_powers_of_ten(s: Segments, at: NDArray[np.int64], counts: Counts, name: str) -> NDArray[np.int64]:
    """Those of the segments (places, ascending) that are their end's 1st, 10th, 100th … one, by a count of them."""
    side = s.side[at]
    begin = run_starts(side)
    size = run_sizes(begin, len(at))
    end = s.ends[side[begin]]
    number = np.arange(1, len(at) + 1) + np.repeat(counts.of(name, end) - begin, size)
    counts.add(name, end, size)
    return at[_is_power_of_ten(number)]


def _gaps_at_powers_of_ten(s: Segments, over_holes: NDArray[np.int64], counts: Counts) -> NDArray[np.int64]:
    """The segments by which an end's 1st, 10th, 100th … hole is acknowledged."""
    at, side = over_holes.T
    told = np.stack((s.ends[side], s.row[at], at), axis=1)
    told = told[np.lexsort((told[:, 1], told[:, 0]))]
    begin = run_starts(told[:, 0])
    size = run_sizes(begin, len(told))
    end = told[begin, 0]
    number = np.arange(1, len(told) + 1) + np.repeat(counts.of("gaps", end) - begin, size)
    counts.add("gaps", end, size)
    chosen: NDArray[np.int64] = told[_is_power_of_ten(number), 2]
    return chosen


def _is_power_of_ten(number: NDArray[np.int64]) -> NDArray[np.bool_]:
    powers = 10 ** np.arange(19)
    found: NDArray[np.bool_] = powers[powers.searchsorted(number)] == number
    return found
