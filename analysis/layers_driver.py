"""Goes through a packet header by header, from layer 1 to the payload, and survives whatever it meets."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final, Literal, TypeVar

from analysis.layers_application import SSDP, is_http, is_tls, read_data, read_http, read_tls
from analysis.layers_build import MAX_LAYERS, NOWHERE, Builder, Kind, Outline, Range
from analysis.layers_dns import read_dns
from analysis.layers_header import HeaderReader, part_name
from analysis.layers_headers import PART, Header, header_of
from analysis.layers_next import LINK_NAMES, datagram_class, link_class, next_class, raw_ip
from analysis.layers_values import count, hexadecimal, named

if TYPE_CHECKING:
    from collections.abc import Callable

    from analysis.layers import Dissection

Result = TypeVar("Result")

_PHYSICAL: Final = Kind(1, "Physical", "physical", "bits")
_LOOPBACK: Final = Kind(2, "BSD loopback", "null", "frame")
_FAMILIES: Final = {2: "IPv4", 10: "IPv6", 24: "IPv6", 28: "IPv6", 30: "IPv6"}
_DNS_PORTS: Final = frozenset({53, 5353, 5355})
_PARTS_OF: Final = ("Dot11Elt", "ICMPv6NDOpt")
"""Scapy's classes that it chains like headers, but which are parts of the message before them."""


