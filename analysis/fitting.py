"""Which resets do not fit what their receiver waits for: RFC 9293 section 3.10.7.4, RFC 5961 section 3.2.

A reset ends a synchronised connection only if its number is the next one its receiver waits for. What an observer knows
of that: it is not below what the receiver acknowledged last, nor above that and all that the sender was seen to send.
A reset whose number is outside is `BEHIND` or `BEYOND`; the receiver drops it or answers it with an ACK (a challenge),
and goes on. One without ACK that takes its number from what its receiver acknowledged `ANSWERS` a segment of it.

What the capture missed is not known here: a reset beyond may have fitted. After its sender's FIN a reset may have that
FIN's own number: some systems send that, and Linux takes it. Receivers that acknowledged nothing yet, or 0, take all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from analysis.connections import NO_PACKET
from analysis.places import run_sizes, run_starts
from analysis.reach import running_highest, unwrapped
from analysis.segments import ACK, FIN, RST, SYN

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from analysis.connections import ConnectionTable
    from analysis.segments import Segments

BEHIND: Final = 1
BEYOND: Final = 2
ANSWERS: Final = 3


def fit_of(s: Segments, resets: NDArray[np.int64], table: ConnectionTable) -> NDArray[np.uint16]:
    """How these resets (places, ascending) fit, uint16: 0 where they do, or nothing is known against it."""
    sides = s.side[resets[run_starts(s.side[resets])]]
    sent = _Sent(s, sides, table)
    side = s.side[resets]
    other = s.other[resets]
    acknowledged = np.empty(len(resets), np.uint32)
    here = other < len(s)
    acknowledged[here] = s.acknowledgment[other[here]]
    acknowledged[~here] = table.columns["last_ack"].reshape(-1)[s.ends[side[~here] ^ 1]]
    number = s.sequence[resets]
    highest, known, closed = sent.by(resets)
    past = (number - acknowledged).view(np.int32)
    ahead = (number - highest).view(np.int32)
    fit = np.zeros(len(resets), np.uint16)
    fit[(past > 0) & known & (ahead > 0)] = BEYOND
    fit[(past < 0) & ~((past == -1) & closed)] = BEHIND
    fit[(past == 0) & (s.flags[resets] & ACK == 0)] = ANSWERS
    fit[acknowledged == 0] = 0
    return fit


class _Sent:
    """How far these ends (`sides`, ascending, all with segments) have sent by each place, resets left out."""

    def __init__(self, s: Segments, sides: NDArray[np.int64], table: ConnectionTable) -> None:
        ends = s.ends[sides]
        sent, known = (table.columns[name].reshape(-1)[ends] for name in ("sent", "sent_known"))
        ahead = table.counts.of("top_ahead", ends).astype(np.uint32)
        self._number = np.zeros(len(s), np.uint32)
        self._known = np.zeros(len(s), np.bool_)
        self._closed = np.zeros(len(s), np.bool_)
        self._follow(s, sides, sent, ahead, known != 0, table)

    def _follow(
        self,
        s: Segments,
        sides: NDArray[np.int64],
        sent: NDArray[np.uint32],
        ahead: NDArray[np.uint32],
        known: NDArray[np.bool_],
        table: ConnectionTable,
    ) -> None:
        place, head = s.places_of(sides)
        size = run_sizes(head, len(place))
        flags = s.flags[place]
        counts = flags & RST == 0
        finish = s.sequence[place] + s.length[place] + (flags & SYN != 0) + (flags & FIN != 0)
        finish = finish.astype(np.uint32)
        # A reset stands where its end had stopped: it takes the value of the segment before, or what was known, or,
        # of an end that has sent nothing else yet, that of the first segment behind it.
        index = np.arange(len(place))
        last = np.maximum.accumulate(np.where(counts, index, -1))
        own = last >= head.repeat(size)
        coming = np.minimum.accumulate(np.where(counts, index, len(place))[::-1])[::-1]
        first = np.minimum(coming[head], head + size - 1)
        origin = np.where(known, sent, finish[first])
        finish = np.where(own, finish[last], origin.repeat(size))
        distance = unwrapped(finish, head, size, origin)
        highest = running_highest(distance, head, np.where(known, ahead.astype(np.int64), distance[head]))
        self._number[place] = origin.repeat(size) + highest.astype(np.uint32)
        self._known[place] = own | known.repeat(size)
        fin = table.columns["fin_packet"].reshape(-1)[s.ends[sides]].repeat(size)
        self._closed[place] = (fin != NO_PACKET) & (fin < s.packet(place))

    def by(self, place: NDArray[np.int64]) -> tuple[NDArray[np.uint32], NDArray[np.bool_], NDArray[np.bool_]]:
        """The number after all sent up to these places, whether it is known, and whether a FIN was sent before."""
        return self._number[place], self._known[place], self._closed[place]
