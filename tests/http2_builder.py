"""HTTP/2 conversations in bytes, for tests."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import TYPE_CHECKING

from hpack import Encoder

from analysis.http2 import TELLING, Conversation, Left
from analysis.http2_frames import (
    END_HEADERS,
    END_STREAM,
    HEADERS,
    PREFACE,
    SETTINGS,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

FIXTURES = Path(__file__).parents[1] / "fixtures"
MILLISECOND = 10**6
A, B = ("10.0.0.1", 40001), ("10.0.0.2", 50051)
FIRST = (2**32 - 20, 500)
"""The first bytes' numbers; the client's pass 2^32."""
ASKED = ((":method", "POST"), (":scheme", "http"), (":path", "/shop.Cart/Add"), ("content-type", "application/grpc"))
PAGE = ((":method", "GET"), (":scheme", "http"), (":path", "/style.css?" + "v" * 60))


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def message(size: int) -> bytes:
    return struct.pack(">BI", 0, size) + bytes(size)


def kept(fields: Iterable[tuple[str, str]]) -> dict[str, str]:
    """What is kept of them."""
    return {name: value for name, value in fields if name.encode() in TELLING}


def plenty() -> Left:
    return Left(1000, 1 << 20, 1000)


class Talk:
    """Both ends' bytes as a conversation hears them, a packet each; `lost` packets were not captured."""

    def __init__(self, lost: Sequence[int] = ()) -> None:
        self.encoders = (Encoder(), Encoder())
        self.heard = Conversation(FIRST, plenty())
        self._lost = lost
        self._sent = [0, 0]
        self._packet = 0
        self.says(0, PREFACE, frame(SETTINGS, 0, 0))
        self.says(1, frame(SETTINGS, 0, 0), frame(SETTINGS, 1, 0))

    def block(self, end: int, *fields: tuple[str, str]) -> bytes:
        block: bytes = self.encoders[end].encode(fields)
        return block

    def says(self, end: int, *pieces: bytes) -> int:
        """The packet of it."""
        data = b"".join(pieces)
        if self._packet not in self._lost:
            self.heard.hear(self._packet, (FIRST[end] + self._sent[end]) % 2**32, data, from_server=bool(end))
        self._sent[end] += len(data)
        self._packet += 1
        return self._packet - 1

    def asks(self, stream: int, *fields: tuple[str, str]) -> int:
        return self.says(0, frame(HEADERS, END_HEADERS | END_STREAM, stream, self.block(0, *fields)))

    def answers(self, stream: int, *fields: tuple[str, str], last: bool = False) -> int:
        flags = END_HEADERS | (END_STREAM if last else 0)
        return self.says(1, frame(HEADERS, flags, stream, self.block(1, *fields)))

    def told(self) -> list[tuple[int, str | None, str | None, int | None]]:
        return [(call.packet, call.reply, call.result, call.reply_packet) for call in self.heard.calls.values()]
