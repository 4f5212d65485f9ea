"""DNS messages as far as the lab's servers speak: one question, A, AAAA, NS, CNAME and PTR records (RFC 1035, 3596)."""

from __future__ import annotations

import ipaddress
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from lab.calls import NotedSocket
    from lab.stage import Host

PORT: Final = 53
A, NS, CNAME, PTR, AAAA = 1, 2, 5, 12, 28
POINTER: Final = 0xC0
INTERNET: Final = 1
RESPONSE, AUTHORITATIVE, RECURSION_DESIRED, RECURSION_AVAILABLE = 0x8000, 0x0400, 0x0100, 0x0080
NO_SUCH_NAME: Final = 3
HEADER: Final = struct.Struct("!6H")


@dataclass(frozen=True, slots=True)
class Record:
    """A resource record; `value` is an address or a name, `ttl` in seconds."""

    name: str
    kind: int
    value: str
    ttl: int = 300


@dataclass(frozen=True, slots=True)
class Message:
    """A query or an answer."""

    number: int
    flags: int
    name: str
    kind: int
    answers: tuple[Record, ...] = ()
    authority: tuple[Record, ...] = ()
    additional: tuple[Record, ...] = ()

    @property
    def exists(self) -> bool:
        """Whether the answer says that the name is there."""
        return self.flags & 0xF != NO_SUCH_NAME

    def to_bytes(self) -> bytes:
        """As it goes over the wire, without compression of names."""
        sections = (self.answers, self.authority, self.additional)
        head = HEADER.pack(self.number, self.flags, 1, *map(len, sections))
        question = _name(self.name) + struct.pack("!2H", self.kind, INTERNET)
        return head + question + b"".join(_record(each) for section in sections for each in section)


def _name(name: str) -> bytes:
    labels = [label.encode() for label in name.split(".") if label]
    return b"".join(bytes([len(label)]) + label for label in labels) + b"\0"


def _record(record: Record) -> bytes:
    value = ipaddress.ip_address(record.value).packed if record.kind in (A, AAAA) else _name(record.value)
    return _name(record.name) + struct.pack("!2HIH", record.kind, INTERNET, record.ttl, len(value)) + value


def parsed(data: bytes) -> Message:
    """What a message says, of our own or of another program that runs in the lab."""
    number, flags, _, *counts = HEADER.unpack_from(data)
    name, at = _read_name(data, HEADER.size)
    (kind,) = struct.unpack_from("!H", data, at)
    at += 4
    sections: list[tuple[Record, ...]] = []
    for count in counts:
        records = []
        for _ in range(count):
            record, at = _read_record(data, at)
            records.append(record)
        sections.append(tuple(records))
    return Message(number, flags, name, kind, *sections)


def _read_name(data: bytes, at: int) -> tuple[str, int]:
    """A name and where it ends; other programs point at names that stand before (RFC 1035 section 4.1.4)."""
    labels, end = [], 0
    while data[at]:
        if data[at] >= POINTER:
            end, there = end or at + 2, int.from_bytes(data[at : at + 2], "big") & 0x3FFF
            if there >= at:
                raise ValueError("a name that points at itself")
            at = there
        else:
            labels.append(data[at + 1 : at + 1 + data[at]].decode())
            at += 1 + data[at]
    return ".".join(labels), end or at + 1


def _read_record(data: bytes, at: int) -> tuple[Record, int]:
    name, at = _read_name(data, at)
    kind, _, ttl, length = struct.unpack_from("!2HIH", data, at)
    at += 10
    value = str(ipaddress.ip_address(data[at : at + length])) if kind in (A, AAAA) else _read_name(data, at)[0]
    return Record(name, kind, value, ttl), at + length


def address_of(name: str, address: str, *, ttl: int = 300) -> Record:
    """The A record of a name, or its AAAA record."""
    return Record(name, AAAA if ":" in address else A, address, ttl)


def reverse(address: str) -> str:
    """The name under which an address's own name is asked for."""
    return ipaddress.ip_address(address).reverse_pointer


def serve(endpoint: NotedSocket, count: int, answer: Callable[[Message], Message]) -> None:
    """Be a name server for `count` queries."""
    with endpoint:
        for _ in range(count):
            data, peer = endpoint.recvfrom(512)
            endpoint.sendto(answer(parsed(data)).to_bytes(), peer)


def zone(records: Sequence[Record], delegations: Mapping[str, tuple[str, str]]) -> Callable[[Message], Message]:
    """How a server answers that knows these records, and for each zone below it the name and address of its server."""

    def answer(query: Message) -> Message:
        for below, (server, address) in delegations.items():
            if query.name == below or query.name.endswith("." + below):
                return Message(
                    *(query.number, RESPONSE | query.flags & RECURSION_DESIRED, query.name, query.kind),
                    authority=(Record(below, NS, server),),
                    additional=(address_of(server, address),),
                )
        flags = RESPONSE | AUTHORITATIVE | query.flags & RECURSION_DESIRED
        found = chain(records, query.name, query.kind)
        known = found or any(each.name == query.name for each in records)
        return Message(query.number, flags | (0 if known else NO_SUCH_NAME), query.name, query.kind, answers=found)

    return answer


def chain(records: Sequence[Record], name: str, kind: int) -> tuple[Record, ...]:
    """The records of a name, and of the names that it is another name for."""
    found: list[Record] = []
    for _ in range(8):
        here = [each for each in records if each.name == name and each.kind in (kind, CNAME)]
        found += here
        alias = next((each.value for each in here if each.kind == CNAME and kind != CNAME), None)
        if alias is None:
            break
        name = alias
    return tuple(found)


def ask(host: Host, server: str, name: str, kind: int = A, *, number: int, recursive: bool = True) -> Message:
    """Ask a name server one question, from the next port of a host."""
    import socket  # noqa: PLC0415 - the only place that names a kind of socket

    with host.bound(host.next_port(), socket.SOCK_DGRAM) as endpoint:
        flags = RECURSION_DESIRED if recursive else 0
        endpoint.sendto(Message(number, flags, name, kind).to_bytes(), (server, PORT))
        return parsed(endpoint.recvfrom(512)[0])
