"""The conversations that large captures are made of, each written once, and how common each is.

The mix: nine packets in ten are TCP (transfers, exchanges, and every trouble the fixtures know), most others DNS, the
rest ARP and ICMP; one in ten is IPv6, a few carry a VLAN tag, half of TCP carries timestamps.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

from fixtures import beyond_tcp, wire
from fixtures.conversations import CLOSE, CONVERSATIONS, HANDSHAKE
from fixtures.script import End, client, play, server

TIMESTAMPS: Final = struct.pack("!BBBBII", 1, 1, 8, 10, 1_000_000, 2_000_000)
BULK_SEGMENTS: Final = 40
BULK_BYTES: Final = BULK_SEGMENTS * 1448
BULK_NS: Final = 2 * BULK_SEGMENTS * 10**6
IPV4_ADDRESS, IPV6_ADDRESS = 12, 8
IPV4_CHECKSUM: Final = 10
CHECKSUMS: Final = {wire.TCP: 16, wire.UDP: 6, wire.ICMPV6: 2}
"""Where the checksums that cover the addresses stand in their headers; ICMP's for IPv4 does not."""


@dataclass(frozen=True)
class Frame:
    """One packet of a template; offsets count from the frame's first byte, -1 where there is no such field."""

    time_ns: int
    data: bytes
    from_client: bool
    source: int  # of the last two bytes of the source address
    ports: int
    sequence: int
    header_checksum: int  # of IPv4
    checksum: int  # of the transport, where it covers the addresses
    has_ack: bool
    is_udp: bool


@dataclass(frozen=True)
class Template:
    """One conversation, and its share of all packets."""

    frames: list[Frame]
    share: float


def described(time_ns: int, data: bytes) -> Frame:
    """Find the fields that differ from copy to copy."""
    kind, network = struct.unpack_from("!H", data, 12)[0], 14
    if kind == wire.VLAN:
        kind, network = struct.unpack_from("!H", data, 16)[0], 18
    from_client = data[6:12] == wire.mac(1)
    if kind == wire.IPV4:
        protocol, source, transport = data[network + 9], network + IPV4_ADDRESS + 2, network + 20
        header_checksum = network + IPV4_CHECKSUM
    elif kind == wire.IPV6:
        protocol, source, transport = data[network + 6], network + IPV6_ADDRESS + 14, network + 40
        header_checksum = -1
    else:
        return Frame(time_ns, data, from_client, -1, -1, -1, -1, -1, has_ack=False, is_udp=False)
    ports = transport if protocol in (wire.TCP, wire.UDP) else -1
    sequence = transport + 4 if protocol == wire.TCP else -1
    has_ack = protocol == wire.TCP and bool(data[transport + 13] & wire.FLAGS["ACK"])
    return Frame(
        time_ns,
        data,
        from_client,
        source,
        ports,
        sequence,
        header_checksum,
        checksum=transport + CHECKSUMS[protocol] if protocol in CHECKSUMS else -1,
        has_ack=has_ack,
        is_udp=protocol == wire.UDP,
    )


def template(packets: list[tuple[int, bytes]], share: float) -> Template:
    """A conversation whose times count from its first packet."""
    start = packets[0][0]
    return Template([described(time_ns - start, data) for time_ns, data in packets], share)


def bulk(segments: int, *, trouble: str = "") -> str:
    """A download: `segments` full segments, an ACK for every second one, and one kind of trouble in the middle."""
    lines, middle = [HANDSHAKE, "> PSH,ACK 200", "< ACK after=5"], segments // 2
    for number in range(segments):
        offset = 1 + 1448 * number
        if number == middle and trouble == "unseen":
            lines.append("< ACK 1448 after=1 unseen")
        elif number == middle and trouble in ("timeout", "fast"):
            lines.append("< ACK 1448 after=1 lost")
            lines += ["< ACK 1448 after=1", "> ACK after=1"] * 3 if trouble == "fast" else []
            lines.append(f"< ACK 1448 seq={offset} after={300 if trouble == 'timeout' else 2}")
        elif number == middle and trouble == "spurious":
            lines += ["< ACK 1448 after=1", "> ACK after=1", f"< ACK 1448 seq={offset} after=40"]
        elif number == middle and trouble == "late":
            lines += [f"< ACK 1448 seq={offset + 1448} after=1", f"< ACK 1448 seq={offset} after=1"]
        else:
            lines.append("< ACK 1448 after=1")
        if number % 2:
            lines.append("> ACK after=1")
    return "\n".join([*lines, CLOSE])


