"""Transport headers, whole, cut by the snap length, or wrong; and those quoted in ICMP errors."""

from __future__ import annotations

import pytest

from capture.decode import decode_alone
from capture.protocol import Flag
from packet_builder import (
    TCP_4,
    TCP_6,
    UDP_4,
    batch_of,
    decoded,
    ethernet,
    ipv4,
    ipv6,
    mentions_of,
    tcp,
    told,
    udp,
)

UNKNOWN_LENGTH = Flag.NOT_ANALYSED | Flag.MALFORMED
SEGMENT = tcp(b"data", flags=0x1FF, options=b"\x01" * 12)


def test_all_nine_flags_and_none_of_the_reserved_bits() -> None:
    assert decoded(ethernet(ipv4(tcp(flags=0x1FF)))).flags == Flag(0x1FF)
    assert decoded(ethernet(ipv4(tcp(flags=0xE00)))).flags == Flag(0)


# Captured bytes of a segment with 12 bytes of options and 4 of data: what is known of it.
CUTS = {
    16: ((5, 6, 700), Flag(0x1FF), -1),
    20: ((5, 6, 700), Flag(0x1FF), -1),
    31: ((5, 6, 700), Flag(0x1FF), -1),
    32: ((5, 6, 700), Flag(0x1FF), 66),
    35: ((5, 6, 700), Flag(0x1FF), 66),
}


@pytest.mark.parametrize("captured", CUTS)
def test_a_segment_cut_by_the_snap_length(captured: int) -> None:
    frame = ethernet(ipv4(SEGMENT))
    packet = decoded(frame[: 34 + captured], original=len(frame))
    assert (packet.protocol, packet.ends) == ("TCP4", TCP_4)
    assert (packet.numbers, packet.flags, packet.payload) == CUTS[captured]
    assert packet.payload_length == 4


@pytest.mark.parametrize("captured", range(4, 16))
def test_of_a_header_that_ends_before_its_window_only_the_ports_are_told(captured: int) -> None:
    for frame, at, protocol, ends in (
        (ethernet(ipv4(SEGMENT)), 34, "CUT_TCP4", TCP_4),
        (ethernet(ipv6(SEGMENT), 0x86DD), 54, "CUT_TCP6", TCP_6),
    ):
        packet = decoded(frame[: at + captured], original=len(frame))
        assert (packet.protocol, packet.ends, packet.transport) == (protocol, ends, at)
        assert (packet.numbers, packet.flags) == ((0, 0, 0), Flag.MALFORMED)
        assert (packet.payload, packet.payload_length) == (-1, 0)


@pytest.mark.parametrize("captured", range(4))
def test_a_segment_without_its_ports_is_an_ip_packet(captured: int) -> None:
    packet = decoded(ethernet(ipv4(SEGMENT))[: 34 + captured])
    assert (packet.protocol, packet.ends) == ("IPV4", "6: 10.0.0.1 > 10.0.0.2")
    assert packet.flags == Flag.MALFORMED


@pytest.mark.parametrize(("offset", "length"), [(0, 24), (4, 8), (7, 0), (15, 0)])
def test_a_data_offset_that_cannot_be(offset: int, length: int) -> None:
    packet = decoded(ethernet(ipv4(tcp(b"data", offset=offset))))
    assert (packet.protocol, packet.ends, packet.numbers) == ("TCP4", TCP_4, (5, 6, 700))
    assert packet.flags == Flag.ACK | UNKNOWN_LENGTH
    assert packet.payload_length == length


def test_udp() -> None:
    packet = decoded(ethernet(ipv4(udp(b"query"), 17) + bytes(9)))
    assert (packet.protocol, packet.ends) == ("UDP4", UDP_4)
    assert (packet.network, packet.transport, packet.payload, packet.payload_length) == (14, 34, 42, 5)
    assert packet.flags == 0


UDP_LENGTHS = {  # the length field, what it says of five bytes, and whether it is wrong
    8: (0, False),
    12: (4, False),
    13: (5, False),
    14: (5, True),
    65535: (5, True),
}


@pytest.mark.parametrize("length", UDP_LENGTHS)
def test_udp_s_length_field(length: int) -> None:
    packet = decoded(ethernet(ipv4(udp(b"query", length=length), 17)))
    assert packet.ends == UDP_4
    assert (packet.payload_length, bool(packet.flags & Flag.MALFORMED)) == UDP_LENGTHS[length]


