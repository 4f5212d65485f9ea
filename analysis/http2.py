"""Requests and replies on HTTP/2 connections that are not encrypted (RFC 9113), gRPC's among them.

A connection is known by its preface (section 3.4), so one that begins before the capture, or is upgraded from HTTP/1.1,
is not read. Header blocks build on all before them (RFC 7541 section 2.2): where bytes of one end are missing, nothing
of what that end said after them is told. A call by gRPC is over with its trailers; for others the reply is the header
block of the response, as for HTTP/1.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import numpy as np

from analysis.exchanges import Exchange
from analysis.grpc import CONTENT_TYPE, Messages, called, outcome
from analysis.http2_frames import (
    ACK,
    CONTINUATION,
    DATA,
    END_HEADERS,
    END_STREAM,
    HEADERS,
    PREFACE,
    PUSH_PROMISE,
    RST_STREAM,
    SETTINGS,
    Frames,
)
from analysis.reassembly import Stream
from capture.protocol import Flag

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from hpack import Decoder

    from analysis.details import Detail
    from analysis.http2_frames import Frame
    from analysis.reading import Reading

MOST: Final = 20_000
"""Packets that are read, of all connections together, and header blocks, at most."""
MOST_BYTES: Final = 64 << 20
"""And so many bytes: a packet may have 64 KiB."""
MOST_CONNECTIONS: Final = 1000
CHUNK: Final = 1024
LARGEST_BLOCK: Final = 1 << 16
LARGEST_TABLE: Final = 1 << 20
"""Bytes of a header block, and of a table of the compression, that are still read."""
LONGEST: Final = 2000
"""Bytes of a field's value that are kept: a few bytes may stand for 64 KiB that were said before."""
TELLING: Final = frozenset(
    {b":method", b":path", b":authority", b":status", b"content-type", b"grpc-status", b"grpc-message"}
)
"""The fields that are kept."""
HEADER_TABLE_SIZE: Final = 1
ERRORS: Final = (
    *("NO_ERROR", "PROTOCOL_ERROR", "INTERNAL_ERROR", "FLOW_CONTROL_ERROR", "SETTINGS_TIMEOUT", "STREAM_CLOSED"),
    *("FRAME_SIZE_ERROR", "REFUSED_STREAM", "CANCEL", "COMPRESSION_ERROR", "CONNECT_ERROR", "ENHANCE_YOUR_CALM"),
    *("INADEQUATE_SECURITY", "HTTP_1_1_REQUIRED"),
)

_MISSING: Final = "bytes of it were not captured"
_UNREAD: Final = "its packets are too many"
_BROKEN: Final = "its frames do not follow HTTP/2"
_TOO_MANY: Final = "it sends more headers than netviz reads"


class UnreadableError(Exception):
    """One end's bytes are not HTTP/2, or not whole."""


@dataclass(slots=True)
class Left:
    """What may still be read, of all connections together."""

    packets: int
    bytes: int
    blocks: int


@dataclass(slots=True)
class _Call:
    """A stream: its request, what came back of it so far."""

    request: dict[str, str]
    packet: int
    response: dict[str, str] = field(default_factory=dict)
    messages: Messages = field(default_factory=Messages)
    reply: str | None = None
    result: str | None = None
    reply_packet: int | None = None

    @property
    def grpc(self) -> bool:
        return CONTENT_TYPE.match(self.request.get("content-type", "")) is not None


class _Side:
    """What one end says: its bytes in order, its frames, its header compression."""

    def __init__(self, first: int) -> None:
        from hpack import Decoder  # noqa: PLC0415 - only where a capture has HTTP/2

        self.stream = Stream(first)
        self.frames = Frames()
        self.decoder: Decoder = Decoder(LARGEST_BLOCK)
        self.preface = b""
        self.block: Frame | None = None  # a header block that is not complete
        self.pieces = b""


