"""What a transport carries: HTTP/1 by its first line, TLS by its record headers, else bytes.

Every TCP segment is read for itself. One that begins in the middle of a message is called what it is, a piece of the
stream; nothing is guessed about the bytes before it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from analysis.layers_build import Kind, Outline, Range
from analysis.layers_values import count, hexadecimal, readable

if TYPE_CHECKING:
    from analysis.layers_build import Builder

HTTP: Final = Kind(7, "HTTP", "http", "message")
SSDP: Final = Kind(7, "SSDP", "ssdp", "message")
TLS: Final = Kind(6, "TLS", "tls", "record")
DATA: Final = Kind(7, "payload", "payload", "data")

_METHODS: Final = rb"GET|POST|HEAD|PUT|DELETE|OPTIONS|CONNECT|TRACE|PATCH|NOTIFY|M-SEARCH|PROPFIND"
_FIRST_LINE: Final = re.compile(
    rb"(?:(?:" + _METHODS + rb") [^\r\n]{1,8000} HTTP/1\.[01]|HTTP/1\.[01] \d{3}[^\r\n]{0,1000})\r?\n"
)

_RECORDS: Final = {20: "change cipher spec", 21: "alert", 22: "handshake", 23: "application data", 24: "heartbeat"}
_VERSIONS: Final = {0x0300: "SSL 3.0", 0x0301: "TLS 1.0", 0x0302: "TLS 1.1", 0x0303: "TLS 1.2", 0x0304: "TLS 1.3"}
_HANDSHAKES: Final = {
    0: "hello request",
    1: "client hello",
    2: "server hello",
    4: "new session ticket",
    8: "encrypted extensions",
    11: "certificate",
    12: "server key exchange",
    13: "certificate request",
    14: "server hello done",
    15: "certificate verify",
    16: "client key exchange",
    20: "finished",
    22: "certificate status",
}


def is_http(data: bytes, start: int, stop: int) -> bool:
    """Whether an HTTP/1 message begins at `start`."""
    return _FIRST_LINE.match(data, start, stop) is not None


def is_tls(data: bytes, start: int, stop: int) -> bool:
    """Whether a TLS record begins at `start` (RFC 8446 section 5.1)."""
    return stop - start >= 5 and data[start] in _RECORDS and data[start + 1] == 3 and data[start + 2] <= 4


def read_http(builder: Builder, data: bytes, start: int, stop: int, kind: Kind = HTTP) -> None:
    """An HTTP/1 message (RFC 9112 section 2.1): first line, header fields, and the part of the body that is here."""
    builder.open(kind, start)
    where, first = start, ""
    while where < stop and not builder.full:
        end = data.find(b"\n", where, stop)
        if end < 0:
            break
        line = data[where:end].rstrip(b"\r").decode("latin-1")
        place = Range(where, end + 1 - where)
        if not first:
            first = line
            builder.field("line", "Start Line", line, place)
        elif not line:
            builder.field("end", "End of Header", "empty line", place)
            where = end + 1
            break
        else:
            name, _, value = line.partition(":")
            builder.field(name.strip().lower()[:40], name.strip(), value.strip(), place)
        where = end + 1
    if where < stop:
        builder.field(
            "body", "Body", f"{count(stop - where, 'byte')}: {readable(data[where:stop])}", Range(where, stop - where)
        )
    builder.close(Outline(stop - start, first))


def read_tls(builder: Builder, data: bytes, start: int, stop: int) -> None:
    """TLS records; the last one may end in a later segment. Their content is encrypted, or a handshake."""
    builder.open(TLS, start)
    said: list[str] = []
    where = start
    while is_tls(data, where, stop) and not builder.full:
        length = int.from_bytes(data[where + 3 : where + 5], "big")
        end = min(where + 5 + length, stop)
        said.append(_record(builder, data, where, end))
        if end - where < 5 + length:
            said[-1] += f" (goes on for {count(where + 5 + length - end, 'byte')} in the next segment)"
        where = end
    if where < stop:
        rest = data[where:stop]
        builder.field("rest", "Continuation", f"{count(len(rest), 'byte')} of the stream", Range(where, len(rest)))
    builder.close(Outline(stop - start, ", ".join(said[:6]) + "; TLS has no agreed place between layers 5 and 6"))


def _record(builder: Builder, data: bytes, start: int, end: int) -> str:
    kind, version = data[start], int.from_bytes(data[start + 1 : start + 3], "big")
    name = _RECORDS[kind]
    body = data[start + 5 : end]
    # Only a plain handshake message fits its record or the next ones: an encrypted one has a random length.
    message = _HANDSHAKES.get(body[0]) if kind == 22 and len(body) > 3 and body[1] == 0 else None
    shown = f"{name}: {message}" if message else name
    field = builder.field
    field("record", "Record", shown, Range(start, end - start))
    field("record.type", "Content Type", f"{kind} ({name})", Range(start, 1), 2)
    field("record.version", "Legacy Version", f"0x{version:04x} ({_VERSIONS[version]})", Range(start + 1, 2), 2)
    field("record.length", "Length", str(int.from_bytes(data[start + 3 : start + 5], "big")), Range(start + 3, 2), 2)
    if message:
        field("record.handshake", "Handshake Type", f"{body[0]} ({message})", Range(start + 5, 1), 2)
        field(
            "record.handshake_length", "Handshake Length", str(int.from_bytes(body[1:4], "big")), Range(start + 6, 3), 2
        )
        body, start = body[4:], start + 4
    if body:
        field("record.content", "Content", hexadecimal(body), Range(start + 5, len(body)), 2)
    return message or name


def read_data(builder: Builder, data: bytes, start: int, stop: int, why: str, osi: int = 7) -> None:
    """Bytes that nothing here reads, with the reason."""
    builder.open(DATA._replace(osi=osi), start)
    builder.field("data", "Data", readable(data[start:stop]), Range(start, stop - start))
    builder.close(
        Outline(stop - start, f"{count(stop - start, 'byte')}, {why}" if why else count(stop - start, "byte"))
    )
