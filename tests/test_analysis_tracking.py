"""Both ends' states, told as stories: each line is a segment, then the client's and the server's state after it.

The figures are RFC 9293's. A question mark is the mark of a state that is inferred.
"""

from __future__ import annotations

import pytest

from analysis.states import State, unpack
from segments_builder import ACK, CLIENT, FIN, PSH, RST, SERVER, SYN, Segment, analysed, client, server

Story = list[tuple[Segment, str, str]]

HANDSHAKE: Story = [
    (client(SYN, 100), "SYN-SENT", "SYN-RECEIVED"),
    (server(SYN | ACK, 300, 101), "ESTABLISHED", "SYN-RECEIVED"),
    (client(ACK, 101, 301), "ESTABLISHED", "ESTABLISHED"),
]

STORIES: dict[str, Story] = {
    "figure 6: the three-way handshake": HANDSHAKE,
    "figure 7: simultaneous open": [
        (client(SYN, 100), "SYN-SENT", "SYN-RECEIVED"),
        # The server's own SYN shows that it had not been listening: it was in SYN-SENT, and now has the client's SYN.
        (server(SYN, 300), "SYN-RECEIVED", "SYN-RECEIVED"),
        (client(SYN | ACK, 100, 301), "SYN-RECEIVED", "ESTABLISHED"),
        (server(SYN | ACK, 300, 101), "ESTABLISHED", "ESTABLISHED"),
    ],
    "figure 9: a stray SYN,ACK is refused, and the handshake goes on": [
        (client(SYN, 100), "SYN-SENT", "SYN-RECEIVED"),
        (server(SYN | ACK, 300, 91), "SYN-SENT", "SYN-RECEIVED"),
        (client(RST, 91), "SYN-SENT", "LISTEN"),
        (client(SYN, 100), "SYN-SENT", "SYN-RECEIVED"),
        (server(SYN | ACK, 400, 101), "ESTABLISHED", "SYN-RECEIVED"),
        (client(ACK, 101, 401), "ESTABLISHED", "ESTABLISHED"),
    ],
    "figure 12: the client closes first, in four segments": [
        *HANDSHAKE,
        (client(FIN | ACK, 101, 301), "FIN-WAIT-1", "CLOSE-WAIT"),
        (server(ACK, 301, 102), "FIN-WAIT-2", "CLOSE-WAIT"),
        (server(FIN | ACK, 301, 102), "TIME-WAIT", "LAST-ACK"),
        (client(ACK, 102, 302), "TIME-WAIT", "CLOSED"),
    ],
    "figure 12 turned round: the server closes first": [
        *HANDSHAKE,
        (server(FIN | ACK, 301, 101), "CLOSE-WAIT", "FIN-WAIT-1"),
        (client(ACK, 101, 302), "CLOSE-WAIT", "FIN-WAIT-2"),
        (client(FIN | ACK, 101, 302), "LAST-ACK", "TIME-WAIT"),
        (server(ACK, 302, 102), "CLOSED", "TIME-WAIT"),
    ],
    "figure 13: simultaneous close": [
        *HANDSHAKE,
        (client(FIN | ACK, 101, 301), "FIN-WAIT-1", "CLOSE-WAIT"),
        # It does not acknowledge the client's FIN: both were under way at once.
        (server(FIN | ACK, 301, 101), "CLOSING", "CLOSING"),
        (client(ACK, 102, 302), "CLOSING", "TIME-WAIT"),
        (server(ACK, 302, 102), "TIME-WAIT", "TIME-WAIT"),
    ],
    "three segments close it: the ACK travels with the FIN": [
        *HANDSHAKE,
        (client(FIN | ACK, 101, 301), "FIN-WAIT-1", "CLOSE-WAIT"),
        (server(FIN | ACK, 301, 102), "TIME-WAIT", "LAST-ACK"),
        (client(ACK, 102, 302), "TIME-WAIT", "CLOSED"),
    ],
    "half-close: the server goes on sending": [
        *HANDSHAKE,
        (client(FIN | ACK, 101, 301), "FIN-WAIT-1", "CLOSE-WAIT"),
        (server(ACK, 301, 102), "FIN-WAIT-2", "CLOSE-WAIT"),
        (server(PSH | ACK, 301, 102, data=50), "FIN-WAIT-2", "CLOSE-WAIT"),
        (client(ACK, 102, 351), "FIN-WAIT-2", "CLOSE-WAIT"),
        (server(FIN | ACK, 351, 102), "TIME-WAIT", "LAST-ACK"),
        (client(ACK, 102, 352), "TIME-WAIT", "CLOSED"),
    ],
    "a FIN that carries data": [
        *HANDSHAKE,
        (client(FIN | PSH | ACK, 101, 301, data=10), "FIN-WAIT-1", "CLOSE-WAIT"),
        (server(ACK, 301, 111), "FIN-WAIT-1", "CLOSE-WAIT"),  # the data, but not the FIN behind it
        (server(ACK, 301, 112), "FIN-WAIT-2", "CLOSE-WAIT"),
    ],
    "data on the SYN changes nothing": [
        (client(SYN, 100, data=10), "SYN-SENT", "SYN-RECEIVED"),
        (server(SYN | ACK, 300, 111), "ESTABLISHED", "SYN-RECEIVED"),
        (client(ACK, 111, 301), "ESTABLISHED", "ESTABLISHED"),
    ],
    "refused: nobody listens": [
        (client(SYN, 100), "SYN-SENT", "SYN-RECEIVED"),
        (server(RST | ACK, 0, 101), "CLOSED", "CLOSED"),
    ],
    "a reset in SYN-SENT that does not acknowledge the SYN is ignored": [
        (client(SYN, 100), "SYN-SENT", "SYN-RECEIVED"),
        (server(RST | ACK, 0, 77), "SYN-SENT", "CLOSED"),
    ],
    "a passive open that is reset goes back to LISTEN": [
        (client(SYN, 100), "SYN-SENT", "SYN-RECEIVED"),
        (server(SYN | ACK, 300, 101), "ESTABLISHED", "SYN-RECEIVED"),
        (client(RST, 101), "CLOSED", "LISTEN"),
    ],
    "aborted by the client in the middle": [
        *HANDSHAKE,
        (client(PSH | ACK, 101, 301, data=5), "ESTABLISHED", "ESTABLISHED"),
        (client(RST | ACK, 106, 301), "CLOSED", "CLOSED"),
    ],
    "a reset beyond what its sender was seen to send ends nothing for certain (RFC 5961 section 3.2)": [
        *HANDSHAKE,
        (client(RST, 600), "CLOSED?", "ESTABLISHED?"),
        (server(ACK, 301, 101), "CLOSED?", "ESTABLISHED?"),  # the challenge
        (client(PSH | ACK, 101, 301, data=5), "ESTABLISHED?", "ESTABLISHED?"),  # the reset was not the client's
        (server(ACK, 301, 106), "ESTABLISHED?", "ESTABLISHED?"),
        (client(RST, 106), "CLOSED", "CLOSED"),
    ],
    "a reset that answers an older segment than the last is dropped, and the one that fits is not": [
        *HANDSHAKE,
        (server(PSH | ACK, 301, 101, data=5), "ESTABLISHED", "ESTABLISHED"),
        (server(PSH | ACK, 306, 101, data=5), "ESTABLISHED", "ESTABLISHED"),
        (client(ACK, 101, 306), "ESTABLISHED", "ESTABLISHED"),
        (client(ACK, 101, 311), "ESTABLISHED", "ESTABLISHED"),
        (server(RST, 306), "ESTABLISHED", "CLOSED"),
        (server(RST, 311), "CLOSED", "CLOSED"),
    ],
    "figure 10: an ACK from a connection before is refused, and the caller goes on calling": [
        (client(SYN, 100), "SYN-SENT", "SYN-RECEIVED"),
        (server(ACK, 900, 77), "SYN-SENT", "SYN-RECEIVED"),
        (client(RST, 77), "SYN-SENT", "LISTEN"),
        (client(SYN, 100), "SYN-SENT", "SYN-RECEIVED"),
    ],
    "no answer: the server's state is not confirmed once the SYN is sent again": [
        (client(SYN, 100), "SYN-SENT", "SYN-RECEIVED"),
        (client(SYN, 100), "SYN-SENT", "SYN-RECEIVED?"),
        (client(SYN, 100), "SYN-SENT", "SYN-RECEIVED?"),
        (server(SYN | ACK, 300, 101), "ESTABLISHED", "SYN-RECEIVED"),
    ],
    "a retransmitted FIN changes nothing": [
        *HANDSHAKE,
        (client(FIN | ACK, 101, 301), "FIN-WAIT-1", "CLOSE-WAIT"),
        (client(FIN | ACK, 101, 301), "FIN-WAIT-1", "CLOSE-WAIT"),
        (server(ACK, 301, 102), "FIN-WAIT-2", "CLOSE-WAIT"),
    ],
    "seen from the middle: each end is known to be open once it has spoken": [
        (client(PSH | ACK, 500, 900, data=10), "ESTABLISHED?", "unknown"),
        (server(ACK, 900, 510), "ESTABLISHED?", "ESTABLISHED?"),
        (client(FIN | ACK, 510, 900), "FIN-WAIT-1?", "CLOSE-WAIT?"),
        (server(FIN | ACK, 900, 511), "TIME-WAIT", "LAST-ACK"),
        (client(ACK, 511, 901), "TIME-WAIT", "CLOSED"),
    ],
    "one side only: the client's acknowledgement proves the SYN,ACK that was not captured": [
        (client(SYN, 100), "SYN-SENT", "SYN-RECEIVED"),
        (client(ACK, 101, 301), "ESTABLISHED?", "SYN-RECEIVED"),
        (client(PSH | ACK, 101, 301, data=7), "ESTABLISHED?", "SYN-RECEIVED"),
    ],
    "one side only, from the middle: nothing is known of the end that was not heard": [
        (server(PSH | ACK, 900, 500, data=10), "unknown", "ESTABLISHED?"),
        (server(FIN | ACK, 910, 500), "CLOSE-WAIT?", "FIN-WAIT-1?"),
    ],
    "the SYN was not captured": [
        (server(SYN | ACK, 300, 101), "ESTABLISHED", "SYN-RECEIVED?"),
        (client(ACK, 101, 301), "ESTABLISHED", "ESTABLISHED"),
    ],
    "sequence numbers wrap between the SYN and the FIN": [
        (client(SYN, 0xFFFFFFFF), "SYN-SENT", "SYN-RECEIVED"),
        (server(SYN | ACK, 0xFFFFFFF0, 0), "ESTABLISHED", "SYN-RECEIVED"),
        (client(ACK, 0, 0xFFFFFFF1), "ESTABLISHED", "ESTABLISHED"),
        (server(PSH | ACK, 0xFFFFFFF1, 0, data=20), "ESTABLISHED", "ESTABLISHED"),
        (client(FIN | ACK, 0, 5), "FIN-WAIT-1", "CLOSE-WAIT"),
        (server(ACK, 5, 1), "FIN-WAIT-2", "CLOSE-WAIT"),
        (server(FIN | ACK, 5, 1), "TIME-WAIT", "LAST-ACK"),
        (client(ACK, 1, 6), "TIME-WAIT", "CLOSED"),
    ],
    "the last acknowledgement is missing": [
        *HANDSHAKE,
        (client(FIN | ACK, 101, 301), "FIN-WAIT-1", "CLOSE-WAIT"),
        (server(FIN | ACK, 301, 102), "TIME-WAIT", "LAST-ACK"),
    ],
    "Fast Open: who has taken a SYN's data may answer before its own SYN is acknowledged (RFC 7413 section 4.2.2)": [
        (client(SYN, 100, data=10), "SYN-SENT", "SYN-RECEIVED"),
        (server(SYN | ACK, 300, 111), "ESTABLISHED", "SYN-RECEIVED"),
        (server(PSH | ACK, 301, 111, data=20), "ESTABLISHED", "SYN-RECEIVED"),
        (client(ACK, 111, 321), "ESTABLISHED", "ESTABLISHED"),
    ],
    "who has left it may not: an ACK was missed": [
        (client(SYN, 100, data=10), "SYN-SENT", "SYN-RECEIVED"),
        (server(SYN | ACK, 300, 101), "ESTABLISHED", "SYN-RECEIVED"),
        (server(PSH | ACK, 301, 101, data=20), "ESTABLISHED", "ESTABLISHED?"),
    ],
    "the client gives up, and the other end opens the same connection itself": [
        (client(SYN, 100), "SYN-SENT", "SYN-RECEIVED"),
        (client(RST, 101), "CLOSED", "LISTEN"),
        (server(SYN, 300), "CLOSED", "SYN-SENT"),
    ],
    "a host that refused starts to listen, and the same SYN is sent again": [
        (client(SYN, 100), "SYN-SENT", "SYN-RECEIVED"),
        (server(RST | ACK, 0, 101), "CLOSED", "CLOSED"),
        (client(SYN, 100), "SYN-SENT", "CLOSED"),
        (server(SYN | ACK, 300, 101), "ESTABLISHED", "SYN-RECEIVED?"),
        (client(ACK, 101, 301), "ESTABLISHED", "ESTABLISHED"),
    ],
}


