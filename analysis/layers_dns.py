"""DNS messages (RFC 1035 section 4) with the bytes of every name and record; mDNS and LLMNR share the format.

Ours and not Scapy's, which decompresses names before it reads records and so loses their places.
"""

from __future__ import annotations

import socket
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from analysis.layers_build import Kind, Outline, Range
from analysis.layers_values import count, hexadecimal
from analysis.layers_walk import bit_range

if TYPE_CHECKING:
    from analysis.layers_build import Builder

DNS: Final = Kind(7, "DNS", "dns", "message")

_TYPES: Final = {
    1: "A",
    2: "NS",
    5: "CNAME",
    6: "SOA",
    12: "PTR",
    13: "HINFO",
    15: "MX",
    16: "TXT",
    28: "AAAA",
    33: "SRV",
    35: "NAPTR",
    39: "DNAME",
    41: "OPT",
    43: "DS",
    46: "RRSIG",
    47: "NSEC",
    48: "DNSKEY",
    50: "NSEC3",
    52: "TLSA",
    64: "SVCB",
    65: "HTTPS",
    251: "IXFR",
    252: "AXFR",
    255: "ANY",
    257: "CAA",
}
_CLASSES: Final = {1: "IN", 3: "CH", 4: "HS", 254: "NONE", 255: "ANY"}
_OPCODES: Final = {0: "query", 1: "inverse query", 2: "status", 4: "notify", 5: "update"}
_CODES: Final = {
    0: "no error",
    1: "format error",
    2: "server failure",
    3: "no such name",
    4: "not implemented",
    5: "refused",
}
_SECTIONS: Final = (("answer", "Answer"), ("authority", "Authority"), ("additional", "Additional"))
_BITS: Final = (
    ("qr", "Response", 1),
    ("opcode", "Opcode", 4),
    ("aa", "Authoritative Answer", 1),
    ("tc", "Truncated", 1),
    ("rd", "Recursion Desired", 1),
    ("ra", "Recursion Available", 1),
    ("z", "Reserved", 1),
    ("ad", "Authenticated Data", 1),
    ("cd", "Checking Disabled", 1),
    ("rcode", "Response Code", 4),
)
_MAX_JUMPS: Final = 16
"""Compression pointers followed in one name; a loop of them ends here."""


class CutError(Exception):
    """The message ends in the middle of something, or contradicts itself."""


@dataclass(slots=True)
class _Message:
    builder: Builder
    data: bytes
    start: int  # of the message: what compression pointers count from
    stop: int
    where: int
    written: int  # up to here everything is in the builder

    def number(self, size: int) -> int:
        """The next `size` bytes as a number."""
        value = int.from_bytes(self.take(size), "big")
        self.where += size
        return value

    def take(self, size: int) -> bytes:
        """The next `size` bytes, without moving on. Raises CutError."""
        if self.where + size > self.stop:
            raise CutError
        return self.data[self.where : self.where + size]

    def name(self) -> str:
        """The domain name that starts here, decompressed; moves on to what follows it. Raises CutError."""
        text, self.where = self._name_at(self.where)
        return text

    def _name_at(self, where: int) -> tuple[str, int]:
        labels: list[str] = []
        after, jumps = -1, 0
        while True:
            length = self._byte(where)
            if length >= 0xC0:
                pointer = (length & 0x3F) << 8 | self._byte(where + 1)
                after = where + 2 if after < 0 else after
                where, jumps = self.start + pointer, jumps + 1
                if jumps > _MAX_JUMPS:
                    raise CutError
            elif length == 0:
                return ".".join(labels) or "<root>", where + 1 if after < 0 else after
            elif length < 64 and where + 1 + length <= self.stop and len(labels) < 128:
                labels.append(self.data[where + 1 : where + 1 + length].decode("utf-8", "replace"))
                where += 1 + length
            else:
                raise CutError

    def _byte(self, where: int) -> int:
        if not self.start <= where < self.stop:
            raise CutError
        return self.data[where]

    def header(self) -> tuple[int, list[int]]:
        """The twelve bytes before the questions; returns the flags and the four counts."""
        field = self.builder.field
        identifier, flags = self.number(2), self.number(2)
        field("id", "Transaction ID", f"0x{identifier:04x}", Range(self.start, 2))
        word = "response" if flags >> 15 else "query"
        field("flags", "Flags", f"0x{flags:04x} ({word})", Range(self.start + 2, 2))
        left = 16
        for slug, name, width in _BITS:
            value = flags >> (left - width) & ((1 << width) - 1)
            names = {"opcode": _OPCODES, "rcode": _CODES}.get(slug, {})
            shown = f"{value} ({names[value]})" if value in names else str(value)
            field(f"flags.{slug}", name, shown, bit_range(self.start * 8 + 32 - left, width), 2)
            left -= width
        counts = []
        for slug, name in (("questions", "Questions"), *((s, f"{n} Records") for s, n in _SECTIONS)):
            counts.append(self.number(2))
            field(f"count.{slug}", name, str(counts[-1]), Range(self.where - 2, 2))
            self.written = self.where
        return flags, counts

    def question(self, slug: str) -> str:
        """One entry of the question section; returns "A example.com"."""
        start = self.where
        name = self.name()
        end = self.where
        kind, klass = self.number(2), self.number(2)
        field = self.builder.field
        shown = f"{_type(kind)} {name}"
        field(slug, "Question", shown, Range(start, self.where - start))
        field(f"{slug}.name", "Name", name, Range(start, end - start), 2)
        field(f"{slug}.type", "Type", f"{kind} ({_type(kind)})", Range(end, 2), 2)
        field(f"{slug}.class", "Class", _class(klass), Range(end + 2, 2), 2)
        self.written = self.where
        return shown

    def record(self, slug: str, label: str) -> str:
        """One resource record; returns its type and data: "A 93.184.216.34"."""
        start = self.where
        name = self.name()
        end = self.where
        kind, klass, ttl, length = self.number(2), self.number(2), self.number(4), self.number(2)
        self.take(length)
        value = self._data(kind, length)
        shown = f"{_type(kind)} {value}"
        field = self.builder.field
        field(slug, label, f"{name}: {shown}", Range(start, end + 10 + length - start))
        field(f"{slug}.name", "Name", name, Range(start, end - start), 2)
        field(f"{slug}.type", "Type", f"{kind} ({_type(kind)})", Range(end, 2), 2)
        if kind == 41:  # OPT uses the class and the time to live for itself: RFC 6891 section 6.1.2
            field(f"{slug}.size", "UDP Payload Size", str(klass), Range(end + 2, 2), 2)
            field(f"{slug}.flags", "Extended Code and Flags", f"0x{ttl:08x}", Range(end + 4, 4), 2)
        else:
            field(f"{slug}.class", "Class", _class(klass), Range(end + 2, 2), 2)
            field(f"{slug}.ttl", "Time to Live", count(ttl, "second"), Range(end + 4, 4), 2)
        field(f"{slug}.length", "Data Length", str(length), Range(end + 8, 2), 2)
        if length:
            field(f"{slug}.data", "Data", value, Range(end + 10, length), 2)
        self.where = self.written = end + 10 + length
        return shown

    def _data(self, kind: int, length: int) -> str:
        where = self.where
        data = self.data[where : where + length]
        try:
            if kind in (2, 5, 12, 39):
                return self._name_at(where)[0]
            if kind == 15 and length > 2:
                return f"{int.from_bytes(data[:2], 'big')} {self._name_at(where + 2)[0]}"
            if kind == 33 and length > 6:
                priority, weight, port = struct.unpack_from("!HHH", data)
                return f"{self._name_at(where + 6)[0]}:{port} (priority {priority}, weight {weight})"
            if kind == 6:
                primary, after = self._name_at(where)
                return f"{primary} {self._name_at(after)[0]}"
        except CutError:
            return hexadecimal(data)
        return _plain_data(kind, data)


