"""Requests and the replies that belong to them, with the time between: HTTP/1, DNS, XML-RPC and JSON-RPC.

HTTP matches replies to requests by their order on a connection (RFC 9112 section 9.3), DNS by its identification and
the ends (RFC 1035 section 4.1.1). A message is seen where a packet's payload begins with it; one that begins in the
middle of a packet, or that is encrypted, is not; one that TCP sent again counts once. Of bodies, what was captured of
the first packet is read.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict, deque
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from analysis.dns import dns_words
from analysis.messages import DNS_PORTS, http_words
from analysis.segments import is_tcp, is_udp
from capture.protocol import Flag

if TYPE_CHECKING:
    from collections.abc import Iterable

    from analysis.details import Detail
    from analysis.snapshot import Snapshot

MOST: Final = 20_000
"""Exchanges kept."""
_STATUS: Final = re.compile(r"[1-5]\d\d\b")
_XML_CALL: Final = re.compile(rb"<methodName>([^<]{1,100})</methodName>")
_XML_VALUE: Final = re.compile(rb"<(?:int|i4|double|string|boolean)>([^<]{0,100})</")
_XML_FAULT: Final = b"<fault>"


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request, and the reply if one was captured; packets are rows. `call` and `result` are of a remote procedure."""

    connection: int
    kind: str  # "HTTP", "DNS"
    request: str
    request_packet: int
    reply: str | None = None
    reply_packet: int | None = None
    took_ns: int | None = None
    call: str | None = None
    result: str | None = None


class _Matching:
    """What waits for its reply."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._times = snapshot.packets.time_ns
        self.found: list[Exchange] = []
        self._heard: set[tuple[int, bool, int]] = set()
        self._waiting: defaultdict[tuple[int, int, bool], deque[int]] = defaultdict(deque)

    def is_new(self, connection: int, sequence: int, *, from_b: bool) -> bool:
        """Whether a message of a TCP connection, which begins at this number, was not heard before."""
        key = (connection, from_b, sequence)
        new = key not in self._heard
        self._heard.add(key)
        return new

    def ask(self, key: tuple[int, int, bool], exchange: Exchange) -> None:
        """Another request; `key` is the connection, an identification, and who asks."""
        if len(self.found) < MOST:
            self._waiting[key].append(len(self.found))
            self.found.append(exchange)

    def answer(self, key: tuple[int, int, bool], packet: int, words: str, result: str | None) -> None:
        """A reply to the oldest request that waits under the key; one without a request is left out."""
        if self._waiting[key]:
            place = self._waiting[key].popleft()
            asked = self.found[place]
            took = int(self._times[packet]) - int(self._times[asked.request_packet])
            self.found[place] = replace(asked, reply=words, reply_packet=packet, took_ns=took, result=result)


def exchanges(snapshot: Snapshot, details: Iterable[Detail]) -> list[Exchange]:
    """The requests among these packets (of any kind, ascending) with their replies, in the order of the requests."""
    matching = _Matching(snapshot)
    packets = snapshot.packets
    for detail in details:
        protocol = int(packets.protocol[detail.packet])
        if detail.payload < 0 or detail.transport < 0 or not (is_tcp(protocol) or is_udp(protocol)):
            continue
        ports = {int.from_bytes(detail.data[at : at + 2]) for at in (detail.transport, detail.transport + 2)}
        payload = detail.data[detail.payload :]
        from_b = bool(int(packets.flags[detail.packet]) & Flag.FROM_B)
        connection = int(packets.connection[detail.packet])
        is_dns = bool(DNS_PORTS & ports)
        message = payload[2:] if is_dns and is_tcp(protocol) else payload
        words = dns_words(message) if is_dns else http_words(message) if is_tcp(protocol) else ""
        if not words or (is_tcp(protocol) and not matching.is_new(connection, detail.sequence, from_b=from_b)):
            continue
        match = _match_dns if is_dns else _match_http
        match(matching, connection, detail.packet, message, words, from_b=from_b)
    return matching.found


def _match_dns(matching: _Matching, connection: int, packet: int, message: bytes, words: str, *, from_b: bool) -> None:
    number = int.from_bytes(message[:2])
    if message[2] & 0x80:
        matching.answer((connection, number, not from_b), packet, words.removeprefix("answer "), None)
    else:
        request = words.removeprefix("query ")
        matching.ask((connection, number, from_b), Exchange(connection, "DNS", request, packet))


def _match_http(matching: _Matching, connection: int, packet: int, payload: bytes, words: str, *, from_b: bool) -> None:
    if words.startswith("HTTP/2"):
        return
    body = payload.partition(b"\r\n\r\n")[2]
    if not _STATUS.match(words):
        matching.ask((connection, 0, from_b), Exchange(connection, "HTTP", words, packet, call=_call(body)))
    # Interim responses (RFC 9110 section 15.2) end nothing, but after 101 the connection speaks another protocol.
    elif not words.startswith("1") or words.startswith("101"):
        matching.answer((connection, 0, not from_b), packet, words, _result(body))


def _call(body: bytes) -> str | None:
    """`add(2, 3)`, if a body calls a procedure."""
    if (method := _XML_CALL.search(body)) is not None:
        return f"{_text(method[1])}({', '.join(_text(value) for value in _XML_VALUE.findall(body))})"
    called = _json(body)
    if called is None or not isinstance(called.get("method"), str) or "jsonrpc" not in called:
        return None
    given = called.get("params", [])
    values = given.values() if isinstance(given, dict) else given if isinstance(given, list) else [given]
    return f"{called['method']}({', '.join(json.dumps(value) for value in values)})"


def _result(body: bytes) -> str | None:
    """What a procedure gave back, or its fault."""
    if b"<methodResponse>" in body:
        values = ", ".join(_text(value) for value in _XML_VALUE.findall(body))
        return f"fault: {values}" if _XML_FAULT in body else values
    told = _json(body)
    if told is None or "jsonrpc" not in told:
        return None
    error = told.get("error")
    if isinstance(error, dict):
        return f"fault: {error.get('code')}, {error.get('message')}"
    return json.dumps(told.get("result"))


def _json(body: bytes) -> dict[str, object] | None:
    if not body.startswith(b"{"):
        return None
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):  # cut short, or no JSON at all
        return None
    return found if isinstance(found, dict) else None


def _text(value: bytes) -> str:
    return value.decode("utf-8", "backslashreplace")
