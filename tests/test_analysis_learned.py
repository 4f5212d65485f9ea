"""What captures tell of hosts: names, neighbours, requests with their replies."""

from __future__ import annotations

import io
import json
import struct
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.dns import answered, dns_words
from analysis.exchanges import Exchange
from analysis.learned import Learned, learn
from analysis.names import Name, Source
from analysis.neighbours import How, Neighbour
from analysis.pageload import Kind
from analysis.session import Session
from capture.source import open_source
from export.report import write_report
from fixtures import containers, wire
from lab import dns
from proxy_builder import FRONT, MS, Network, get, ok
from views.glyphs import glyphs
from views.learned import LearnedList, learned_lines, shared
from views.options import Options
from views.spans import BAR, span_bar
from views.text import cells, line_cells, plain

FIXTURES = Path(__file__).parents[1] / "fixtures"
SECOND = 10**9


def learned(file: Path) -> Learned:
    with closing(Session(open_source(file))) as session:
        session.run()
        return learn(session)


def test_arp_teaches_addresses_and_a_later_packet_counts() -> None:
    assert learned(FIXTURES / "arp.pcapng").neighbours == (
        Neighbour("192.168.1.1", "02:00:00:00:00:01", 0, How.ASKED),
        Neighbour("192.168.1.2", "02:00:00:00:00:02", 1, How.ANSWERED),
        Neighbour("192.168.1.2", "02:00:00:00:00:03", 7, How.ANNOUNCED, before="02:00:00:00:00:02"),
    )


def test_neighbor_discovery_of_the_lab_teaches_the_same_as_arp() -> None:
    assert learned(FIXTURES / "ndp.pcapng").neighbours == (
        Neighbour("fd00::1", "02:00:00:00:00:01", 0, How.ASKED),
        Neighbour("fd00::2", "02:00:00:00:00:02", 1, How.ANSWERED),
        Neighbour("fd00::2", "02:00:00:00:00:03", 9, How.ANNOUNCED, before="02:00:00:00:00:02"),
    )


def ndp(kind: int, source: str, target: str, flags: int, option: int) -> bytes:
    """An Ethernet frame with a neighbor solicitation or advertisement (RFC 4861) of 02:00:00:00:00:09."""
    from ipaddress import IPv6Address  # noqa: PLC0415 - only here

    body = struct.pack("!BBHI", kind, 0, 0, flags << 24) + IPv6Address(target).packed
    body += bytes((option, 1, 2, 0, 0, 0, 0, 9))
    header = struct.pack("!IHBB", 6 << 28, len(body), 58, 255) + IPv6Address(source).packed + IPv6Address(target).packed
    return bytes(12) + b"\x86\xdd" + header + body


def test_neighbor_discovery_teaches_addresses(tmp_path: Path) -> None:
    frames = [
        ndp(135, "fe80::1", "fe80::2", 0, 1),
        ndp(136, "fe80::2", "fe80::2", 0x60, 2),
        ndp(135, "::", "fe80::3", 0, 1),
    ]
    file = tmp_path / "ndp.pcap"
    file.write_bytes(containers.pcap([(number * SECOND, frame) for number, frame in enumerate(frames)]))
    assert learned(file).neighbours == (
        Neighbour("fe80::1", "02:00:00:00:00:09", 0, How.ASKED),
        Neighbour("fe80::2", "02:00:00:00:00:09", 1, How.ANSWERED),
    )


def test_names_come_from_name_servers_first_then_from_what_clients_ask_for() -> None:
    assert learned(FIXTURES / "browse.pcapng").names == (Name("10.0.0.80", "www.shop.example", 3, Source.DNS),)
    assert learned(FIXTURES / "rpc-xml.pcapng").names == (Name("10.0.0.2", "rpc.example", 3, Source.HOST),)
    aliases = learned(FIXTURES / "cdn.pcapng").names
    assert ("10.0.0.81", "www.shop.example") in {(each.address, each.name) for each in aliases}


def test_the_name_in_a_client_hello_names_the_server(tmp_path: Path) -> None:
    # The same capture without the name server's answer.
    with closing(Session(open_source(FIXTURES / "browse.pcapng"))) as session:
        session.run()
        frames = [session.packet_bytes(row) for row in range(len(session.snapshot.packets))]
    file = tmp_path / "tls.pcap"
    file.write_bytes(containers.pcap([(number * SECOND, frame) for number, frame in enumerate(frames[7:])]))
    (name,) = learned(file).names
    assert (name.address, name.name, name.source) == ("10.0.0.80", "www.shop.example", Source.SNI)


def test_a_referral_is_no_missing_record() -> None:
    query = dns.Message(7, 0, "www.shop.example", dns.A)
    referral = dns.zone((), {"example": ("ns.example", "10.0.0.2")})(query).to_bytes()
    assert dns_words(referral) == "answer A www.shop.example: ask another server"
    absent = dns.zone([dns.Record("www.shop.example", dns.A, "10.0.0.1")], {})
    assert dns_words(absent(dns.Message(7, 0, "www.shop.example", dns.AAAA)).to_bytes()).endswith("no such record")


