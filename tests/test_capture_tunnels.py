"""Tunnels are followed to the innermost packet; the outer UDP becomes a mention."""

from __future__ import annotations

import struct

import pytest

from capture.decode import decode_alone
from capture.protocol import Flag
from packet_builder import (
    MACS,
    TCP_4,
    TCP_6,
    UDP_4,
    arp,
    batch_of,
    decoded,
    ethernet,
    ipv4,
    ipv6,
    mentions_of,
    tcp,
    told,
    udp,
    vlan,
)

FOUR = ipv4(tcp(b"data"))
SIX = ipv6(tcp(b"data"))
FRAME = ethernet(FOUR)


def in_udp(port: int, content: bytes) -> bytes:
    return ethernet(ipv4(udp(content, port), 17))


def gre(flags: int, number: int, content: bytes) -> bytes:
    return ethernet(ipv4(struct.pack(">HH", flags, number) + content, 47))


WITHOUT_UDP = {
    "IPv4 in IPv4": (ethernet(ipv4(FOUR, 4)), "ipv4 ipv4 tcp"),
    "IPv6 in IPv4": (ethernet(ipv4(SIX, 41)), "ipv4 ipv6 tcp"),
    "IPv4 in IPv6": (ethernet(ipv6(FOUR, 4), 0x86DD), "ipv6 ipv4 tcp"),
    "IPv6 in IPv6, after options": (
        ethernet(ipv6(b"\x29\0" + bytes(6) + SIX, 60), 0x86DD),
        "ipv6 ipv6-extension ipv6 tcp",
    ),
    "IPv4 in AH": (ethernet(ipv4(b"\x04\x04\0\0" + bytes(20) + FOUR, 51)), "ipv4 ah ipv4 tcp"),
    "MPLS in IPv4": (ethernet(ipv4(b"\0\x02\x01\x40" + FOUR, 137)), "ipv4 mpls ipv4 tcp"),
    "GRE": (gre(0, 0x0800, FOUR), "ipv4 gre ipv4 tcp"),
    "GRE with IPv6": (gre(0, 0x86DD, SIX), "ipv4 gre ipv6 tcp"),
    "GRE with checksum, key and sequence": (gre(0xB000, 0x0800, bytes(12) + FOUR), "ipv4 gre ipv4 tcp"),
    "GRE with Ethernet": (gre(0x2000, 0x6558, bytes(4) + FRAME), "ipv4 gre ethernet ipv4 tcp"),
    "GRE with MPLS": (gre(0, 0x8847, b"\0\x02\x01\x40" + FOUR), "ipv4 gre mpls ipv4 tcp"),
    "PPTP": (gre(0x3001, 0x880B, bytes(8) + b"\xff\x03\x00\x21" + FOUR), "ipv4 gre ppp ipv4 tcp"),
    "PPTP with acknowledgment": (gre(0x3081, 0x880B, bytes(12) + b"\x21" + FOUR), "ipv4 gre ppp ipv4 tcp"),
    "ERSPAN I": (gre(0, 0x88BE, FRAME), "ipv4 gre erspan ethernet ipv4 tcp"),
    "ERSPAN II": (gre(0x1000, 0x88BE, bytes(4) + bytes(8) + FRAME), "ipv4 gre erspan ethernet ipv4 tcp"),
    "ERSPAN III": (gre(0x1000, 0x22EB, bytes(4) + bytes(12) + FRAME), "ipv4 gre erspan ethernet ipv4 tcp"),
    "ERSPAN III with platform header": (
        gre(0x1000, 0x22EB, bytes(4) + bytes(11) + b"\x01" + bytes(8) + FRAME),
        "ipv4 gre erspan ethernet ipv4 tcp",
    ),
}

