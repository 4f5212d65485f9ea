"""Findings in words: what the report and the screen say."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from analysis.finding import Code
from analysis.findings import Findings
from analysis.session import Session
from capture.source import open_source
from views.findings import SENTENCES, finding_lines, message
from views.options import Options

FIXTURES = Path(__file__).parents[1] / "fixtures"

SAID = {
    "syn-no-answer": "No answer: SYN sent 3 times, 1.0, 2.0 s apart. The server is off, or a filter drops the packets"
    " silently.",
    "third-step-missing": "Half-open: the third step of the handshake never came; the server sent SYN,ACK 3 times,"
    " 1.0, 2.0 s apart.",
    "half-open-reset": "Half-open: the client sent 20 B on a connection that the server does not know: it answered with"
    " RST.",
    "keep-alive-unanswered": "Half-open: the server is silent; 3 keep-alives of the client were not answered,"
    " 1.0, 1.0 s apart.",
    "half-closed-for-long": "Half-closed: the server closed, and the client only 1 min 30 s later; it sent 30 B in the"
    " meantime.",
    "rst-in-the-middle": "Reset by the server in the middle, 70.0 ms after the first packet: the client had sent 20 B,"
    " the server 40 B.",
    "rst-after-fin": "The client ended it with a reset after the server had closed; the client had sent 20 B,"
    " the server 40 B.",
    "zero-window": "Stalled: the client had no room left once, for 1.720 s; the server had to wait.",
    "retransmitted-data": "Loss: the server sent 1 of its 4 segments again (25 %, 1000 B); 300.0 ms went by waiting.",
    "acknowledged-data-again": "The client sent 1 segment again before its time (20 B): it had been acknowledged.",
    "one-sided": "Only what the client sent was captured: 6 packets that acknowledge what is not there.",
    "answers-another-way": "One direction goes from 02:00:00:00:00:01 to 02:00:00:00:00:02, the other from"
    " 02:00:00:00:00:09 to 02:00:00:00:00:01.",
    "ttl-changes": "The TTL of what the server sends changes from 64 to 60: another way, or another sender.",
    "no-mss": "The client named no maximum segment size: the server, which takes 1460, sends it 536 bytes at once.",
    "no-window-scale": "The server offered window scaling, the client did not: neither has it, and at most 64 KiB are"
    " on their way. With a round trip of 20.0 ms that allows 3.3 MB a second.",
    "larger-than-the-mss": "A segment of up to 4380 bytes where 1460 are allowed, from the server: it was captured"
    " before the card cut it, or after it was joined.",
    "damaged-packet": "1 packet with a wrong TCP checksum among 11: damaged, and dropped by its receiver.",
    "checksums-left-to-the-card": "Checksums of what the client sent are not computed: the capturing host leaves them"
    " to its network card.",
    "time-goes-back": "The clock went back by 15.0 ms: times around it cannot be trusted.",
    "captured-twice": "Captured twice: this packet is packet 1 again after 20 µs, on the same interface; so are 11 of"
    " 22.",
    "keep-alives-only": "Nothing but keep-alives: 3 of them, every 10.010 s, 2 answered.",
    "port-reuse": "The ports of connection 0 were used again 59.900 s after it closed: TIME-WAIT may not be over"
    " (60 s on Linux).",
    "icmp-prohibited": "An ICMP error was sent about it: prohibited by a filter.",
}


@pytest.mark.parametrize("name", SAID)
def test_a_finding_says_what_is_seen_with_its_numbers(name: str) -> None:
    session = Session(open_source(str(FIXTURES / f"{name}.pcap")))
    session.run()
    said = [
        message(session.snapshot, row, finding)
        for row, findings in Findings(session).of_each(np.arange(len(session.snapshot.connections)))
        for finding in findings
    ]
    assert said == [SAID[name]]


def test_every_finding_has_a_sentence() -> None:
    assert set(SENTENCES) == set(Code)


def test_a_long_sentence_is_wrapped_below_its_severity_and_packet() -> None:
    session = Session(open_source(str(FIXTURES / "rst-in-the-middle.pcap")))
    session.run()
    (finding,) = Findings(session).of(0)
    assert list(finding_lines(session.snapshot, 0, finding, Options(), 60)) == [
        "  error: packet 8: Reset by the server in the middle, 70.0",
        "    ms after the first packet: the client had sent 20 B, the",
        "    server 40 B.",
    ]
