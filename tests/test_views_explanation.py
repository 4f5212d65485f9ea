"""The explanation of a packet: stories told packet by packet, in the words a person reads."""

from __future__ import annotations

import re
import struct
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.details import without_bytes
from analysis.services import CUT
from capture.protocol import Flag, Protocol
from views.explanation import SHORT, Explanation, neighbours
from views.options import Options
from views.quoting import quoted
from views.text import ROLES, line_cells, plain
from views_builder import ACK, FIN, PAGE, RST, SYN, WEB, Segment, Talk, capture, details, rows

OPEN = "ESTABLISHED ESTABLISHED"


def explained(story: list[Segment], packet: int, *talks: Talk, full: bool = False, width: int = 80) -> Explanation:
    snapshot = capture(story, *talks)
    connection = story[packet].connection
    near = neighbours(rows(snapshot, connection), packet).tolist()
    known = {each.packet: each for each in details(story, *talks) if each.packet in near}
    made = Explanation(snapshot, connection, packet, known, full=full, options=Options())
    made.head(width)
    return made


def text(made: Explanation, width: int = 80) -> str:
    lines = [made.draw(index, width) for index in range(len(made))]
    assert all(line_cells(line) == width for line in lines)
    assert {span.role for line in lines for span in line} <= ROLES
    return "\n".join(plain(line).strip() for line in lines)


PAGE_TOLD = {
    0: (
        "first step of the handshake",
        (
            "The client asks the server for a connection. Its numbers begin at seq=x=0\n"
            "(1000000 on the wire); the SYN itself uses one.\n"
            "The client moves CLOSED → SYN-SENT, the server LISTEN → SYN-RECEIVED.\n"
            "Next expected: SYN,ACK from the server."
        ),
    ),
    1: (
        "second step of the handshake",
        (
            "The server answers packet 1, 30.0 ms later, and sends a SYN of its own.\n"
            'ack=x+1=1 means "I have your SYN"; its own numbers begin at seq=y=0.\n'
            "The client moves SYN-SENT → ESTABLISHED.\n"
            "Next expected: an ACK from the client."
        ),
    ),
    2: (
        "third step of the handshake",
        (
            'The client answers packet 2: ack=1 means "I have your SYN; send byte 1 next".\n'
            "Set-up took 30.1 ms.\n"
            "The server moves SYN-RECEIVED → ESTABLISHED.\n"
            "Next expected: first data, from either side."
        ),
    ),
    3: (
        "first data, from the client",
        "The client sends 55 bytes, seq 1 to 55: GET /.\nNext expected: data, or FIN, from either side.",
    ),
    4: (
        "acknowledgment",
        (
            'The server acknowledges packet 4, 30.0 ms after it: ack=56 means "I have\n'
            'everything before byte 56".\n'
            "Next expected: data, or FIN, from either side."
        ),
    ),
    15: (
        "the client closes",
        (
            'The client closes first (it is the active closer): FIN says "I have nothing\n'
            'more to send".\n'
            "The client moves ESTABLISHED → FIN-WAIT-1, the server ESTABLISHED → CLOSE-WAIT.\n"
            "Next expected: an ACK of the FIN, from the server."
        ),
    ),
    16: (
        "the FIN is acknowledged",
        (
            'The server answers packet 16: ack=57 means "I have your FIN" (its number + 1).\n'
            "Half-closed: the server may go on sending, and the client still receives.\n"
            "The client moves FIN-WAIT-1 → FIN-WAIT-2.\n"
            "Next expected: more data, or FIN, from the server."
        ),
    ),
    17: (
        "the other end closes, too",
        (
            "The server, the passive closer, has nothing more to send either, 35.0 ms after\n"
            "the FIN of packet 16.\n"
            "The server moves CLOSE-WAIT → LAST-ACK, the client FIN-WAIT-2 → TIME-WAIT.\n"
            "Next expected: an ACK of the last FIN, from the client."
        ),
    ),
    18: (
        "last step of the close",
        (
            'The client answers packet 18: ack=4069 means "I have your FIN" (its number +\n'
            "1). Both FINs are acknowledged; the close took 35.1 ms.\n"
            "The server moves LAST-ACK → CLOSED.\n"
            "Next expected: nothing; the client waits 2 MSL for stragglers, then forgets."
        ),
    ),
}


@pytest.mark.parametrize("packet", PAGE_TOLD)
def test_a_page_is_told_packet_by_packet(packet: int) -> None:
    title, words = PAGE_TOLD[packet]
    made = explained(PAGE, packet, WEB)
    assert made.title == f"packet {packet + 1}/19 · {title}"
    assert text(made) == words