@pytest.mark.parametrize("length", [0, 1, 7])
def test_a_udp_length_that_ends_within_the_header(length: int) -> None:
    packet = decoded(ethernet(ipv4(udp(b"query", length=length), 17)))
    assert (packet.protocol, packet.ends, packet.flags) == ("CUT_UDP4", UDP_4, Flag.MALFORMED)
    assert (packet.payload, packet.payload_length) == (-1, 0)
    over_ipv6 = decoded(ethernet(ipv6(udp(b"query", length=length), 17), 0x86DD))
    assert (over_ipv6.protocol, over_ipv6.payload_length) == (("CUT_UDP6", 0) if length else ("UDP6", 5))


def test_udp_cut_behind_its_ports() -> None:
    packet = decoded(ethernet(ipv4(udp(b"query"), 17))[:40])
    assert (packet.protocol, packet.ends, packet.flags) == ("CUT_UDP4", UDP_4, Flag.MALFORMED)


def test_icmp() -> None:
    packet = decoded(ethernet(ipv4(b"\x08\0\0\0\0\x01\0\x01" + b"ping", 1)))
    assert (packet.protocol, packet.ends) == ("ICMP4", "1: 10.0.0.1 > 10.0.0.2")
    assert (packet.transport, packet.payload, packet.payload_length) == (34, 42, 4)


def error_4(quoted: bytes, kind: int = 3) -> bytes:
    return ethernet(ipv4(bytes([kind, 1]) + bytes(6) + quoted, 1, source="10.0.0.9"))


def error_6(quoted: bytes, kind: int = 1) -> bytes:
    return ethernet(ipv6(bytes([kind, 0]) + bytes(6) + quoted, 58), 0x86DD)


QUOTES = {
    "TCP in destination unreachable": (error_4(ipv4(tcp())), TCP_4),
    "TCP in time exceeded, cut behind the window": (error_4(ipv4(tcp()[:16], total=40), 11), TCP_4),
    "TCP of which only the ports and sequence number are quoted": (error_4(ipv4(tcp()[:8], total=40)), None),
    "UDP in destination unreachable": (error_4(ipv4(udp(b"query")[:8], 17, total=33)), UDP_4),
    "UDP of which the length is missing": (error_4(ipv4(udp(b"query")[:4], 17, total=33)), None),
    "UDP in source quench": (error_4(ipv4(udp(), 17), 4), UDP_4),
    "TCP in redirect": (error_4(ipv4(tcp()), 5), TCP_4),
    "TCP in parameter problem": (error_4(ipv4(tcp()), 12), TCP_4),
    "TCP in ICMPv6 packet too big": (error_6(ipv6(tcp()), 2), TCP_6),
    "TCP behind an extension header": (error_6(ipv6(b"\x06\0" + bytes(6) + tcp(), 60)), TCP_6),
    "a first fragment": (error_4(ipv4(udp(b"query"), 17, fragment=0x2000)), UDP_4),
    "another fragment": (error_4(ipv4(udp(b"query"), 17, fragment=0x2001)), None),
    "an echo": (error_4(ipv4(b"\x08" + bytes(20), 1)), None),
    "nothing": (error_4(b""), None),
    "an echo reply with a packet in it": (error_4(ipv4(tcp()), 0), None),
}


@pytest.mark.parametrize("name", QUOTES)
def test_a_quoted_header_is_a_mention_and_not_the_packet_s_own(name: str) -> None:
    frame, quoted = QUOTES[name]
    headers = decode_alone(batch_of([frame]))
    packet = told(headers)
    assert packet.protocol in ("ICMP4", "ICMP6")
    assert packet.ends.startswith(("1: 10.0.0.9 >", "58: 2001:db8::1 >"))
    assert packet.numbers == (0, 0, 0)
    assert packet.path.endswith(("icmp", "icmpv6"))
    assert mentions_of(headers) == ([(0, "after", quoted)] if quoted else [])


def test_mentions_come_in_the_order_of_packets_and_headers() -> None:
    vxlan = b"\x08\0\0\0\0\0\x07\0"
    tunnelled = ethernet(ipv4(udp(vxlan + error_4(ipv4(tcp())), 4789), 17))
    quoted_tunnel = error_4(ipv4(udp(vxlan + ethernet(ipv4(udp(b"query"), 17)), 4789), 17))
    headers = decode_alone(batch_of([quoted_tunnel, ethernet(ipv4(tcp())), tunnelled]))
    assert mentions_of(headers) == [
        (0, "after", "17: 10.0.0.1 2000 > 10.0.0.2 4789"),
        (0, "after", UDP_4),
        (2, "before", "17: 10.0.0.1 2000 > 10.0.0.2 4789"),
        (2, "after", TCP_4),
    ]


def test_errors_that_quote_errors_end() -> None:
    frame = ipv4(tcp())
    for _ in range(6):
        frame = ipv4(b"\x03\x01" + bytes(6) + frame, 1)
    assert mentions_of(decode_alone(batch_of([ethernet(frame)]))) == []
