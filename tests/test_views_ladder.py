"""The ladder as text: the pictures that a person sees, at the widths and with the signs that people have."""

from __future__ import annotations

import unicodedata
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.details import without_bytes
from analysis.gathered import gathered
from analysis.services import CUT
from capture.protocol import Flag, Protocol
from views.ladder import KEPT_DETAILS, Ladder
from views.options import Colour, Options, TimeFormat
from views.text import ROLES, line_cells, plain
from views_builder import (
    ACK,
    FIN,
    PAGE,
    PSH,
    RST,
    SYN,
    WEB,
    Segment,
    Talk,
    capture,
    details,
    packets_of,
    swapped,
)

PLAIN = Options()


def ladder(
    story: list[Segment], *talks: Talk, options: Options = PLAIN, unfolded: frozenset[int] = frozenset()
) -> Ladder:
    snapshot = capture(story, *talks)
    drawn = Ladder(snapshot, gathered(snapshot, 0), options, unfolded)
    drawn.supply(details(story, *talks))
    return drawn


def picture(drawn: Ladder, width: int) -> str:
    lines = [*drawn.head(width), *(drawn.draw(index, width) for index in range(len(drawn)))]
    assert all(line_cells(line) == width for line in lines)
    return "\n".join(plain(line).rstrip() for line in lines)


def test_a_page_at_80_columns() -> None:
    drawn = ladder(PAGE, WEB)
    drawn.cursor = 2
    assert picture(drawn, 80) == (
        " Δt        client 10.0.0.5:51000                         server 93.184.216.34:80\n"
        "           CLOSED                                                  LISTEN\n"
        "    0.0ms  SYN-SENT     │── SYN  seq=0 mss=1460 ws=7 ──────────►│  SYN-RECEIVED\n"
        "  +30.0ms  ESTABLISHED  │◄─ SYN,ACK  seq=0 ack=1 ───────────────│\n"
        "▌  +0.1ms               │── ACK  ack=1 ────────────────────────►│  ESTABLISHED\n"
        "   +0.5ms               │══ PSH,ACK 55 B  seq=1 ack=1  GET / ══►│\n"
        "  +30.0ms               │◄─ ACK  ack=56 ────────────────────────│\n"
        "   +1.0ms               │◄═ ACK 1000 B  seq=1 ack=56  200 OK ═══│\n"
        "           : 9 more data/ACK packets, 3067 B, 4.2 ms  [Enter unfolds]\n"
        "  +10.0ms  FIN-WAIT-1   │── FIN,ACK  seq=56 ack=4068 ──────────►│  CLOSE-WAIT\n"
        "  +30.0ms  FIN-WAIT-2   │◄─ ACK  ack=57 ────────────────────────│\n"
        "   +5.0ms  TIME-WAIT    │◄─ FIN,ACK  seq=4068 ack=57 ───────────│  LAST-ACK\n"
        "   +0.1ms               │── ACK  ack=4069 ─────────────────────►│  CLOSED"
    )


def test_in_ascii_without_the_time_column() -> None:
    drawn = ladder(PAGE[:6], WEB, options=Options(ascii=True))
    assert picture(drawn, 70) == (
        "  client 10.0.0.5:51000                        server 93.184.216.34:80\n"
        "  CLOSED                                                 LISTEN\n"
        "> SYN-SENT     |-- SYN  seq=0 mss=1460 ws=7 --------->|  SYN-RECEIVED\n"
        "  ESTABLISHED  |<- SYN,ACK  seq=0 ack=1 --------------|\n"
        "               |-- ACK  ack=1 ----------------------->|  ESTABLISHED\n"
        "               |== PSH,ACK 55 B  seq=1 ack=1  GET / =>|\n"
        "               |<- ACK  ack=56 -----------------------|\n"
        "               |<= ACK 1000 B  seq=1 ack=56  200 OK ==|"
    )


def test_with_short_state_names_where_there_is_no_room() -> None:
    drawn = ladder(PAGE[:4] + PAGE[-4:], WEB, options=Options(time=TimeFormat.UTC))
    drawn.cursor = 7
    assert picture(drawn, 80) == (
        " UTC              client 10.0.0.5:51000                  server 93.184.216.34:80\n"
        "                  CLOSED                                               LISTEN\n"
        " 14:13:20.000000  SYN-SENT │── SYN  seq=0 mss=1460 ws=7 ───────────►│  SYN-RCVD\n"
        " 14:13:20.030000  ESTAB    │◄─ SYN,ACK  seq=0 ack=1 mss=1460 ws=7 ──│\n"
        " 14:13:20.030100           │── ACK  ack=1 ─────────────────────────►│  ESTAB\n"
        " 14:13:20.030600           │══ PSH,ACK 55 B  seq=1 ack=1  GET / ═══►│\n"
        " 14:13:20.075800  FIN-W1   │── FIN,ACK  seq=56 ack=4068 ───────────►│  CLOSE-W\n"
        " 14:13:20.105800  FIN-W2   │◄─ ACK  ack=57 ─────────────────────────│\n"
        " 14:13:20.110800  TIME-W   │◄─ FIN,ACK  seq=4068 ack=57 ────────────│  LAST-ACK\n"
        "▌14:13:20.110900           │── ACK  ack=4069 ──────────────────────►│  CLOSED"
    )