def _plain_data(kind: int, data: bytes) -> str:
    if kind == 1 and len(data) == 4:
        return socket.inet_ntop(socket.AF_INET, data)
    if kind == 28 and len(data) == 16:
        return socket.inet_ntop(socket.AF_INET6, data)
    if kind == 16:
        strings = []
        while data:
            strings.append(data[1 : 1 + data[0]].decode("utf-8", "replace"))
            data = data[1 + data[0] :]
        return " ".join(f'"{string}"' for string in strings)
    return hexadecimal(data)


def _type(kind: int) -> str:
    return _TYPES.get(kind, f"TYPE{kind}")


def _class(klass: int) -> str:
    # The top bit is mDNS's: unicast response wanted, or cache flush (RFC 6762 sections 5.4 and 10.2).
    name = _CLASSES.get(klass & 0x7FFF)
    if klass & 0x8000 and name:
        return f"0x{klass:04x} ({name}, with mDNS's top bit)"
    return f"{klass} ({name})" if name else str(klass)


def read_dns(builder: Builder, data: bytes, start: int, stop: int, *, prefixed: bool = False) -> None:
    """A DNS message in `data[start:stop]` as one layer. A message that breaks off keeps what could be read.

    `prefixed`: its length stands before it, as over TCP (RFC 1035 section 4.2.2).
    """
    first = start + 2 if prefixed else start
    message = _Message(builder, data, first, stop, first, first)
    builder.open(DNS, start)
    if prefixed:
        builder.field("length", "Length", str(int.from_bytes(data[start:first], "big")), Range(start, 2))
    said: list[str] = []
    try:
        flags, counts = message.header()
        said.append("response" if flags >> 15 else "query")
        if flags & 15:
            said.append(_CODES.get(flags & 15, f"code {flags & 15}"))
        for number in range(counts[0]):
            if builder.full:
                break
            said.append(message.question(f"question.{number + 1}"))
        _records(message, counts[1:], said)
    except CutError:
        said.append("cut short or malformed")
    unread = message.written
    if unread < stop:
        builder.field("rest", "Unread", hexadecimal(data[unread:stop]), Range(unread, stop - unread))
    builder.close(Outline(stop - start, ", ".join(said[:8])))


def _records(message: _Message, counts: list[int], said: list[str]) -> None:
    for (slug, label), total in zip(_SECTIONS, counts, strict=True):
        for number in range(total):
            if message.builder.full:
                return
            shown = message.record(f"{slug}.{number + 1}", label)
            if slug == "answer":
                said.append(shown)
