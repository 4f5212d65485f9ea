"""Which request caused which: by fields, bytes, numbers and time; and what is not concluded."""

from __future__ import annotations

import struct
from contextlib import closing
from ipaddress import ip_address
from pathlib import Path
from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.causes import Cause, Confidence
from analysis.causes_evidence import Kind
from analysis.causes_heads import authority, head_of, proxy_header
from analysis.learned import Learned, learn
from analysis.session import Session
from capture.source import open_source
from proxy_builder import BACK, BACKEND, CLIENT, FRONT, MS, OTHER, PROXY, START, Network, get, ok

FIXTURES = Path(__file__).parents[1] / "fixtures"
SAMPLES = Path(__file__).parents[2] / "shared/samples"


def learned(file: Path) -> Learned:
    with closing(Session(open_source(file))) as session:
        session.run()
        return learn(session)


def of(name: str) -> tuple[Cause, ...]:
    return learned(FIXTURES / f"{name}.pcapng").causes


def causes_of(network: Network, folder: Path) -> tuple[Cause, ...]:
    return learned(network.written(folder)).causes


def readdressed(frame: bytes) -> bytes:
    """The same from the proxy's address and port 50001."""
    return frame[:26] + ip_address(PROXY).packed + frame[30:34] + struct.pack("!H", 50001) + frame[36:]


ANOTHER = ((OTHER, 40001), (PROXY, 80))


def two_clients(first: bytes, second: bytes, asked: bytes) -> Network:
    """Two clients wait at the same time while the proxy asks its back end on a connection that is kept open."""
    network = Network()
    network.open(0, *BACK)
    network.open(1, *FRONT)
    network.open(2, *ANOTHER)
    network.say(10, *FRONT, first)
    network.say(11, *ANOTHER, second)
    network.say(12, *BACK, asked)
    network.say(14, *BACK[::-1], ok("a page"))
    network.say(15, *ANOTHER[::-1], ok("ready"))
    network.say(15, *FRONT[::-1], ok("done!"))
    return network


def test_a_reverse_proxys_request_is_known_by_the_field_that_names_the_client() -> None:
    (cause,) = of("nginx-reverse")
    assert (cause.connection, cause.effect) == (0, 1)
    assert cause.opening is not None
    assert cause.request is not None
    assert cause.packet < cause.opening < cause.request
    assert cause.confidence is Confidence.CERTAIN
    said = {fact.kind: fact for fact in cause.evidence}
    assert said[Kind.FORWARDED_FOR].value == "X-Forwarded-For: 10.0.0.1"
    assert said[Kind.FORWARDED_FOR].packets == (cause.packet, cause.request)
    assert said[Kind.SAME_REQUEST].value == "GET /1"
    assert said[Kind.SAME_BODY].number == len("I am backend1")


def test_each_request_of_a_balancer_has_its_own_cause() -> None:
    assert [(each.connection, each.effect) for each in of("nginx-balance")] == [(0, 1), (2, 3), (4, 5), (6, 7)]


def test_health_checks_have_no_cause() -> None:
    assert [(each.connection, each.effect) for each in of("haproxy")] == [(2, 3), (6, 7), (8, 9)]


def test_a_tunnel_is_opened_for_connect_and_then_carries_the_same_bytes() -> None:
    page, opened, carried = of("proxy-forward")
    assert (page.effect, page.evidence[2].kind) == (1, Kind.NAMED_SERVER)
    assert opened.opening is not None
    assert opened.request is None
    assert [fact.value for fact in opened.evidence[1:]] == ["CONNECT 10.0.1.11:8080"]
    assert (carried.connection, carried.effect, carried.opening) == (opened.connection, opened.effect, None)
    assert carried.packet > opened.packet
    assert Kind.SAME_SENT in {fact.kind for fact in carried.evidence}
    assert {each.confidence for each in (page, opened, carried)} == {Confidence.CERTAIN}


def test_a_cache_that_did_not_have_the_page_fetched_it_and_the_next_time_it_did_not() -> None:
    (cause,) = of("cdn")
    assert (cause.connection, cause.effect, cause.confidence) == (1, 2, Confidence.CERTAIN)


def test_both_sides_of_network_address_translation_have_the_same_numbers() -> None:
    told = of("lvs-nat")
    assert [(each.connection, each.effect) for each in told] == [(0, 1), (2, 3), (4, 5), (6, 7)]
    assert all(each.evidence[0].kind is Kind.SAME_NUMBERS for each in told)


