"""Wireshark's judgements of TCP segments, one segment after the other: `tcp.analysis.*` as Wireshark 4.0 decides it.

This is the rule book. `analysis.marking` judges a batch's regular connections at once, by the same rules, and leaves
those in which one judgement depends on the one before to this walk. What is known of an end enters and leaves by
`Side`; the number 0 stands for "not known yet", as it does in Wireshark. Sequence numbers compare as RFC 9293 section
3.4 says, modulo 2**32.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from analysis.connections import NO_PACKET, NOT_SCALED, SCALING_UNKNOWN
from analysis.marks import Mark
from analysis.windows import CUT
from capture.protocol import Flag

if TYPE_CHECKING:
    from collections.abc import Iterable

MASK: Final = 0xFFFFFFFF
HALF: Final = 0x80000000
UNSIGNED: Final = (1 << 64) - 1
TOLD: Final = 3
"""In place of a count of duplicate ACKs: the other end acknowledged what was not captured, and that has been told."""
ENOUGH: Final = 2
"""Duplicate ACKs that call for a fast retransmission; more are not counted."""
FAST_NS: Final = 20_000_000
REORDERED_NS: Final = 3_000_000
"""How late a segment may be and still be out of order, where the initial RTT is not known."""

SYN: Final = int(Flag.SYN)
FIN: Final = int(Flag.FIN)
RST: Final = int(Flag.RST)
ACK: Final = int(Flag.ACK)
UNKNOWN: Final = MASK
"""The window of an end that has not sent anything."""
CONTROL: Final = SYN | FIN | RST
ZERO_WINDOW: Final = int(Mark.ZERO_WINDOW)
LOST_SEGMENT: Final = int(Mark.LOST_SEGMENT)
KEEP_ALIVE: Final = int(Mark.KEEP_ALIVE)
KEEP_ALIVE_ACK: Final = int(Mark.KEEP_ALIVE_ACK)
PROBE: Final = int(Mark.ZERO_WINDOW_PROBE)
PROBE_ACK: Final = int(Mark.ZERO_WINDOW_PROBE_ACK)
WINDOW_UPDATE: Final = int(Mark.WINDOW_UPDATE)
WINDOW_FULL: Final = int(Mark.WINDOW_FULL)
DUPLICATE_ACK: Final = int(Mark.DUPLICATE_ACK)
ACK_LOST_SEGMENT: Final = int(Mark.ACK_LOST_SEGMENT)
SPURIOUS: Final = int(Mark.SPURIOUS_RETRANSMISSION)
FAST: Final = int(Mark.FAST_RETRANSMISSION)
OUT_OF_ORDER: Final = int(Mark.OUT_OF_ORDER)
RETRANSMISSION: Final = int(Mark.RETRANSMISSION)


class Segment(NamedTuple):
    """What is judged."""

    packet: int
    end: int  # 0: sent by a, 1: by b
    flags: int
    sequence: int
    acknowledgment: int
    window: int  # as sent
    length: int
    time_ns: int
    shift: int  # its window scale option: -1 for none, `analysis.windows.CUT` for not captured
    reordered_ns: int  # how late it may be and still be out of order: the initial RTT if known, or `REORDERED_NS`
    # Where the clock went backwards both are negative, and compare as Wireshark's unsigned 64-bit numbers do.
    excused: bool  # it is no duplicate ACK, says `analysis.multipath`


@dataclass(slots=True)
class Side:
    """What is known of one end."""

    next: int = 0  # the highest sequence number it has reached
    next_packet: int = NO_PACKET  # when that was
    next_ns: int = 0
    limit: int = 0  # the highest that the other end may acknowledge without a gap
    ack: int = 0  # its last acknowledgment
    ack_packet: int = NO_PACKET
    ack_ns: int = 0
    window: int = UNKNOWN  # its last one, as sent
    duplicates: int = 0  # duplicate ACKs it sent in a row, up to `ENOUGH`, or `TOLD`
    last: int = 0  # marks of its last segment: KEEP_ALIVE or PROBE
    acked: bool = False  # it has sent an ACK since its last SYN, from which on its windows are scaled
    scaling: int = SCALING_UNKNOWN  # as in analysis.connections


def judge(segments: Iterable[Segment], sides: tuple[Side, Side]) -> list[int]:
    """The marks of one connection's segments, in order. `sides` are a and b before the first, and after the last."""
    return [_judge(segment, sides[segment.end], sides[1 - segment.end]) for segment in segments]


def _judge(segment: Segment, here: Side, there: Side) -> int:
    if segment.flags & (SYN | ACK) == SYN:
        here.next = here.limit  # the handshake begins again: what came beyond a gap is forgotten
    marks, stopped = _before_acknowledgment(segment, here, there)
    if not stopped and _repeats(segment, here) and segment.window and not segment.excused:
        marks |= DUPLICATE_ACK
        here.duplicates = 1 if here.duplicates == TOLD else min(here.duplicates + 1, ENOUGH)
    if segment.acknowledgment != here.ack:
        here.duplicates = 0
    marks |= _acknowledges_unseen(segment, there)
    if (segment.length or segment.flags & (SYN | FIN)) and not marks & KEEP_ALIVE:
        marks |= _sent_again(segment, here, there)
    _move(segment, here, marks)
    if segment.flags & SYN and segment.shift != CUT:
        _settle_scaling(segment, here, there)
    return marks