@pytest.mark.parametrize("address", ["10.0.0.80", "fd00::80"])
def test_a_name_that_was_asked_for_by_address_is_that_addresss(address: str) -> None:
    record = dns.Record(dns.reverse(address), dns.PTR, "www.shop.example")
    answer = dns.zone([record], {})(dns.Message(1, 0, record.name, dns.PTR)).to_bytes()
    assert answered(answer) == [(address, "www.shop.example")]


def test_requests_are_matched_with_their_replies() -> None:
    first, second = learned(FIXTURES / "rpc-json.pcapng").exchanges
    assert (first.kind, first.request, first.reply, first.call, first.result) == (
        "HTTP",
        "POST /",
        "200 OK",
        "add(2, 3)",
        "5",
    )
    assert (second.call, second.result) == ("divide(1, 0)", "fault: -32000, division by zero")
    assert first.took_ns is not None
    assert first.took_ns > 10_000_000  # the wire delays by 5 ms each way


def test_a_change_of_protocol_is_a_reply_and_an_interim_response_is_none(tmp_path: Path) -> None:
    from segments_builder import ACK, Segment  # noqa: PLC0415 - a builder of packets

    client, server = ("10.0.0.1", 1024), ("10.0.0.2", 80)
    said = [
        (client, server, b"GET /chat HTTP/1.1\r\n\r\n"),
        (server, client, b"HTTP/1.1 100 Continue\r\n\r\n"),
        (server, client, b"HTTP/1.1 101 Switching Protocols\r\n\r\n"),
    ]
    packets = []
    for number, (source, to, payload) in enumerate(said):
        packet = Segment(source, to, ACK, number * 100, data=len(payload)).to_bytes()
        packets.append((number * SECOND, packet[: -len(payload)] + payload))
    file = tmp_path / "upgrade.pcap"
    file.write_bytes(containers.pcap(packets, link_type=101))
    (exchange,) = learned(file).exchanges
    assert (exchange.request, exchange.reply, exchange.reply_packet) == ("GET /chat", "101 Switching Protocols", 2)


def test_a_resolvers_questions_are_matched_one_by_one() -> None:
    found = learned(FIXTURES / "dns.pcapng").exchanges
    assert len(found) == 17
    assert all(each.reply is not None for each in found)
    asked = found[0]
    assert (asked.request, asked.reply) == ("A www.shop.example", "A www.shop.example 10.0.0.80")


def test_the_report_has_all_of_it() -> None:
    with closing(Session(open_source(FIXTURES / "browse.pcapng"))) as session:
        session.run()
        text = io.StringIO()
        write_report(session, text, "json")
    report = json.loads(text.getvalue())
    assert report["names"] == [{"address": "10.0.0.80", "name": "www.shop.example", "source": "DNS", "packet": 4}]
    assert [each["address"] for each in report["neighbours"]] == ["10.0.0.10", "10.0.0.53", "10.0.0.80"]
    (exchange,) = report["exchanges"]
    assert (exchange["request_packet"], exchange["reply_packet"]) == (3, 4)


@given(st.binary(max_size=200))
def test_any_bytes_may_claim_to_be_an_answer(data: bytes) -> None:
    for address, name in answered(data):
        assert address
        assert name
    dns_words(data)


@settings(max_examples=50)
@given(st.lists(st.binary(max_size=300), max_size=8))
def test_any_payloads_may_be_sent_between_the_ports_of_names_and_pages(
    tmp_path_factory: pytest.TempPathFactory, payloads: list[bytes]
) -> None:
    from segments_builder import ACK, Segment  # noqa: PLC0415 - a builder of packets

    file = tmp_path_factory.mktemp("any") / "any.pcap"
    packets = []
    for number, payload in enumerate(payloads):
        packet = Segment(("10.0.0.1", 1024), ("10.0.0.2", (80, 53)[number % 2]), ACK, 1, data=len(payload)).to_bytes()
        packets.append((number * SECOND, packet[: len(packet) - len(payload)] + payload))
    file.write_bytes(containers.pcap(packets, link_type=101))
    found = learned(file)
    for line in learned_lines(found, Options(), 80):
        assert line.isprintable()
        assert cells(line) <= 80


def test_every_line_fits_and_hostile_names_are_shown_as_text() -> None:
    told = Learned(
        (Name("10.0.0.1", "evil\x1b[31m.example" * 20, 0, Source.HOST),),
        (),
        (Exchange(0, "HTTP", "GET /" + "a" * 300, 3),),
        (),
        whole=False,
    )
    shown = LearnedList(told, Options())
    for width in (10, 40, 80, 160):
        for index in range(len(shown)):
            line = shown.draw(index, width)
            assert line_cells(line) == width
            assert "\x1b" not in plain(line)
    assert [shown.packet_at(index) for index in range(len(shown))] == [None, 0, None, 3, None]


