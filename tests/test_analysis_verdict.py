"""What is said of a whole connection: the outcome in words, Zeek's and Wireshark's codes, the initial RTT."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from analysis.connections import NEVER
from analysis.verdict import outcome
from analysis.zeek import conn_state, history
from segments_builder import ACK, FIN, PSH, RST, SYN, Segment, analysed, client, server

OPEN = [client(SYN, 100), server(SYN | ACK, 300, 101), client(ACK, 101, 301)]
DATA = [client(PSH | ACK, 101, 301, data=10), server(ACK, 301, 111)]
CLOSE = [client(FIN | ACK, 111, 301), server(FIN | ACK, 301, 112), client(ACK, 112, 302)]


class Told(NamedTuple):
    outcome: str
    conn_state: str
    history: str
    completeness: int
    rtt_ms: int | None


# Completeness by Wireshark's bits: 1 SYN, 2 SYN,ACK, 4 ACK, 8 data, 16 FIN, 32 RST. Segments are 1 ms apart.
CASES: dict[str, tuple[list[Segment], Told]] = {
    "closed normally": ([*OPEN, *DATA, *CLOSE], Told("closed normally", "SF", "ShADaFf", 31, 2)),
    "no data": (
        [*OPEN, client(FIN | ACK, 101, 301), server(FIN | ACK, 301, 102), client(ACK, 102, 302)],
        Told("closed normally", "SF", "ShAFf", 23, 2),
    ),
    "refused": ([client(SYN, 100), server(RST | ACK, 0, 101)], Told("refused", "REJ", "Sr", 37, 1)),
    "no answer": ([client(SYN, 100)] * 3, Told("no answer", "S0", "S", 1, None)),
    "reset by the server": ([*OPEN, *DATA, server(RST, 301)], Told("reset by the server", "RSTR", "ShADar", 47, 2)),
    "reset by the client": ([*OPEN, *DATA, client(RST, 111)], Told("reset by the client", "RSTO", "ShADaR", 47, 2)),
    "scanned: SYN,ACK answered by a reset": (
        [client(SYN, 100), server(SYN | ACK, 300, 101), client(RST, 101)],
        Told("reset by the client", "RSTO", "ShR", 35, None),
    ),
    "a SYN followed by a reset of its own": (
        [client(SYN, 100), client(RST, 101)],
        Told("reset by the client", "RSTOS0", "SR", 33, None),
    ),
    "half-closed": ([*OPEN, *DATA, client(FIN | ACK, 111, 301)], Told("half-closed", "S2", "ShADaF", 31, 2)),
    "half-closed by the server": (
        [*OPEN, *DATA, server(FIN | ACK, 301, 111)],
        Told("half-closed", "S3", "ShADaf", 31, 2),
    ),
    "still open": ([*OPEN, *DATA], Told("still open at the end of the capture", "S1", "ShADa", 15, 2)),
    "seen from the middle": (DATA, Told("seen from the middle", "OTH", "Da", 12, None)),
    "one side only": (
        [client(SYN, 100), client(ACK, 101, 301), client(PSH | ACK, 101, 301, data=3)],
        Told("one side only", "S0", "SAD", 13, 1),
    ),
    "a reset after both FINs does not spoil a clean close": (
        [*OPEN, *DATA, *CLOSE, server(RST, 302)],
        Told("closed normally", "SF", "ShADaFfr", 63, 2),
    ),
    "a reset after one's own FIN resets, if the other end does not close": (
        [*OPEN, *DATA, server(FIN | ACK, 301, 111), server(RST, 301)],
        Told("reset by the server", "RSTR", "ShADafr", 63, 2),
    ),
    "the other end's FIN afterwards makes a clean close of it": (
        [*OPEN, *DATA, server(FIN | ACK, 301, 111), server(RST, 301), client(FIN | ACK, 111, 302)],
        Told("reset by the server", "SF", "ShADafrF", 63, 2),
    ),
    "the answer was captured before the SYN": (
        [server(SYN | ACK, 300, 101), client(ACK, 101, 301)],
        Told("still open at the end of the capture", "S1", "^hA", 6, None),
    ),
    "payload sent again, and a zero window": (
        [*OPEN, *DATA[:1], *DATA[:1], server(ACK, 301, 111, window=0)],
        Told("still open at the end of the capture", "S1", "ShADTaw", 15, 2),
    ),
    "a SYN's payload is data": ([client(SYN, 100, data=5)], Told("no answer", "S0", "S", 9, None)),
    "what the opening SYN says besides is added with the next packet": (
        [client(SYN | RST, 100), client(RST, 100)],
        Told("reset by the client", "OTH", "QR", 33, None),
    ),
    "an acknowledgment of the SYN alone is no answer": (
        [client(SYN, 100), server(ACK, 300, 101)],
        Told("still open at the end of the capture", "S0", "Sa", 5, 1),
    ),
    "flags that do not go together": ([client(SYN | FIN, 100)], Told("no answer", "SH", "Q", 1, None)),
}


@pytest.mark.parametrize("name", CASES)
def test_the_verdict(name: str) -> None:
    segments, expected = CASES[name]
    table = analysed(segments).connections.snapshot()
    rtt = int(table.initial_rtt_ns[0])
    assert expected == Told(
        str(outcome(table, 0)),
        str(conn_state(table, 0)),
        history(table, 0),
        int(table.completeness[0]),
        None if rtt == NEVER else rtt // 1_000_000,
    )


def test_payload_of_a_syn_that_opens_known_endpoints_anew_does_not_count_as_data() -> None:
    segments = [client(SYN, 100, data=5), client(SYN, 900, data=5), client(SYN | RST, 1900)]
    assert analysed(segments).connections.snapshot().completeness.tolist() == [9, 1, 33]


def test_an_open_connection_may_still_close_while_the_capture_is_read() -> None:
    table = analysed(OPEN).connections.snapshot()
    assert outcome(table, 0, finished=False) == "open so far"


def test_the_initial_rtt_counts_from_the_latest_syn() -> None:
    segments = [
        client(SYN, 100),
        client(SYN, 100, at_ms=1000),
        server(SYN | ACK, 300, 101, at_ms=1030),
        client(ACK, 101, 301, at_ms=1031),
    ]
    assert analysed(segments).connections.snapshot().initial_rtt_ns[0] == 31_000_000


def test_letters_repeat_at_the_first_tenth_and_hundredth_time() -> None:
    again = [client(PSH | ACK, 101, 301, data=5)] * 101  # one new, a hundred sent again
    assert history(analysed([*OPEN, *again]).connections.snapshot(), 0) == "ShADTTT"


LETTERS = {
    "a closed window after the other end's FIN is not told": (
        [*OPEN, *DATA, client(FIN | ACK, 111, 301), server(ACK, 301, 112, window=0)],
        "ShADaF",
    ),
    "nor after a reset of its own; nor is payload sent again": (
        [*OPEN, *DATA, client(RST, 111), client(PSH | ACK, 101, 301, data=10, window=0)],
        "ShADaR",
    ),
    "but in answer to a FIN that it has answered by one it is, as long as the other end has not closed": (
        [*OPEN, *DATA, server(FIN | ACK, 301, 111), server(ACK, 302, 111, window=0)],
        "ShADafw",
    ),
    "payload sent again with a FIN that is new is not told": (
        [*OPEN, *DATA, client(FIN | ACK, 101, 301, data=10)],
        "ShADaF",
    ),
    "payload sent again with its FIN is": (
        [*OPEN, *DATA, client(FIN | ACK, 111, 301, data=5), client(FIN | ACK, 111, 301, data=5)],
        "ShADaFT",
    ),
    "a reset is told again if its number is not that of the reset before": (
        [*OPEN, client(RST, 101), client(RST, 201), client(RST, 201), client(RST, 101)],
        "ShARRR",
    ),
}


@pytest.mark.parametrize("name", LETTERS)
def test_letters_of_the_history(name: str) -> None:
    segments, expected = LETTERS[name]
    assert history(analysed(segments).connections.snapshot(), 0) == expected
    assert history(analysed(segments, range(len(segments))).connections.snapshot(), 0) == expected


SCALE_7, SCALE_2, MSS = bytes((3, 3, 7)), bytes((3, 3, 2)), bytes((2, 4, 5, 180))
WINDOWS = {
    "both offer it: each end's own shift": (SCALE_7, SCALE_2, [100 << 7, 65535, 200 << 2]),
    "the answer has none: neither is scaled": (SCALE_7, MSS, [65535, 65535, 200]),
    "the SYN has none: neither is scaled": (MSS, SCALE_2, [65535, 65535, 200]),
}


def test_a_syn_sent_again_without_the_option_takes_no_scaling_back() -> None:
    segments = [
        *(client(SYN, 100, options=SCALE_7), client(SYN, 100, options=MSS)),
        *(server(SYN | ACK, 300, 101, options=SCALE_2), client(ACK, 101, 301, window=600)),
    ]
    assert analysed(segments).connections.snapshot().max_window[0].tolist() == [600 << 7, 65535]


@pytest.mark.parametrize("name", WINDOWS)
def test_windows_are_scaled_if_both_ends_announced_it(name: str) -> None:
    first, second, (client_window, server_window, _) = WINDOWS[name]
    segments = [
        client(SYN, 100, options=first),
        server(SYN | ACK, 300, 101, options=second),
        client(ACK, 101, 301, window=600),
    ]
    table = analysed(segments).connections.snapshot()
    scaled = 600 << 7 if client_window == 100 << 7 else 65535
    assert table.max_window[0].tolist() == [scaled, server_window]