GENEVE = struct.pack(">BBHI", 0x02, 0, 0x6558, 0x700) + bytes(8)
GTP_EXTENDED = b"\x34\xff\0\x40\0\0\0\x01\0\0\0\x85\x01\x10\x09\0"
TEREDO_ORIGIN = b"\0\0" + bytes(6)
TEREDO_AUTHENTICATION = b"\0\x01\x02\x01" + b"id" + b"v" + bytes(8) + b"\0"
WITHIN_UDP = {
    "VXLAN": (4789, b"\x08\0\0\0\0\0\x07\0" + FRAME, "vxlan ethernet ipv4 tcp"),
    "VXLAN with a tag inside": (4789, b"\x08\0\0\0\0\0\x07\0" + vlan(SIX, 0x86DD), "vxlan ethernet vlan ipv6 tcp"),
    "VXLAN on Linux's old port": (8472, b"\x08\0\0\0\0\0\x07\0" + FRAME, "vxlan ethernet ipv4 tcp"),
    "VXLAN-GPE": (4790, b"\x0c\0\0\x01\0\0\x07\0" + FOUR, "vxlan-gpe ipv4 tcp"),
    "VXLAN-GPE with Ethernet": (4790, b"\x0c\0\0\x03\0\0\x07\0" + FRAME, "vxlan-gpe ethernet ipv4 tcp"),
    "Geneve with options": (6081, GENEVE + FRAME, "geneve ethernet ipv4 tcp"),
    "Geneve with IPv6": (6081, struct.pack(">BBHI", 0, 0, 0x86DD, 0x700) + SIX, "geneve ipv6 tcp"),
    "GTP-U": (2152, b"\x30\xff\0\x40\0\0\0\x01" + FOUR, "gtp ipv4 tcp"),
    "GTP-U with sequence number": (2152, b"\x32\xff\0\x40\0\0\0\x01" + bytes(4) + SIX, "gtp ipv6 tcp"),
    "GTP-U with an extension header": (2152, GTP_EXTENDED + FOUR, "gtp ipv4 tcp"),
    "Teredo": (3544, SIX, "teredo ipv6 tcp"),
    "Teredo, IPv6 longer than the datagram": (3544, ipv6(tcp(b"data"), length=900), "teredo ipv6 tcp"),
    "Teredo with origin": (3544, TEREDO_ORIGIN + SIX, "teredo ipv6 tcp"),
    "Teredo with authentication": (3544, TEREDO_AUTHENTICATION + TEREDO_ORIGIN + SIX, "teredo ipv6 tcp"),
    "L2TP": (1701, b"\0\x02\0\x01\0\x01\xff\x03\x00\x21" + FOUR, "l2tp ppp ipv4 tcp"),
    "L2TP with length, sequence numbers and offset": (
        1701,
        b"\x4a\x02\0\x40\0\x01\0\x01\0\0\0\0\0\x03pad\x00\x57" + SIX,
        "l2tp ppp ipv6 tcp",
    ),
    "AYIYA": (5072, b"\x44\x52\x11\x29" + bytes(4) + bytes(16) + bytes(20) + SIX, "ayiya ipv6 tcp"),
    "GRE in UDP": (4754, b"\0\0\x08\0" + FOUR, "gre ipv4 tcp"),
}


@pytest.mark.parametrize("name", WITHOUT_UDP)
def test_a_tunnel_below_the_transport(name: str) -> None:
    frame, path = WITHOUT_UDP[name]
    headers = decode_alone(batch_of([frame]))
    packet = told(headers)
    assert packet.path == f"ethernet {path}"
    assert packet.ends == (TCP_6 if path.endswith("ipv6 tcp") else TCP_4)
    assert packet.payload == len(frame) - 4
    assert packet.flags == Flag.ACK
    assert mentions_of(headers) == []


@pytest.mark.parametrize("name", WITHIN_UDP)
def test_a_tunnel_within_udp_mentions_the_outer_ports(name: str) -> None:
    port, content, path = WITHIN_UDP[name]
    frame = in_udp(port, content)
    headers = decode_alone(batch_of([frame]))
    packet = told(headers)
    assert packet.path == f"ethernet ipv4 udp {path}"
    assert packet.ends == (TCP_6 if path.endswith("ipv6 tcp") else TCP_4)
    assert packet.payload == len(frame) - 4
    assert packet.payload_length == 4
    assert packet.flags == Flag.ACK
    assert mentions_of(headers) == [(0, "before", f"17: 10.0.0.1 2000 > 10.0.0.2 {port}")]