def test_the_longest_cells_give_way() -> None:
    assert shared((10, 5, 3), 30) == [10, 5, 3]
    assert sum(shared((100, 5, 3), 30)) <= 30
    assert shared((100, 5, 3), 30)[1:] == [5, 3]


def test_a_page_load_is_told_phase_by_phase() -> None:
    (load,) = learned(FIXTURES / "browse.pcapng").page_loads
    assert (load.name, load.address, load.connection) == ("www.shop.example", "10.0.0.80", 3)
    assert [phase.kind for phase in load.phases] == [Kind.ARP, Kind.DNS, Kind.ARP, Kind.TCP, Kind.TLS, Kind.HTTP]
    assert all(phase.begin_ns <= phase.end_ns for phase in load.phases)
    ends = [phase.end_ns for phase in load.phases]
    assert ends == sorted(ends)
    assert [phase.words for phase in load.phases][1] == "A www.shop.example"


@pytest.mark.parametrize(
    ("request_", "name"),
    [
        (get("/", Host="shop.example:8080"), "shop.example"),
        (get("http://shop.example/", Host="shop.example"), None),  # a proxy is asked for it
        (b"CONNECT shop.example:443 HTTP/1.1\r\nHost: shop.example:443\r\n\r\n", None),
        (get("/", Host="192.0.2.1:8080"), None),  # an address is no name
    ],
)
def test_a_server_is_called_what_its_clients_call_it(request_: bytes, name: str | None, tmp_path: Path) -> None:
    network = Network()
    network.open(0, *FRONT)
    network.say(1, *FRONT, request_)
    network.say(2, *FRONT[::-1], ok(""))
    network.say(3, *FRONT, get("/", Host="inner.example") if b"CONNECT" in request_ else get("/"))
    assert [each.name for each in learned(network.written(tmp_path)).names] == ([name] if name else [])


def test_what_tcp_sent_again_is_one_request_and_one_reply(tmp_path: Path) -> None:
    network = Network()
    network.open(0, *FRONT)
    for ms, path in ((10, "/a"), (20, "/b")):
        network.say(ms, *FRONT, get(path))
        network.again(ms + 1, *FRONT)
        network.say(ms + 2, *FRONT[::-1], ok(path))
    network.say(30, *FRONT, get("/c"))
    network.again(31, *FRONT[::-1])
    network.say(32, *FRONT[::-1], ok("/c"))
    found = learned(network.written(tmp_path)).exchanges
    assert [(each.request, each.took_ns) for each in found] == [(f"GET /{name}", 2 * MS) for name in "abc"]


def test_what_comes_between_a_question_and_its_answer_is_no_part_of_a_page_load(tmp_path: Path) -> None:
    with closing(Session(open_source(FIXTURES / "browse.pcapng"))) as session:
        session.run()
        times = session.snapshot.packets.time_ns.tolist()
        frames = [(time, session.packet_bytes(row)) for row, time in enumerate(times)]
    other = wire.ip("10.0.0.200", "10.0.0.201", wire.UDP, wire.udp(("10.0.0.200", 4000), ("10.0.0.201", 4001), b"news"))
    frames.insert(1, (times[0], wire.ethernet(wire.mac(7), wire.mac(8), wire.IPV4, other)))
    file = tmp_path / "between.pcap"
    file.write_bytes(containers.pcap(frames))
    (load,) = learned(file).page_loads
    assert [phase.packet for phase in load.phases][:2] == [0, 3]
    file.write_bytes(containers.pcap(frames[1:]))  # of the first answer the question was not captured
    (load,) = learned(file).page_loads
    assert [phase.packet for phase in load.phases][:2] == [1, 2]
    assert load.phases[0].begin_ns == load.phases[0].end_ns


def test_a_page_without_encryption_names_its_requests() -> None:
    first, second = learned(FIXTURES / "cdn.pcapng").page_loads
    for load in (first, second):
        assert [phase.kind for phase in load.phases][:2] == [Kind.DNS, Kind.TCP]
        assert load.phases[2].words == "GET /: 200 OK"


def test_a_connection_to_an_address_that_nobody_asked_for_is_no_page_load() -> None:
    assert learned(FIXTURES / "rpc-json.pcapng").page_loads == ()


@pytest.mark.parametrize(
    ("begin", "end", "whole"), [(0, 0, 0), (0, 100, 100), (99, 100, 100), (100, 100, 100), (0, 1, 10**12)]
)
def test_a_bar_is_always_as_long_and_never_empty(begin: int, end: int, whole: int) -> None:
    bar = span_bar(begin, end, whole, glyphs(ascii_only=True))
    assert len(bar) == BAR
    assert "#" in bar
