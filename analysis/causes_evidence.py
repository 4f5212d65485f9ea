"""What speaks for one request having caused another: facts, each with the packets that show it.

Nothing is concluded here; `analysis.causes` weighs them.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum, unique
from typing import TYPE_CHECKING, Any, Final

from analysis.causes_heads import IDENTIFYING, Head, authority, head_of
from analysis.machines import end_address

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from analysis.causes_turns import Turn
    from analysis.details import Detail
    from analysis.reading import Reading
    from analysis.snapshot import Snapshot

TELLING: Final = 4
"""Bytes of a body that must be the same at least: fewer are the same by chance."""
SURE: Final = 32
"""So many that are the same tell enough by themselves."""
COMPARED: Final = 4096
KEPT: Final = 2048
"""Messages that are kept while causes are looked for."""


@unique
class Kind(StrEnum):
    """What a fact is; `STRONG` ones are said by the packets themselves."""

    OPENED = "opened after the request, before its reply"
    ASKED = "asked after the request, before its reply"
    FORWARDED_FOR = "a field names the client"
    PROXY_HEADER = "a PROXY protocol header names the client's end"
    REQUEST_ID = "the same request identification"
    NAMED_SERVER = "the request names the server"
    NAMED_QUESTION = "the request names what was looked up"
    SAME_QUESTION = "the same question"
    SAME_REQUEST = "the same request line"
    SAME_HOST = "the same Host"
    VIA = "a Via field says that a proxy sends it"
    SAME_SENT = "the request's bytes are the same"
    SAME_BODY = "the reply's body is in the other reply"
    SAME_NUMBERS = "the same sequence numbers both ways"
    SAME_IDENTIFICATION = "the same identification of the IP packet"


STRONG: Final = frozenset(
    {
        Kind.FORWARDED_FOR,
        Kind.PROXY_HEADER,
        Kind.REQUEST_ID,
        Kind.NAMED_SERVER,
        Kind.NAMED_QUESTION,
        Kind.SAME_QUESTION,
        Kind.SAME_SENT,
        Kind.SAME_NUMBERS,
    }
)


@dataclass(frozen=True, slots=True)
class Fact:
    """`packets` (rows): where it is seen, at most one of each side.

    `value` is what was found there, `number` a time in ns or a count of bytes.
    """

    kind: Kind
    packets: tuple[int, ...]
    value: str = ""
    number: int | None = None


class Messages:
    """Beginnings of messages, read when they are asked for."""

    def __init__(self, reading: Reading, details: Mapping[int, Detail]) -> None:
        self.reading, self._details = reading, details
        self._table = reading.snapshot.connections
        self._heads: dict[int, Head] = {}
        self._read: dict[int, bytes] = {}
        self._ends: dict[tuple[int, int], tuple[str, int]] = {}

    def data(self, rows: tuple[int, ...]) -> bytes:
        """The payload of these packets, one after the other, at most `COMPARED` bytes."""
        if rows[0] not in self._read:
            _make_room(self._read)
            self._read[rows[0]] = self._joined(rows)
        return self._read[rows[0]]

    def _joined(self, rows: tuple[int, ...]) -> bytes:
        pieces, size = [], 0
        for row in rows:
            detail = self._details.get(row)
            if detail is None or detail.payload < 0 or size >= COMPARED:
                break
            packets = self.reading.snapshot.packets
            whole = int(packets.captured_length[row]) <= len(detail.data)
            held = detail.data if whole else self.reading.packet_bytes(row)
            pieces.append(held[detail.payload : detail.payload + int(packets.payload_length[row])])
            size += len(pieces[-1])
        return b"".join(pieces)[:COMPARED]

    def head(self, turn: Turn) -> Head:
        """What a request says."""
        if turn.packet not in self._heads:
            _make_room(self._heads)
            self._heads[turn.packet] = head_of(self.data(turn.request))
        return self._heads[turn.packet]

    def client(self, turn: Turn) -> tuple[str, int]:
        """Address and port of a turn's client."""
        return self._end(turn.connection, 0)

    def server(self, turn: Turn) -> tuple[str, int]:
        """Address and port of a turn's server."""
        return self._end(turn.connection, 1)

    def _end(self, row: int, side: int) -> tuple[str, int]:
        """Of the client (0) or the server (1)."""
        if (row, side) not in self._ends:
            end = int(self._table.client[row]) ^ side
            self._ends[row, side] = end_address(self._table, row, end), int(self._table.port[row][end])
        return self._ends[row, side]


def _make_room(kept: dict[int, Any]) -> None:
    if len(kept) >= KEPT:
        del kept[next(iter(kept))]