def test_in_two_rows_with_numbers_as_on_the_wire() -> None:
    drawn = ladder(PAGE[:2], WEB, options=Options(two_rows=True, relative=False))
    assert picture(drawn, 90) == (
        " Δt        client 10.0.0.5:51000                                   server 93.184.216.34:80\n"
        "           CLOSED                                                            LISTEN\n"
        "▌   0.0ms  SYN-SENT     │  SYN  seq=1000000 mss=1460 ws=7                 │  SYN-RECEIVED\n"
        "▌                       │────────────────────────────────────────────────►│\n"
        "  +30.0ms  ESTABLISHED  │  SYN,ACK  seq=4294967000 ack=1000001            │\n"
        "                        │◄────────────────────────────────────────────────│"
    )


def test_under_60_columns_as_plain_lines() -> None:
    assert picture(ladder(PAGE, WEB), 50) == (
        " 10.0.0.5:51000 → 93.184.216.34:80\n"
        "                                     CLOSED/LISTEN\n"
        "▌   0.0ms  → SYN  seq=0          SYN-SENT/SYN-RCVD\n"
        "  +30.0ms  ← SYN,ACK  seq=0 ack=1   ESTAB/SYN-RCVD\n"
        "   +0.1ms  → ACK  ack=1                ESTAB/ESTAB\n"
        "   +0.5ms  → PSH,ACK 55 B  seq=1 ack=1  GET /\n"
        "  +30.0ms  ← ACK  ack=56\n"
        "   +1.0ms  ← ACK 1000 B  seq=1 ack=56  200 OK\n"
        "           : 9 more data/ACK packets, 3067 B, 4.2\n"
        "  +10.0ms  → FIN,ACK  seq=56        FIN-W1/CLOSE-W\n"
        "  +30.0ms  ← ACK  ack=57            FIN-W2/CLOSE-W\n"
        "   +5.0ms  ← FIN,ACK  seq=4068     TIME-W/LAST-ACK\n"
        "   +0.1ms  → ACK  ack=4069           TIME-W/CLOSED"
    )


REFUSED = [
    Segment(0, True, SYN, "SYN-SENT SYN-RECEIVED"),
    Segment(1000, True, SYN, "SYN-SENT SYN-RECEIVED?"),
    Segment(1010, False, RST | ACK, "CLOSED CLOSED", 0, 1, window=0),
]


def test_a_repeated_syn_and_a_reset_have_signs_of_their_own() -> None:
    assert picture(ladder(REFUSED), 80).splitlines()[2:] == [
        "▌   0.0ms  SYN-SENT     │── SYN  seq=0 ────────────────────────►│  SYN-RECEIVED",
        "  +1.000s               │·· SYN  sent again seq=0 ·············►│  SYN-RECEIVED?",
        "  +10.0ms  CLOSED       │╳─ RST,ACK  seq=0 ack=1 ───────────────│  CLOSED",
    ]
    assert "LISTEN?" in picture(ladder(REFUSED), 80)  # no SYN,ACK has confirmed it


def test_each_kind_of_packet_has_a_role_of_its_own() -> None:
    drawn = ladder(PAGE, WEB)
    drawn.cursor = 99
    roles = {index: {span.role for span in drawn.draw(index, 80)} for index in range(len(drawn))}
    for index, role in {1: "syn", 3: "ack", 4: "data", 7: "fold", 8: "fin"}.items():
        assert role in roles[index]
    reset = ladder(REFUSED)
    reset.cursor = 99
    assert "retransmitted" in {span.role for span in reset.draw(2, 80)}
    assert "rst" in {span.role for span in reset.draw(3, 80)}


@pytest.mark.parametrize("colour", Colour)
def test_only_known_roles_are_used_and_later_lines_are_dimmed(colour: Colour) -> None:
    drawn = ladder(PAGE, WEB, options=Options(colour=colour))
    drawn.cursor = 3
    for width in (50, 80):
        for index in range(len(drawn)):
            found = {span.role for span in drawn.draw(index, width)}
            assert found <= ROLES
            packet = drawn.packet_at(index)
            if packet is not None:
                modifier = ".selected" if packet == 3 else ".later" if packet > 3 else ""
                assert all(("." + role.partition(".")[2]).rstrip(".") == modifier for role in found)


