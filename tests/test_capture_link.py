"""Every link type leads to the segment inside, or to the name of what it carries."""

from __future__ import annotations

import struct

import pytest

from packet_builder import (
    MAC_A,
    MAC_B,
    MACS,
    TCP_4,
    TCP_6,
    arp,
    decoded,
    ethernet,
    ipv4,
    ipv6,
    tcp,
    vlan,
)

FOUR = ipv4(tcp(b"data"))
SIX = ipv6(tcp(b"data"))
SNAP = b"\xaa\xaa\x03\0\0\0"


def wlan(bits: int, *, control: int = 0x08, more: bytes = b"", fragment: int = 0) -> bytes:
    """A data frame's header: the bits say to (1) and from (2) the distribution system."""
    addresses = MAC_B + MAC_A + bytes.fromhex("0200000000cc")
    return bytes([control, bits, 0, 0]) + addresses + struct.pack("<H", fragment) + more


def radiotap(frame: bytes, flags: int) -> bytes:
    """With a clock (so that the flags stand at 16) and flags."""
    return struct.pack("<BBHIQB", 0, 0, 17, 0b11, 9, flags) + frame


LINKS = {
    "NULL, little-endian": (0, b"\x02\0\0\0" + FOUR, "null ipv4 tcp"),
    "NULL, big-endian": (0, b"\0\0\0\x02" + FOUR, "null ipv4 tcp"),
    "NULL, IPv6 of macOS": (0, b"\x1e\0\0\0" + SIX, "null ipv6 tcp"),
    "NULL, IPv6 of FreeBSD": (0, b"\x1c\0\0\0" + SIX, "null ipv6 tcp"),
    "NULL with PPP in it": (0, b"\xff\x03\x00\x21" + FOUR, "null ppp ipv4 tcp"),
    "LOOP": (108, b"\0\0\0\x18" + SIX, "loop ipv6 tcp"),
    "ENC": (109, b"\x02\0\0\0" + bytes(8) + FOUR, "enc ipv4 tcp"),
    "Ethernet II": (1, ethernet(FOUR), "ethernet ipv4 tcp"),
    "Ethernet II, IPv6": (1, ethernet(SIX, 0x86DD), "ethernet ipv6 tcp"),
    "802.1Q": (1, vlan(FOUR), "ethernet vlan ipv4 tcp"),
    "802.1ad and 802.1Q": (
        1,
        ethernet(b"\0\x01\x81\0\0\x02\x08\0" + FOUR, 0x88A8),
        "ethernet vlan vlan ipv4 tcp",
    ),
    "old QinQ": (1, vlan(SIX, 0x86DD, 0x9100), "ethernet vlan ipv6 tcp"),
    "802.1ah": (1, ethernet(bytes(4) + ethernet(FOUR), 0x88E7), "ethernet pbb ethernet ipv4 tcp"),
    "Cisco MetaData": (1, ethernet(b"\x01\x01\0\x01\0\x07\x08\0" + FOUR, 0x8909), "ethernet cmd ipv4 tcp"),
    "802.3, SNAP": (1, ethernet(SNAP + b"\x08\0" + FOUR, len(FOUR) + 8), "ethernet llc snap ipv4 tcp"),
    "802.3 in a tag": (1, vlan(SNAP + b"\x08\0" + FOUR, len(FOUR) + 8), "ethernet vlan llc snap ipv4 tcp"),
    "802.3, IP by its service access point": (
        1,
        ethernet(b"\x06\x06\x03" + FOUR, len(FOUR) + 3),
        "ethernet llc ipv4 tcp",
    ),
    "MPLS": (1, ethernet(b"\0\x01\x00\x40\0\x02\x01\x40" + FOUR, 0x8847), "ethernet mpls ipv4 tcp"),
    "MPLS, IPv6 below": (1, ethernet(b"\0\x02\x01\x40" + SIX, 0x8848), "ethernet mpls ipv6 tcp"),
    "MPLS, pseudowire with control word": (
        1,
        ethernet(b"\0\x02\x01\x40" + bytes(4) + ethernet(FOUR), 0x8847),
        "ethernet mpls ethernet ipv4 tcp",
    ),
    "MPLS, pseudowire without": (
        1,
        ethernet(b"\0\x02\x01\x40" + ethernet(FOUR), 0x8847),
        "ethernet mpls ethernet ipv4 tcp",
    ),
    "NSH": (1, ethernet(b"\x0f\xc6\x01\x01" + bytes(20) + FOUR, 0x894F), "ethernet nsh ipv4 tcp"),
    "PPPoE": (
        1,
        ethernet(struct.pack(">BBHH", 0x11, 0, 7, len(FOUR) + 2) + b"\x00\x21" + FOUR, 0x8864),
        "ethernet pppoe ppp ipv4 tcp",
    ),
    "PPPoE as link": (51, struct.pack(">BBHH", 0x11, 0, 7, len(SIX) + 2) + b"\x00\x57" + SIX, "pppoe ppp ipv6 tcp"),
    "PPP": (9, b"\x00\x21" + FOUR, "ppp ipv4 tcp"),
    "PPP with address and control": (50, b"\xff\x03\x00\x57" + SIX, "ppp ipv6 tcp"),
    "PPP, protocol in one byte": (9, b"\x21" + FOUR, "ppp ipv4 tcp"),
    "PPP with direction": (204, b"\x01\xff\x03\x00\x21" + FOUR, "ppp ipv4 tcp"),
    "Cisco HDLC": (104, b"\x0f\0\x08\0" + FOUR, "hdlc ipv4 tcp"),
    "Cisco HDLC, MPLS": (104, b"\x0f\0\x88\x47\0\x02\x01\x40" + FOUR, "hdlc mpls ipv4 tcp"),
    "Frame Relay": (107, b"\x18\x41\x03\xcc" + FOUR, "frame-relay ipv4 tcp"),
    "Frame Relay, padded SNAP": (107, b"\x18\x41\x03\0\x80\0\0\0\x86\xdd" + SIX, "frame-relay snap ipv6 tcp"),
    "Frame Relay as Cisco does": (107, b"\x18\x41\x08\0" + FOUR, "frame-relay ipv4 tcp"),
    "Frame Relay, four address bytes": (107, b"\x18\x40\x40\x41\x03\xcc" + FOUR, "frame-relay ipv4 tcp"),
    "NFLOG, a rule for both versions": (
        239,
        b"\x01\0\0\x05" + struct.pack("<HH", 4 + len(SIX), 9) + SIX,
        "nflog ipv6 tcp",
    ),
    "PPP with another control byte": (9, b"\xff\x13\x00\x21" + FOUR, "ppp ipv4 tcp"),
    "raw IP": (101, FOUR, "ipv4 tcp"),
    "raw IP, as BSD numbers it": (12, SIX, "ipv6 tcp"),
    "raw IP, as OpenBSD numbers it": (14, FOUR, "ipv4 tcp"),
    "IPv4": (228, FOUR, "ipv4 tcp"),
    "IPv6": (229, SIX, "ipv6 tcp"),
    "SLIP": (8, bytes(16) + FOUR, "slip ipv4 tcp"),
    "Linux cooked": (113, b"\0\0\0\x01\0\x06" + MAC_A + b"\0\0\x08\0" + FOUR, "sll ipv4 tcp"),
    "Linux cooked, tagged": (113, b"\0\0\0\x01\0\x06" + MAC_A + b"\0\0\x81\0\0\x05\x08\0" + FOUR, "sll vlan ipv4 tcp"),
    "Linux cooked, LLC": (
        113,
        b"\0\0\0\x01\0\x06" + MAC_A + b"\0\0\0\x04" + SNAP + b"\x08\0" + FOUR,
        "sll llc snap ipv4 tcp",
    ),
    "Linux cooked 2": (276, b"\x86\xdd" + bytes(8) + b"\0\x06" + MAC_A + b"\0\0" + SIX, "sll2 ipv6 tcp"),
    "FDDI": (10, b"\x50" + MAC_B + MAC_A + SNAP + b"\x08\0" + FOUR, "fddi llc snap ipv4 tcp"),
    "Token Ring": (6, b"\x10\x40" + MAC_B + MAC_A + SNAP + b"\x08\0" + FOUR, "token-ring llc snap ipv4 tcp"),
    "Token Ring with a source route": (
        6,
        b"\x10\x40" + MAC_B + b"\x82" + MAC_A[1:] + b"\x04\0\x12\x34" + SNAP + b"\x08\0" + FOUR,
        "token-ring llc snap ipv4 tcp",
    ),
    "SunATM": (123, b"\x02\x05\0\x20" + SNAP + b"\x08\0" + FOUR, "sun-atm llc snap ipv4 tcp"),
    "IP over IEEE 1394": (138, bytes(16) + b"\x08\0" + FOUR, "ieee1394 ipv4 tcp"),
    "Solaris ipnet": (226, b"\x01\x1a" + bytes(22) + SIX, "ipnet ipv6 tcp"),
    "Juniper Ethernet": (178, b"\x4d\x47\x43\x80\0\x03\x01\x02\x03" + ethernet(FOUR), "juniper ethernet ipv4 tcp"),
    "Juniper Ethernet without extensions": (178, b"\x4d\x47\x43\x00" + ethernet(FOUR), "juniper ethernet ipv4 tcp"),
    "NFLOG, little-endian": (
        239,
        b"\x02\0\0\x05"
        + struct.pack("<HHI", 8, 1, 0)
        + struct.pack("<HHB", 5, 3, 1)
        + bytes(3)
        + struct.pack("<HH", 4 + len(FOUR), 9)
        + FOUR,
        "nflog ipv4 tcp",
    ),
    "NFLOG, big-endian": (239, b"\x0a\0\0\x05" + struct.pack(">HH", 4 + len(SIX), 9) + SIX, "nflog ipv6 tcp"),
    "PPI with Ethernet": (192, struct.pack("<BBHI", 0, 0, 8, 1) + ethernet(FOUR), "ppi ethernet ipv4 tcp"),
    "PPI with 802.11": (
        192,
        struct.pack("<BBHI", 0, 0, 8, 105) + wlan(1) + SNAP + b"\x08\0" + FOUR,
        "ppi wlan llc snap ipv4 tcp",
    ),
    "PKTAP": (258, struct.pack("<III", 20, 1, 1) + bytes(8) + ethernet(FOUR), "pktap ethernet ipv4 tcp"),
    "802.11": (105, wlan(2) + SNAP + b"\x08\0" + FOUR, "wlan llc snap ipv4 tcp"),
    "802.11, quality of service": (
        105,
        wlan(1, control=0x88, more=b"\0\0") + SNAP + b"\x86\xdd" + SIX,
        "wlan llc snap ipv6 tcp",
    ),
    "802.11, four addresses": (105, wlan(3, more=MAC_A) + SNAP + b"\x08\0" + FOUR, "wlan llc snap ipv4 tcp"),
    "802.11, HT control": (
        105,
        wlan(0x81, control=0x88, more=bytes(6)) + SNAP + b"\x08\0" + FOUR,
        "wlan llc snap ipv4 tcp",
    ),
    "radiotap": (127, radiotap(wlan(1) + SNAP + b"\x08\0" + FOUR, 0), "radiotap wlan llc snap ipv4 tcp"),
    "radiotap, padded header": (
        127,
        radiotap(wlan(1, control=0x88, more=b"\0\0\0\0") + SNAP + b"\x08\0" + FOUR, 0x20),
        "radiotap wlan llc snap ipv4 tcp",
    ),
    "Prism": (
        119,
        struct.pack("<II", 0x44, 144) + bytes(136) + wlan(0) + SNAP + b"\x08\0" + FOUR,
        "prism wlan llc snap ipv4 tcp",
    ),
    "AVS": (
        163,
        struct.pack(">II", 0x80211001, 64) + bytes(56) + wlan(0) + SNAP + b"\x08\0" + FOUR,
        "avs wlan llc snap ipv4 tcp",
    ),
}


