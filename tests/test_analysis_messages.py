"""What packets carry, in words; and no words where the bytes do not say it."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.dns import dns_words
from analysis.icmp import icmp4_words, icmp6_words
from analysis.messages import arp_words, dhcp_words, http_words, message, ntp_words, ssh_words, udp_words
from analysis.tls import server_name, tls_words
from capture.protocol import Protocol

HTTP = {
    b"GET / HTTP/1.1\r\nHost: a\r\n\r\n": "GET /",
    b"POST /form?x=1 HTTP/1.0\r\n": "POST /form?x=1",
    b"CONNECT example.com:443 HTTP/1.1\r\n": "CONNECT example.com:443",
    b"GET /a-target-that-goes-on-behind-the-end-of-wh": "GET /a-target-that-goes-on-behind-the-end-of-wh",
    b"M-SEARCH * HTTP/1.1\r\n": "M-SEARCH *",
    b"HTTP/1.1 200 OK\r\n": "200 OK",
    b"HTTP/1.1 404 Not Found\r\n": "404 Not Found",
    b"HTTP/1.1 204\r\n": "204",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n": "HTTP/2 connection preface",
    b"HTTP/1.1 999 no such code\r\n": "",
    b"GET the milk, please": "",
    b"hello": "",
    b"": "",
}


def test_http_says_its_request_or_status_line() -> None:
    for payload, words in HTTP.items():
        assert http_words(payload) == words, payload


def arp(operation: int, sender: str, target: str, hardware: str = "02:00:00:00:00:01") -> bytes:
    def address(text: str) -> bytes:
        return bytes(map(int, text.split(".")))

    source = bytes.fromhex(hardware.replace(":", ""))
    return struct.pack(">HHBBH", 1, 0x0800, 6, 4, operation) + source + address(sender) + bytes(6) + address(target)


ARP = {
    "a question": (arp(1, "10.0.0.1", "10.0.0.2"), "who has 10.0.0.2? tell 10.0.0.1"),
    "the answer": (arp(2, "10.0.0.2", "10.0.0.1"), "10.0.0.2 is at 02:00:00:00:00:01"),
    "an announcement": (arp(1, "10.0.0.9", "10.0.0.9"), "gratuitous: 10.0.0.9 is at 02:00:00:00:00:01"),
    "a probe": (arp(1, "0.0.0.0", "10.0.0.7"), "probe: does anyone use 10.0.0.7?"),
    "reverse ARP": (arp(3, "0.0.0.0", "0.0.0.0"), "ARP operation 3"),
    "another kind of network": (b"\x00\x06" + arp(1, "10.0.0.1", "10.0.0.2")[2:], ""),
    "cut short": (arp(1, "10.0.0.1", "10.0.0.2")[:20], ""),
}


@pytest.mark.parametrize("case", ARP)
def test_arp_says_who_asks_and_who_is_where(case: str) -> None:
    packet, words = ARP[case]
    assert arp_words(packet) == words


def name(text: str) -> bytes:
    return b"".join(bytes([len(label)]) + label.encode() for label in text.split(".") if label) + b"\x00"


def dns(bits: int, question: tuple[str, int] | None, answers: tuple[tuple[int, bytes], ...] = ()) -> bytes:
    body = struct.pack(">6H", 7, bits, 1 if question else 0, len(answers), 0, 0)
    if question:
        body += name(question[0]) + struct.pack(">HH", question[1], 1)
    for kind, data in answers:
        body += b"\xc0\x0c" + struct.pack(">HHIH", kind, 1, 60, len(data)) + data
    return body


FOUR, SIX = bytes([192, 0, 2, 1]), bytes.fromhex("20010db8000000000000000000000001")
DNS = {
    "a question": (dns(0x0100, ("example.com", 1)), "query A example.com"),
    "its answer": (dns(0x8180, ("example.com", 1), ((1, FOUR),)), "answer A example.com 192.0.2.1"),
    "more than one": (dns(0x8180, ("example.com", 28), ((28, SIX),) * 3), "answer AAAA example.com 2001:db8::1 (+2)"),
    "behind an alias": (
        dns(0x8180, ("www.example.com", 1), ((5, name("edge.example.net")), (1, FOUR))),
        "answer A www.example.com 192.0.2.1 (+1)",
    ),
    "an alias only": (
        dns(0x8180, ("www.example.com", 1), ((5, name("edge.example.net")),)),
        "answer A www.example.com CNAME edge.example.net",
    ),
    "no such name": (dns(0x8183, ("nope.example", 1)), "answer NXDOMAIN nope.example"),
    "no such record": (dns(0x8180, ("example.com", 28)), "answer AAAA example.com: no such record"),
    "an answer kept in part": (dns(0x8180, ("example.com", 1), ((1, FOUR),))[:-2], "answer A example.com"),
    "the root": (dns(0x0100, (".", 2)), "query NS ."),
    "an unknown type": (dns(0x0100, ("example.com", 4321)), "query TYPE4321 example.com"),
    "a name that points at itself": (struct.pack(">6H", 1, 0, 1, 0, 0, 0) + b"\xc0\x0c\x00\x01\x00\x01", ""),
    "no question and no answer": (dns(0x0100, None), ""),
}


@pytest.mark.parametrize("case", DNS)
def test_dns_says_its_question_or_answer(case: str) -> None:
    packet, words = DNS[case]
    assert dns_words(packet) == words


def client_hello(host: bytes) -> bytes:
    names = b"\x00" + struct.pack(">H", len(host)) + host
    extension = struct.pack(">HHH", 0, len(names) + 2, len(names)) + names
    other = struct.pack(">HH", 0x000B, 2) + b"\x01\x00"
    body = b"\x03\x03" + bytes(32) + b"\x00" + b"\x00\x02\x13\x01" + b"\x01\x00"
    body += struct.pack(">H", len(other + extension)) + other + extension
    hello = b"\x01" + len(body).to_bytes(3, "big") + body
    return b"\x16\x03\x01" + struct.pack(">H", len(hello)) + hello


TLS = {
    "a hello with the name it asks for": (client_hello(b"example.com"), "TLS ClientHello example.com"),
    "cut before the name": (client_hello(b"example.com")[:50], "TLS ClientHello"),
    "its answer": (b"\x16\x03\x03\x00\x40\x02\x00\x00\x3c" + bytes(60), "TLS ServerHello"),
    "a certificate longer than its record": (b"\x16\x03\x03\x40\x00\x0b\x00\x60\x00" + bytes(50), "TLS Certificate"),
    "cipher text": (b"\x16\x03\x03\x00\x28\xff\xee\xdd\xcc" + bytes(36), "TLS handshake, encrypted"),
    "change of cipher": (b"\x14\x03\x03\x00\x01\x01", "TLS ChangeCipherSpec"),
    "data": (b"\x17\x03\x03\x01\x00" + bytes(256), "TLS application data"),
    "an alert": (b"\x15\x03\x03\x00\x02\x02\x28", "TLS alert: handshake failure"),
    "an alert nobody can read": (b"\x15\x03\x03\x00\x1a" + bytes(26), "TLS alert, encrypted"),
    "a length that no record has": (b"\x17\x03\x03\xff\xff" + bytes(20), ""),
    "no TLS": (b"\x17\x04\x03\x00\x10" + bytes(20), ""),
}


@pytest.mark.parametrize("case", TLS)
def test_tls_says_the_record_and_the_message(case: str) -> None:
    packet, words = TLS[case]
    assert tls_words(packet) == words


ICMP4 = {
    b"\x08\x00\x00\x00\x12\x34\x00\x03": "echo request id=4660 seq=3",
    b"\x00\x00\x00\x00\x12\x34\x00\x03": "echo reply id=4660 seq=3",
    b"\x03\x03" + bytes(6): "port unreachable",
    b"\x03\x04\x00\x00\x00\x00\x05\x78": "fragmentation needed, MTU 1400",
    b"\x0b\x00" + bytes(6): "TTL exceeded in transit",
    b"\x05\x01\x00\x00\x0a\x00\x00\x01": "redirect to 10.0.0.1",
    b"\x2a\x00" + bytes(6): "ICMP type 42",
    b"\x08\x00": "",
}
TARGET = bytes.fromhex("fe800000000000000000000000000001")
ICMP6 = {
    b"\x80\x00\x00\x00\x00\x01\x00\x02": "echo request id=1 seq=2",
    b"\x87\x00" + bytes(6) + TARGET: "who has fe80::1?",
    b"\x88\x00" + bytes(6) + TARGET + b"\x02\x01\x02\x00\x00\x00\x00\x05": "fe80::1 is at 02:00:00:00:00:05",
    b"\x88\x00" + bytes(6) + TARGET: "fe80::1 is here",
    b"\x02\x00\x00\x00\x00\x00\x05\x00": "packet too big, MTU 1280",
    b"\x01\x04" + bytes(6): "port unreachable",
}


def test_icmp_says_its_type_and_code() -> None:
    for packet, words in ICMP4.items():
        assert icmp4_words(packet) == words
    for packet, words in ICMP6.items():
        assert icmp6_words(packet) == words


def test_other_protocols_say_what_is_certain() -> None:
    dhcp = bytes(236) + b"\x63\x82\x53\x63\x00\x35\x01\x01\xff"
    assert dhcp_words(dhcp) == "DHCP DISCOVER"
    assert dhcp_words(bytes(300)) == ""
    assert ntp_words(b"\x23" + bytes(47)) == "NTP client"
    assert ntp_words(b"\x23") == ""
    assert ssh_words(b"SSH-2.0-OpenSSH_9.2\r\n") == "SSH-2.0-OpenSSH_9.2"
    assert udp_words(b"NOTIFY * HTTP/1.1\r\n", frozenset({1900})) == "NOTIFY *"


def test_the_port_chooses_the_grammar_but_the_bytes_must_fit_it() -> None:
    header = struct.pack(">HHHH", 50000, 53, 0, 0)
    assert message(Protocol.UDP4, header + DNS["a question"][0], -1, 0, 8) == "query A example.com"
    assert message(Protocol.UDP4, header + b"not DNS at all, only text", -1, 0, 8) == ""
    assert message(Protocol.UDP4, header, -1, 0, -1) == ""
    assert message(Protocol.ARP, ARP["a question"][0], 0, -1, -1) == ARP["a question"][1]
    assert message(Protocol.ICMP4, b"\x08\x00\x00\x00\x00\x01\x00\x01", -1, 0, 8) == "echo request id=1 seq=1"
    length = struct.pack(">H", len(DNS["its answer"][0]))
    segment = struct.pack(">HH", 53, 50000) + bytes(16) + length + DNS["its answer"][0]
    assert message(Protocol.TCP6, segment, -1, 0, 20) == DNS["its answer"][1]


WHOLE = [packet for table in (ARP, DNS, TLS) for packet, _ in table.values()] + list(HTTP)


@given(st.sampled_from(sorted(Protocol)), st.binary(max_size=120), st.integers(-1, 60), st.integers(-1, 60))
def test_no_bytes_make_it_fail(protocol: Protocol, data: bytes, network: int, transport: int) -> None:
    assert isinstance(message(protocol, data, network, transport, transport + 8 if transport >= 0 else -1), str)


@given(st.sampled_from(WHOLE), st.integers(0, 300), st.binary(max_size=8), st.integers(0, 300))
def test_damaged_messages_do_not_make_it_fail(packet: bytes, end: int, patch: bytes, at: int) -> None:
    damaged = (packet[:at] + patch + packet[at + len(patch) :])[:end]
    for words in (arp_words, dns_words, tls_words, http_words, icmp4_words, icmp6_words, dhcp_words, server_name):
        assert isinstance(words(damaged), str)