def test_a_translator_leaves_the_identification_as_it_is(tmp_path: Path) -> None:
    network = Network()
    for one in ((CLIENT, 40001), (PROXY, 50001)):
        network.numbers |= {(*one, BACKEND, 80): 70_000, (BACKEND, 80, *one): 90_000}
    network.segment(0, (CLIENT, 40001), (BACKEND, 80), 2)
    network.frames.append((START + MS, readdressed(network.frames[0][1])))
    network.segment(2, (BACKEND, 80), (PROXY, 50001), 18)
    network.segment(3, (BACKEND, 80), (CLIENT, 40001), 18)
    (cause,) = causes_of(network, tmp_path)
    assert [fact.kind for fact in cause.evidence] == [Kind.SAME_NUMBERS, Kind.SAME_IDENTIFICATION]
    assert cause.evidence[1].value == "1"


@pytest.mark.parametrize("name", ["lvs-dr", "lvs-tun", "browse", "server-threads", "lan-wan"])
def test_where_nobody_asks_on_there_is_no_cause(name: str) -> None:
    assert of(name) == ()


def test_a_resolver_asks_others_the_same_question() -> None:
    told = of("dns")
    assert [(each.connection, each.effect) for each in told[:4]] == [(0, 1), (0, 2), (0, 3), (5, 6)]
    assert told[0].evidence[1].value == "A www.shop.example"


def test_time_alone_makes_it_likely(tmp_path: Path) -> None:
    network = Network()
    network.open(0, *FRONT)
    network.say(1, *FRONT, b"question")
    network.open(2, *BACK)
    network.say(3, *BACK, b"something else")
    network.say(8, *BACK[::-1], b"result 1")
    network.say(9, *FRONT[::-1], b"the answer")
    (cause,) = causes_of(network, tmp_path)
    assert (cause.connection, cause.effect, cause.confidence) == (0, 1, Confidence.LIKELY)
    assert [(fact.kind, fact.number) for fact in cause.evidence] == [(Kind.OPENED, MS), (Kind.ASKED, 2 * MS)]


def test_whoever_waits_long_did_not_cause_what_takes_a_moment(tmp_path: Path) -> None:
    network = Network()
    network.open(0, *FRONT)
    network.say(1, *FRONT, b"tell me when something happens")
    network.open(2000, *BACK)
    network.say(2001, *BACK, b"a chore")
    network.say(2002, *BACK[::-1], b"is done")
    network.say(5000, *FRONT[::-1], b"it happened")
    assert causes_of(network, tmp_path) == ()


def test_two_that_wait_alike_are_not_told_apart(tmp_path: Path) -> None:
    assert causes_of(two_clients(b"a question", b"a question", b"something else"), tmp_path) == ()


def test_of_two_that_wait_the_one_with_the_same_request_is_likely(tmp_path: Path) -> None:
    (cause,) = causes_of(two_clients(get("/a"), get("/b"), get("/b", Via="1.1 p")), tmp_path)
    assert (cause.packet, cause.confidence) == (10, Confidence.LIKELY)
    assert {fact.kind for fact in cause.evidence} == {Kind.ASKED, Kind.SAME_REQUEST, Kind.VIA}


def test_of_two_that_wait_the_one_that_is_named_is_certain(tmp_path: Path) -> None:
    asked = get("/", Forwarded=f'for="{OTHER}";proto=http')
    (cause,) = causes_of(two_clients(get("/"), get("/"), asked), tmp_path)
    assert (cause.packet, cause.confidence) == (10, Confidence.CERTAIN)
    assert cause.opening is None  # it was opened long before


PAGE = "the same page for everybody who asks, whatever they ask"


def asked_meanwhile(front: bytes, back: bytes, answered_ms: float) -> Network:
    """A client waits from 10 to 15 ms for a reply; the proxy asks its back end, which it has always asked, at 12 ms."""
    network = Network()
    network.open(0, *BACK)
    network.open(1, *FRONT)
    network.say(10, *FRONT, get("/a"))
    network.say(12, *BACK, get("/b"))
    network.say(answered_ms, *BACK[::-1], back)
    network.say(15, *FRONT[::-1], front)
    return network


def test_a_body_that_might_be_everybodys_makes_it_likely_and_no_more(tmp_path: Path) -> None:
    (cause,) = causes_of(asked_meanwhile(ok(PAGE), ok(PAGE), 12.1), tmp_path)
    assert {fact.kind for fact in cause.evidence} == {Kind.ASKED, Kind.SAME_BODY}
    assert cause.confidence is Confidence.LIKELY


def test_what_came_back_after_the_reply_is_not_in_it(tmp_path: Path) -> None:
    assert causes_of(asked_meanwhile(ok(PAGE), ok(PAGE), 16), tmp_path) == ()