def test_the_full_form_adds_reasons_flags_and_options() -> None:
    words = text(explained(PAGE, 1, WEB, full=True)).replace("\n", " ")
    for part in (
        "The client moves SYN-SENT → ESTABLISHED: its SYN is acknowledged.",
        "segments of up to 1460 bytes of data (MSS), windows counted in units of 128 bytes (window scale 7)",
        "SYN: here my sequence numbers begin.",
        "ACK: the acknowledgment number counts.",
        "After it: client ESTABLISHED, server SYN-RECEIVED. States are deduced",
    ):
        assert part in words


SYN_AGAIN = [
    PAGE[0],
    Segment(1000, True, SYN, "SYN-SENT SYN-RECEIVED?"),
    Segment(1010, False, RST | ACK, "CLOSED CLOSED", 0, 1),
]
AFTER_SYN = [PAGE[0], replace(PAGE[1]), replace(PAGE[1], ms=1031)]
THREE_PACKETS = [
    *PAGE[:3],
    Segment(40, True, FIN | ACK, "FIN-WAIT-1 CLOSE-WAIT", 1, 1),
    Segment(50, False, FIN | ACK, "TIME-WAIT LAST-ACK", 1, 2),
]
MEET = [
    *PAGE[:3],
    Segment(40, True, FIN | ACK, "FIN-WAIT-1 CLOSE-WAIT", 1, 1),
    Segment(50, False, FIN | ACK, "CLOSING CLOSING", 1, 1),
    Segment(51, True, FIN | ACK, "CLOSING CLOSING", 1, 1),
]
HALF = [*THREE_PACKETS[:4], Segment(60, False, ACK, "FIN-WAIT-1 CLOSE-WAIT", 1, 1, length=30)]
BOTH_OPEN = [
    PAGE[0],
    Segment(5, False, SYN, "SYN-RECEIVED SYN-RECEIVED"),
    Segment(6, True, SYN | ACK, "SYN-RECEIVED ESTABLISHED", 0, 1),
]
ABORT = [*PAGE[:4], Segment(70, False, RST, "CLOSED CLOSED", 1)]
GAP = [*PAGE[:3], Segment(40, True, ACK, OPEN, 1, 1, length=100), Segment(41, True, ACK, OPEN, 301, 1, length=100)]
TWICE = [*PAGE[:4], replace(PAGE[3], ms=300)]
DUPLICATE = [*PAGE[:3], Segment(40, False, ACK, OPEN, 1, 1), Segment(41, False, ACK, OPEN, 1, 1)]
UNFIT = [  # the first reset did not fit, and its sender went on
    *PAGE[:3],
    Segment(40, True, RST, "CLOSED? ESTABLISHED?", 500),
    Segment(41, True, ACK, "ESTABLISHED? ESTABLISHED?", 1, 1),
    Segment(42, True, RST, "CLOSED CLOSED", 1),
]
SHUT = [*PAGE[:4], Segment(60, False, ACK, OPEN, 1, 56, window=0)]
SHUT_OPEN = [*SHUT, Segment(61, False, ACK, OPEN, 1, 56)]
ALIVE = [*PAGE[:5], Segment(9000, True, ACK, OPEN, 55, 1)]
ASLEEP = [*PAGE[:3], Segment(9000, True, ACK, OPEN, 0, 1)]
WINDOW_OF_SYN = [*PAGE[:2], Segment(31, False, ACK, "ESTABLISHED SYN-RECEIVED", 1, 1, window=63)]
SYN_NOT_SEEN = [PAGE[1], PAGE[2]]
SYN_NOT_SEEN_BUT_ACK = replace(WEB, client_first=False, values=(("established_packet", 1),))
FAST_OPEN = [replace(PAGE[0], payload=b"0123456789"), replace(PAGE[1], ack=11)]
CROSSED = [
    *PAGE[:3],
    Segment(40, True, FIN | ACK, "FIN-WAIT-1 CLOSE-WAIT", 1, 1),
    Segment(41, False, FIN | ACK, "CLOSING CLOSING", 1, 1),
]
STILL = [
    PAGE[0],
    Segment(20, True, ACK, "ESTABLISHED? SYN-RECEIVED", 1, 1),
    Segment(40, True, FIN | ACK, "FIN-WAIT-1? CLOSE-WAIT", 1, 1),
]
MIDDLE = [Segment(0, True, ACK, "ESTABLISHED? unknown", 1, 1, length=20)]
ODD = [Segment(0, True, SYN | FIN, "unknown unknown"), Segment(1, True, Flag(0), "unknown unknown")]
CLOSED_BY = replace(WEB, values=(("fin_acked_packet", (4, -1)), ("established_packet", 2)))
HANDSHAKE = replace(WEB, values=(("established_packet", 2),))