@pytest.mark.parametrize("name", LINKS)
def test_a_link_leads_to_the_segment(name: str) -> None:
    link_type, frame, path = LINKS[name]
    packet = decoded(frame, link_type)
    assert packet.path == path
    assert packet.protocol == ("TCP6" if "ipv6" in path else "TCP4")
    assert packet.ends == (TCP_6 if "ipv6" in path else TCP_4)
    assert packet.payload == len(frame) - 4
    assert packet.payload_length == 4
    assert packet.flags == 0x10


WITHOUT_A_NETWORK = {
    "ARP": (1, ethernet(arp(), 0x0806), "ARP", "2054: 192.0.2.1 > 192.0.2.2"),
    "RARP": (1, ethernet(arp(), 0x8035), "ARP", "2054: 192.0.2.1 > 192.0.2.2"),
    "ARP for AppleTalk": (1, ethernet(b"\0\x01\x80\x9b\x06\x04\0\x01" + bytes(20), 0x0806), "ARP", f"2054: {MACS}"),
    "spanning tree": (1, ethernet(b"\x42\x42\x03" + bytes(35), 38), "STP", f"66: {MACS}"),
    "Cisco's spanning tree": (1, ethernet(b"\xaa\xaa\x03\0\0\x0c\x01\x0b" + bytes(35), 43), "STP", f"170: {MACS}"),
    "NetBIOS": (1, ethernet(b"\xf0\xf0\x03" + bytes(35), 38), "LLC", f"240: {MACS}"),
    "SNAP's access point without its control byte": (
        1,
        ethernet(b"\xaa\xaa\x13" + bytes(35), 38),
        "LLC",
        f"170: {MACS}",
    ),
    "LLDP": (1, ethernet(bytes(46), 0x88CC), "LLDP", f"35020: {MACS}"),
    "EAPOL": (1, ethernet(bytes(46), 0x888E), "EAPOL", f"34958: {MACS}"),
    "PPPoE discovery": (1, ethernet(bytes(46), 0x8863), "PPPOE", f"34915: {MACS}"),
    "PPP control in PPPoE": (1, ethernet(b"\x11\0\0\x07\0\x06\xc0\x21\x01\x01\0\x04", 0x8864), "PPP", f"34916: {MACS}"),
    "PPP control": (9, b"\xff\x03\xc0\x21\x01\x01\0\x04", "PPP", "9: - > -"),
    "MACsec": (1, ethernet(bytes(46), 0x88E5), "ETHERNET", f"35045: {MACS}"),
    "MPLS over something else": (1, ethernet(b"\0\x02\x01\x40\x50" + bytes(30), 0x8847), "MPLS", f"34887: {MACS}"),
    "802.11 beacon": (105, wlan(0, control=0x80) + bytes(20), "WLAN", f"0: {MACS}"),
    "802.11 acknowledgment": (105, b"\xd4\0\0\0" + MAC_B, "WLAN", "0: 00:00:00:00:00:00 > 02:00:00:00:00:0b"),
    "802.11 protected": (105, wlan(0x40) + SNAP + b"\x08\0" + FOUR, "WLAN", f"0: {MACS}"),
    "802.11 to the system": (105, wlan(0x41) + bytes(20), "WLAN", "0: 02:00:00:00:00:0a > 02:00:00:00:00:cc"),
    "802.11 from the system": (105, wlan(0x42) + bytes(20), "WLAN", "0: 02:00:00:00:00:cc > 02:00:00:00:00:0b"),
    "802.11 without data": (105, wlan(1, control=0x48), "WLAN", "0: 02:00:00:00:00:0a > 02:00:00:00:00:cc"),
    "802.11 fragment": (105, wlan(0, fragment=1) + SNAP + b"\x08\0" + FOUR, "WLAN", f"0: {MACS}"),
    "802.11 A-MSDU": (105, wlan(0, control=0x88, more=b"\x80\0") + bytes(40), "WLAN", f"0: {MACS}"),
    "Linux cooked, unknown": (
        113,
        b"\0\0\0\x01\0\x06" + MAC_A + b"\0\0\x12\x34" + FOUR,
        "ETHERNET",
        "4660: 02:00:00:00:00:0a > 00:00:00:00:00:00",
    ),
    "Linux cooked without an address": (113, bytes(14) + b"\x12\x34", "ETHERNET", "113: - > -"),
    "USB": (189, bytes(64), "UNKNOWN", "189: - > -"),
    "nothing at all": (1, b"", "UNKNOWN", "1: - > -"),
}