def test_the_client_is_at_the_left_even_if_the_server_was_seen_first() -> None:
    talk = swapped(replace(WEB, values=()))
    story = [replace(segment) for segment in PAGE[1:4]]
    lines = picture(ladder(story, talk), 80).splitlines()
    assert lines[0].split() == ["Δt", "client", "10.0.0.5:51000", "server", "93.184.216.34:80"]
    assert "◄─ SYN,ACK" in lines[2]
    assert "── ACK" in lines[3]
    assert lines[3].rstrip().endswith("ESTABLISHED")


def test_roles_that_are_guessed_say_so() -> None:
    story = [Segment(0, True, PSH | ACK, "ESTABLISHED? unknown", 1, 1, b"hello")]
    lines = picture(ladder(story), 80).splitlines()
    assert "client? 10.0.0.5:51000" in lines[0]
    assert "server? 93.184.216.34:80" in lines[0]
    assert lines[1].split() == ["unknown", "unknown"]
    assert "ESTABLISHED? │══ PSH,ACK 5 B" in lines[2]


def test_a_long_address_is_shortened_in_the_middle() -> None:
    talk = Talk(client=("2001:db8:1111:2222:3333:4444:5555:6666", 51000), server=("2001:db8::1", 443))
    head = plain(ladder(PAGE[:1], talk).head(70)[0])
    assert "…" in head
    assert "6]:51000" in head
    assert "[2001:db8::1]:443" in head


def test_a_window_of_zero_is_named() -> None:
    story = [*PAGE[:3], Segment(31, False, ACK, "ESTABLISHED ESTABLISHED", 1, 1, window=0)]
    assert "ACK  ack=1 win=0" in picture(ladder(story, WEB), 80)


ASK = Segment(0, True, Flag(0), "", payload=bytes(28))
DATAGRAM = Talk(("10.0.0.5", 40000), ("10.0.0.53", 53), 17, Protocol.UDP4)


def test_without_tcp_there_are_two_lanes_and_no_states() -> None:
    query = b"\x00\x07\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x07example\x03com\x00\x00\x01\x00\x01"
    story = [Segment(0, True, Flag(0), "", payload=query), Segment(12, False, Flag(0), "", payload=b"?" * 5)]
    assert picture(ladder(story, DATAGRAM), 62) == (
        " Δt        client? 10.0.0.5:40000         server? 10.0.0.53:53\n"
        "▌   0.0ms  │── query A example.com  29 B ───────────────────►│\n"
        "  +12.0ms  │◄─ UDP  5 B ─────────────────────────────────────│"
    )


def test_a_cut_header_is_called_so_and_its_ends_have_no_states() -> None:
    story = [Segment(0, True, Flag.MALFORMED, "", payload=b"")]
    talk = Talk(("10.0.0.5", 51000), ("10.0.0.9", 80), 6 | CUT, Protocol.CUT_TCP4)
    assert picture(ladder(story, talk), 62) == (
        " Δt        client? 10.0.0.5:51000          server? 10.0.0.9:80\n"
        "▌   0.0ms  │── cut TCP header  54 B ────────────────────────►│"
    )


# folding

OPEN = "ESTABLISHED ESTABLISHED"


def run(length: int) -> list[Segment]:
    data = [Segment(31 + n, True, ACK, OPEN, 1 + n * 10, 1, length=10) for n in range(length)]
    return [*PAGE[:3], *data, Segment(5000, True, FIN | ACK, "FIN-WAIT-1 CLOSE-WAIT", 1 + length * 10, 1)]


@pytest.mark.parametrize(("length", "lines"), [(1, 6), (6, 11), (7, 9), (500, 9)])
def test_a_run_shows_three_packets_and_folds_four_or_more(length: int, lines: int) -> None:
    assert len(ladder(run(length), WEB)) == lines


def test_a_fold_opens_and_closes_by_its_first_packet() -> None:
    closed = ladder(run(10), WEB)
    fold = closed.fold_at(closed.index_of(8))
    assert fold == closed.packet_at(closed.index_of(8)) == 6
    assert closed.fold_at(0) is None
    assert closed.fold_at(closed.index_of(3)) is None
    opened = ladder(run(10), WEB, unfolded=frozenset({6}))
    assert len(opened) == len(closed) + 6
    assert opened.packet_at(opened.index_of(8)) == 8
    assert opened.fold_at(opened.index_of(8)) == 6