TOLD = {
    "a SYN that got no answer": (SYN_AGAIN, 1, Talk(), "packet 1 again, 1.000 s later: no answer to it was captured."),
    "a refusal": (SYN_AGAIN, 2, Talk(), "The server refuses: its RST answers the SYN of packet 2, 10.0 ms later."),
    "a SYN,ACK sent again": (AFTER_SYN, 2, Talk(), "The server sends packet 2 again, 1.001 s later: no answer"),
    "a close of three packets": (THREE_PACKETS, 4, CLOSED_BY, "the four-way close takes three packets"),
    "a simultaneous close": (MEET, 4, HANDSHAKE, "before it acknowledges that of packet 4: a simultaneous close"),
    "a FIN sent again": (
        MEET,
        5,
        HANDSHAKE,
        "The client sends the FIN of packet 4 again, 11.0 ms later: no acknowledgment",
    ),
    "data after the other end's FIN": (HALF, 4, HANDSHAKE, "Half-close: the client has sent FIN (packet 4) and still"),
    "a simultaneous open": (BOTH_OPEN, 1, Talk(), "sends a SYN too, before it acknowledges packet 1: a simultaneous"),
    "its SYN,ACK": (BOTH_OPEN, 2, Talk(), "which has sent a SYN of its own, acknowledges that of packet 2"),
    "an abort": (ABORT, 4, HANDSHAKE, "The server aborts the connection at once, without FIN"),
    "bytes that are missing": (
        GAP,
        4,
        HANDSHAKE,
        "200 bytes before it are missing here: lost, overtaken or not captured",
    ),
    "bytes sent again": (TWICE, 4, HANDSHAKE, "It begins like packet 4: sent again."),
    "a duplicate": (DUPLICATE, 4, HANDSHAKE, "repeats ack=1 of packet 4: nothing more has arrived in order"),
    "a shut window": (SHUT, 4, HANDSHAKE, "The server has no room left: win=0 asks the client to wait."),
    "a beginning in the middle": (
        MIDDLE,
        0,
        Talk(),
        "unknown → ESTABLISHED?: inferred; how it got there was not captured",
    ),
    "what a shut window leaves": (
        SHUT,
        4,
        HANDSHAKE,
        "Next expected: the server opens its window; until then the client",
    ),
    "a window that opens": (SHUT_OPEN, 5, HANDSHAKE, "its window field changes from 0 to 64240."),
    "a keep-alive": (
        ALIVE,
        5,
        HANDSHAKE,
        "sends seq=55, which packet 5 has acknowledged already: probably a keep-alive",
    ),
    "a keep-alive before any data": (ASLEEP, 3, HANDSHAKE, "sends seq=0, which packet 2 has acknowledged already"),
    "a window beside a SYN's": (WINDOW_OF_SYN, 2, HANDSHAKE, "repeats ack=1 of packet 2: nothing more has arrived"),
    "a handshake without its SYN": (SYN_NOT_SEEN, 1, SYN_NOT_SEEN_BUT_ACK, 'ack=1 means "I have your SYN'),
    "a SYN's data that is taken": (FAST_OPEN, 1, Talk(), 'ack=11 means "I have your SYN and its data"'),
    "a SYN,ACK of something else": ([PAGE[0], replace(PAGE[1], ack=12)], 1, Talk(), "does not acknowledge the SYN"),
    "FINs that cross": (CROSSED, 4, HANDSHAKE, "CLOSE-WAIT → CLOSING: it has sent FIN before the other's reached it."),
    "a state that is still inferred": (STILL, 2, Talk(), "FIN-WAIT-1?: it has sent FIN; still inferred, as its state"),
    "flags that nobody sends": (ODD, 0, Talk(), "No TCP sends these flags together"),
    "a reset after one that ended nothing": (UNFIT, 5, HANDSHAKE, "The client aborts the connection at once"),
    "no flags at all": (ODD, 1, Talk(), "neither data nor an acknowledgment"),
}


@pytest.mark.parametrize("case", TOLD)
def test_what_happens_is_named(case: str) -> None:
    story, packet, talk, words = TOLD[case]
    assert words in text(explained(story, packet, talk, full=True), 80).replace("\n", " ")


