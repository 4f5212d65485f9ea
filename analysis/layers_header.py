"""Writes one header down from Scapy's fields: names, values, the fields within fields, and the summary."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any, Final

from analysis.layers_build import Outline, Range
from analysis.layers_options import dhcp_options, tcp_options
from analysis.layers_values import TCP_FLAGS, hexadecimal, named, readable
from analysis.layers_walk import Placed, UnplacedError, Walk, bit_range, item_places, unwrapped

if TYPE_CHECKING:
    from collections.abc import Sequence

    from analysis.layers_build import Builder
    from analysis.layers_headers import Header

MAX_DEPTH: Final = 8
"""Packets within fields within packets; deeper ones are left in hex."""

_SKIPPED: Final = {
    "TCP": frozenset({"options"}),  # read by us: Scapy does not keep their places
    "TCPerror": frozenset({"options"}),
    "BOOTP": frozenset({"options"}),
    "ICMP": frozenset({"extpad", "ext"}),  # RFC 4884 extensions stand behind the quoted packet
    "ICMPerror": frozenset({"extpad", "ext"}),
}
_ECN: Final = {0: "not ECN-capable", 1: "ECT(1)", 2: "ECT(0)", 3: "congestion experienced"}
_PARTS: Final[dict[str, Sequence[tuple[str, str, int]]]] = {
    "tos": (("dscp", "DSCP", 6), ("ecn", "ECN", 2)),  # RFC 2474, RFC 3168
    "tc": (("dscp", "DSCP", 6), ("ecn", "ECN", 2)),
    "flags.ip": (("reserved", "Reserved", 1), ("df", "Don't Fragment", 1), ("mf", "More Fragments", 1)),
    "flags.tcp": tuple((name.lower(), name, 1) for name in TCP_FLAGS),
}
_DHCP_COOKIE: Final = b"c\x82Sc"  # RFC 2131 section 3: what follows are options
_NONE: Final[frozenset[str]] = frozenset()


class HeaderReader:
    """Reads and writes one header. `position` and `stop` are valid as far as it came, whatever was raised."""

    def __init__(self, builder: Builder, data: bytes, header: Header, *, prefix: str = "") -> None:
        self.builder = builder
        self.data = data
        self.header = header
        self.trailers: list[tuple[str, str, Range]] = []
        self.values: dict[str, str] = {}
        self._depth = 2 if prefix else 1
        self._prefix = prefix
        self.position = 0

    def read(self, packet: Any, start: int, stop: int) -> tuple[int, int]:
        """Read the header of `packet` in `data[start:stop]`; returns where it ends, and where its payload may end.

        Raises anything: Scapy's dissectors are not written for bytes that do not fit.
        """
        self.position = start
        if not _plain(packet, "do_dissect") or packet.pre_dissect(self.data[start:stop]) != self.data[start:stop]:
            self.position = self._read_unplaced(packet, start, stop)
            return self.position, stop
        name = type(packet).__name__
        walk = Walk(packet, self.data, start, stop)
        for placed in walk.fields(_SKIPPED.get(name, _NONE)):
            self._field(packet, placed)
            if not placed.trailer:  # a byte of bit fields that is half read is part of the header
                self.position = max(self.position, placed.place.offset + placed.place.length)
        self.position = walk.position
        if name in ("TCP", "TCPerror"):
            self.position = self._tcp_options(packet, start, walk.position, walk.stop)
        elif name == "BOOTP" and self.data.startswith(_DHCP_COOKIE, walk.position, walk.stop):
            self._dhcp_options(walk.position, walk.stop)
        if not _plain(packet, "post_dissect"):
            self._rest(packet, walk.stop)
        return self.position, walk.stop

    def _field(self, packet: Any, placed: Placed) -> None:
        field = placed.field
        name, style = self.header.fields.get(field.name, (_spoken(field.name), None))
        value = style(placed.value) if style else shown(field, packet, placed.value)
        slug = self._prefix + field.name.lower()
        self.values[field.name] = value
        if placed.trailer:
            if placed.place.length:
                self.trailers.append((name, value, placed.place))
            return
        self.builder.field(slug, name, value, placed.place, self._depth)
        parts = _PARTS.get(field.name) or _PARTS.get(f"{field.name}.{self._family(packet)}")
        if parts:
            self._parts(slug, parts, placed)
        items = _packets(placed.value)
        if items:
            self._items(slug, items, placed.place)

    @staticmethod
    def _family(packet: Any) -> str:
        return {"IP": "ip", "IPerror": "ip", "TCP": "tcp", "TCPerror": "tcp"}.get(type(packet).__name__, "")

    def _parts(self, slug: str, parts: Sequence[tuple[str, str, int]], placed: Placed) -> None:
        place = placed.place
        left = place.bit_length or place.length * 8
        first = place.offset * 8 + place.bit_offset
        for part, name, width in parts:
            left -= width
            value = int(placed.value) >> left & ((1 << width) - 1)
            text = named(value, _ECN) if part == "ecn" else str(value)
            self.builder.field(f"{slug}.{part}", name, text, bit_range(first, width), self._depth + 1)
            first += width

    def _items(self, slug: str, items: list[Any], place: Range) -> None:
        places = item_places(items, place, self.data)
        if places is None or self._depth >= MAX_DEPTH:
            return
        for item, where in zip(items, places, strict=True):
            self._nested(f"{slug}.{type(item).__name__.lower()}", part_name(str(item.name)), item, where)

    def _nested(self, slug: str, label: str, item: Any, place: Range) -> None:
        self.builder.field(
            slug, label, hexadecimal(self.data[place.offset : place.offset + place.length]), place, self._depth + 1
        )
        if not _plain(item, "do_dissect") or not place.length:
            return
        outer, self._prefix = self._prefix, f"{slug}."
        self._depth += 2
        walk = Walk(item, self.data, place.offset, place.offset + place.length)
        try:
            for placed in walk.fields():
                self._field(item, placed)
        except (UnplacedError, struct.error):
            return  # the item's own line has its bytes
        finally:
            self._depth -= 2
            self._prefix = outer

    def _tcp_options(self, packet: Any, start: int, position: int, stop: int) -> int:
        end: int = min(max(start + packet.fields["dataofs"] * 4, position), stop)
        if end > position:
            place = Range(position, end - position)
            self.builder.field("options", "Options", f"{end - position} bytes", place)
            self.values["options"] = ", ".join(tcp_options(self.builder, self.data, position, end))
        return end

    def _dhcp_options(self, position: int, stop: int) -> None:
        self.builder.field("cookie", "Magic Cookie", "DHCP", Range(position, 4))
        message = dhcp_options(self.builder, self.data, position + 4, stop)
        self.values["op"] = message or self.values["op"]
        self.position = stop

    def _rest(self, packet: Any, stop: int) -> None:
        """What a header takes for itself after its fields: radiotap's fields of namespaces that Scapy does not know."""
        rest = self.data[self.position : stop]
        payload = packet.post_dissect(rest)
        taken = len(rest) - len(payload)
        if taken > 0 and rest.endswith(payload):
            self.builder.field("rest", "Not Decoded", hexadecimal(rest[:taken]), Range(self.position, taken))
            self.position += taken

    def _read_unplaced(self, packet: Any, start: int, stop: int) -> int:
        whole = self.data[start:stop]
        rest = packet.do_dissect(packet.pre_dissect(whole))
        if isinstance(rest, tuple) or not whole.endswith(rest):
            raise UnplacedError
        place = Range(start, len(whole) - len(rest))
        for field in packet.fields_desc:
            if field.name in packet.fields:
                self._field(packet, Placed(unwrapped(field), packet.fields[field.name], place))
        return place.offset + place.length

    def outline(self, length: int, note: str = "") -> Outline:
        """What the header's line says; `note` tells why it is not whole."""
        said = [
            f"{label} {self.values[name]}".strip() for name, label in self.header.main.items() if name in self.values
        ]
        if self.values.get("options") and self.header.kind.key == "tcp":
            said.append(self.values["options"])
        source, destination = self.header.addresses or ("", "")
        return Outline(
            length,
            ", ".join([*said, note] if note else said),
            self.values.get(source, ""),
            self.values.get(destination, ""),
        )