def opened_for(
    messages: Messages, cause: Turn, server: tuple[str, int], names: Mapping[str, str], syn: int
) -> Iterator[Fact]:
    """Whether a request names the server that a connection (of this SYN) was opened to: by CONNECT, or a whole URI."""
    head = messages.head(cause)
    if head.method != "CONNECT" and "://" not in head.target:
        return
    host, port = authority(head.target)
    default = 443 if head.target.startswith("https:") else 80
    here = host in (server[0], names.get(server[0], "").lower()) and bool(host)
    if here and (port or default) == server[1]:
        yield Fact(Kind.NAMED_SERVER, (cause.packet, syn), f"{head.method} {head.target}")


def asked_for(messages: Messages, cause: Turn, effect: Turn, names: Mapping[str, str]) -> Iterator[Fact]:
    """What a request and its reply have in common with another request and its reply."""
    both = (cause.packet, effect.packet)
    if effect.lookup:
        yield from _looked_up(messages, cause, effect)
        return
    asked, asks = messages.head(cause), messages.head(effect)
    yield from on_behalf(messages, cause, effect)
    for name in IDENTIFYING:
        if name in asks.fields and asks.fields[name] == asked.fields.get(name):
            yield Fact(Kind.REQUEST_ID, both, f"{name.title()}: {asks.fields[name]}")
    yield from opened_for(messages, cause, messages.server(effect), names, effect.packet)
    if asks.method and (asks.method, asks.path) == (asked.method, asked.path):
        yield Fact(Kind.SAME_REQUEST, both, f"{asks.method} {asks.path}")
    if asks.host and asks.host == asked.host:
        yield Fact(Kind.SAME_HOST, both, asks.host)
    if "via" in asks.fields and asks.fields["via"] != asked.fields.get("via"):
        yield Fact(Kind.VIA, (effect.packet,), f"Via: {asks.fields['via']}")
    yield from same_bytes(messages, cause, effect)


def on_behalf(messages: Messages, cause: Turn, effect: Turn) -> Iterator[Fact]:
    """Whether a field of a request names the other one's client."""
    asks, client = messages.head(effect), messages.client(cause)[0]
    for name, address in asks.forwarded:
        if address == client:
            yield Fact(Kind.FORWARDED_FOR, (cause.packet, effect.packet), f"{name.title()}: {asks.fields[name]}")
            return


def for_somebody_else(messages: Messages, cause: Turn, effect: Turn) -> bool:
    """Whether a request names a client that is not the other one's, nor was named by the other one already."""
    told = {address for _, address in messages.head(effect).forwarded}
    if not told:
        return False
    known = {address for _, address in messages.head(cause).forwarded}
    return not told & (known | {messages.client(cause)[0]})


def _looked_up(messages: Messages, cause: Turn, effect: Turn) -> Iterator[Fact]:
    both = (cause.packet, effect.packet)
    if cause.lookup:
        if cause.lookup == effect.lookup:
            yield Fact(Kind.SAME_QUESTION, both, effect.lookup)
        return
    head = messages.head(cause)
    wanted = {authority(head.target)[0] if "://" in head.target or head.method == "CONNECT" else "", head.host}
    name = effect.lookup.partition(" ")[2].lower()
    if name and name in wanted:
        yield Fact(Kind.NAMED_QUESTION, both, name)


def same_bytes(messages: Messages, cause: Turn, effect: Turn) -> Iterator[Fact]:
    """Whether what was sent on is the same, and what came back in time for it."""
    if effect.request_bytes == cause.request_bytes >= SURE:
        sent = messages.data(effect.request)
        if len(sent) >= SURE and sent == messages.data(cause.request):
            yield Fact(Kind.SAME_SENT, (cause.packet, effect.packet), number=len(sent))
    if not answered_first(messages.reading.snapshot, cause, effect):
        return
    body = _body(messages.data(effect.reply))[: COMPARED // 4]
    if len(body) >= TELLING and len(set(body)) > 1 and body in _body(messages.data(cause.reply)):
        yield Fact(Kind.SAME_BODY, (cause.reply[0], effect.reply[0]), number=len(body))


def answered_first(snapshot: Snapshot, cause: Turn, effect: Turn) -> bool:
    """Whether the effect's reply had begun when the cause's did."""
    return bool(cause.reply and effect.reply) and int(snapshot.packets.time_ns[effect.reply[0]]) <= cause.end_ns


def _body(message: bytes) -> bytes:
    """An HTTP reply's body (RFC 9112 section 6), or the whole of what is no HTTP/1."""
    return message.partition(b"\r\n\r\n")[2] if message.startswith(b"HTTP/1.") else message