def test_without_details_only_what_the_columns_say_is_said() -> None:
    snapshot = capture(PAGE, WEB)
    for packet in range(len(PAGE)):
        made = Explanation(snapshot, 0, packet, {}, full=True, options=Options())
        assert not re.search(r"(seq|ack)=\d", text(made))


def test_guesses_are_called_guesses() -> None:
    words = text(explained(MIDDLE, 0, full=True)).replace("\n", " ")
    assert "The capture begins in the middle of this connection" in words
    assert "counted from the first that was captured" in words
    assert "is guessed, from the ports and from who sends first: no handshake was captured." in words
    datagram = [Segment(0, True, Flag(0), "", payload=b"?")]
    talk = Talk(("10.0.0.1", 40000), ("10.0.0.2", 9), 17, Protocol.UDP4)
    assert "only TCP has a handshake" in text(explained(datagram, 0, talk, full=True)).replace("\n", " ")


def test_what_comes_next_is_left_open_where_one_direction_is_missing() -> None:
    story = [PAGE[0], Segment(40, True, ACK, "ESTABLISHED? SYN-RECEIVED", 1, 1)]
    assert "Next expected" not in text(explained(story, 1))


ADDRESS = {"10.0.0.1": bytes([10, 0, 0, 1]), "10.0.0.2": bytes([10, 0, 0, 2])}


def arp(operation: int, sender: str, target: str) -> bytes:
    head = struct.pack(">HHBBH", 1, 0x0800, 6, 4, operation)
    return head + b"\x02\x00\x00\x00\x00\x01" + ADDRESS[sender] + bytes(6) + ADDRESS[target]


def test_questions_find_their_answers() -> None:
    neighbours_talk = Talk(("10.0.0.1", 0), ("10.0.0.2", 0), 0x0806, Protocol.ARP)
    asked = Segment(0, True, Flag(0), "", payload=arp(1, "10.0.0.1", "10.0.0.2"))
    told = Segment(1, False, Flag(0), "", payload=arp(2, "10.0.0.2", "10.0.0.1"))
    words = text(explained([asked, told], 1, neighbours_talk)).replace("\n", " ")
    assert "10.0.0.2 is at 02:00:00:00:00:01: from now on 10.0.0.1 can send frames there." in words
    assert "It answers packet 1, 1.0 ms later." in words

    ping = Talk(("10.0.0.1", 0), ("10.0.0.2", 0), 1, Protocol.ICMP4)
    story = [
        Segment(n, n % 2 == 0, Flag(0), "", payload=bytes([kind, 0, 0, 0, 0, 9, 0, number]))
        for n, (kind, number) in enumerate([(8, 1), (0, 1), (8, 2), (0, 1)])
    ]
    assert "It answers packet 1" in text(explained(story, 1, ping))
    assert "It answers packet 1" in text(explained(story, 3, ping))  # late: not packet 3, whose number is another

    names = Talk(("10.0.0.1", 40000), ("10.0.0.2", 53), 17, Protocol.UDP4)
    question = b"\x00\x07\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x07example\x03com\x00\x00\x01\x00\x01"
    other = b"\x00\x08" + question[2:]
    answer = question[:2] + b"\x81\x83" + question[4:]
    story = [Segment(n, n < 2, Flag(0), "", payload=body) for n, body in enumerate([question, other, answer])]
    words = text(explained(story, 2, names)).replace("\n", " ")
    assert "answer NXDOMAIN example.com. It answers packet 1, 2.0 ms later." in words


def test_a_packet_captured_at_two_interfaces_is_not_sent_twice() -> None:
    story = [*PAGE[:4], replace(PAGE[3], ms=31)]
    seen = {each.packet: each for each in details(story, WEB)}
    for packet, identification in ((3, b"\x12\x34"), (4, b"\x12\x34")):
        head = bytes(14) + b"\x45\x00\x00\x5f" + identification + b"\x40\x00"
        seen[packet] = replace(seen[packet], data=head + seen[packet].data[len(head) :])
    made = Explanation(capture(story, WEB), 0, 4, seen, full=False, options=Options())
    words = text(made).replace("\n", " ")
    assert made.title.endswith("the same packet, captured again")
    assert (
        "This is packet 4 again, 0.4 ms later: the numbers and the IPv4 identification, 0x1234, are the same" in words
    )
    seen[4] = replace(seen[4], data=seen[4].data[:18] + b"\x12\x35" + seen[4].data[20:])
    made = Explanation(capture(story, WEB), 0, 4, seen, full=False, options=Options())
    assert "It begins like packet 4: sent again." in text(made).replace("\n", " ")