@pytest.mark.parametrize("name", WITHOUT_A_NETWORK)
def test_a_frame_without_ip_is_named_with_its_hardware_addresses(name: str) -> None:
    link_type, frame, protocol, ends = WITHOUT_A_NETWORK[name]
    packet = decoded(frame, link_type)
    assert (packet.protocol, packet.ends) == (protocol, ends)
    assert packet.payload_length == 0


def test_the_check_sequence_of_an_802_11_frame_is_not_data() -> None:
    inside = ipv4(tcp(b"data"), total=0)  # so that only the frame's end limits the payload
    frame = wlan(1) + SNAP + b"\x08\0" + inside + b"FCS!"
    assert decoded(radiotap(frame, 0x10), 127).payload_length == 4
    assert decoded(radiotap(frame, 0), 127).payload_length == 8
    field = struct.pack("<HHQHH", 2, 20, 0, 1, 0) + bytes(8)
    assert decoded(struct.pack("<BBHI", 0, 0, 8 + len(field), 105) + field + frame, 192).payload_length == 4


def test_the_length_of_an_802_3_frame_cuts_its_padding() -> None:
    frame = ethernet(SNAP + b"\x08\0" + ipv4(tcp(b"data"), total=0), len(FOUR) + 8) + bytes(10)
    assert decoded(frame).payload_length == 4
