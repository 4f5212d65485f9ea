"""A DNS message in a few words (RFC 1035 section 4.1; mDNS: RFC 6762)."""

from __future__ import annotations

import struct
from ipaddress import IPv4Address, IPv6Address
from typing import Final, NamedTuple

TYPES: Final = {
    1: "A", 2: "NS", 5: "CNAME", 6: "SOA", 12: "PTR", 13: "HINFO", 15: "MX", 16: "TXT", 28: "AAAA", 33: "SRV",
    35: "NAPTR", 39: "DNAME", 43: "DS", 46: "RRSIG", 47: "NSEC", 48: "DNSKEY", 50: "NSEC3", 52: "TLSA", 64: "SVCB",
    65: "HTTPS", 252: "AXFR", 255: "ANY", 257: "CAA",
}  # fmt: skip
RCODES: Final = {1: "FORMERR", 2: "SERVFAIL", 3: "NXDOMAIN", 4: "NOTIMP", 5: "REFUSED", 9: "NOTAUTH"}
_NAMED: Final = frozenset({"NS", "CNAME", "PTR", "DNAME"})
_OPCODES: Final = {4: "notify", 5: "update"}
_AUTHORITATIVE: Final = 0x0400
_HEADER: Final = struct.Struct(">6H")
MAX_NAME: Final = 255  # RFC 1035 section 2.3.4
MAX_LABELS: Final = 128  # jumps by compression pointers count too, so that a loop ends


class _Record(NamedTuple):
    name: str
    kind: str
    value: str


class _MalformedError(ValueError):
    """The bytes are no DNS message, or end before it does."""


def _name(data: bytes, at: int) -> tuple[str, int]:
    """The name at `at` and where what follows it begins."""
    labels: list[str] = []
    after = -1
    length = 0
    for _ in range(MAX_LABELS):
        if at >= len(data):
            raise _MalformedError
        size = data[at]
        if size == 0:
            return ".".join(labels) or ".", after if after >= 0 else at + 1
        if size >= 0xC0:
            if at + 1 >= len(data):
                raise _MalformedError
            after = at + 2 if after < 0 else after
            at = (size & 0x3F) << 8 | data[at + 1]
            continue
        length += size + 1
        if size >= 0x40 or length > MAX_NAME or at + 1 + size > len(data):
            raise _MalformedError
        labels.append(data[at + 1 : at + 1 + size].decode("utf-8", "backslashreplace"))  # mDNS names are UTF-8
        at += 1 + size
    raise _MalformedError


def _kind(number: int) -> str:
    return TYPES.get(number, f"TYPE{number}")


def _question(data: bytes, at: int) -> tuple[_Record, int]:
    name, at = _name(data, at)
    if at + 4 > len(data):
        raise _MalformedError
    return _Record(name, _kind(int.from_bytes(data[at : at + 2], "big")), ""), at + 4


def _answer(data: bytes, at: int) -> tuple[_Record, int]:
    name, at = _name(data, at)
    if at + 10 > len(data):
        raise _MalformedError
    kind = _kind(int.from_bytes(data[at : at + 2], "big"))
    start = at + 10
    end = start + int.from_bytes(data[at + 8 : start], "big")
    if end > len(data):
        raise _MalformedError
    return _Record(name, kind, _value(data, kind, start, end)), end


def _value(data: bytes, kind: str, start: int, end: int) -> str:
    if kind == "A" and end - start == 4:
        return str(IPv4Address(data[start:end]))
    if kind == "AAAA" and end - start == 16:
        return str(IPv6Address(data[start:end]))
    return _name(data, start)[0] if kind in _NAMED else ""


def _answers(data: bytes, at: int, count: int) -> list[_Record]:
    """The answers that are whole; a packet is often kept only in part."""
    records = []
    for _ in range(min(count, 32)):
        try:
            record, at = _answer(data, at)
        except _MalformedError:
            break
        records.append(record)
    return records


def dns_words(data: bytes) -> str:
    """`query A example.com`, `answer A example.com 192.0.2.1`, `answer NXDOMAIN example.com`; "" if it is no DNS."""
    if len(data) < _HEADER.size:
        return ""
    _identity, bits, questions, answers, authority, _additional = _HEADER.unpack_from(data)
    opcode, is_answer = bits >> 11 & 15, bool(bits & 0x8000)
    if opcode not in {0, *_OPCODES} or questions + answers == 0:
        return ""
    asked, at = _Record("", "", ""), _HEADER.size
    try:
        for number in range(min(questions, 32)):
            question, at = _question(data, at)
            asked = asked if number else question
    except _MalformedError:
        return ""
    if opcode:
        return f"DNS {_OPCODES[opcode]} {asked.name}".rstrip()
    if not is_answer:
        return f"query {asked.kind} {asked.name}" + (f" and {questions - 1} more" if questions > 1 else "")
    if not answers and authority and not bits & (_AUTHORITATIVE | 15) and bits & 0x0080 == 0:
        return f"answer {asked.kind} {asked.name}: ask another server"
    return _answer_words(asked, _answers(data, at, answers), bits, answers)


def _answer_words(asked: _Record, records: list[_Record], bits: int, count: int) -> str:
    code = bits & 15
    if code:
        return f"answer {RCODES.get(code, f'error {code}')} {asked.name}".rstrip()
    subject = asked if asked.name else (records[0] if records else None)
    if subject is None:
        return ""
    wanted = next((record for record in records if record.kind == subject.kind and record.value), None)
    shown = wanted or next((record for record in records if record.value), None)
    words = f"answer {subject.kind} {subject.name}"
    if shown is not None:
        words += f" {shown.value}" if shown is wanted else f" {shown.kind} {shown.value}"
    elif count == 0:
        words += ": no such record"
    return words + (f" (+{count - 1})" if shown and count > 1 else "") + (" cut short" if bits & 0x0200 else "")


def answered(data: bytes) -> list[tuple[str, str]]:
    """The (address, name) pairs that an answer tells: addresses of the name asked for, or the name of an address.

    Aliases are followed by the server: all addresses in its answer are of the name that was asked for.
    """
    if len(data) < _HEADER.size:
        return []
    _identity, bits, questions, answers, *_rest = _HEADER.unpack_from(data)
    if not bits & 0x8000 or bits >> 11 & 15 or bits & 15 or questions != 1:
        return []
    try:
        asked, at = _question(data, _HEADER.size)
    except _MalformedError:
        return []
    records = _answers(data, at, answers)
    if asked.kind == "PTR":
        address = _of_reverse(asked.name)
        return [(address, record.value) for record in records if record.kind == "PTR" and record.value and address]
    return [(record.value, asked.name) for record in records if record.kind in ("A", "AAAA") and record.value]


def _of_reverse(name: str) -> str:
    """The address that a name below in-addr.arpa or ip6.arpa stands for (RFC 1035 section 3.5, 3596 section 2.5)."""
    labels = name.lower().split(".")
    try:
        if labels[-2:] == ["in-addr", "arpa"] and len(labels) == 6:
            return str(IPv4Address(".".join(labels[3::-1])))
        if labels[-2:] == ["ip6", "arpa"] and len(labels) == 34:
            return str(IPv6Address(int("".join(labels[31::-1]), 16)))
    except ValueError:
        return ""
    return ""
