"""What a request says of where it comes from and where it goes: HTTP's first line and fields, PROXY protocol headers.

Pure functions on the beginning of a message, which may be cut short anywhere; only whole lines count.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST: Final = 8192
"""Bytes of a request that are looked at."""
_LINE: Final = re.compile(rb"([A-Z-]{3,16}) ([!-~\x80-\xff]{1,2000}) HTTP/1\.[01]\r?\n")
_NAME: Final = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}")
_FOR: Final = re.compile(r'for="?\[?([0-9A-Fa-f.:]+)', re.IGNORECASE)  # RFC 7239 section 4
_FIRST: Final = re.compile(rb"PROXY TCP[46] ([0-9A-Fa-f.:]{2,39}) [0-9A-Fa-f.:]{2,39} (\d{1,5}) \d{1,5}\r\n")
_SECOND: Final = b"\r\n\r\n\0\r\nQUIT\n"
_AUTHORITY: Final = re.compile(r"(?:https?://)?(?:[^/@]*@)?(\[[0-9A-Fa-f:]+\]|[^/:?#]+)(?::(\d{1,5}))?", re.IGNORECASE)
FORWARDING: Final = ("x-forwarded-for", "x-real-ip", "true-client-ip", "cf-connecting-ip")
IDENTIFYING: Final = ("x-request-id", "x-correlation-id", "traceparent", "x-amzn-trace-id", "x-b3-traceid")


@dataclass(frozen=True, slots=True)
class Proxied:
    """A PROXY protocol header (HAProxy's specification, versions 1 and 2): the client's end; `length` in bytes."""

    address: str
    port: int
    version: int
    length: int


@dataclass(frozen=True, slots=True)
class Head:
    """A request's first line and its fields, by name in lower case; empty where it is no HTTP/1 request."""

    method: str = ""
    target: str = ""
    fields: dict[str, str] = field(default_factory=dict)
    proxied: Proxied | None = None
    forwarded: tuple[tuple[str, str], ...] = ()
    """(name of the field, address) of whoever it is asked for: the last of a list, which was added last."""

    @property
    def path(self) -> str:
        """The target without scheme and authority (RFC 9112 section 3.2)."""
        if self.method == "CONNECT" or "://" not in self.target:
            return self.target
        _, slash, path = self.target.partition("://")[2].partition("/")
        return slash + path or "/"

    @property
    def host(self) -> str:
        """Whom it asks for: the Host field, without a port, in lower case."""
        return authority(self.fields.get("host", ""))[0]


def authority(text: str) -> tuple[str, int | None]:
    """Host, in lower case, and port of a URI or of a Host field."""
    found = _AUTHORITY.match(text)
    if found is None:
        return "", None
    return found[1].strip("[]").lower(), int(found[2]) if found[2] else None


def head_of(data: bytes) -> Head:
    """What the beginning of a request says."""
    proxied = proxy_header(data)
    data = data[proxied.length if proxied else 0 :][:MOST]
    line = _LINE.match(data)
    if line is None:
        return Head(proxied=proxied)
    fields: dict[str, str] = {}
    for name, value in _fields(data[line.end() :]):
        fields[name] = f"{fields[name]}, {value}" if name in fields else value
    target = line[2].decode("utf-8", "backslashreplace")
    return Head(line[1].decode("ascii"), target, fields, proxied, tuple(_forwarded(fields)))


def _fields(data: bytes) -> Iterator[tuple[str, str]]:
    """Names, in lower case, and values (RFC 9112 section 5), until the head ends or is cut short.

    Line by line, since a pattern with blanks before and after a value takes time that grows with the cube of them.
    """
    while (end := data.find(b"\n")) > 0:
        name, colon, value = data[:end].removesuffix(b"\r").partition(b":")
        if not colon or b"\r" in value or _NAME.fullmatch(name) is None:
            return
        yield name.decode("ascii").lower(), value.strip(b" \t").decode("utf-8", "backslashreplace")
        data = data[end + 1 :]


def _forwarded(fields: dict[str, str]) -> Iterator[tuple[str, str]]:
    told: list[tuple[str, str]] = [
        (name, fields[name].rpartition(",")[2].strip().strip('"[]')) for name in FORWARDING if name in fields
    ]
    if "forwarded" in fields:
        told += [("forwarded", each) for each in _FOR.findall(fields["forwarded"])[-1:]]
    for name, text in told:
        if address := _address(text):
            yield name, address


def proxy_header(data: bytes) -> Proxied | None:
    """The PROXY protocol header that a stream begins with; None if there is none, or it tells no address."""
    if (first := _FIRST.match(data)) is not None:
        address, port = _address(first[1].decode("ascii")), int(first[2])
        return Proxied(address, port, 1, first.end()) if address and port < 1 << 16 else None
    if not data.startswith(_SECOND) or len(data) < 16 or data[12] != 0x21:
        return None
    size = {0x11: 4, 0x21: 16}.get(data[13])  # TCP over IPv4, over IPv6
    if size is None or len(data) < 16 + 2 * size + 4:
        return None
    at = 16 + 2 * size
    length = 16 + int.from_bytes(data[14:16])
    return Proxied(str(ip_address(data[16 : 16 + size])), int.from_bytes(data[at : at + 2]), 2, length)


def _address(text: str) -> str:
    """An IP address in its usual form, perhaps with a port behind it; "" if it is none."""
    for each in (text, text.partition(":")[0]):
        try:
            return str(ip_address(each))
        except ValueError:
            continue
    return ""
