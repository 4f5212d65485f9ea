"""Which packet each acknowledgment is for and how long that took, the numbers of duplicate ACKs, and bytes in flight.

Worked out for the packets that are asked for, not kept: for every packet of a connection in order, as Wireshark does it
(`tcp.analysis.acks_frame`, `ack_rtt`, `duplicate_ack_num`, `duplicate_ack_frame`, `bytes_in_flight`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from analysis.marks import Mark
from analysis.sack import sack_blocks
from capture.protocol import Flag

if TYPE_CHECKING:
    from analysis.details import Detail
    from analysis.snapshot import Snapshot

WRAP: Final = 0xFFFFFFFF
HALF: Final = 0x80000000
MOST: Final = 10_000
"""Segments of one end that are waited for; those that come while so many wait are not timed."""
OCCUPIES: Final = int(Flag.SYN | Flag.FIN)
ANSWER: Final = int(Flag.SYN | Flag.ACK)
UNREAD: Final = int(Flag.NOT_ANALYSED)
"""Of such a packet the numbers are not known."""
DUPLICATE: Final = int(Mark.DUPLICATE_ACK)
GAP: Final = int(Mark.LOST_SEGMENT)
PROBE: Final = int(Mark.ZERO_WINDOW_PROBE)
BLOCKS: Final = 3
"""Wireshark counts no more SACK blocks of one segment, though without timestamps four have room."""
IMPLAUSIBLE: Final = 2_000_000_000
"""Bytes in flight from which on Wireshark takes the numbers for wrong; RFC 7323 allows windows of 2^30."""


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """What one packet says of earlier ones. Packets are rows of the packet table."""

    packet: int | None = None  # the one that it acknowledges to the last byte
    rtt_ns: int | None = None  # since then; no time at all counts as not measured; negative: the clock went back
    duplicate: int | None = None  # which duplicate ACK in a row it is, from 1
    repeats: int | None = None  # the packet that said the same first
    in_flight: int | None = None  # bytes its sender has under way with it; None: no payload, or not known


NOTHING: Final = Acknowledged()


@dataclass(slots=True)
class _End:
    """What one end has sent: `waiting` are (first number, number after the last, packet), the newest first.

    `lowest` and `highest` are the least of the first and the greatest of the last, counted from `initial`.
    """

    initial: int = 0
    known: bool = False  # what numbers count from
    waiting: list[tuple[int, int, int]] = field(default_factory=list)
    lowest: int = WRAP
    highest: int = 0
    acknowledgment: int = 0
    since: int | None = None  # the packet that first said so
    duplicates: int = 0
    gap: bool = False  # a segment is missing, and nothing has been acknowledged since
    unread: bool = False  # it has sent bytes whose numbers are not known here
    selected: int = 0  # bytes that it says have arrived beyond what it acknowledges
    next: int = 0  # as in `analysis.judging.Side`
    limit: int = 0

    def wait_for(self, segments: list[tuple[int, int, int]]) -> None:
        """These are waiting, and no others."""
        self.waiting = segments
        self.lowest, self.highest = WRAP, 0
        for segment in segments:
            self.reach(segment)

    def count_from(self, initial: int) -> None:
        """From now on relative numbers count from this one: an end's first, or that of a SYN,ACK that has another."""
        self.initial, self.known = initial & WRAP, True
        if self.waiting:
            self.wait_for(self.waiting)

    def reach(self, segment: tuple[int, int, int]) -> None:
        """Another one is waiting."""
        self.lowest = min(self.lowest, (segment[0] - self.initial) & WRAP)
        self.highest = max(self.highest, (segment[1] - self.initial) & WRAP)


