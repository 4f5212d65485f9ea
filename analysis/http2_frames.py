"""HTTP/2 frames (RFC 9113 section 4.1): a byte stream cut into them, and what a payload holds of them in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
HEAD: Final = 9
DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
NAMES: Final = (
    *("DATA", "HEADERS", "PRIORITY", "RST_STREAM", "SETTINGS"),
    *("PUSH_PROMISE", "PING", "GOAWAY", "WINDOW_UPDATE", "CONTINUATION"),
)
END_STREAM, ACK, END_HEADERS, PADDED, PRIORITISED = 0x1, 0x1, 0x4, 0x8, 0x20
_OF_THE_CONNECTION: Final = frozenset({SETTINGS, PING, GOAWAY})
_OF_EITHER: Final = frozenset({WINDOW_UPDATE})
_SIZES: Final = {PRIORITY: 5, RST_STREAM: 4, PING: 8, WINDOW_UPDATE: 4}
MOST_SHOWN: Final = 4


class Frame(NamedTuple):
    """One frame; it begins in the packet `first` and ends in the packet `last` (rows)."""

    kind: int
    flags: int
    stream: int
    payload: bytes
    first: int
    last: int

    @property
    def content(self) -> bytes:
        """The payload without padding, and without what stands before a header block (sections 6.1, 6.2, 6.6)."""
        if self.kind not in (DATA, HEADERS, PUSH_PROMISE):
            return self.payload
        padded = bool(self.flags & PADDED)
        begin = int(padded) + {HEADERS: 5 if self.flags & PRIORITISED else 0, PUSH_PROMISE: 4}.get(self.kind, 0)
        end = len(self.payload) - (self.payload[0] if padded and self.payload else 0)
        return self.payload[begin : max(end, begin)]


class Frames:
    """Cuts one end's bytes into frames."""

    def __init__(self) -> None:
        self._bytes = bytearray()
        self._first = -1

    def feed(self, data: bytes, packet: int) -> Iterator[Frame]:
        """The frames that are complete with these bytes, which a packet brought."""
        if not self._bytes:
            self._first = packet
        self._bytes += data
        while len(self._bytes) >= HEAD:
            end = HEAD + int.from_bytes(self._bytes[:3])
            if len(self._bytes) < end:
                return
            head, payload = bytes(self._bytes[:HEAD]), bytes(self._bytes[HEAD:end])
            del self._bytes[:end]
            yield Frame(head[3], head[4], _stream(head), payload, self._first, packet)
            self._first = packet


def http2_words(payload: bytes) -> str:
    """`HTTP/2 HEADERS 1, DATA 1`, where a payload is nothing but whole frames as section 6 allows them; else "".

    The numbers are those of the streams.
    """
    told, at = [], 0
    while at < len(payload):
        head = payload[at : at + HEAD]
        size = int.from_bytes(head[:3])
        if len(head) < HEAD or at + HEAD + size > len(payload) or not _allowed(head, size):
            return ""
        stream = _stream(head)
        told.append(NAMES[head[3]] + (f" {stream}" if stream else ""))
        at += HEAD + size
    more = ["…"] if len(told) > MOST_SHOWN else []
    return f"HTTP/2 {', '.join(told[:MOST_SHOWN] + more)}" if told else ""


def _stream(head: bytes) -> int:
    return int.from_bytes(head[5:9]) & 0x7FFF_FFFF


def _allowed(head: bytes, size: int) -> bool:
    kind, stream = head[3], _stream(head)
    if kind >= len(NAMES) or head[5] & 0x80 or _SIZES.get(kind, size) != size:
        return False
    if kind in _OF_THE_CONNECTION:
        return stream == 0 and (kind != SETTINGS or size % 6 == 0)
    return stream != 0 or kind in _OF_EITHER
