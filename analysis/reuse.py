"""Port reuse: which SYNs open another stream between endpoints that already have one.

Wireshark's rule: a SYN without ACK whose sequence number differs from the initial one known for its direction. That
number is known from the direction's first analysed segment (its own number for a SYN, one less for anything else), or
from the first acknowledgement that came the other way, whichever was earlier. A later SYN,ACK of another number puts
its own in that place.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from capture.protocol import Flag

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

SYN: Final = int(Flag.SYN)
ACK: Final = int(Flag.ACK)
NOT_ANALYSED: Final = int(Flag.NOT_ANALYSED)
WRAP: Final = 1 << 32
BEFORE: Final = -1


@dataclass(slots=True)
class Stream:
    """What is known of the newest stream of one pair: initial sequence numbers of the lower and the higher endpoint."""

    start: int = BEFORE  # the row that opened it, `BEFORE` for a row of an earlier batch
    initial: list[int | None] = field(default_factory=lambda: [None, None])

    def is_reused_by(self, end: int, flags: int, sequence: int) -> bool:
        """Whether this segment opens a stream of its own."""
        known = self.initial[end]
        return flags & (SYN | ACK) == SYN and known is not None and known != sequence

    def learn(self, end: int, flags: int, sequence: int, acknowledgment: int) -> None:
        """Take the initial sequence numbers that this segment makes known."""
        if flags & NOT_ANALYSED:
            return
        if self.initial[end] is None or flags & (SYN | ACK) == SYN | ACK:
            self.initial[end] = sequence if flags & SYN else (sequence - 1) % WRAP
        if flags & ACK and self.initial[1 - end] is None:
            self.initial[1 - end] = (acknowledgment - 1) % WRAP


def opened_at(segments: Iterable[tuple[int, int, bool, int, int, int]], known: Callable[[int], Stream]) -> list[int]:
    """For each segment, in order, the row at which its stream was opened, or `BEFORE`.

    A segment is (row, pair, sent by the higher endpoint, flags, sequence, acknowledgment). `known` tells the stream
    that a pair has before its first segment here. This walks packet by packet, since whether a SYN is new depends on
    what the packets before it made known; only the packets of pairs with such a SYN are worth it.
    """
    streams: dict[int, Stream] = {}
    opened: list[int] = []
    for row, pair, higher, flags, sequence, acknowledgment in segments:
        stream = streams.get(pair)
        if stream is None:
            stream = streams[pair] = known(pair)
        end = int(higher)
        if stream.is_reused_by(end, flags, sequence):
            stream = streams[pair] = Stream(row)
        stream.learn(end, flags, sequence, acknowledgment)
        opened.append(stream.start)
    return opened