def shown(field: Any, packet: Any, value: Any) -> str:
    """A field's value as Scapy would say it, a number beside its name: "8 (echo-request)"."""
    if isinstance(value, bytes):
        return readable(value)
    if _packets(value):
        count = len(value) if isinstance(value, list) else 1
        return f"{count} item{'s' if count != 1 else ''}"
    if type(value).__name__ == "FlagValue":
        return str(value).replace("+", ", ") or "none"
    said = field.i2repr(packet, value)
    if not isinstance(said, str):
        said = str(said)
    if isinstance(value, int) and said.strip("'\"") and not said.strip("'\"")[0].isdigit() and said[:1] != "-":
        return f"{int(value)} ({said})"
    return said.strip("'")


def _packets(value: Any) -> list[Any]:
    items = value if isinstance(value, list) else [value]
    return items if items and all(hasattr(item, "fields_desc") for item in items) else []


def part_name(name: str) -> str:
    """A part's name without the header's, which stands above it."""
    for prefix in ("802.11 ", "ICMPv6 Neighbor Discovery Option - ", "IP Option "):
        name = name.removeprefix(prefix)
    return name


def _plain(packet: Any, method: str) -> bool:
    """Whether `packet` leaves `method` as it is in Scapy's base class, which reads one field after the other."""
    base = next(base for base in type(packet).__mro__ if base.__name__ == "Packet")
    return getattr(type(packet), method) is getattr(base, method)


def _spoken(name: str) -> str:
    return " ".join(word[:1].upper() + word[1:] for word in name.replace("_", " ").split()) or name
