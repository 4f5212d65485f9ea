"""The layers of one packet: every header and field with its place in the captured bytes.

For the packet that is looked at, never for a capture. Nothing here holds state, so any thread may ask.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Field:
    """One line of the tree: a header or a field, and where it stands in the captured bytes.

    `offset` is the first byte that it touches, -1 where it stands nowhere (what the capture file tells of the
    packet); `length` counts the bytes that it touches. A field of single bits begins `bit_offset` bits after the
    first, most significant bit of that byte and is `bit_length` bits long; both are 0 for whole bytes. Where the
    dissector can't tell a field's place within its header, the range is the header's (or that of the group of
    little-endian bits it stands in): wide, never wrong.
    """

    depth: int  # 0: a header; 1: its fields; 2 and more: fields within fields (options, records)
    path: str  # what it is, unique in its packet, the same in the next: "tcp", "tcp.flags", "ipv4#2" for the second
    name: str  # Wireshark's or the RFC's: "Sequence Number"
    value: str  # control characters escaped
    offset: int
    length: int
    bit_offset: int
    bit_length: int
    layer: int  # index into `Dissection.layers`


@dataclass(frozen=True, slots=True)
class Layer:
    """One header, filed under the OSI layer (1 to 7) where textbooks put its protocol.

    Disputed places: ARP stands on layer 2, as in RFC 1122 section 2.3.2; ICMP, IGMP and routing protocols on 3, with
    the packets they serve; a tunnel's header on the layer that carries it; TLS on 6 (it makes sessions, too).
    """

    osi: int
    name: str  # "IPv4"
    key: str  # "ipv4": the first part of its fields' paths
    pdu: str  # "bits", "frame", "packet", "segment", "datagram", "message"; "" for a part of one
    source: str  # its address on this layer: MAC, IP, port; "" if it has none
    destination: str
    offset: int  # of its first byte in the captured bytes; 0 for layer 1, which has none
    header_length: int  # bytes that its fields cover, without what it carries
    summary: str  # its main fields in a few words, or why they could not be read


@dataclass(frozen=True, slots=True)
class Dissection:
    """One packet, taken apart.

    `layers` stand as in the bytes, the outermost (layer 1) first. `fields` is the tree written flat:
    each header's line, followed by its fields. Headers never overlap.
    """

    layers: tuple[Layer, ...]
    fields: tuple[Field, ...]


def dissect(data: bytes, link_type: int, *, original_length: int) -> Dissection:
    """Take one packet apart. Pure, for any thread; whatever the bytes, it returns.

    `data` are the captured bytes, `link_type` the LINKTYPE_ number of the tcpdump.org registry, `original_length`
    the packet's length on the wire in bytes. What is cut, malformed or unknown becomes raw bytes with
    the reason in the layer's summary. The first call imports Scapy (a fifth of a second).
    """
    from analysis.layers_driver import Driver  # noqa: PLC0415 - it needs the types above

    return Driver(data, link_type, original_length).run()