def test_a_body_is_not_looked_for_in_a_head(tmp_path: Path) -> None:
    network = asked_meanwhile(b"HTTP/1.1 200 OK\r\nServer: nginx\r\n\r\nsomething else", ok("nginx"), 14)
    (cause,) = causes_of(network, tmp_path)
    assert {fact.kind for fact in cause.evidence} == {Kind.ASKED}


def test_whoever_waits_long_is_not_forgotten_for_many_that_were_answered(tmp_path: Path) -> None:
    network = Network()
    network.open(0, *BACK)
    network.open(1, *FRONT)
    network.open(2, *ANOTHER)
    network.say(10, *FRONT, get("/slow"))
    for ms in range(20, 120, 2):
        network.say(ms, *ANOTHER, get("/quick"))
        network.say(ms + 1, *ANOTHER[::-1], ok("ready"))
    network.say(130, *BACK, get("/", X_Forwarded_For=CLIENT))
    network.say(140, *BACK[::-1], ok("a page"))
    network.say(150, *FRONT[::-1], ok("done!"))
    (cause,) = causes_of(network, tmp_path)
    assert (cause.connection, cause.effect, cause.confidence) == (1, 0, Confidence.CERTAIN)


def test_a_server_that_refused_was_asked_because_of_the_request_that_waited(tmp_path: Path) -> None:
    network = Network()
    network.open(0, *FRONT)
    network.say(1, *FRONT, get("/"))
    network.segment(2, *BACK, 2)
    network.segment(2.5, *BACK[::-1], 20)
    network.say(3, *FRONT[::-1], b"HTTP/1.1 502 Bad Gateway\r\n\r\n")
    (cause,) = causes_of(network, tmp_path)
    assert (cause.effect, cause.request, cause.confidence) == (1, None, Confidence.LIKELY)
    assert [fact.kind for fact in cause.evidence] == [Kind.OPENED]


def test_a_check_while_nobody_waits_has_no_cause(tmp_path: Path) -> None:
    network = Network()
    network.open(0, *FRONT)
    network.segment(2, *BACK, 2)
    network.segment(2.5, *BACK[::-1], 20)
    network.say(3, *FRONT, get("/"))
    network.say(4, *FRONT[::-1], ok("cached"))
    assert causes_of(network, tmp_path) == ()


def test_a_request_for_somebody_else_has_no_cause_here(tmp_path: Path) -> None:
    network = Network()
    network.open(0, *FRONT)
    network.open(1, *BACK)
    network.say(2, *FRONT, get("/"))
    network.say(3, *BACK, get("/", X_Forwarded_For="192.0.2.77"))
    network.say(4, *BACK[::-1], ok("one page"))
    network.say(5, *FRONT[::-1], ok("one page"))
    assert causes_of(network, tmp_path) == ()


def test_each_request_on_connections_that_are_kept_open_has_its_own_cause(tmp_path: Path) -> None:
    network = Network()
    network.open(0, *FRONT)
    network.open(1, *BACK)
    for number in range(3):
        at = 10 * (number + 1)
        network.say(at, *FRONT, get(f"/{number}"))
        network.say(at + 1, *BACK, get(f"/{number}", X_Forwarded_For=f"192.0.2.1, {CLIENT}"))
        network.say(at + 2, *BACK[::-1], ok("some page"))
        network.say(at + 3, *FRONT[::-1], ok("some page"))
    told = causes_of(network, tmp_path)
    assert [(each.packet, each.request, each.opening) for each in told] == [
        (6, 7, None),
        (10, 11, None),
        (14, 15, None),
    ]


@pytest.mark.parametrize("version", [1, 2])
def test_a_proxy_protocol_header_names_the_clients_end_even_if_others_wait(version: int, tmp_path: Path) -> None:
    ends = (OTHER, 40001), (PROXY, 80)
    header = f"PROXY TCP4 {OTHER} {PROXY} 40001 80\r\n".encode()
    if version == 2:
        body = b"".join(ip_address(each[0]).packed for each in ends) + struct.pack("!HH", ends[0][1], ends[1][1])
        header = b"\r\n\r\n\0\r\nQUIT\n" + struct.pack("!BBH", 0x21, 0x11, len(body)) + body
    (cause,) = causes_of(two_clients(b"ask", b"ask", header + b"ask"), tmp_path)
    assert (cause.packet, cause.confidence) == (10, Confidence.CERTAIN)
    assert [(fact.kind, fact.value, fact.number) for fact in cause.evidence] == [
        (Kind.PROXY_HEADER, f"{OTHER} 40001", version)
    ]


