"""Every field stands where its RFC draws it: headers as drawings, read from left to right, in bits."""

from __future__ import annotations

import struct

import pytest

from analysis.layers import Dissection, dissect

MACS = bytes.fromhex("020000000001 020000000002")
ETHERNET = [("ethernet.dst", 48), ("ethernet.src", 48), ("ethernet.type", 16)]
IPV4 = [
    ("version", 4), ("ihl", 4), ("tos.dscp", 6), ("tos.ecn", 2), ("len", 16),
    ("id", 16), ("flags.reserved", 1), ("flags.df", 1), ("flags.mf", 1), ("frag", 13),
    ("ttl", 8), ("proto", 8), ("chksum", 16),
    ("src", 32),
    ("dst", 32),
]  # fmt: skip
IPV6 = [
    ("version", 4), ("tc.dscp", 6), ("tc.ecn", 2), ("fl", 20),
    ("plen", 16), ("nh", 8), ("hlim", 8),
    ("src", 128),
    ("dst", 128),
]  # fmt: skip
TCP = [
    ("sport", 16), ("dport", 16),
    ("seq", 32),
    ("ack", 32),
    ("dataofs", 4), ("reserved", 3), ("flags.ae", 1), ("flags.cwr", 1), ("flags.ece", 1), ("flags.urg", 1),
    ("flags.ack", 1), ("flags.psh", 1), ("flags.rst", 1), ("flags.syn", 1), ("flags.fin", 1), ("window", 16),
    ("chksum", 16), ("urgptr", 16),
]  # fmt: skip
UDP = [("sport", 16), ("dport", 16), ("len", 16), ("chksum", 16)]


def under(key: str, drawing: list[tuple[str, int]]) -> list[tuple[str, int]]:
    return [(f"{key}.{slug}", bits) for slug, bits in drawing]


def ipv4(protocol: int, payload: bytes, options: bytes = b"") -> bytes:
    words = 5 + len(options) // 4
    head = struct.pack("!BBHHHBBH", 0x40 | words, 0, words * 4 + len(payload), 1, 0x4000, 64, protocol, 0)
    return head + bytes([10, 0, 0, 5, 93, 184, 216, 34]) + options + payload


def ipv6(next_header: int, payload: bytes) -> bytes:
    return (
        struct.pack("!IHBB", 6 << 28 | 0x12345, len(payload), next_header, 64)
        + bytes(15)
        + b"\1"
        + bytes(15)
        + b"\2"
        + payload
    )


