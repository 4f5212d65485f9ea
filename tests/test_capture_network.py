"""IPv4 and IPv6 headers, their options and extensions, and lengths that are not what they seem."""

from __future__ import annotations

import struct

import pytest

from capture.protocol import Flag
from packet_builder import MACS, TCP_4, TCP_6, arp, decoded, ethernet, ipv4, ipv6, tcp, udp

DATA = tcp(b"data")
HOP_BY_HOP = b"\x06\0" + bytes(6)
AH = b"\x06\x04\0\0" + bytes(20)


def packet_4(content: bytes = DATA, protocol: int = 6, **header: object) -> bytes:
    return ethernet(ipv4(content, protocol, **header))  # type: ignore[arg-type]  # passed on as they are


def packet_6(content: bytes = DATA, protocol: int = 6, **header: object) -> bytes:
    return ethernet(ipv6(content, protocol, **header), 0x86DD)  # type: ignore[arg-type]  # passed on as they are


WHOLE = {
    "IPv4": (packet_4(), "ethernet ipv4 tcp", 34),
    "IPv4 with options": (packet_4(options=bytes(12)), "ethernet ipv4 tcp", 46),
    "IPv4 with the most options": (packet_4(options=b"\x01" * 40), "ethernet ipv4 tcp", 74),
    "IPv4, do not fragment": (packet_4(fragment=0x4000), "ethernet ipv4 tcp", 34),
    "IPv4, total length 0 (segmentation offload)": (packet_4(total=0), "ethernet ipv4 tcp", 34),
    "IPv4 in a frame of the least size": (packet_4() + bytes(20), "ethernet ipv4 tcp", 34),
    "IPv4 with AH": (packet_4(AH + DATA, 51), "ethernet ipv4 ah tcp", 58),
    "IPv6": (packet_6(), "ethernet ipv6 tcp", 54),
    "IPv6 in a padded frame": (packet_6() + bytes(20), "ethernet ipv6 tcp", 54),
    "IPv6, payload length 0": (packet_6(length=0), "ethernet ipv6 tcp", 54),
    "IPv6 with hop-by-hop options": (packet_6(HOP_BY_HOP + DATA, 0), "ethernet ipv6 ipv6-extension tcp", 62),
    "IPv6 with routing": (packet_6(HOP_BY_HOP + DATA, 43), "ethernet ipv6 ipv6-extension tcp", 62),
    "IPv6 with mobility": (packet_6(HOP_BY_HOP + DATA, 135), "ethernet ipv6 ipv6-extension tcp", 62),
    "IPv6 with three extensions": (
        packet_6(b"\x2b\0" + bytes(6) + b"\x3c\x01" + bytes(14) + HOP_BY_HOP + DATA, 0),
        "ethernet ipv6 ipv6-extension ipv6-extension ipv6-extension tcp",
        86,
    ),
    "IPv6, atomic fragment": (packet_6(b"\x06" + bytes(7) + DATA, 44), "ethernet ipv6 ipv6-fragment tcp", 62),
    "IPv6 with AH": (packet_6(AH + DATA, 51), "ethernet ipv6 ah tcp", 78),
    "IPv6 under IPv4's EtherType": (ethernet(ipv6(DATA)), "ethernet ipv6 tcp", 54),
}


@pytest.mark.parametrize("name", WHOLE)
def test_a_whole_packet(name: str) -> None:
    frame, path, transport = WHOLE[name]
    packet = decoded(frame)
    assert packet.path == path
    assert packet.ends == (TCP_6 if "ipv6" in path else TCP_4)
    assert packet.network == 14
    assert packet.transport == transport
    assert packet.payload == transport + 20
    assert packet.payload_length == 4
    assert packet.numbers == (5, 6, 700)
    assert packet.flags == Flag.ACK


def test_an_offloaded_packet_reaches_to_the_frame_s_end_on_the_wire() -> None:
    assert decoded(packet_4(total=0), original=5000).payload_length == 5000 - 54
    assert decoded(packet_6(length=0), original=5000).payload_length == 5000 - 74


def test_the_payload_s_length_is_the_headers_word_though_the_capture_cut_it() -> None:
    packet = decoded(packet_4(DATA, total=1500), original=1514)
    assert (packet.payload, packet.payload_length, packet.flags) == (54, 1460, Flag.ACK)


def test_a_total_length_beyond_the_frame_counts_only_what_the_frame_had() -> None:
    assert decoded(packet_4(total=1500)).payload_length == 4


WRONG = {
    "IPv4 of version 5": ethernet(b"\x55" + ipv4(DATA)[1:]),
    "IPv4 header of 16 bytes": ethernet(b"\x44" + ipv4(DATA)[1:]),
    "IPv4 total length shorter than its header": packet_4(total=19),
    "IPv4 header cut": packet_4()[:33],
    "IPv6 of version 4": ethernet(b"\x40" + ipv6(DATA)[1:], 0x86DD),
    "IPv6 header cut": packet_6()[:53],
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_or_cut_ip_header_leaves_an_ethernet_frame(name: str) -> None:
    packet = decoded(WRONG[name])
    assert packet.protocol == "ETHERNET"
    assert packet.ends.endswith(MACS)
    assert packet.flags == Flag.MALFORMED
    assert (packet.network, packet.transport, packet.payload) == (-1, -1, -1)


KINDS = {
    1: ("ICMP4", "IPV6"),
    2: ("IGMP4", "IPV6"),
    33: ("DCCP4", "DCCP6"),
    50: ("ESP4", "ESP6"),
    58: ("IPV4", "ICMP6"),
    59: ("IPV4", "IPV6"),
    89: ("OSPF4", "OSPF6"),
    99: ("IPV4", "IPV6"),
    103: ("PIM4", "PIM6"),
    112: ("VRRP4", "VRRP6"),
    132: ("SCTP4", "SCTP6"),
}


@pytest.mark.parametrize("number", KINDS)
def test_transports_by_their_number(number: int) -> None:
    content = b"\x80\x01\x80\x02" + bytes(16)
    has_ports = number in (33, 132)
    four, six = decoded(packet_4(content, number)), decoded(packet_6(content, number))
    assert (four.protocol, six.protocol) == KINDS[number]
    ports = (" 32769", " 32770") if has_ports else ("", "")
    assert four.ends == f"{number}: 10.0.0.1{ports[0]} > 10.0.0.2{ports[1]}"
    assert six.ends == f"{number}: 2001:db8::1{ports[0]} > 2001:db8::2{ports[1]}"


def test_arp_that_is_not_whole() -> None:
    frame = ethernet(arp(), 0x0806)
    cut = decoded(frame[:-1])
    assert (cut.protocol, cut.ends, cut.flags) == ("ARP", f"2054: {MACS}", Flag.MALFORMED)
    assert decoded(frame[:21]).protocol == "ETHERNET"


def test_labels_without_a_bottom_end() -> None:
    packet = decoded(ethernet(b"\0\x02\x00\x40" * 40, 0x8847))
    assert (packet.protocol, packet.flags) == ("MPLS", Flag.MALFORMED)


def test_headers_in_headers_without_end() -> None:
    packet = decoded(ethernet(struct.pack(">HH", 1, 0x8100) * 40, 0x8100))
    assert (packet.protocol, packet.flags) == ("ETHERNET", Flag.MALFORMED)
    assert len(packet.path.split()) == 32


def test_a_jumbogram_s_udp_length_is_0() -> None:
    assert decoded(packet_6(udp(b"data", length=0), 17)).payload_length == 4
