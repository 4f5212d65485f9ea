"""Which packet each acknowledgment is for and how long that took, and the numbers of duplicate ACKs.

Worked out for the packets that are asked for, not kept: for every packet of a connection in order, as Wireshark does it
(`tcp.analysis.acks_frame`, `ack_rtt`, `duplicate_ack_num`, `duplicate_ack_frame`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from analysis.marks import Mark
from capture.protocol import Flag

if TYPE_CHECKING:
    from analysis.details import Detail
    from analysis.snapshot import Snapshot

WRAP: Final = 0xFFFFFFFF
HALF: Final = 0x80000000
MOST: Final = 10_000
"""Segments of one end that are waited for; those that come while so many wait are not timed."""
OCCUPIES: Final = int(Flag.SYN | Flag.FIN)
UNREAD: Final = int(Flag.NOT_ANALYSED | Flag.REASSEMBLED)
"""Of such a packet the numbers are not known, or not found again in the packet alone."""
DUPLICATE: Final = int(Mark.DUPLICATE_ACK)


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """What one packet says of earlier ones. Packets are rows of the packet table."""

    packet: int | None = None  # the one that it acknowledges to the last byte
    rtt_ns: int | None = None  # since then; no time at all counts as not measured; negative: the clock went back
    duplicate: int | None = None  # which duplicate ACK in a row it is, from 1
    repeats: int | None = None  # the packet that said the same first


NOTHING: Final = Acknowledged()


@dataclass(slots=True)
class _End:
    """What one end has sent: `waiting` are (first number, number after the last, packet), the newest first."""

    waiting: list[tuple[int, int, int]] = field(default_factory=list)
    acknowledgment: int = 0
    since: int | None = None  # the packet that first said so
    duplicates: int = 0


class Acknowledgments:
    """Fed with the packets of any connections in capture order; a connection has to be fed from its first packet on."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._packets = snapshot.packets
        self._ends: dict[int, tuple[_End, _End]] = {}

    def feed(self, detail: Detail) -> Acknowledged:
        """What this TCP packet says of those before it."""
        flags = int(self._packets.flags[detail.packet])
        if flags & UNREAD:
            return NOTHING
        ends = self._ends.setdefault(int(self._packets.connection[detail.packet]), (_End(), _End()))
        from_b = bool(flags & Flag.FROM_B)
        here, there = ends[from_b], ends[not from_b]
        number = repeats = None
        if int(self._packets.marks[detail.packet]) & DUPLICATE:
            here.duplicates += 1
            number, repeats = here.duplicates, here.since
        if detail.acknowledgment != here.acknowledgment:
            here.acknowledgment, here.since, here.duplicates = detail.acknowledgment, detail.packet, 0
        self._send(detail, here, flags)
        packet = _take(there, detail.acknowledgment)
        times = self._packets.time_ns
        rtt = 0 if packet is None else int(times[detail.packet]) - int(times[packet])
        return Acknowledged(packet, rtt or None, number, repeats)

    def _send(self, detail: Detail, here: _End, flags: int) -> None:
        length = int(self._packets.payload_length[detail.packet])
        if (not length and not flags & OCCUPIES) or len(here.waiting) >= MOST:
            return
        finish = (detail.sequence + length + bool(flags & OCCUPIES)) & WRAP
        here.waiting.insert(0, (detail.sequence, finish, detail.packet))


def _take(there: _End, acknowledgment: int) -> int | None:
    """Drop what is acknowledged; the packet whose end it is, the oldest of several."""
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
    there.waiting = kept
    return found
