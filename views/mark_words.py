"""Wireshark's marks in words: a few on an arrow, and a sentence for each that says by which rule it was set."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from analysis.marks import RESENT, Mark
from capture.protocol import Flag
from views.wording import _

if TYPE_CHECKING:
    from views.conversation import Conversation

INFORMATION: Final = Mark.WINDOW_UPDATE | Mark.TFO_SYN | Mark.TFO_ACK
"""Marks of what goes as it should."""
SAME_AGAIN: Final = Mark.WINDOW_UPDATE | Mark.KEEP_ALIVE_ACK | Mark.ZERO_WINDOW_PROBE_ACK
"""Marks of segments that repeat their end's last acknowledgment without counting as duplicates."""
LONGEST_RUN: Final = 1000
"""Packets that are looked through to number a duplicate ACK."""

# Short enough for an arrow at 80 columns. A window of 0 is on the arrow as a number.
_LABELS: Final = {
    Mark.FAST_RETRANSMISSION: "[fast retransmit]",
    Mark.SPURIOUS_RETRANSMISSION: "[sent needlessly]",
    Mark.RETRANSMISSION: "sent again",
    Mark.OUT_OF_ORDER: "[out of order]",
    Mark.LOST_SEGMENT: "[gap before it]",
    Mark.ACK_LOST_SEGMENT: "[ack of unseen]",
    Mark.ZERO_WINDOW_PROBE: "[window probe]",
    Mark.ZERO_WINDOW_PROBE_ACK: "[probe ack]",
    Mark.KEEP_ALIVE: "[keep-alive]",
    Mark.KEEP_ALIVE_ACK: "[keep-alive ack]",
    Mark.WINDOW_FULL: "[window full]",
    Mark.WINDOW_UPDATE: "[window update]",
    Mark.REUSED_PORTS: "[ports reused]",
    Mark.TFO_SYN: "[fast open]",
    Mark.TFO_ACK: "[fast open accepted]",
    Mark.TFO_IGNORED: "[fast open ignored]",
}

_SENTENCES: Final = {
    Mark.RETRANSMISSION: "Retransmission: it begins before the highest number its sender had reached.",
    Mark.FAST_RETRANSMISSION: "Fast retransmission: at least two duplicate ACKs asked for it, the last of them "
    "less than 20 ms before.",
    Mark.SPURIOUS_RETRANSMISSION: "Spurious retransmission: all its bytes had been acknowledged before.",
    Mark.OUT_OF_ORDER: "Out of order: it begins before the highest number its sender had reached, but came within a "
    "round-trip time of that, too soon to be sent again.",
    Mark.DUPLICATE_ACK: "Duplicate ACK: no data, and the acknowledgment and window that its sender sent before.",
    Mark.LOST_SEGMENT: "A gap before it: it begins after the number that was next, so what comes between was lost, "
    "overtaken or not captured.",
    Mark.ACK_LOST_SEGMENT: "ACK of something unseen: it acknowledges bytes that the capture does not have.",
    Mark.ZERO_WINDOW: "Zero window: its window field is 0, and it carries neither SYN, FIN nor RST.",
    Mark.ZERO_WINDOW_PROBE: "Zero-window probe: the one next byte, sent although the receiver's window is 0.",
    Mark.ZERO_WINDOW_PROBE_ACK: "Answer to a zero-window probe: the window is still 0.",
    Mark.KEEP_ALIVE: "Keep-alive: at most one byte, beginning one before the next number, to see if the other end is "
    "still there.",
    Mark.KEEP_ALIVE_ACK: "Answer to a keep-alive: it repeats the acknowledgment and the window of before.",
    Mark.WINDOW_FULL: "Window full: its last byte is the last one that the receiver's window has room for.",
    Mark.WINDOW_UPDATE: "Window update: nothing is new but the window.",
    Mark.REUSED_PORTS: "Ports reused: this address and port pair had a connection with another initial number before.",
    Mark.TFO_SYN: "TCP Fast Open: this SYN has a cookie, so that its data may be taken before the handshake is over.",
    Mark.TFO_ACK: "TCP Fast Open: more than the SYN is acknowledged, so its data was taken.",
    Mark.TFO_IGNORED: "TCP Fast Open was ignored: the SYN had a cookie and data, but only the SYN is acknowledged.",
}


def marks_of(conversation: Conversation, packet: int) -> Mark:
    """The marks of a packet."""
    return Mark(int(conversation.snapshot.packets.marks[packet]))


def mark_labels(conversation: Conversation, packet: int, *, repeated: bool) -> list[str]:
    """What its marks put on a packet's arrow, the gravest first."""
    marks = marks_of(conversation, packet)
    labels = [_(words) for mark, words in _LABELS.items() if marks & mark]
    if repeated and not marks & RESENT:
        labels.insert(0, _("sent again"))
    if marks & Mark.DUPLICATE_ACK:
        number = duplicate_number(conversation, packet)
        labels.append(_("[dup ack #{number}]").format(number=number) if number else _("[dup ack]"))
    return labels


def mark_sentences(conversation: Conversation, packet: int) -> list[str]:
    """A sentence for each of a packet's marks."""
    marks = marks_of(conversation, packet)
    return [_(sentence) for mark, sentence in _SENTENCES.items() if marks & mark]


def duplicate_number(conversation: Conversation, packet: int) -> int | None:
    """Which duplicate ACK in a row it is, from 1; None where the marks alone do not tell."""
    table = conversation.snapshot.packets
    sender = int(table.flags[packet]) & Flag.FROM_B
    position = conversation.index(packet)
    number = 1
    for earlier in conversation.packets[max(position - LONGEST_RUN, 0) : position][::-1].tolist():
        if int(table.flags[earlier]) & Flag.FROM_B != sender:
            continue
        marks = int(table.marks[earlier])
        if marks & Mark.DUPLICATE_ACK:
            number += 1
        elif not marks & SAME_AGAIN:
            # With data the acknowledgment may be the one of before, and the count goes on.
            return None if table.payload_length[earlier] else number
    return None