def tcp(options: bytes = b"", payload: bytes = b"", flags: int = 0x12) -> bytes:
    return (
        struct.pack("!HHIIHHHH", 51000, 80, 7, 9, (5 + len(options) // 4) << 12 | flags, 64240, 0xABCD, 0)
        + options
        + payload
    )


def udp(payload: bytes, source: int = 40000, destination: int = 40001) -> bytes:
    return struct.pack("!HHHH", source, destination, 8 + len(payload), 0) + payload


def frame(ether_type: int, payload: bytes) -> bytes:
    return MACS + struct.pack("!H", ether_type) + payload


def read(data: bytes, link_type: int = 1) -> Dissection:
    return dissect(data, link_type, original_length=len(data))


def drawing(dissection: Dissection, keys: tuple[str, ...]) -> list[tuple[str, int, int]]:
    """(path, first bit, bits) of the fields that have no fields within, in the layers of `keys`."""
    fields = dissection.fields
    leaves = []
    for field, after in zip(fields, [*fields[1:], None], strict=True):
        if field.depth and (after is None or after.depth <= field.depth) and dissection.layers[field.layer].key in keys:
            leaves.append((field.path, field.offset * 8 + field.bit_offset, field.bit_length or field.length * 8))
    return leaves


def laid_out(drawn: list[tuple[str, int]], first_byte: int) -> list[tuple[str, int, int]]:
    bit, places = first_byte * 8, []
    for path, bits in drawn:
        places.append((path, bit, bits))
        bit += bits
    return places


OPTIONS = bytes.fromhex("020405b4 0402 080a 00000001 00000002 01 030307".replace(" ", ""))
SACK = bytes.fromhex("0101050a 00000010 00000020".replace(" ", ""))
QUESTION = b"\3www\7example\3com\0" + struct.pack("!HH", 1, 1)
ANSWER = b"\xc0\x0c" + struct.pack("!HHIH", 1, 1, 300, 4) + bytes([93, 184, 216, 34])
DNS_HEADER = [
    ("id", 16), ("flags.qr", 1), ("flags.opcode", 4), ("flags.aa", 1), ("flags.tc", 1), ("flags.rd", 1),
    ("flags.ra", 1), ("flags.z", 1), ("flags.ad", 1), ("flags.cd", 1), ("flags.rcode", 4),
    ("count.questions", 16), ("count.answer", 16), ("count.authority", 16), ("count.additional", 16),
]  # fmt: skip

DRAWINGS = {
    "Ethernet II": (frame(0x88B5, b""), ("ethernet",), 0, ETHERNET),
    "IEEE 802.1Q clause 9.6": (
        frame(0x8100, struct.pack("!HH", 5 << 13 | 1 << 12 | 100, 0x88B5)),
        ("vlan",), 14,
        under("vlan", [("prio", 3), ("dei", 1), ("vlan", 12), ("type", 16)]),
    ),
    "RFC 826: ARP": (
        frame(0x0806, struct.pack("!HHBBH", 1, 0x800, 6, 4, 1) + bytes(20)),
        ("arp",), 14,
        under("arp", [
            ("hwtype", 16), ("ptype", 16), ("hwlen", 8), ("plen", 8), ("op", 16),
            ("hwsrc", 48), ("psrc", 32), ("hwdst", 48), ("pdst", 32),
        ]),
    ),
    "RFC 791: IPv4": (frame(0x0800, ipv4(253, b"")), ("ipv4",), 14, under("ipv4", IPV4)),
    "RFC 791: IPv4 with Router Alert (RFC 2113) and padding": (
        frame(0x0800, ipv4(253, b"", b"\x94\x04\0\0" + bytes(4))),
        ("ipv4",), 14,
        under("ipv4", IPV4)
        + under("ipv4.options.ipoption_router_alert", [
            ("copy_flag", 1), ("optclass", 2), ("option", 5), ("length", 8), ("alert", 16),
        ])
        + [
            (f"ipv4.options.ipoption_eol.{slug}{number}", bits)
            for number in ("", "#2", "#3", "#4")
            for slug, bits in (("copy_flag", 1), ("optclass", 2), ("option", 5))
        ],
    ),
    "RFC 8200: IPv6": (frame(0x86DD, ipv6(59, b"")), ("ipv6",), 14, under("ipv6", IPV6)),
    "RFC 8200 section 4.3: hop-by-hop options": (
        frame(0x86DD, ipv6(0, bytes.fromhex("3b00050200000100"))),
        ("ipv6.hopopts",), 54,
        under("ipv6.hopopts", [
            ("nh", 8), ("len", 8),
            ("options.routeralert.otype", 8), ("options.routeralert.optlen", 8), ("options.routeralert.value", 16),
            ("options.padn.otype", 8), ("options.padn.optlen", 8),
        ]),
    ),
    "RFC 8200 section 4.5: fragment": (
        frame(0x86DD, ipv6(44, struct.pack("!BBHI", 59, 0, 185 << 3 | 1, 7))),
        ("ipv6.fragment",), 54,
        under("ipv6.fragment", [("nh", 8), ("res1", 8), ("offset", 13), ("res2", 2), ("m", 1), ("id", 32)]),
    ),
    "RFC 9293: TCP, the flag AE from RFC 9768": (frame(0x0800, ipv4(6, tcp())), ("tcp",), 34, under("tcp", TCP)),
    "RFC 7323 and RFC 2018: TCP with the options of a SYN": (
        frame(0x0800, ipv4(6, tcp(OPTIONS, flags=2))),
        ("tcp",), 34,
        under("tcp", TCP) + under("tcp.options", [
            ("mss.kind", 8), ("mss.length", 8), ("mss.mss_value", 16),
            ("sack_perm.kind", 8), ("sack_perm.length", 8),
            ("timestamps.kind", 8), ("timestamps.length", 8),
            ("timestamps.timestamp_value", 32), ("timestamps.timestamp_echo_reply", 32),
            ("nop.kind", 8),
            ("wscale.kind", 8), ("wscale.length", 8), ("wscale.shift_count", 8),
        ]),
    ),
    "RFC 2018: a SACK block": (
        frame(0x0800, ipv4(6, tcp(SACK))),
        ("tcp",), 34,
        under("tcp", TCP) + under("tcp.options", [
            ("nop.kind", 8), ("nop.kind#2", 8),
            ("sack.kind", 8), ("sack.length", 8), ("sack.left_edge_1", 32), ("sack.right_edge_1", 32),
        ]),
    ),
    "RFC 768: UDP": (frame(0x0800, ipv4(17, udp(b"hi"))), ("udp",), 34, under("udp", UDP)),
    "RFC 792: ICMP echo": (
        frame(0x0800, ipv4(1, struct.pack("!BBHHH", 8, 0, 0, 1, 2))),
        ("icmp",), 34,
        under("icmp", [("type", 8), ("code", 8), ("chksum", 16), ("id", 16), ("seq", 16)]),
    ),
    "RFC 792 and RFC 1191: destination unreachable quotes eight bytes of UDP": (
        frame(0x0800, ipv4(1, struct.pack("!BBHBBH", 3, 4, 0, 0, 0, 1400) + ipv4(17, udp(b"")))),
        ("icmp", "quoted.ipv4", "quoted.udp"), 34,
        under("icmp", [("type", 8), ("code", 8), ("chksum", 16), ("reserved", 8), ("length", 8), ("nexthopmtu", 16)])
        + under("quoted.ipv4", IPV4)
        + under("quoted.udp", UDP),
    ),
    "RFC 1035: a DNS answer whose name points back to the question": (
        frame(0x0800, ipv4(17, udp(struct.pack("!6H", 7, 0x8180, 1, 1, 0, 0) + QUESTION + ANSWER, 53))),
        ("dns",), 42,
        under("dns", [
            *DNS_HEADER,
            ("question.1.name", 17 * 8), ("question.1.type", 16), ("question.1.class", 16),
            ("answer.1.name", 16), ("answer.1.type", 16), ("answer.1.class", 16), ("answer.1.ttl", 32),
            ("answer.1.length", 16), ("answer.1.data", 32),
        ]),
    ),
    "RFC 4861 section 4.3: neighbor solicitation with the sender's MAC": (
        frame(0x86DD, ipv6(58, b"\x87" + bytes(23) + b"\1\1" + bytes(6))),
        ("icmpv6",), 54,
        under("icmpv6", [
            ("type", 8), ("code", 8), ("cksum", 16), ("res", 32), ("tgt", 128),
            ("icmpv6ndoptsrclladdr.type", 8), ("icmpv6ndoptsrclladdr.len", 8), ("icmpv6ndoptsrclladdr.lladdr", 48),
        ]),
    ),
    "RFC 2131 and RFC 2132: DHCP discover": (
        frame(0x0800, ipv4(17, udp(b"\1\1\6" + bytes(233) + b"c\x82Sc" + b"\x35\1\1" + b"\x0c\2pc" + b"\xff", 68, 67))),
        ("dhcp",), 42,
        under("dhcp", [
            ("op", 8), ("htype", 8), ("hlen", 8), ("hops", 8), ("xid", 32), ("secs", 16), ("flags", 16),
            ("ciaddr", 32), ("yiaddr", 32), ("siaddr", 32), ("giaddr", 32),
            ("chaddr", 128), ("sname", 512), ("file", 1024), ("cookie", 32),
            ("option.53.code", 8), ("option.53.length", 8), ("option.53.value", 8),
            ("option.12.code", 8), ("option.12.length", 8), ("option.12.value", 16),
            ("option.end", 8),
        ]),
    ),
    "RFC 3032: an MPLS label": (
        frame(0x8847, struct.pack("!I", 16000 << 12 | 1 << 8 | 63) + ipv4(253, b"")),
        ("mpls",), 14,
        under("mpls", [("label", 20), ("cos", 3), ("s", 1), ("ttl", 8)]),
    ),
    "RFC 7348: VXLAN": (
        frame(0x0800, ipv4(17, udp(struct.pack("!II", 8 << 24, 42 << 8) + frame(0x88B5, b""), 1, 4789))),
        ("vxlan",), 42,
        under("vxlan", [("flags", 8), ("reserved1", 24), ("vni", 24), ("reserved2", 8)]),
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", DRAWINGS)
def test_fields_stand_where_the_drawing_has_them(case: str) -> None:
    data, keys, first_byte, drawn = DRAWINGS[case]
    assert drawing(read(data), keys) == laid_out(drawn, first_byte)


def test_a_segment_is_filed_with_its_addresses_sizes_and_names() -> None:
    request = b"GET / HTTP/1.1\r\nHost: example.com\r\n\r\n"
    layers = read(frame(0x0800, ipv4(6, tcp(OPTIONS + b"\0", request, 0x18)[:-1] + b"\n"))).layers
    assert [(each.osi, each.key, each.pdu, each.source, each.destination, each.header_length) for each in layers] == [
        (1, "physical", "bits", "", "", 0),
        (2, "ethernet", "frame", "02:00:00:00:00:02", "02:00:00:00:00:01", 14),
        (3, "ipv4", "packet", "10.0.0.5", "93.184.216.34", 20),
        (4, "tcp", "segment", "51000", "80", 40),
        (7, "payload", "data", "", "", len(request) + 1),
    ]


SUMMARIES = {
    "flags are words, numbers are raw": (frame(0x0800, ipv4(6, tcp())), "tcp", "SYN, ACK, seq 7, ack 9, win 64240"),
    "options are told": (
        frame(0x0800, ipv4(6, tcp(SACK, flags=0x10))),
        "tcp",
        "ACK, seq 7, ack 9, win 64240, SACK 16, 32",
    ),
    "a request is told by its first line": (
        frame(0x0800, ipv4(6, tcp(b"", b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"))),
        "http",
        "GET / HTTP/1.1",
    ),
    "a segment in the middle of something is not guessed at": (
        frame(0x0800, ipv4(6, tcp(b"", b"x" * 55))),
        "payload",
        "55 bytes, a piece of the byte stream",
    ),
    "a TLS record that goes on in the next segment": (
        frame(0x0800, ipv4(6, tcp(b"", b"\x16\3\1\1\0\1\0\0\xfc\3\3"))),
        "tls",
        "client hello (goes on for 250 bytes in the next segment); TLS has no agreed place between layers 5 and 6",
    ),
    "a fragment that is not the first has no transport header": (
        frame(0x0800, ipv4(6, b"x" * 8).replace(b"\x40\0\x40\x06", b"\0\xb9\x40\x06")),
        "payload",
        "8 bytes, a piece of a datagram that was sent in fragments",
    ),
    "a DNS answer": (
        frame(0x0800, ipv4(17, udp(struct.pack("!6H", 7, 0x8180, 1, 1, 0, 0) + QUESTION + ANSWER, 53))),
        "dns",
        "response, A www.example.com, A 93.184.216.34",
    ),
    "a DNS name that points at itself": (
        frame(0x0800, ipv4(17, udp(struct.pack("!6H", 7, 0, 1, 0, 0, 0) + b"\xc0\x0c\0\1\0\1", 53, 53))),
        "dns",
        "query, cut short or malformed",
    ),
    "a header cut by the snap length": (frame(0x0800, ipv4(6, tcp()))[:44], "tcp", "seq 7, cut short or malformed"),
    "an option that claims more than there is": (
        frame(0x0800, ipv4(6, tcp(b"\2\x20\0\0"))),
        "tcp",
        "SYN, ACK, seq 7, ack 9, win 64240, malformed option",
    ),
    "the frame's padding is not payload": (frame(0x0800, ipv4(17, udp(b""))) + bytes(18), "padding", "18 bytes"),
}


@pytest.mark.parametrize("case", SUMMARIES)
def test_a_layer_is_summed_up(case: str) -> None:
    data, key, summary = SUMMARIES[case]
    assert [layer.summary for layer in read(data).layers if layer.key == key] == [summary]


LINKS = {
    "Linux cooked": (113, struct.pack("!HHH8sH", 0, 1, 6, bytes(8), 0x800), "sll"),
    "Linux cooked v2": (276, struct.pack("!HHIHBB8s", 0x800, 0, 1, 1, 0, 6, bytes(8)), "sll2"),
    "BSD loopback of a little-endian machine": (0, b"\2\0\0\0", "null"),
    "BSD loopback of a big-endian machine": (0, b"\0\0\0\2", "null"),
    "OpenBSD loopback": (108, b"\0\0\0\2", "null"),
    "PPP with address and control": (9, b"\xff\3\0\x21", "hdlc"),
    "PPP without": (9, b"\0\x21", "ppp"),
    "PPPoE": (51, b"\x11\0\0\1\0\x2a\0\x21", "pppoe"),
    "Cisco HDLC": (104, b"\x0f\0\x08\0", "chdlc"),
    "raw IP": (101, b"", "ipv4"),
    "raw IPv4": (228, b"", "ipv4"),
}


@pytest.mark.parametrize("case", LINKS)
def test_every_link_type_leads_to_the_packet(case: str) -> None:
    link_type, header, key = LINKS[case]
    layers = read(header + ipv4(6, tcp()), link_type).layers
    assert layers[1].key == key
    assert layers[-1].key == "tcp"
    assert layers[-1].offset == len(header) + 20


def test_radiotap_is_as_long_as_it_says_and_the_check_sequence_is_a_trailer() -> None:
    radiotap = b"\0\0\x0d\0" + b"\2\0\0\x40" + b"\x10" + b"????"  # flags: FCS at the end; a field that none knows
    beacon = b"\x80\0\0\0" + b"\xff" * 6 + bytes(12) + b"\0\0" + bytes(12) + b"\0\2ab" + b"\xde\xad\xbe\xef"
    dissection = read(radiotap + beacon, 127)
    assert [(each.osi, each.key, each.offset, each.header_length) for each in dissection.layers[1:]] == [
        (1, "radiotap", 0, 13),
        (2, "wlan", 13, 24),
        (2, "dot11beacon", 37, 16),
        (2, "trailer", 53, 4),
    ]


def test_an_unknown_link_type_is_raw_bytes_with_its_number() -> None:
    assert [(layer.osi, layer.summary) for layer in read(b"abc", 147).layers[1:]] == [
        (2, "3 bytes, link type 147 is not dissected")
    ]


def test_an_empty_packet_still_has_its_physical_layer() -> None:
    assert [layer.summary for layer in dissect(b"", 1, original_length=60).layers] == [
        "60 bytes, 0 of them captured; a capture does not hold the signal"
    ]


def test_a_tunnel_shows_both_packets_under_names_of_their_own() -> None:
    dissection = read(frame(0x0800, ipv4(4, ipv4(6, tcp()))))
    assert [layer.key for layer in dissection.layers] == ["physical", "ethernet", "ipv4", "ipv4", "tcp"]
    assert [field.path for field in dissection.fields if field.path.endswith(".ttl")] == ["ipv4.ttl", "ipv4#2.ttl"]


def test_captured_text_can_not_reach_the_terminal_as_control_codes() -> None:
    evil = b"GET /\x1b]0;owned\x07 HTTP/1.1\r\nX: \xe2\x80\xae\x9b31m\r\n\r\n"
    dissection = read(frame(0x0800, ipv4(6, tcp(b"", evil))))
    said = "".join(field.name + field.value for field in dissection.fields)
    assert said.isprintable()
    assert "\\x1b]0;owned\\x07" in said


def test_the_subtype_of_a_data_frame_is_not_named_like_a_management_frames() -> None:
    data_frame = bytes.fromhex("08010000") + bytes(20)  # IEEE 802.11-2020 section 9.2.4.1.3: type 2, subtype 0
    values = {field.path: field.value for field in dissect(data_frame, 105, original_length=24).fields}
    assert values["wlan.type"] == "2 (Data)"
    assert values["wlan.subtype"] == "0"
