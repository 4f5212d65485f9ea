"""What Wireshark says of a TCP segment beyond its fields: the names of `tcp.analysis.*`, one bit each.

A packet's marks are the packet table's `marks` column (uint32). The rules are Wireshark 4.0's
(`packet-tcp`, preferences as shipped); `analysis.judging` tells them.
"""

from __future__ import annotations

from enum import IntFlag
from typing import Final


class Mark(IntFlag):
    """The bits of the `marks` column. Fast and spurious retransmissions carry `RETRANSMISSION` only when told."""

    RETRANSMISSION = 1 << 0
    FAST_RETRANSMISSION = 1 << 1
    SPURIOUS_RETRANSMISSION = 1 << 2
    OUT_OF_ORDER = 1 << 3
    DUPLICATE_ACK = 1 << 4
    LOST_SEGMENT = 1 << 5
    ACK_LOST_SEGMENT = 1 << 6
    ZERO_WINDOW = 1 << 7
    ZERO_WINDOW_PROBE = 1 << 8
    ZERO_WINDOW_PROBE_ACK = 1 << 9
    KEEP_ALIVE = 1 << 10
    KEEP_ALIVE_ACK = 1 << 11
    WINDOW_FULL = 1 << 12
    WINDOW_UPDATE = 1 << 13
    REUSED_PORTS = 1 << 14
    TFO_SYN = 1 << 15
    TFO_ACK = 1 << 16
    TFO_IGNORED = 1 << 17


RESENT: Final = Mark.RETRANSMISSION | Mark.FAST_RETRANSMISSION | Mark.SPURIOUS_RETRANSMISSION
NAMES: Final = {mark: str(mark.name).lower() for mark in Mark}


def names(marks: int) -> list[str]:
    """The marks as Wireshark's field names without `tcp.analysis.`; a fast or spurious retransmission is also one."""
    if marks & RESENT:
        marks |= Mark.RETRANSMISSION
    return [name for mark, name in NAMES.items() if marks & mark]
