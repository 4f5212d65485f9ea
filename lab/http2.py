"""As much of HTTP/2 (RFC 9113) and gRPC as a few calls need, written by hand.

Header fields are literals without indexing and without Huffman's code (RFC 7541 section 6.2.2): allowed, plain to read
in the bytes, and longer than what others send. No flow control beyond the windows that both ends begin with: less than
65,535 bytes may be sent.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final, NamedTuple, Self

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lab.calls import NotedSocket

PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, SETTINGS = 0, 1, 4
END_STREAM, END_HEADERS, ACK = 0x1, 0x4, 0x1
LITERAL: Final = 0x00
LONGEST: Final = 126
"""Bytes of a name or value whose length fits into seven bits."""

Fields = tuple[tuple[str, str], ...]


class Frame(NamedTuple):
    """One frame."""

    kind: int
    flags: int
    stream: int
    payload: bytes = b""

    def to_bytes(self) -> bytes:
        """As it is sent (section 4.1)."""
        return struct.pack("!I", len(self.payload))[1:] + bytes([self.kind, self.flags]) + self._rest()

    def _rest(self) -> bytes:
        return struct.pack("!I", self.stream) + self.payload


def headers(stream: int, fields: Fields, *, last: bool = False) -> Frame:
    """A HEADERS frame; `last`: the sender says no more on this stream."""
    block = b"".join(bytes([LITERAL]) + _string(name) + _string(value) for name, value in fields)
    return Frame(HEADERS, END_HEADERS | (END_STREAM if last else 0), stream, block)


def fields(frame: Frame) -> dict[str, str]:
    """The fields of a HEADERS frame that `headers` wrote."""
    found, at = {}, 0
    while at < len(frame.payload):
        name, at = _read(frame.payload, at + 1)
        found[name], at = _read(frame.payload, at)
    return found


def _string(text: str) -> bytes:
    value = text.encode("ascii")
    if len(value) > LONGEST:
        raise ValueError(f"a field of {len(value)} bytes is longer than {LONGEST}")
    return bytes([len(value)]) + value


def _read(block: bytes, at: int) -> tuple[str, int]:
    end = at + 1 + block[at]
    return block[at + 1 : end].decode("ascii"), end


def message(text: str) -> bytes:
    """A gRPC message, not compressed: a Protocol Buffers message whose field 1 is a string."""
    body = bytes([0x0A, len(text)]) + text.encode("ascii")
    return struct.pack("!BI", 0, len(body)) + body


def text_of(data: bytes) -> str:
    """The string of a message that `message` wrote."""
    return data[7:].decode("ascii")


class Connection:
    """Frames on a socket. Made by `opened` or `accepted`."""

    def __init__(self, socket: NotedSocket) -> None:
        self.socket = socket

    @classmethod
    def opened(cls, socket: NotedSocket) -> Self:
        """The client's: its preface and its settings go first (section 3.4)."""
        socket.sendall(PREFACE + Frame(SETTINGS, 0, 0).to_bytes())
        made = cls(socket)
        made.receive()  # the server's settings
        made.send(Frame(SETTINGS, ACK, 0))
        return made

    @classmethod
    def accepted(cls, socket: NotedSocket) -> Self:
        """The server's."""
        socket.recv_all(len(PREFACE))
        made = cls(socket)
        made.receive()
        made.send(Frame(SETTINGS, 0, 0), Frame(SETTINGS, ACK, 0))
        return made

    def send(self, *frames: Frame) -> None:
        """Send them as one piece."""
        self.socket.sendall(b"".join(map(Frame.to_bytes, frames)))

    def receive(self) -> Frame | None:
        """The next frame that is no acknowledgment of settings; None at the end."""
        while head := self.socket.recv_all(9):
            size = int.from_bytes(head[:3], "big")
            payload = self.socket.recv_all(size) if size else b""
            frame = Frame(head[3], head[4], int.from_bytes(head[5:], "big"), payload)
            if (frame.kind, frame.flags) != (SETTINGS, ACK):
                return frame
        return None


def call(connection: Connection, stream: int, path: str, text: str) -> Sequence[str]:
    """Call a procedure, and return the messages that come back and, if it failed, code and reason."""
    asked: Fields = (
        (":method", "POST"),
        (":scheme", "http"),
        (":path", path),
        (":authority", "greeter.example"),
        ("content-type", "application/grpc"),
        ("te", "trailers"),
    )
    connection.send(headers(stream, asked), Frame(DATA, END_STREAM, stream, message(text)))
    told = []
    while (frame := connection.receive()) is not None:
        if frame.kind == DATA:
            told.append(text_of(frame.payload))
        elif frame.flags & END_STREAM:
            trailers = fields(frame)
            failed = trailers["grpc-status"] != "0"
            return [*told, f"{trailers['grpc-status']}: {trailers['grpc-message']}"] if failed else told
    raise ConnectionError("the server closed before the call was over")


def trailers(stream: int, code: int = 0, reason: str = "") -> Frame:
    """The end of a call: its status, and why."""
    status: Fields = (("grpc-status", str(code)), *((("grpc-message", reason),) if reason else ()))
    return headers(stream, status, last=True)


def response(stream: int) -> Frame:
    """The beginning of an answer."""
    return headers(stream, ((":status", "200"), ("content-type", "application/grpc")))
