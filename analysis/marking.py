"""The marks of a batch: Wireshark's judgements of all its segments at once.

The rules are those of `analysis.judging`, told there one by one. Here each is an expression over the segment, its end's
segment before and the other end's last one. Gaps (`analysis.gaps`) and counts of duplicate ACKs need more, and some
connections are left to the rule book itself (`analysis.walking`): those in which one judgement decides the next, since
a byte probes a closed window, or numbers leap or pass through 0, or windows are scaled anew.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from analysis.carrying import ACKED, KEPT_ALIVE, PROBED, Carried
from analysis.connections import SCALING_UNKNOWN
from analysis.duplicates import count_duplicates, told_after, told_before
from analysis.ends import ends_of
from analysis.gaps import Gaps
from analysis.judging import ENOUGH, FAST_NS, TOLD
from analysis.marks import Mark
from analysis.reach import reach_of
from analysis.segments import ACK, FIN, RST, SYN

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from analysis.moments import Moments
    from analysis.segments import Segments

HALF: Final = np.uint32(1 << 31)
ONE: Final = np.uint32(1)
CONTROL: Final = SYN | FIN | RST
KEEP_ALIVE: Final = np.uint32(Mark.KEEP_ALIVE)


class Marking:
    """Judges one batch: n analysed segments in the order of `analysis.ends`, of 2G ends."""

    def __init__(self, s: Segments, moments: Moments, carried: Carried) -> None:
        self._s = s
        self._moments = moments
        self._carried = carried
        self.after = carried.copy()
        ends = self._ends = ends_of(s)
        at = ends.at
        self._flags = s.flags[at]
        self._sequence, self._acknowledgment = s.sequence[at], s.acknowledgment[at]
        self._window = s.window[at].astype(np.uint32)
        self._length = s.length[at].astype(np.uint32)
        self._plain = (self._flags & CONTROL) == 0
        self._end = self._sequence + self._length
        self._finish = self._end + ((self._flags & (SYN | FIN)) != 0).astype(np.uint32)
        self._reach = reach_of(ends, self._finish, carried.next_sequence)
        self._there_ack = np.concatenate((self._acknowledgment, carried.last_ack))[ends.other]
        self._first_acked = self._find_first_acked()
        self._data = np.flatnonzero((self._length > 0) & self._plain)
        self._same_ack = self._acknowledgment == ends.shifted(self._acknowledgment, carried.last_ack)

    def run(self) -> tuple[NDArray[np.uint32], NDArray[np.int64]]:
        """The marks, uint32 (K,), and the connections among the G that they are wrong for.

        What is carried on, `after`, is wrong for those too.
        """
        ends, carried = self._ends, self._carried
        left_out = self._left_out()
        marks, duplicate = self._of_numbers()
        gaps = Gaps(self._s)
        opens = np.flatnonzero(self._reach.moved & (self._sequence != self._reach.next) & (self._reach.next != 0))
        opens = opens[~left_out[ends.slot[opens] >> 1]]
        open_at = gaps.follow(ends, self._reach, opens, carried.limit, carried.next_sequence)
        closing = gaps.closing[ends.at]
        beyond = self._acknowledges_beyond() & ~closing
        doubt = np.flatnonzero(beyond)
        beyond[doubt] &= ~gaps.open[1 - (ends.slot[doubt] & 1), ends.at[doubt]]
        told = told_after(ends, beyond)
        counts = count_duplicates(ends, duplicate, ~self._same_ack, told, carried.counts())
        told_already = told_before(ends, beyond)
        unseen = np.flatnonzero(closing | beyond & ~told_already)
        unseen = unseen[closing[unseen] | (counts[ends.other[unseen]] == 0)]
        marks[unseen] |= np.uint32(Mark.ACK_LOST_SEGMENT)
        self._sent_again(marks, counts, beyond | told_already)
        self._carry(marks, counts, told, open_at)
        result = np.zeros(len(self._s), np.uint32)
        result[ends.at] = marks
        return result, np.flatnonzero(left_out)

    def _left_out(self) -> NDArray[np.bool_]:
        """The connections that the rule book has to judge, (G,)."""
        left_out = np.zeros(len(self._s.connection), np.bool_)
        probes = np.flatnonzero((self._length == 1) & (self._sequence == self._reach.next))
        probes = probes[self._there_window(probes) == 0]
        amid = self._data[self._moments.amid_syns(self._s, self._ends.at[self._data])]
        for places in (probes, amid, np.flatnonzero(self._reach.lost)):
            left_out[self._ends.slot[places] >> 1] = True
        return left_out

    def _there_window(self, places: NDArray[np.int64]) -> NDArray[np.uint32]:
        """The other end's last window, as sent."""
        windows: NDArray[np.uint32] = np.concatenate((self._window, self._carried.windows()))
        return windows[self._ends.other[places]]

    def _of_numbers(self) -> tuple[NDArray[np.uint32], NDArray[np.bool_]]:
        """The marks that compare numbers and windows, (n,), and which of the segments are duplicate ACKs."""
        following, window = self._reach.next, self._window
        empty = self._length == 0
        keep_alive = self._plain & (self._length <= 1) & (self._sequence == following - ONE)
        kept = keep_alive.view(np.uint8) * np.uint8(KEPT_ALIVE)
        last = np.concatenate((kept, self._carried.judged))[self._ends.other]
        quiet = empty & self._plain & (self._sequence == following) & self._same_ack
        same = window == self._ends.shifted(window, self._carried.windows())
        open_ = window > 0
        repeats, opened = quiet & same, quiet & open_
        keep_alive_ack = repeats & open_ & ((last & KEPT_ALIVE) != 0)
        probe_ack = repeats & ~open_ & ((last & PROBED) != 0)
        duplicate = repeats & open_ & ~keep_alive_ack
        known = (following != 0) & ((self._flags & RST) == 0)
        marks = np.zeros(len(self._ends), np.uint32)
        marks[self._fills_window()] = np.uint32(Mark.WINDOW_FULL)
        for where, mark in (
            (self._plain & ~open_, Mark.ZERO_WINDOW),
            (known & (self._sequence - following - ONE < HALF), Mark.LOST_SEGMENT),
            (keep_alive, Mark.KEEP_ALIVE),
            (opened & ~same, Mark.WINDOW_UPDATE),
            (keep_alive_ack, Mark.KEEP_ALIVE_ACK),
            (probe_ack, Mark.ZERO_WINDOW_PROBE_ACK),
            (duplicate, Mark.DUPLICATE_ACK),
        ):
            marks[np.flatnonzero(where)] |= np.uint32(mark)  # few have one
        return marks, duplicate

    def _fills_window(self) -> NDArray[np.int64]:
        """The segments whose last byte is the last that the other end's window has room for."""
        ends, data = self._ends, self._data
        first = self._first_acked
        slot, other = ends.slot[data], ends.other[data]
        there = slot ^ 1
        before, after = self._moments.scaling_before.ravel(), self._moments.scaling.ravel()
        scaling = np.where(ends.at[data] > self._moments.last_syn[slot >> 1], after[there], before[there])
        begun = np.where(other < len(ends), other >= first[there], first[there] < 0)
        shift = np.where(begun & (scaling > 0), scaling, 0).astype(np.uint32)
        edge = self._there_ack[data] + (self._there_window(data) << shift)
        full: NDArray[np.int64] = data[(self._end[data] == edge) & (scaling != SCALING_UNKNOWN)]
        return full

    def _find_first_acked(self) -> NDArray[np.int64]:
        """Each end's first ACK without SYN, (2G,): its place, n for none, -1 for one before the batch."""
        first = np.full(len(self._ends.begin) - 1, len(self._ends))
        place = np.flatnonzero((self._flags & (SYN | ACK)) == ACK)[::-1]
        first[self._ends.slot[place]] = place  # backwards: the first stays
        first[(self._carried.judged & ACKED) != 0] = -1
        return first

    def _acknowledges_beyond(self) -> NDArray[np.bool_]:
        """Which acknowledge more than the other end is known to have sent."""
        sent = np.concatenate((self._reach.after, self._carried.next_sequence))[self._ends.other]
        beyond: NDArray[np.bool_] = (
            ((self._flags & ACK) != 0) & (sent != 0) & (self._acknowledgment - sent - ONE < HALF)
        )
        return beyond

    def _sent_again(self, marks: NDArray[np.uint32], counts: NDArray[np.uint8], told: NDArray[np.bool_]) -> None:
        """Add the marks of what was sent before.

        `counts` are those of `count_duplicates`; at segments that are `told` (n,) the other end's count is `TOLD`.
        """
        left = (self._end - self._there_ack).view(np.int32)
        ahead = (self._sequence - self._reach.next).view(np.int32)
        c = np.flatnonzero((self._finish != self._sequence) & ((left <= 0) | (ahead < 0)))
        following, length, acked = self._reach.next[c], self._length[c], self._there_ack[c]
        spurious = (length > 0) & (acked != 0) & (left[c] <= 0)
        repeats_byte = (length > 1) & (self._sequence[c] == following - ONE)
        behind = (following != 0) & (ahead[c] < 0) & ~repeats_byte
        again = (spurious | behind) & ((marks[c] & KEEP_ALIVE) == 0)
        c, spurious, acked, following = c[again], spurious[again], acked[again], following[again]
        if not len(c):
            return
        there = np.where(told[c], TOLD, counts[self._ends.other[c]])
        since_ack, since_next, limit = self._moments_of(c)
        fast = (there >= ENOUGH) & (acked == self._sequence[c]) & (since_ack >= 0)
        late = (since_next >= 0) & (since_next < limit) & (self._finish[c] != following)
        marks[c] |= np.select(
            (spurious, fast & (since_ack < FAST_NS), late),
            (
                np.uint32(Mark.SPURIOUS_RETRANSMISSION),
                np.uint32(Mark.FAST_RETRANSMISSION),
                np.uint32(Mark.OUT_OF_ORDER),
            ),
            np.uint32(Mark.RETRANSMISSION),
        )

    def _moments_of(self, c: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """How long after the other end's last segment and after the highest number these were sent, and the iRTT."""
        s, ends, carried = self._s, self._ends, self._carried
        time = s.time_ns[ends.at[c]]
        known = self._moments.times(np.concatenate((carried.last_segment, carried.next_packet)))
        sent = np.concatenate((s.time_ns[ends.at], known))[ends.other[c]]
        moved = self._last_moved()[np.maximum(c - 1, 0)]
        inside = moved >= ends.begin[ends.slot[c]]
        inside &= c > ends.begin[ends.slot[c]]
        moved_at = np.where(inside, s.time_ns[ends.at[moved]], known[len(carried.judged) + ends.slot[c]])
        return time - sent, time - moved_at, self._moments.reordered_within(ends.slot[c] >> 1, ends.at[c])

    def _last_moved(self) -> NDArray[np.int64]:
        return np.maximum.accumulate(np.where(self._reach.moved, np.arange(len(self._ends)), -1))

    def _carry(
        self,
        marks: NDArray[np.uint32],
        counts: NDArray[np.uint8],
        told: NDArray[np.bool_],
        open_at: NDArray[np.uint32],
    ) -> None:
        ends, after, last = self._ends, self.after, self._ends.last
        slot = ends.slot[last]
        after.next_sequence[slot] = self._reach.after[last]
        moved = self._last_moved()[last]
        inside = moved >= ends.head
        after.next_packet[slot[inside]] = self._s.packet[ends.at[moved[inside]]]
        after.limit[:] = np.where(open_at != 0, open_at, after.next_sequence)
        after.last_ack[slot] = self._acknowledgment[last]
        after.last_segment[slot] = self._s.packet[ends.at[last]]
        after.last_window[slot] = self._window[last]
        place = np.arange(len(after.judged)) + len(ends)
        place[slot] = last
        count = np.where(told[place], TOLD, counts[place])
        kept = after.judged & (PROBED | KEPT_ALIVE)
        kept[slot] = np.where((marks[last] & KEEP_ALIVE) != 0, KEPT_ALIVE, 0)
        acked = np.where(self._first_acked < len(ends), ACKED, 0)
        after.judged[:] = count | kept | acked