def test_comments_on_a_packet_are_told_made_safe_and_bounded() -> None:
    comments = ["client: connect(10.0.0.2:80)", "\x1b[31mred", *["x" * 1000] * 99]
    made = Explanation(capture(PAGE, WEB), 0, 0, {}, full=False, options=Options(), comments=comments)
    whole = Explanation(capture(PAGE, WEB), 0, 0, {}, full=True, options=Options(), comments=comments)
    assert "Noted: client: connect(10.0.0.2:80)" in text(made).replace("\n", " ")
    assert "\x1b" not in text(whole)
    assert text(whole).count("x") < 1000
    assert "Noted" not in text(Explanation(capture(PAGE, WEB), 0, 0, {}, full=True, options=Options()))


def test_an_icmp_error_names_the_packet_that_caused_it() -> None:
    talk = Talk(("10.0.0.2", 0), ("10.0.0.1", 0), 1, Protocol.ICMP4)
    ip = b"\x45\x00\x00\x20\x00\x01\x00\x00\x01\x11\x00\x00" + ADDRESS["10.0.0.1"] + ADDRESS["10.0.0.2"]
    error = b"\x0b\x00\x00\x00\x00\x00\x00\x00" + ip + struct.pack(">HHHH", 40001, 33434, 12, 0)
    words = text(explained([Segment(0, True, Flag(0), "", payload=error)], 0, talk)).replace("\n", " ")
    assert "It quotes the packet that caused it: UDP from 10.0.0.1:40001 to 10.0.0.2:33434." in words
    six = bytes([0x60, 0, 0, 0, 0, 8, 6, 64]) + bytes(15) + b"\x01" + bytes(15) + b"\x02" + struct.pack(">HH", 1, 2)
    assert quoted(six) == "TCP from [::1]:1 to [::2]:2"
    assert quoted(ip[:9] + b"\x59" + ip[10:]) == "IP protocol 89 from 10.0.0.1 to 10.0.0.2"
    assert [quoted(data) for data in (b"", ip[:19], six[:39], bytes(60))] == [""] * 4


STATES = ("unknown", "CLOSED", "SYN-SENT", "SYN-RECEIVED?", "ESTABLISHED", "FIN-WAIT-1", "CLOSE-WAIT", "TIME-WAIT?")
PACKETS = st.builds(
    Segment,
    ms=st.integers(0, 99),
    client=st.booleans(),
    flags=st.integers(0, 0x1FF).map(Flag),
    states=st.tuples(st.sampled_from(STATES), st.sampled_from(STATES)).map(" ".join),
    seq=st.integers(0, 2**32 - 1),
    ack=st.integers(0, 2**32 - 1),
    payload=st.binary(max_size=60),
    window=st.integers(0, 3),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(PACKETS, min_size=1, max_size=8), st.integers(20, 200), st.booleans(), st.data())
def test_any_packets_can_be_explained_in_few_lines(
    story: list[Segment], width: int, full: bool, data: st.DataObject
) -> None:
    packet = data.draw(st.integers(0, len(story) - 1))
    made = explained(story, packet, full=full, width=width)
    assert text(made, width)
    assert full or len(made) <= SHORT
    assert made.title.startswith(f"packet {packet + 1}/{len(story)}")
    assert not made.title.count("\x1b") + text(made, width).count("\x1b")


def test_a_cut_header_belongs_to_no_stream_and_says_why() -> None:
    cut = capture([Segment(0, True, Flag.MALFORMED, "")], Talk(protocol=Protocol.CUT_TCP4, transport=6 | CUT))
    told = " ".join(text(Explanation(cut, 0, 0, {}, full=True, options=Options())).split())
    assert "Its header ends too early to tell which stream it belongs to; Wireshark gives it none." in told
    assert "from who sends first: no handshake was captured." in told
    assert "contradict" not in told


@pytest.mark.parametrize("full", [False, True])
def test_a_packet_whose_bytes_are_gone_says_so_and_nothing_that_only_they_tell(full: bool) -> None:
    snapshot = capture(PAGE, WEB)
    made = Explanation(snapshot, 0, 3, {3: without_bytes(3)}, full=full, options=Options())
    assert "Its bytes are gone: they have left the spool, or the file has become shorter." in text(made)
    assert "seq 1 to 55" not in text(made)
    assert "GET" not in text(made)
    datagram = [Segment(0, True, Flag(0), "", length=40)]
    lone = Talk(protocol=Protocol.UDP4, transport=17)
    made = Explanation(capture(datagram, lone), 0, 0, {0: without_bytes(0)}, full=full, options=Options())
    assert "packet of 94 bytes." in text(made)
    assert "layers" not in text(made)
