"""Filters: what can be typed, what it matches, and what is said of the rest."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.filter_grammar import Either, Every, FilterError, Not, Pattern, Term, parse
from analysis.filter_words import VOCABULARY, known_words
from analysis.filtering import Filter
from analysis.marks import Mark
from analysis.outcomes import NO_TCP, ORDER, outcomes
from analysis.pattern import PatternProcess
from analysis.payloads import payloads
from analysis.session import Session
from analysis.verdict import outcome
from capture.protocol import Flag
from capture.source import open_source
from fixtures import containers
from packet_builder import ethernet, ipv4, tcp

FIXTURES = Path(__file__).parents[1] / "fixtures"
NOT_CAPTURES = {"cut-in-file-header.pcap"}
CAPTURES = sorted(path.name for path in FIXTURES.glob("*.pcap*") if path.name not in NOT_CAPTURES)


def read(name: str) -> Session:
    session = Session(open_source(FIXTURES / name))
    session.run()
    return session


def packets(session: Session, text: str) -> list[int]:
    """Numbers of the packets that a filter matches."""
    found = Filter(text).matches(session.snapshot, session.source)
    table = session.snapshot.packets
    first_seen = (table.flags & int(Flag.SEEN_AGAIN)) == 0
    if found.packets is not None:
        numbers = (np.flatnonzero(found.packets) + 1).tolist()
    else:
        mine = found.connections[table.connection] & (table.connection >= 0) & first_seen
        numbers = (np.flatnonzero(mine) + 1).tolist()
    if found.packets is not None:
        assert len(numbers) == found.count
        assert set(table.connection[found.packets].tolist()) - {-1} == set(np.flatnonzero(found.connections).tolist())
    return numbers


def tree(text: str) -> object:
    """A tree without places, as tuples."""

    def plain(node: object) -> object:
        match node:
            case Term(name, operator, values):
                return (name, operator, *values)
            case Pattern(text, any_case):
                return ("/", text, any_case)
            case Not(part):
                return ("not", plain(part))
            case Every(parts):
                return ("and", *map(plain, parts))
            case Either(parts):
                return ("or", *map(plain, parts))
        raise AssertionError(node)

    return plain(parse(text))


GRAMMAR = {
    "": ("and",),
    "tcp": ("tcp", ""),
    "port:80": ("port", ":", "80"),
    "host:fe80::1": ("host", ":", "fe80::1"),
    'outcome:"reset by the server"': ("outcome", ":", "reset by the server"),
    "len>0": ("len", ">", "0"),
    "tcp.port == 80": ("tcp.port", "==", "80"),
    "tcp.stream eq 3": ("tcp.stream", "==", "3"),
    "ip.addr==fe80::1": ("ip.addr", "==", "fe80::1"),
    "tcp.port in {80, 443}": ("tcp.port", "in", "80", "443"),
    "tcp.port in {80 443}": ("tcp.port", "in", "80", "443"),
    "a b": ("and", ("a", ""), ("b", "")),
    "a and b && c": ("and", ("a", ""), ("b", ""), ("c", "")),
    "a b or c": ("or", ("and", ("a", ""), ("b", "")), ("c", "")),
    "a (b or c)": ("and", ("a", ""), ("or", ("b", ""), ("c", ""))),
    "!a || not b": ("or", ("not", ("a", "")), ("not", ("b", ""))),
    "not (a b)": ("not", ("and", ("a", ""), ("b", ""))),
    "ANDROID or:1": ("and", ("android", ""), ("or", ":", "1")),
    "/GET .*\\/x/i": ("/", "GET .*\\/x", True),
}


@pytest.mark.parametrize("text", GRAMMAR)
def test_spaces_and_words_join_tests(text: str) -> None:
    assert tree(text) == GRAMMAR[text]


WRONG = {
    "port:": "needs a value right after it",
    "(tcp": "not closed",
    "tcp)": "was not opened",
    "tcp or": "missing at the end",
    "tcp ==": "needs a value behind it",
    "tcp.port in 80": "braces",
    "/abc": "ends with a second /",
    'outcome:"ref': 'needs a value|ends with a second "',
    "/(/": "not a regular expression",
    "prot:80": "nearest word is port",
    "retransmision": "nearest word is retransmission",
    "outcome:refusd": "nearest is refused",
    "flag:sin": "nearest is syn",
    "port:eighty": "no number",
    "rtt>50parsecs": "no number like 50ms",
    "host:10.0.0.300": "no address",
    "tcp == 1": "a word of its own",
    "tcp.flags.syn": "1 or 0",
    "conn": "needs a value",
    "retransmitted:1": "a word of its own",
    "(" * 60 + "tcp" + ")" * 60: "deep",
    "not " * 60 + "tcp": "deep",
    "x" * 3000: "at most",
}


@pytest.mark.parametrize("text", WRONG)
def test_what_is_wrong_is_said_in_one_sentence_with_its_place(text: str) -> None:
    with pytest.raises(FilterError, match=WRONG[text]) as error:
        Filter(text)
    assert "\n" not in str(error.value)
    assert 0 <= error.value.at <= len(text)


@given(st.text(max_size=40))
def test_no_text_crashes(text: str) -> None:
    try:
        Filter(text)
    except FilterError as error:
        assert 0 <= error.at <= len(text)  # noqa: PT017 - most texts are wrong, and any may be


PIECES = st.sampled_from(
    ["tcp", "udp", "port:9999", "not", "!", "(", ")", "and", "or", "len>0", "conn:0", "/a/", "flag:syn", "==", "1", ","]
)


@given(st.lists(PIECES, max_size=8))
def test_no_row_of_pieces_crashes(pieces: list[str]) -> None:
    session = WHOLE
    try:
        found = Filter(" ".join(pieces))
    except FilterError:
        return
    assert 0 <= found.matches(session.snapshot, session.source).count <= len(session.snapshot.packets)


WHOLE = read("server-closes-first.pcap")
ALL = list(range(1, len(WHOLE.snapshot.packets) + 1))

# 192.0.2.10:40001 opens to 198.51.100.20:9999 (1-3), sends 20 B (4), gets 40 B (6), RTT 20 ms; both close.
MATCHED = {
    "": ALL,
    "tcp": ALL,
    "ip": ALL,
    "ipv6": [],
    "udp or arp": [],
    "http or tls or service:ssh": [],
    "port:9999": ALL,
    "port:http": [],
    "port:9998-10000,443": ALL,
    "port:443": [],
    "not port:9999": [],
    "host:192.0.2.10": ALL,
    "net:192.0.2.0/24": ALL,
    "ip.addr == 192.0.2.0/24": ALL,
    "ip.addr != 192.0.2.10": [],
    "client:192.0.2.10 server:198.51.100.20": ALL,
    "client:198.51.100.20": [],
    "flag:syn": [1, 2],
    "flag:syn+ack": [2],
    "flag:syn not flag:ack": [1],
    "tcp.flags.syn == 1 && tcp.flags.ack == 0": [1],
    "tcp.flags == 0x12": [2],
    "tcp.flags.syn == 0 frame.number <= 3": [3],
    "packet:2-3": [2, 3],
    "frame.number in {1, 3}": [1, 3],
    "conn:0": ALL,
    "tcp.stream eq 0": ALL,
    "udp.stream eq 0": [],
    "outcome:closed": ALL,
    "outcome:refused": [],
    "state:closed": ALL,
    "state:established": [],
    "retransmitted": [],
    "tcp.analysis.flags": [],
    "completeness:31": ALL,
    "rtt>1ms": ALL,
    "rtt>1s": [],
    "tcp.analysis.initial_rtt < 0.05": ALL,
    "ip.src == 192.0.2.10 packet:1-3": [1, 3],
    "ip.dst == 192.0.2.10 packet:1-3": [2],
    "tcp.srcport == 9999 packet:1-3": [2],
    "tcp.dstport != 9999 packet:1-3": [2],
    "len>0 packet:1-5": [4],
    "time:0": [1],
}


@pytest.mark.parametrize("text", MATCHED)
def test_what_a_filter_matches_in_a_whole_connection(text: str) -> None:
    assert packets(WHOLE, text) == MATCHED[text]


def test_a_pattern_is_looked_for_in_what_packets_carry() -> None:
    session = read("cdn.pcapng")
    requests = packets(session, "/^GET \\/[a-z.]* HTTP\\/1/")
    assert requests
    assert packets(session, "/^get \\/[a-z.]* http/i") == requests
    assert packets(session, "http /^GET/") == requests
    others = packets(session, "not /^GET \\/[a-z.]* HTTP\\/1/")
    assert sorted(requests + others) == packets(session, "")
    assert packets(session, f"/^GET/ or packet:{others[0]}") == sorted([*requests, others[0]])
    assert packets(session, "flag:syn /GET/") == []
    assert packets(session, "flag:syn not /GET/") == packets(session, "flag:syn")


def test_a_search_can_be_stopped() -> None:
    found = Filter("/a/").matches(WHOLE.snapshot, WHOLE.source, lambda: True)
    assert not found.complete


def test_a_search_that_would_take_for_ever_can_be_stopped() -> None:
    asked = iter([False, False, False])
    with PatternProcess(rb"(a+)+$", 0) as process:
        assert process.found_in([b"aaa", b"b"], lambda: False) == [True, False]
        assert process.found_in([b"a" * 100 + b"!"], lambda: next(asked, True)) is None


def test_a_search_whose_process_has_gone_ends() -> None:
    with PatternProcess(b"a", 0) as process:
        process._process.kill()
        assert process.found_in([b"aaa"] * 100_000, lambda: False) is None


def test_what_is_searched_begins_behind_the_header_of_the_link() -> None:
    arp = read("arp.pcap")
    carried = [data for _, data in payloads(arp.source, arp.snapshot, np.arange(len(arp.snapshot.packets)))]
    assert {len(data) for data in carried} == {46}  # without the 14 bytes of Ethernet


@pytest.mark.parametrize("name", CAPTURES)
def test_every_mark_and_flag_matches_the_packets_that_have_it(name: str) -> None:
    session = read(name)
    table = session.snapshot.packets
    first = (table.flags & int(Flag.SEEN_AGAIN)) == 0
    for mark in (Mark.OUT_OF_ORDER, Mark.DUPLICATE_ACK, Mark.ZERO_WINDOW, Mark.LOST_SEGMENT):
        word = f"tcp.analysis.{str(mark.name).lower()}"
        marked = np.flatnonzero(((table.marks & int(mark)) != 0) & first) + 1
        assert packets(session, word) == marked.tolist()
    resets = np.flatnonzero(((table.flags & int(Flag.RST)) != 0) & first) + 1
    assert packets(session, "flag:rst") == resets.tolist()
    assert packets(session, "not not flag:rst") == resets.tolist()


@pytest.mark.parametrize("name", CAPTURES)
def test_verdicts_of_all_connections_are_those_of_each(name: str) -> None:
    table = read(name).snapshot.connections
    for finished in (True, False):
        together = outcomes(table, finished=finished)
        for row in range(len(table)):
            alone = outcome(table, row, finished=finished)
            assert together[row] == (NO_TCP if alone is None else ORDER.index(alone))


@pytest.mark.parametrize("name", CAPTURES)
def test_a_filter_and_its_opposite_part_the_packets(name: str) -> None:
    session = read(name)
    table = session.snapshot.packets
    everything = int(np.count_nonzero((table.flags & int(Flag.SEEN_AGAIN)) == 0))
    for text in ("tcp", "port:80", "len>0", "flag:ack", "ip.src == 192.0.2.0/24", "len>0 tcp", "outcome:closed or arp"):
        one = Filter(text).matches(session.snapshot, session.source).count
        other = Filter(f"not ({text})").matches(session.snapshot, session.source).count
        assert one + other == everything, text


def test_every_word_of_the_vocabulary_is_known() -> None:
    assert set(VOCABULARY) <= set(known_words())


def test_names_are_addresses_too() -> None:
    session = read("server-closes-first.pcap")
    session.names["198.51.100.20"] = "Example.com"
    assert packets(session, "host:example.com") == ALL
    assert packets(session, "host:example.org") == []


def test_cut_headers_have_ports_but_no_stream(tmp_path: Path) -> None:
    frame = ethernet(ipv4(tcp(flags=2)))
    path = tmp_path / "cut.pcap"
    path.write_bytes(containers.pcap([(0, frame[: 34 + 8]), (1000, frame), (2000, frame[: 34 + 2])]))
    session = Session(open_source(path))
    session.run()
    assert packets(session, "tcp") == packets(session, "tcp.port==1000") == [1, 2]
    assert packets(session, "tcp.stream==0") == packets(session, "tcp.stream<9") == [2]
    assert packets(session, "not tcp") == [3]
    assert packets(session, "outcome:no-answer") == packets(session, "flag:syn") == [2]