def told(segments: list[Segment], cuts: range | tuple[int, ...] = ()) -> list[tuple[str, str]]:
    """The client's and the server's state after each segment; the client is the one in the builder."""
    states = analysed(segments, cuts).packets.snapshot().states.tolist()
    client_is_b = segments[0].source == SERVER
    return [(str(unpack(each, from_b=client_is_b)), str(unpack(each, from_b=not client_is_b))) for each in states]


@pytest.mark.parametrize("name", STORIES)
def test_both_ends_states_line_by_line(name: str) -> None:
    story = STORIES[name]
    assert told([segment for segment, _, _ in story]) == [(left, right) for _, left, right in story]


@pytest.mark.parametrize("name", STORIES)
def test_packet_by_packet_gives_the_same_states(name: str) -> None:
    segments = [segment for segment, _, _ in STORIES[name]]
    assert told(segments, range(len(segments))) == told(segments)


def test_every_state_is_where_some_end_stops() -> None:
    """All eleven for the server; all but LISTEN for the client, who is the one that opens actively."""
    stops: tuple[set[str], set[str]] = (set(), set())
    for story in STORIES.values():
        for length in range(1, len(story) + 1):  # the capture may end anywhere
            for end, state in enumerate(told([segment for segment, _, _ in story[:length]])[-1]):
                stops[end].add(state.rstrip("?"))
    labels = {state.label for state in State}
    assert stops[0] == labels - {"LISTEN"}
    assert stops[1] == labels


def test_the_packets_of_handshake_and_teardown_are_remembered() -> None:
    story = STORIES["figure 12: the client closes first, in four segments"]
    table = analysed([segment for segment, _, _ in story]).connections.snapshot()
    assert (table.syn_packet[0], table.syn_ack_packet[0], table.established_packet[0]) == (0, 1, 2)
    assert table.fin_packet[0].tolist() == [3, 5]
    assert table.fin_acked_packet[0].tolist() == [4, 6]


def test_a_handshake_with_a_repeated_syn_is_told_by_the_syn_that_was_answered() -> None:
    segments = [
        client(SYN, 100),
        client(SYN, 100),
        server(SYN | ACK, 300, 101),
        client(SYN, 100),
        client(ACK, 101, 301),
    ]
    for cuts in ((), range(5)):
        table = analysed(segments, cuts).connections.snapshot()
        assert (table.syn_packet[0], table.syn_ack_packet[0], table.established_packet[0]) == (1, 2, 4)


def test_the_client_is_left_whoever_spoke_first() -> None:
    table = analysed([server(SYN | ACK, 300, 101), client(ACK, 101, 301)]).connections.snapshot()
    assert table.client[0] == 1
    assert table.port[0].tolist() == [SERVER[1], CLIENT[1]]