class Conversation:
    """Both ends of one connection; `calls` by stream, in the order of the requests.

    `first` are the numbers of the client's and the server's first byte, as on the wire; `left` says how many header
    blocks may still be read, and is counted down.
    """

    def __init__(self, first: tuple[int, int], left: Left) -> None:
        self.calls: dict[int, _Call] = {}
        self._left = left
        self._sides: list[_Side | None] = [_Side(number) for number in first]

    def hear(self, packet: int, sequence: int, data: bytes, *, from_server: bool) -> None:
        """A segment of one end."""
        side = self._sides[from_server]
        if side is None:
            return
        try:
            ready = side.stream.add(sequence, data)
            if not from_server and len(side.preface) < len(PREFACE):
                wanted = len(PREFACE) - len(side.preface)
                side.preface, ready = side.preface + ready[:wanted], ready[wanted:]
            for frame in side.frames.feed(ready, packet):
                self._take(side, frame, from_server=from_server)
        except UnreadableError as error:
            self.give_up(str(error), from_server=from_server)
        else:
            if side.stream.lost:
                self.give_up(_MISSING, from_server=from_server)

    def give_up(self, why: str, *, from_server: bool) -> None:
        """What was told so far stays; what waits for this server waits in vain."""
        self._sides[from_server] = None
        for call in self.calls.values():
            if from_server and call.reply is None:
                call.reply = f"not readable: {why}"

    def _take(self, side: _Side, frame: Frame, *, from_server: bool) -> None:
        call = self.calls.get(frame.stream)
        if side.block is not None and frame.kind != CONTINUATION:
            raise UnreadableError(_BROKEN)
        if frame.kind in (HEADERS, PUSH_PROMISE, CONTINUATION):
            self._collect(side, frame, from_server=from_server)
        elif frame.kind == DATA and call is not None and from_server:
            call.messages.feed(frame.content)
            if frame.flags & END_STREAM:
                self._end(call, frame.last)
        elif frame.kind == RST_STREAM and call is not None and call.reply is None:
            code = int.from_bytes(frame.payload[:4])
            name = ERRORS[code] if code < len(ERRORS) else str(code)
            who = "the server" if from_server else "the client"
            call.reply, call.reply_packet = f"reset by {who}: {name}", frame.last
        elif frame.kind == SETTINGS and not frame.flags & ACK:
            self._settings(frame.payload, self._sides[not from_server])

    def _collect(self, side: _Side, frame: Frame, *, from_server: bool) -> None:
        """A header block, or a part of one (RFC 9113 section 4.3)."""
        if frame.kind != CONTINUATION:
            side.block, side.pieces = frame, frame.content
        elif side.block is not None:
            side.pieces += frame.payload
        if len(side.pieces) > LARGEST_BLOCK:  # before it is complete: it may never be
            raise UnreadableError(_TOO_MANY)
        if frame.flags & END_HEADERS and side.block is not None:
            begun, side.block = side.block, None
            self._headers(side, begun, frame.last, from_server=from_server)

    def _settings(self, payload: bytes, other: _Side | None) -> None:
        """How large a table the sender keeps for what the other end says (RFC 9113 section 6.5.2)."""
        for at in range(0, len(payload) - 5, 6):
            if int.from_bytes(payload[at : at + 2]) == HEADER_TABLE_SIZE and other is not None:
                size = int.from_bytes(payload[at + 2 : at + 6])
                other.decoder.max_allowed_table_size = min(size, LARGEST_TABLE)

    def _headers(self, side: _Side, begun: Frame, last: int, *, from_server: bool) -> None:
        self._left.blocks -= 1
        if self._left.blocks < 0:
            raise UnreadableError(_TOO_MANY)
        fields = _decoded(side)
        call = self.calls.get(begun.stream)
        if begun.kind == PUSH_PROMISE:
            return
        if not from_server:
            if call is None:
                self.calls[begun.stream] = _Call(fields, begun.first)
            return
        if call is None:
            return
        if fields.get(":status", "").startswith("1"):  # interim: the response is still to come
            return
        call.response = {**call.response, **fields}
        if begun.flags & END_STREAM or not call.grpc:
            self._end(call, last)

    def _end(self, call: _Call, packet: int) -> None:
        if call.reply is not None:  # more of an answer whose beginning was its reply
            return
        status = call.response.get(":status", "")
        call.reply, call.reply_packet = status, packet
        if call.grpc:
            words, call.result = outcome(call.response, call.messages.count)
            call.reply = f"{status} {words}"


def _decoded(side: _Side) -> dict[str, str]:
    """The fields of the block that is complete now, as far as they tell something; of several of one name, the last."""
    from hpack import HPACKError  # noqa: PLC0415 - as above

    try:
        found = side.decoder.decode(side.pieces, raw=True)
    except HPACKError as error:
        raise UnreadableError(_BROKEN) from error
    return {_text(name): _text(value) for name, value, *_ in found if bytes(name) in TELLING}


def _text(value: bytes) -> str:
    return bytes(value[:LONGEST]).decode("utf-8", "backslashreplace")


def http2_exchanges(reading: Reading, details: Iterable[Detail], part: range | None = None) -> list[Exchange]:
    """The requests on the connections whose preface is among these packets, connection by connection.

    `part`: of the connections only these rows of the packet table are read.
    """
    packets, left = reading.snapshot.packets, Left(MOST, MOST_BYTES, MOST)
    begun: dict[int, Detail] = {}  # a preface may have been sent again
    for each in details:
        if each.payload >= 0 and len(begun) < MOST_CONNECTIONS and each.data[each.payload :].startswith(PREFACE):
            begun.setdefault(int(packets.connection[each.packet]), each)
    return [exchange for preface in begun.values() for exchange in _told(reading, preface, left, part)]


def _told(reading: Reading, preface: Detail, left: Left, part: range | None) -> Iterator[Exchange]:
    """The requests of the connection whose preface a packet brings, as far as they may be read."""
    packets = reading.snapshot.packets
    connection = int(packets.connection[preface.packet])
    asks = int(packets.flags[preface.packet]) & Flag.FROM_B
    rows = reading.packets_of(connection, part)
    rows = rows[packets.payload_length[rows] > 0]
    sizes = np.cumsum(packets.captured_length[rows], dtype=np.int64)
    most = min(left.packets, int(np.searchsorted(sizes, left.bytes, side="right")))
    left.packets -= most
    left.bytes -= int(sizes[most - 1]) if most else 0
    made = Conversation((preface.sequence, preface.acknowledgment), left)
    for at in range(0, most, CHUNK):
        for detail in reading.details(rows[at : min(at + CHUNK, most)]):
            end = detail.payload + int(packets.payload_length[detail.packet])
            if detail.payload >= 0:
                data = reading.packet_bytes(detail.packet)[detail.payload : end]
                from_server = int(packets.flags[detail.packet]) & Flag.FROM_B != asks
                made.hear(detail.packet, detail.sequence, data, from_server=from_server)
    if len(rows) > most:
        made.give_up(_UNREAD, from_server=True)
    for call in made.calls.values():
        took = None
        if call.reply_packet is not None:
            took = int(packets.time_ns[call.reply_packet]) - int(packets.time_ns[call.packet])
        method, path = call.request.get(":method", "?"), call.request.get(":path", call.request.get(":authority", ""))
        yield Exchange(
            connection,
            "gRPC" if call.grpc else "HTTP/2",
            f"{method} {path}".rstrip(),
            call.packet,
            call.reply,
            call.reply_packet,
            took,
            called(path) if call.grpc else None,
            call.result,
        )
