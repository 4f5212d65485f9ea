"""The marks of a batch: Wireshark's judgements of all its segments at once.

The rules are those of `analysis.judging`, told there one by one. Here each is an expression over the segment, its end's
segment before and the other end's last one. Gaps (`analysis.gaps`) and counts of duplicate ACKs need more, and some
connections are left to the rule book itself (`analysis.walking`): those in which one judgement decides the next, since
a byte probes a closed window, or numbers leap or pass through 0, or a handshake begins again within a gap.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

import numpy as np

from analysis.carrying import ACKED, KEPT_ALIVE, PROBED, Carried
from analysis.connections import SCALING_UNKNOWN
from analysis.duplicates import count_duplicates, told_before
from analysis.gaps import Gaps
from analysis.judging import ENOUGH, FAST_NS, TOLD
from analysis.marks import Mark
from analysis.places import indices
from analysis.reach import reach_of
from analysis.scaled import Scaled
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
    """Judges one batch: n segments of 2G ends, in the order of `analysis.segments`."""

    def __init__(self, s: Segments, moments: Moments, carried: Carried) -> None:
        self._s = s
        self._moments = moments
        self._carried = carried
        self.after = carried.copy()
        self._plain = (s.flags & CONTROL) == 0
        self._end = s.sequence + s.length
        self._finish = self._end + ((s.flags & (SYN | FIN)) != 0)
        self.reach = reach_of(s, self._finish, carried.next_sequence)
        self._window = s.window.astype(np.uint32)
        self._there_window = np.concatenate((self._window, carried.windows())).take(s.other)
        self._there_ack = np.concatenate((s.acknowledgment, carried.last_ack)).take(s.other)
        self._same_ack = s.acknowledgment == s.shifted(s.acknowledgment, carried.last_ack)
        self._scaled = Scaled(s, (carried.judged & ACKED) != 0)
        self._moved = indices(self.reach.moved)

    def run(self) -> tuple[NDArray[np.uint32], NDArray[np.int64]]:
        """The marks, uint32 (n,), and the connections among the G that they are wrong for.

        What is carried on, `after`, is wrong for those too.
        """
        s, carried = self._s, self._carried
        opens = indices(self.reach.moved & (s.sequence != self.reach.next) & (self.reach.next != 0))
        left_out = self._left_out(opens)
        marks, duplicate = self._of_numbers()
        gaps = Gaps(s)
        opens = opens[~left_out[s.side[opens] >> 1]]
        open_at = gaps.follow(self.reach, opens, carried.limit, carried.next_sequence)
        beyond = self._acknowledges_beyond()
        beyond = beyond[~gaps.open[beyond] & ~np.isin(beyond, gaps.closing)] if len(beyond) else beyond
        told = np.zeros(len(s) + len(s.ends), np.bool_)
        told[s.other[beyond]] = True
        counts = count_duplicates(s, duplicate, ~self._same_ack, told, carried.counts())
        there_told = np.zeros(len(s), np.bool_)
        there_told[told_before(s, beyond)] = True
        first = beyond[~there_told[beyond]]
        there_told[beyond] = True
        marks[first[counts[s.other[first]] == 0]] |= np.uint32(Mark.ACK_LOST_SEGMENT)
        marks[gaps.closing] |= np.uint32(Mark.ACK_LOST_SEGMENT)
        self._sent_again(marks, counts, there_told)
        counts[told] = TOLD
        self._carry(marks, counts, open_at)
        return marks, indices(left_out)

    def _left_out(self, opens: NDArray[np.int64]) -> NDArray[np.bool_]:
        """The connections that the rule book has to judge, (G,); gaps begin at the places `opens`."""
        s = self._s
        left_out = np.zeros(len(s.connection), np.bool_)
        probes = indices((s.length == 1) & (s.sequence == self.reach.next) & (self._there_window == 0))
        amid = self._moments.amid_syns
        amid = amid[self._plain[amid] & (s.length[amid] > 0)]
        for places in (probes, amid, self.reach.lost, self._begin_again(opens)):
            left_out[s.side[places] >> 1] = True
        following = self._carried.next_sequence
        apart = indices(self._carried.limit != following)
        left_out[apart[following[apart] == 0] >> 1] = True
        left_out[self._run_away(apart, opens) >> 1] = True
        return left_out

    def _run_away(self, apart: NDArray[np.int64], opens: NDArray[np.int64]) -> NDArray[np.int64]:
        """The ends that come half the number space away from where a gap of theirs begins.

        `apart` are those with a gap from before the batch, `opens` the places where others may begin. From there on the
        beginning of a gap counts as ahead of the numbers behind it.
        """
        broken = np.zeros(len(self._s.ends), np.bool_)
        broken[apart] = True
        broken[self._s.side[opens]] = True
        sides = indices(broken)
        if not len(sides):
            return sides
        ahead = (self._carried.next_sequence[sides] - self._carried.limit[sides]).astype(np.int64)
        last = self._s.begin[sides + 1] - 1
        sent = indices(self._s.size[sides] > 0)
        ahead[sent] += np.maximum(self.reach.highest[last[sent]], self.reach.distance[last[sent]]).astype(np.int64)
        found: NDArray[np.int64] = sides[indices(ahead > HALF)]
        return found

    def _begin_again(self, opens: NDArray[np.int64]) -> NDArray[np.int64]:
        """The SYNs without ACK of ends that have sent something before, with a gap in it, which they forget."""
        s, at = self._s, self._s.opening
        if not len(at):
            return at
        broken = np.where(self._carried.limit != self._carried.next_sequence, -1, len(s))  # from which place on
        side = s.side[opens][::-1]  # backwards: the first one stays
        broken[side] = np.minimum(broken[side], opens[::-1])
        return at[indices((broken[s.side[at]] < at) & ((s.flags[at] & ACK) == 0))]

    def _of_numbers(self) -> tuple[NDArray[np.uint32], NDArray[np.bool_]]:
        """The marks that compare numbers and windows, (n,), and which of the segments are duplicate ACKs."""
        s, following, window = self._s, self.reach.next, self._window
        keep_alive = self._plain & (s.length <= 1) & (s.sequence == following - ONE)
        quiet = (s.length == 0) & self._plain & (s.sequence == following) & self._same_ack
        same = window == s.shifted(window, self._carried.windows())
        open_ = window > 0
        repeats = quiet & same
        keep_alive_ack, probe_ack = self._answers(indices(keep_alive), repeats, open_)
        duplicate = repeats & open_
        duplicate[keep_alive_ack] = False
        duplicate[self._moments.excused] = False
        known = (following != 0) & ((s.flags & RST) == 0)
        marks = np.zeros(len(s), np.uint32)
        for where, mark in (
            (self._fills_window(), Mark.WINDOW_FULL),
            (indices(self._plain & ~open_), Mark.ZERO_WINDOW),
            (indices(known & (s.sequence - following - ONE < HALF)), Mark.LOST_SEGMENT),
            (indices(keep_alive), Mark.KEEP_ALIVE),
            (indices(quiet & open_ & ~same), Mark.WINDOW_UPDATE),
            (keep_alive_ack, Mark.KEEP_ALIVE_ACK),
            (probe_ack, Mark.ZERO_WINDOW_PROBE_ACK),
            (indices(duplicate), Mark.DUPLICATE_ACK),
        ):
            marks[where] |= np.uint32(mark)  # few have one
        return marks, duplicate

    def _answers(
        self, keep_alive: NDArray[np.int64], repeats: NDArray[np.bool_], open_: NDArray[np.bool_]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Those that answer a keep-alive with an open window, and those that answer a probe with a closed one."""
        carried = self._carried.judged & (KEPT_ALIVE | PROBED)
        if not len(keep_alive) and not carried.any():
            return keep_alive, keep_alive
        last = np.concatenate((np.zeros(len(self._s), np.uint8), carried))
        last[keep_alive] = KEPT_ALIVE
        last = last.take(self._s.other)
        kept, probed = (repeats & (last & bit != 0) for bit in (KEPT_ALIVE, PROBED))
        return indices(kept & open_), indices(probed & ~open_)

    def _fills_window(self) -> NDArray[np.int64]:
        """The segments whose last byte is the last that the other end's window has room for."""
        s, moments = self._s, self._moments
        before, after = moments.scaling_before, moments.scaling
        # Few come to the edge by one scaling or the other; only those are asked which one held.
        room, window = self._end - self._there_ack, self._there_window
        at_edge = room == window
        for scaling in (before, after):
            if (scaling > 0).any():
                of_other = scaling.reshape(-1, 2)[:, ::-1].ravel()
                at_edge |= room == window << s.repeated(np.maximum(of_other, 0).astype(np.uint32))
        c = indices(at_edge & self._plain & (s.length > 0))
        if not len(c):
            return c
        there = s.side[c] ^ 1
        scaling = np.where(s.row[c] > moments.last_syn[there >> 1], after[there], before[there])
        shift = np.where(self._scaled.by(s.other[c], there) & (scaling > 0), scaling, 0).astype(np.uint32)
        full: NDArray[np.int64] = c[(room[c] == window[c] << shift) & (scaling != SCALING_UNKNOWN)]
        return full

    def _acknowledges_beyond(self) -> NDArray[np.int64]:
        """Which acknowledge more than the other end is known to have sent."""
        s = self._s
        sent = np.concatenate((self.reach.after, self._carried.next_sequence)).take(s.other)
        beyond = (s.acknowledgment - sent - ONE < HALF) & ((s.flags & ACK) != 0) & (sent != 0)
        return indices(beyond)

    def _sent_again(self, marks: NDArray[np.uint32], counts: NDArray[np.uint8], told: NDArray[np.bool_]) -> None:
        """Add the marks of what was sent before.

        `counts` are those of `count_duplicates`; at segments that are `told` (n,) the other end's count is `TOLD`.
        """
        s = self._s
        left = (self._end - self._there_ack).view(np.int32)
        ahead = (s.sequence - self.reach.next).view(np.int32)
        c = indices((self._finish != s.sequence) & ((left <= 0) | (ahead < 0)))
        if not len(c):
            return
        following, length, acked = self.reach.next[c], s.length[c], self._there_ack[c]
        spurious = (length > 0) & (acked != 0) & (left[c] <= 0)
        repeats_byte = (length > 1) & (s.sequence[c] == following - ONE)
        behind = (following != 0) & (ahead[c] < 0) & ~repeats_byte
        again = (spurious | behind) & ((marks[c] & KEEP_ALIVE) == 0)
        c, spurious, acked, following = c[again], spurious[again], acked[again], following[again]
        there = np.where(told[c], TOLD, counts[s.other[c]])
        since_ack, since_next, limit = self._moments_of(c)
        fast = (there >= ENOUGH) & (acked == s.sequence[c]) & (since_ack >= 0)
        # Negative ones compare as `analysis.judging` says.
        late = (since_next.view(np.uint64) < limit.view(np.uint64)) & (self._finish[c] != following)
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
        s, carried = self._s, self._carried
        side, time = s.side[c], s.time_ns(c)
        sent = self._times(s.other[c], carried.last_segment[side ^ 1])
        moved = self._moved_before(c, "left")
        moved_at = self._times(np.where(moved >= s.begin[side], moved, len(s)), carried.next_packet[side])
        return time - sent, time - moved_at, self._moments.reordered_within(side >> 1, s.row[c])

    def _times(self, place: NDArray[np.int64], earlier: NDArray[np.int32]) -> NDArray[np.int64]:
        """When the segments at these places came, or, where they are not of the batch, those `earlier` packets."""
        inside = place < len(self._s)
        return np.where(inside, self._s.time_ns(np.where(inside, place, 0)), self._moments.times(earlier))

    def _moved_before(self, place: NDArray[np.int64], which: Literal["left", "right"]) -> NDArray[np.int64]:
        """The last place before these, or up to them, at which a segment moved its end's highest number; or -1."""
        index = self._moved.searchsorted(place, which) - 1
        return np.where(index >= 0, self._moved[index], -1) if len(self._moved) else index

    def _carry(self, marks: NDArray[np.uint32], counts: NDArray[np.uint8], open_at: NDArray[np.uint32]) -> None:
        """Note what the next batch asks; `counts` are those of duplicate ACKs, or `TOLD`."""
        s, after, last, owner = self._s, self.after, self._s.last, self._s.owner
        after.next_sequence[owner] = self.reach.after[last]
        moved = self._moved_before(last, "right")
        inside = moved >= s.head
        after.next_packet[owner[inside]] = s.packet(moved[inside])
        after.limit[:] = np.where(open_at != 0, open_at, after.next_sequence)
        after.last_ack[owner] = s.acknowledgment[last]
        after.last_segment[owner] = s.packet(last)
        after.last_window[owner] = s.window[last]
        kept = after.judged & (PROBED | KEPT_ALIVE)
        kept[owner] = np.where((marks[last] & KEEP_ALIVE) != 0, KEPT_ALIVE, 0)
        acked = np.where(self._scaled.after(), ACKED, 0)
        place = np.arange(len(s), len(counts))
        place[owner] = last
        after.judged[:] = counts[place] | kept | acked