class Acknowledgments:
    """Fed with the packets of any connections in capture order; a connection has to be fed from its first packet on."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._packets = snapshot.packets
        self._ends: dict[int, tuple[_End, _End]] = {}

    def feed(self, detail: Detail) -> Acknowledged:
        """What this TCP packet says of those before it."""
        flags = int(self._packets.flags[detail.packet])
        here, there = self._both(int(self._packets.connection[detail.packet]), from_b=bool(flags & Flag.FROM_B))
        if flags & UNREAD or detail.gone:
            sent = not flags & UNREAD and int(self._packets.payload_length[detail.packet]) > 0
            here.unread = here.unread or sent
            return NOTHING
        if flags & ANSWER == ANSWER or not here.known:
            here.count_from(detail.sequence - (not flags & Flag.SYN))
        if flags & Flag.ACK and not there.known:
            there.count_from(detail.acknowledgment - 1)
        number = repeats = None
        if int(self._packets.marks[detail.packet]) & DUPLICATE:
            here.duplicates += 1
            number, repeats = here.duplicates, here.since
        if detail.acknowledgment != here.acknowledgment:
            here.acknowledgment, here.since, here.duplicates = detail.acknowledgment, detail.packet, 0
        if flags & Flag.ACK:
            _count_anew(detail.acknowledgment, there)
        self._move(detail, here, flags)
        if int(self._packets.marks[detail.packet]) & GAP:
            here.gap = True
        self._send(detail, here, flags)
        packet = _take(there, detail.acknowledgment)
        there.gap = there.gap and not flags & Flag.ACK
        in_flight = self._in_flight(detail, here, there, flags)
        here.selected = sum((right - left) & WRAP for left, right in sack_blocks(detail)[:BLOCKS])
        times = self._packets.time_ns
        rtt = 0 if packet is None else int(times[detail.packet]) - int(times[packet])
        return Acknowledged(packet, rtt or None, number, repeats, in_flight)

    def _both(self, connection: int, *, from_b: bool) -> tuple[_End, _End]:
        """The sender's end of a connection, and the other."""
        ends = self._ends.get(connection)
        if ends is None:
            ends = self._ends[connection] = _End(), _End()
        return ends[from_b], ends[not from_b]

    def _in_flight(self, detail: Detail, here: _End, there: _End, flags: int) -> int | None:
        """From the lowest number not acknowledged to the highest sent, less what was acknowledged selectively.

        SYN and FIN take a number and are no bytes. What is under way is not known while a segment is missing, nor after
        one whose bytes are gone. SACK blocks that came in fragments are not read again, and not counted.
        """
        if not int(self._packets.payload_length[detail.packet]) or not here.waiting or here.gap or here.unread:
            return None
        count = (here.highest - here.lowest - there.selected) & WRAP
        if not 0 < count < IMPLAUSIBLE:
            return None
        return count - bool(flags & OCCUPIES) or None

    def _move(self, detail: Detail, here: _End, flags: int) -> None:
        """How far the sender has come, by the rules of `analysis.judging`."""
        if flags & ANSWER == Flag.SYN:
            here.next = here.limit
        if int(self._packets.marks[detail.packet]) & PROBE:
            return
        length = int(self._packets.payload_length[detail.packet])
        end = (detail.sequence + length + bool(flags & OCCUPIES)) & WRAP
        if not here.next or 0 < (end - here.next) & WRAP <= HALF:
            here.next = end
        if not here.limit or detail.sequence == here.limit:
            here.limit = here.next

    def _send(self, detail: Detail, here: _End, flags: int) -> None:
        length = int(self._packets.payload_length[detail.packet])
        if (not length and not flags & OCCUPIES) or len(here.waiting) >= MOST:
            return
        finish = (detail.sequence + length + bool(flags & OCCUPIES)) & WRAP
        segment = (detail.sequence, finish, detail.packet)
        here.waiting.insert(0, segment)
        here.reach(segment)


def _count_anew(acknowledgment: int, there: _End) -> None:
    """Acknowledging more than the other end is known to have sent makes its duplicate ACKs count from 1 again."""
    if not there.limit or not 0 < (acknowledgment - there.limit) & WRAP <= HALF:
        return
    if (there.limit - there.next) & WRAP >= HALF:
        there.limit = there.next
    else:
        there.duplicates = 0


def _take(there: _End, acknowledgment: int) -> int | None:
    """Drop what is acknowledged; the packet whose end it is, the oldest of several."""
    if not there.waiting:
        return None
    found = None
    kept = []
    for sent in there.waiting:
        start, finish, packet = sent
        if finish == acknowledgment:
            found = packet
        elif 0 < (acknowledgment - start) & WRAP < HALF and (finish - acknowledgment) & WRAP < HALF:
            kept.append((acknowledgment, finish, packet))
        elif (finish - acknowledgment - 1) & WRAP < HALF:
            kept.append(sent)
    there.wait_for(kept)
    return found