def test_a_proxy_protocol_header_names_no_connection_that_was_over_before(tmp_path: Path) -> None:
    network = Network()
    network.open(0, *FRONT)
    network.say(1, *FRONT, b"ask")
    network.say(2, *FRONT[::-1], b"told")
    network.segment(3, *FRONT, 17)
    network.segment(3.1, *FRONT[::-1], 17)
    network.open(60_000, *BACK)  # for another connection from there, which was not captured
    network.say(60_001, *BACK, f"PROXY TCP4 {CLIENT} {PROXY} 40001 80\r\nask".encode())
    network.say(60_002, *BACK[::-1], b"told")
    assert causes_of(network, tmp_path) == ()


def test_a_proxy_that_connects_at_once_does_so_because_it_was_connected_to(tmp_path: Path) -> None:
    """And of two connections from the same end, the latest counts."""
    network = Network()
    for at in (0, 1000):
        network.open(at, *FRONT)
        network.open(at + 1, *BACK)
        network.say(at + 2, *BACK, f"PROXY TCP4 {CLIENT} {PROXY} 40001 80\r\n".encode())
        network.say(at + 3, *FRONT, b"hello")
        network.say(at + 4, *FRONT[::-1], b"welcome")
        for ends in (FRONT, BACK):
            network.segment(at + 5, *ends, 20)
    told = causes_of(network, tmp_path)
    assert [(each.connection, each.effect) for each in told] == [(0, 1), (2, 3)]
    assert [(each.packet, each.opening, each.request) for each in told] == [(0, 3, 6), (11, 14, 17)]


def test_connections_made_by_hand_with_the_same_small_numbers_are_not_translated(tmp_path: Path) -> None:
    network = Network()
    network.open(0, *FRONT)
    network.open(0.001, *BACK)
    assert causes_of(network, tmp_path) == ()


@pytest.mark.skipif(not SAMPLES.exists(), reason="the samples are not here")
def test_real_proxies() -> None:
    nginx = learned(SAMPLES / "nginx-reverse.multi.pcapng").causes
    assert [(each.connection, each.effect, each.confidence.value) for each in nginx] == [
        (1, 3, "certain"),
        (4, 5, "certain"),
    ]
    # HAProxy hands on bytes; that 10.1.0.10 and 10.2.0.10 are one machine is not known.
    haproxy = learned(SAMPLES / "haproxy-tcp.multi.pcapng").causes
    assert [(each.connection, each.effect) for each in haproxy] == [(1, 3), (4, 6), (7, 8), (9, 10)]
    assert {each.confidence for each in haproxy} == {Confidence.LIKELY}
    kernel = learned(SAMPLES / "lvs-nat-nft.multi.pcapng").causes
    assert [(each.connection, each.effect) for each in kernel] == [(1, 3), (4, 6), (7, 8), (9, 10)]


def test_what_a_head_says() -> None:
    head = head_of(get("http://Shop.example:8080/a?b", Host="Shop.example:8080", X_Real_IP="192.0.2.1"))
    assert (head.method, head.path, head.host) == ("GET", "/a?b", "shop.example")
    assert head.forwarded == (("x-real-ip", "192.0.2.1"),)
    assert head_of(get("/", Forwarded='for=192.0.2.1, for="[2001:db8::1]:99"')).forwarded == (
        ("forwarded", "2001:db8::1"),
    )
    assert authority("[2001:db8::1]:443") == ("2001:db8::1", 443)
    assert authority("https://user@shop.example/") == ("shop.example", None)


def test_a_long_field_hides_none_behind_it() -> None:
    head = head_of(get("/", Cookie="x" * 2500, X_Forwarded_For="192.0.2.1"))
    assert head.forwarded == (("x-forwarded-for", "192.0.2.1"),)


def test_the_time_for_a_head_grows_with_its_length() -> None:
    started = process_time()
    for blanks in (b" ", b" \t"):
        head = head_of(b"GET / HTTP/1.1\r\nA: 1\r\nB:" + blanks * 2000 + b"\x01")
        assert head.fields == {"a": "1"}  # the line that is cut short does not count
    assert process_time() - started < 1  # a pattern with blanks before and after the value takes minutes


@given(st.binary(max_size=200))
def test_heads_of_any_bytes(data: bytes) -> None:
    for start in (
        b"",
        b"GET / HTTP/1.1\r\n",
        b"\r\n\r\n\0\r\nQUIT\n!\x11",
        b"PROXY TCP4 ",
        b"GET / HTTP/1.1\r\nForwarded: for=",
    ):
        head = head_of(start + data)
        assert all(ip_address(address) for _, address in head.forwarded)
        assert (head.proxied is None) == (proxy_header(start + data) is None)