def _quiet(segment: Segment, here: Side) -> bool:
    """No payload, no control flag, at the next number, and the acknowledgment of before."""
    return (
        segment.length == 0
        and not segment.flags & CONTROL
        and segment.sequence == here.next
        and segment.acknowledgment == here.ack
    )


def _repeats(segment: Segment, here: Side) -> bool:
    """It says nothing that its end's last segment had not said."""
    return segment.window == here.window and _quiet(segment, here)


def _before_acknowledgment(segment: Segment, here: Side, there: Side) -> tuple[int, bool]:
    """The marks that exclude a duplicate ACK, or stand beside it, and whether no more is asked."""
    marks = 0
    length, flags, sequence = segment.length, segment.flags, segment.sequence
    if length == 1 and sequence == here.next and there.window == 0:
        return PROBE, True
    plain = not flags & CONTROL
    if plain and segment.window == 0:
        marks |= ZERO_WINDOW
    if here.next and not flags & RST and 0 < (sequence - here.next) & MASK <= HALF:
        marks |= LOST_SEGMENT
    if plain and length <= 1 and sequence == (here.next - 1) & MASK:
        marks |= KEEP_ALIVE
    if segment.window and segment.window != here.window and _quiet(segment, here):
        marks |= WINDOW_UPDATE
    if plain and length and _reaches_edge(segment, there):
        marks |= WINDOW_FULL
    if _repeats(segment, here):
        if segment.window and there.last & KEEP_ALIVE:
            return marks | KEEP_ALIVE_ACK, True
        if not segment.window and there.last & PROBE:
            return marks | PROBE_ACK, True
    return marks, False


def _reaches_edge(segment: Segment, there: Side) -> bool:
    """Its last byte is the last that the other end's window has room for, and that window is known."""
    if there.scaling == SCALING_UNKNOWN:
        return False
    shift = there.scaling if there.acked and there.scaling > 0 else 0
    return (segment.sequence + segment.length - there.ack - (there.window << shift)) & MASK == 0


def _acknowledges_unseen(segment: Segment, there: Side) -> int:
    if not segment.flags & ACK or not there.limit or not 0 < (segment.acknowledgment - there.limit) & MASK <= HALF:
        return 0
    if (there.limit - there.next) & MASK >= HALF:  # `next` may lie before it where numbers pass through 0
        there.limit = there.next
        return ACK_LOST_SEGMENT
    told = there.duplicates
    there.duplicates = TOLD
    return 0 if told else ACK_LOST_SEGMENT


def _sent_again(segment: Segment, here: Side, there: Side) -> int:
    length, sequence = segment.length, segment.sequence
    end = (sequence + length) & MASK
    if length and there.ack and (end == there.ack or (end - there.ack) & MASK >= HALF):
        return SPURIOUS
    behind = (sequence - here.next) & MASK >= HALF
    if not here.next or not behind or (length > 1 and sequence == (here.next - 1) & MASK):
        return 0
    since_ack = segment.time_ns - there.ack_ns
    if there.duplicates >= ENOUGH and there.ack == sequence and 0 <= since_ack < FAST_NS:
        return FAST
    end = (end + bool(segment.flags & (SYN | FIN))) & MASK
    late = segment.time_ns - here.next_ns
    if late & UNSIGNED < segment.reordered_ns & UNSIGNED and end != here.next:
        return OUT_OF_ORDER
    return RETRANSMISSION


def _settle_scaling(segment: Segment, here: Side, there: Side) -> None:
    """As `analysis.windows` does it for all connections at once (RFC 7323 section 2.2)."""
    if segment.shift >= 0:
        here.scaling = segment.shift
    if here.scaling == SCALING_UNKNOWN:
        here.scaling = there.scaling = NOT_SCALED
    elif segment.flags & ACK and there.scaling == NOT_SCALED:
        here.scaling = NOT_SCALED


def _move(segment: Segment, here: Side, marks: int) -> None:
    """What is known of the sender after this segment."""
    if not marks & PROBE:
        end = (segment.sequence + segment.length + bool(segment.flags & (SYN | FIN))) & MASK
        if not here.next or 0 < (end - here.next) & MASK <= HALF:
            here.next, here.next_packet, here.next_ns = end, segment.packet, segment.time_ns
        if not here.limit or segment.sequence == here.limit:
            here.limit = here.next
    here.ack, here.ack_packet, here.ack_ns = segment.acknowledgment, segment.packet, segment.time_ns
    here.window = segment.window
    here.last = marks & (KEEP_ALIVE | PROBE)
    if segment.flags & (SYN | ACK) == ACK or segment.flags & SYN:
        here.acked = not segment.flags & SYN