def test_a_tunnel_is_also_known_by_its_source_port() -> None:
    frame = ethernet(ipv4(udp(b"\x08\0\0\0\0\0\x07\0" + FRAME, 2000, source=4789), 17))
    assert decoded(frame).protocol == "TCP4"


NOT_TUNNELS = {
    "VXLAN without its identifier's flag": (4789, b"\0" * 8 + FRAME),
    "VXLAN too short for a frame": (4789, b"\x08\0\0\0\0\0\x07\0" + FRAME[:13]),
    "VXLAN-GPE with an unknown protocol": (4790, b"\x0c\0\0\x63\0\0\x07\0" + FOUR),
    "Geneve of version 1": (6081, b"\x40" + GENEVE[1:] + FRAME),
    "GTP-U that is not user data": (2152, b"\x30\x01\0\x40\0\0\0\x01" + FOUR),
    "GTP-U without IP inside": (2152, b"\x30\xff\0\x40\0\0\0\x01\x99" + FOUR),
    "GTP of version 2": (2152, b"\x50\xff\0\x40\0\0\0\x01" + FOUR),
    "Teredo's port with something else": (3544, b"Hello, this is no IPv6 packet, but long enough"),
    "L2TP control": (1701, b"\xc8\x02\0\x0c\0\x01\0\0\0\0\0\0"),
    "AYIYA heartbeat": (5072, b"\x44\x52\x10\x3b" + bytes(44)),
    "GRE in UDP of version 1": (4754, b"\0\x01\x08\0" + FOUR),
    "another port": (9999, FOUR),
}


@pytest.mark.parametrize("name", NOT_TUNNELS)
def test_what_does_not_look_like_a_tunnel_stays_udp(name: str) -> None:
    port, content = NOT_TUNNELS[name]
    headers = decode_alone(batch_of([in_udp(port, content)]))
    packet = told(headers)
    assert (packet.path, packet.protocol) == ("ethernet ipv4 udp", "UDP4")
    assert packet.ends == f"17: 10.0.0.1 2000 > 10.0.0.2 {port}"
    assert (packet.payload, packet.payload_length) == (42, len(content))
    assert mentions_of(headers) == []


def test_tunnels_in_tunnels_are_mentioned_from_the_outside_in() -> None:
    inner = ipv4(udp(b"\x30\xff\0\x40\0\0\0\x01" + FOUR, 2152), 17, source="10.1.0.1", destination="10.1.0.2")
    frames = [in_udp(53, b"query"), in_udp(4789, b"\x08\0\0\0\0\0\x07\0" + ethernet(inner))]
    headers = decode_alone(batch_of(frames))
    assert told(headers, 0).ends == UDP_4
    assert told(headers, 1).path == "ethernet ipv4 udp vxlan ethernet ipv4 udp gtp ipv4 tcp"
    assert mentions_of(headers) == [
        (1, "before", "17: 10.0.0.1 2000 > 10.0.0.2 4789"),
        (1, "before", "17: 10.1.0.1 2000 > 10.1.0.2 2152"),
    ]


def test_arp_in_a_tunnel_is_arp() -> None:
    packet = decoded(in_udp(4789, b"\x08\0\0\0\0\0\x07\0" + ethernet(arp(), 0x0806)))
    assert (packet.protocol, packet.ends) == ("ARP", "2054: 192.0.2.1 > 192.0.2.2")
    assert (packet.transport, packet.payload, packet.payload_length) == (-1, -1, 0)


def test_an_unknown_frame_in_a_tunnel_has_the_inner_hardware_addresses() -> None:
    packet = decoded(ethernet(ipv6(udp(b"\x08\0\0\0\0\0\x07\0" + ethernet(bytes(46), 0x88CC), 4789), 17), 0x86DD))
    assert (packet.protocol, packet.ends) == ("LLDP", f"35020: {MACS}")


def test_gre_with_something_else_stays_ip() -> None:
    packet = decoded(gre(0, 0x1234, bytes(20)))
    assert (packet.protocol, packet.ends, packet.path) == ("IPV4", "47: 10.0.0.1 > 10.0.0.2", "ethernet ipv4 gre")