def test_what_matters_never_folds() -> None:
    story = run(30)
    story[15] = replace(story[15], marks=1)
    story[25] = replace(story[25], flags=RST | ACK, states="CLOSED CLOSED")
    story[26:] = [replace(segment, states="CLOSED CLOSED") for segment in story[26:]]
    drawn = ladder(story, WEB)
    for packet in (0, 1, 2, 15, 25, 33):
        assert drawn.packet_at(drawn.index_of(packet)) == packet


def test_steps_and_troubles_follow_the_connection() -> None:
    story = run(30)
    story[15] = replace(story[15], marks=1)
    drawn = ladder(story, WEB)
    assert [drawn.step(4, by) for by in (1, -1, 99, -99)] == [5, 3, len(story) - 1, 0]
    assert drawn.trouble(0, 1) == drawn.trouble(99, -1) == 15
    assert drawn.trouble(15, 1) is None
    assert drawn.trouble(15, -1) is None


def test_details_are_asked_for_once_and_only_so_many_are_kept() -> None:
    snapshot = capture(PAGE, WEB)
    drawn = Ladder(snapshot, gathered(snapshot, 0), Options())
    assert drawn.missing(0, 99).tolist() == [0, 1, 2, 3, 4, 5, 15, 16, 17, 18]
    assert "── SYN  mss=1460 ws=7 ──" in plain(drawn.draw(1, 80))  # nothing waits for them
    drawn.supply(details(PAGE, WEB)[:5])
    assert drawn.missing(0, 99).tolist() == [5, 15, 16, 17, 18]
    drawn.supply(replace(details(PAGE, WEB)[0], packet=number) for number in range(KEPT_DETAILS + 10))
    assert len(drawn.details) == KEPT_DETAILS


def test_an_arrow_of_a_packet_whose_bytes_are_gone_says_so_and_shows_no_numbers() -> None:
    snapshot = capture(PAGE, WEB)
    drawn = Ladder(snapshot, gathered(snapshot, 0), Options())
    drawn.supply([without_bytes(0), without_bytes(3)])
    assert "── SYN  mss=1460 ws=7  its bytes are gone ──" in plain(drawn.draw(1, 100))
    assert "══ PSH,ACK 55 B  its bytes are gone ══" in plain(drawn.draw(4, 100))


def test_a_list_of_packets_that_is_newer_than_the_snapshot_is_cut() -> None:
    snapshot = capture(PAGE, WEB)
    newer = gathered(capture(PAGE + PAGE, WEB), 0)
    assert len(Ladder(snapshot, newer, Options()).packets) == len(PAGE)


def test_an_empty_connection_draws_nothing() -> None:
    snapshot = capture(PAGE, WEB)
    nothing = gathered(replace(snapshot, packets=packets_of([], [])), 0)
    drawn = Ladder(snapshot, nothing, Options())
    assert len(drawn) == 0
    assert drawn.head(80) == ()
    assert drawn.step(3, 1) == 3
    assert drawn.packet_at(0) is None
    assert line_cells(drawn.draw(0, 80)) == 80


HOSTILE = st.one_of(
    st.binary(max_size=90),
    st.text(max_size=40).map(lambda text: f"GET /{text} HTTP/1.1\r\n".encode(errors="replace")),
    st.just("GET /网络\x1b[31m HTTP/1.1\r\n".encode()),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(HOSTILE, st.integers(0, 0x1FF), st.booleans()), min_size=1, max_size=5), st.data())
def test_every_line_is_exactly_so_wide_whatever_the_packets_hold(
    packets: list[tuple[bytes, int, bool]], data: st.DataObject
) -> None:
    story = [Segment(n * 7, client, Flag(bits), OPEN, payload=body) for n, (body, bits, client) in enumerate(packets)]
    options = Options(
        two_rows=data.draw(st.booleans()), ascii=data.draw(st.booleans()), time=data.draw(st.sampled_from(TimeFormat))
    )
    drawn = ladder(story, options=options)
    drawn.cursor = data.draw(st.integers(-1, 5))
    width = data.draw(st.integers(20, 200))
    text = picture(drawn, width)
    assert "\x1b" not in text
    if options.ascii:
        assert not [character for character in text if unicodedata.east_asian_width(character) == "A"]


def test_a_line_and_its_packet_agree_everywhere() -> None:
    for options in (Options(), Options(two_rows=True)):
        for unfolded in (frozenset[int](), frozenset({6})):
            drawn = ladder(run(40), WEB, options=options, unfolded=unfolded)
            for packet in range(44):
                first = drawn.packet_at(drawn.index_of(packet))
                assert first is not None
                assert first <= packet
            shown = [drawn.packet_at(index) for index in range(1, len(drawn))]
            assert shown == sorted(number for number in shown if number is not None)