def exchange(turns: int) -> str:
    """Questions and answers, as a shell or a small service has them."""
    return HANDSHAKE + "> PSH,ACK 60 after=30\n< PSH,ACK 200\n> ACK after=1\n" * turns + CLOSE


def ends(*, timestamps: bool, ipv6: bool) -> tuple[End, End]:
    """A client and a server."""
    one = client(address=beyond_tcp.CLIENT6 if ipv6 else beyond_tcp.CLIENT)
    other = server(address=beyond_tcp.SERVER6 if ipv6 else beyond_tcp.SERVER, port=443)
    one.options = other.options = TIMESTAMPS if timestamps else b""
    return one, other


def tagged(packets: list[tuple[int, bytes]]) -> list[tuple[int, bytes]]:
    """The same frames with a VLAN tag."""
    return [(time_ns, data[:12] + struct.pack("!HH", wire.VLAN, 42) + data[12:]) for time_ns, data in packets]


def scripts() -> list[tuple[str, float]]:
    """TCP conversations with their shares of the TCP packets."""
    troubles = ("timeout", "fast", "spurious", "late", "unseen")
    transfers = [(bulk(60), 30.0), (bulk(200), 15.0)] + [(bulk(60, trouble=name), 4.0) for name in troubles]
    short = [(exchange(3), 15.0), (exchange(25), 15.0)]
    return transfers + short + [(script, 0.2) for script in CONVERSATIONS.values()]


def mix() -> list[Template]:
    """Everything, in its share."""
    templates = []
    for script, share in scripts():
        for timestamps in (False, True):
            plain = play(script, *ends(timestamps=timestamps, ipv6=False))
            newer = play(script, *ends(timestamps=timestamps, ipv6=True))
            templates += [
                template(plain, share * 0.87),
                template(newer, share * 0.1),
                template(tagged(plain), share * 0.03),
            ]
    tcp = sum(one.share for one in templates)
    query, answer = wire.dns(1, "www.example.com"), wire.dns(1, "www.example.com", beyond_tcp.SERVER)
    there = wire.udp((beyond_tcp.CLIENT, 50_001), (beyond_tcp.SERVER, 53), query)
    back = wire.udp((beyond_tcp.SERVER, 53), (beyond_tcp.CLIENT, 50_001), answer)
    dns = [beyond_tcp.to_server(wire.UDP, there), beyond_tcp.to_client(wire.UDP, back)]
    ping = [wire.icmp(kind, 0, 0x12340001, bytes(56)) for kind in (8, 0)]
    pings = [beyond_tcp.to_server(wire.ICMP, ping[0]), beyond_tcp.to_client(wire.ICMP, ping[1])]
    me, router = (wire.mac(1), beyond_tcp.CLIENT), (wire.mac(9), beyond_tcp.ROUTER)
    arp = [wire.ethernet(wire.mac(1), wire.BROADCAST, wire.ARP, wire.arp(1, me, router))]
    others = ((dns, 0.08), (pings, 0.01), (arp, 0.01))
    return templates + [template(beyond_tcp.timed(frames), tcp / 0.9 * share) for frames, share in others]


def one_syn() -> list[Template]:
    """A single SYN."""
    return [template(play("> SYN"), 1)]


def long_connection() -> list[Template]:
    """A handshake, and `BULK_SEGMENTS` segments with their ACKs that follow it."""
    both = play(HANDSHAKE + "< ACK 1448 after=1\n> ACK after=1\n" * BULK_SEGMENTS)
    opening = HANDSHAKE.strip().count("\n") + 1
    start = both[0][0]
    return [
        Template([described(time_ns - start, data) for time_ns, data in part], 1)
        for part in (both[:opening], both[opening:])
    ]