class Driver:
    """Dissects one packet: `data` as captured on a link of `link_type`, of `original_length` bytes on the wire."""

    def __init__(self, data: bytes, link_type: int, original_length: int) -> None:
        self.data = data
        self.link_type = link_type
        self.original_length = original_length
        self.builder = Builder()
        self._trailers: list[tuple[Kind, str, str, Range]] = []

    def run(self) -> Dissection:
        """The whole packet."""
        self._physical()
        self._headers()
        for kind, name, value, place in sorted(self._trailers, key=lambda trailer: trailer[3].offset):
            self.builder.open(kind, place.offset)
            self.builder.field("bytes", name, value, place)
            self.builder.close(Outline(place.length, count(place.length, "byte")))
        return self.builder.dissection()

    def _physical(self) -> None:
        captured, original = len(self.data), self.original_length
        link = (
            f"{self.link_type} ({LINK_NAMES[self.link_type]})" if self.link_type in LINK_NAMES else str(self.link_type)
        )
        self.builder.open(_PHYSICAL, 0)
        self.builder.field("length", "Length on the Wire", count(original, "byte"), NOWHERE)
        self.builder.field("captured", "Captured Length", count(captured, "byte"), NOWHERE)
        self.builder.field("link_type", "Link Type", link, NOWHERE)
        cut = f", {captured:,} of them captured" if captured < original else ""
        self.builder.close(Outline(0, f"{count(original, 'byte')}{cut}; a capture does not hold the signal"))

    def _headers(self) -> None:
        data, stop = self.data, len(self.data)
        if self.link_type in (0, 108):
            header = self._loopback()
        else:
            header = attempt(lambda: link_class(self.link_type, data))
            if not header and stop:
                self._raw(0, stop, f"link type {self.link_type} is not dissected")
        start, packet = (4 if self.link_type in (0, 108) else 0), None
        while header and start < stop:
            if self.builder.count >= MAX_LAYERS or self.builder.full:
                self._raw(start, stop, "more headers than are shown")
                return
            packet = attempt(partial(instance, header, data[start:stop], packet))
            if packet is None:
                self._raw(start, stop, "its header is not readable")
                return
            start, stop, header = self._header(packet, start, stop)

    def _loopback(self) -> Any:
        """The four bytes before a packet of BSD's loopback: its address family, in the byte order of that machine."""
        data = self.data
        if len(data) < 4:
            self._raw(0, len(data), "cut short")
            return None
        order: Literal["little", "big"] = "little" if self.link_type == 0 and data[0] else "big"
        family = int.from_bytes(data[:4], order)
        self.builder.open(_LOOPBACK, 0)
        self.builder.field("family", "Address Family", named(family, _FAMILIES), Range(0, 4))
        self.builder.close(Outline(4, _FAMILIES.get(family, f"family {family}")))
        header = raw_ip(data[4:]) if family in _FAMILIES else None
        if header is None:
            self._raw(4, len(data), "unknown address family")
        return header

    def _header(self, packet: Any, start: int, stop: int) -> tuple[int, int, Any]:
        """Write one header; returns where what it carries begins and ends, and its class (None: already written)."""
        name, below = type(packet).__name__, self.builder.last.osi
        if name.startswith(_PARTS_OF) and self.builder.count > 1:
            return self._part(packet, start, stop)
        header = header_of(name, str(packet.name), type(packet).__module__, below)
        self.builder.open(header.kind, start)
        reader = HeaderReader(self.builder, self.data, header)
        ends = attempt(lambda: reader.read(packet, start, stop))
        if ends is None:
            self.builder.close(reader.outline(reader.position - start, "cut short or malformed"))
            self._raw(reader.position, stop, f"the rest of a {header.kind.name} header that is not whole")
            return stop, stop, None
        position, limit = ends
        self.builder.close(reader.outline(position - start))
        self._trailers += [(Kind(header.kind.osi, "Trailer", "trailer"), *trailer) for trailer in reader.trailers]
        end = self._payload_end(packet, start, position, limit)
        if end < limit:
            padding = hexadecimal(self.data[end:limit])
            kind = Kind(max(min(below, header.kind.osi), 2), "Padding", "padding")
            self._trailers.append((kind, "Padding", padding, Range(end, limit - end)))
        return position, end, self._payload(packet, position, end)

    def _part(self, packet: Any, start: int, stop: int) -> tuple[int, int, Any]:
        """A header that Scapy chains behind a message, written as a part of that message."""
        slug = type(packet).__name__.lower()
        header = Header(Kind(2, "", ""), PART)
        group = self.builder.group(slug, part_name(str(packet.name)), start)
        reader = HeaderReader(self.builder, self.data, header, prefix=f"{slug}.")
        ends = attempt(lambda: reader.read(packet, start, stop))
        self.builder.end_group(group, hexadecimal(self.data[start : reader.position]), reader.position - start)
        if ends is None:
            self._raw(reader.position, stop, "cut short or malformed")
            return stop, stop, None
        return ends[0], ends[1], self._payload(packet, ends[0], ends[1])

    def _payload_end(self, packet: Any, start: int, position: int, stop: int) -> int:
        """Where the payload ends by the header's own length field; the rest of the frame is padding.

        A length that is too small is segmentation left to the network card (0), or nonsense: the whole rest is payload.
        """
        name, fields = type(packet).__name__, packet.fields
        if name in ("IP", "IPerror"):
            end = start + fields["len"]
        elif name in ("IPv6", "IPerror6"):
            end = position + fields["plen"] if fields["plen"] else stop
        elif name in ("UDP", "UDPerror"):
            end = start + fields["len"]
        else:
            end = attempt(partial(self._extracted, packet, position, stop)) or stop
        return stop if end < position else min(end, stop)

    def _extracted(self, packet: Any, position: int, stop: int) -> int:
        payload, _ = packet.extract_padding(self.data[position:stop])
        return position + len(payload) if self.data.startswith(payload, position) else stop

    def _payload(self, packet: Any, start: int, stop: int) -> Any:
        """The class of the header that comes next; if there is none, writes the payload and returns None."""
        name = type(packet).__name__
        if start >= stop:
            return None
        if name == "TCP":
            self._stream(packet.fields["sport"], packet.fields["dport"], start, stop)
            return None
        if name == "UDP":
            return self._datagram(packet.fields["sport"], packet.fields["dport"], start, stop)
        header = attempt(lambda: next_class(packet, self.data[start:stop]))
        if header is None:
            piece = name in ("IP", "IPv6ExtHdrFragment") and (packet.fields.get("frag") or packet.fields.get("offset"))
            self._raw(start, stop, "a piece of a datagram that was sent in fragments" if piece else "")
        return header

    def _stream(self, source: int, destination: int, start: int, stop: int) -> None:
        data, size = self.data, int.from_bytes(self.data[start : start + 2], "big")
        if is_http(data, start, stop):
            read_http(self.builder, data, start, stop)
        elif is_tls(data, start, stop):
            read_tls(self.builder, data, start, stop)
        elif 53 in (source, destination) and 12 <= size == stop - start - 2:
            read_dns(self.builder, data, start, stop, prefixed=True)
        else:
            self._raw(start, stop, "a piece of the byte stream")

    def _datagram(self, source: int, destination: int, start: int, stop: int) -> Any:
        if _DNS_PORTS & {source, destination}:
            read_dns(self.builder, self.data, start, stop)
            return None
        if is_http(self.data, start, stop):
            read_http(self.builder, self.data, start, stop, SSDP)
            return None
        header = attempt(lambda: datagram_class(source, destination))
        if header is None:
            self._raw(start, stop, "")
        return header

    def _raw(self, start: int, stop: int, why: str) -> None:
        if start < stop:
            below = self.builder.last
            osi = 7 if below.osi >= 4 else below.osi + (below.pdu != "message")  # the rest of a message stays with it
            read_data(self.builder, self.data, start, stop, why, osi)


def attempt(call: Callable[[], Result]) -> Result | None:
    """What `call` returns, None if it raises: the one place where Scapy's failures end.

    Its dissectors raise anything (IndexError, struct.error, TypeError, its own exceptions …) on unexpected bytes.
    """
    try:
        return call()
    except Exception:  # noqa: BLE001 - any class, see above; the caller shows the bytes and says that they are not readable
        return None


def instance(header: Any, data: bytes, below: Any) -> Any:
    """An empty packet of Scapy's class `header` (or the variant that it chooses for `data`), above `below`."""
    if "dispatch_hook" in header.__dict__:
        header = header.dispatch_hook(data, _underlayer=below, _internal=1)
    packet = header.__new__(header)
    packet.__init__(_internal=1, _underlayer=below)
    packet.original = data
    return packet if hasattr(packet, "fields_desc") and header.__name__ != "Raw" else None
