"""Findings: each on a capture that shows it, in the packet that shows it, and none on the capture that resembles it."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest

from analysis.case import Overview
from analysis.finding import SEVERITIES, Code, Finding, Severity
from analysis.findings import FIND, Findings, candidates
from analysis.session import Session
from capture.errors import CaptureError
from capture.source import open_source
from export.report import write_report

FIXTURES = Path(__file__).parents[1] / "fixtures"
SHARED = Path(__file__).parents[1].parent / "shared"

# code: (the capture that shows it, packet, severity; a capture that resembles it and must not show it)
SHOWN: dict[Code, tuple[str, int, str, str]] = {
    Code.REFUSED: ("rst-after-syn", 2, "error", "rst-in-the-middle"),
    Code.NO_ANSWER: ("syn-no-answer", 3, "error", "retransmitted-syn"),
    Code.HALF_OPEN: ("third-step-missing", 4, "error", "retransmitted-syn-ack"),
    Code.HALF_CLOSED: ("half-closed-for-long", 8, "warning", "half-close"),
    Code.RESET: ("rst-in-the-middle", 8, "error", "rst-after-close"),
    Code.ZERO_WINDOW: ("zero-window", 9, "warning", "keep-alive"),
    Code.LOSS: ("retransmitted-data", 7, "note", "out-of-order"),
    Code.EARLY_RETRANSMISSION: ("acknowledged-data-again", 6, "note", "retransmitted-data"),
    Code.ONE_SIDED: ("one-sided", 1, "warning", "midstream"),
    Code.ASYMMETRIC_ROUTE: ("answers-another-way", 2, "note", "vlan"),
    Code.MSS_MISMATCH: ("no-mss", 1, "note", "snap-length-60"),
    Code.WINDOW_SCALE_MISMATCH: ("no-window-scale", 1, "note", "snap-length-60"),
    Code.OFFLOADED_SEGMENTS: ("larger-than-the-mss", 6, "note", "retransmitted-data"),
    Code.BAD_CHECKSUM: ("damaged-packet", 4, "warning", "checksums-left-to-the-card"),
    Code.CHECKSUM_OFFLOAD: ("checksums-left-to-the-card", 1, "note", "damaged-packet"),
    Code.CLOCK_BACKWARDS: ("time-goes-back", 5, "warning", "interfaces.pcapng"),
    Code.DUPLICATED_PACKETS: ("captured-twice", 2, "warning", "retransmitted-data"),
    Code.KEEP_ALIVE_ONLY: ("keep-alives-only", 4, "note", "keep-alive"),
    Code.PORT_REUSED_EARLY: ("port-reuse", 12, "note", "port-reuse-after-five-minutes"),
    Code.ICMP_ERROR: ("icmp-prohibited", 2, "warning", "ipv6"),
}

# Other captures, and all that is found in them.
ALL_THAT_IS_FOUND: dict[str, list[tuple[Code, int, str]]] = {
    "half-open-reset": [(Code.HALF_OPEN, 2, "error")],
    "keep-alive-unanswered": [(Code.HALF_OPEN, 8, "error")],
    "rst-after-fin": [(Code.RESET, 10, "note")],
    "sooner-than-a-round-trip": [(Code.EARLY_RETRANSMISSION, 5, "note")],
    "retransmitted-syn": [(Code.LOSS, 2, "warning")],
    "ttl-changes": [(Code.ASYMMETRIC_ROUTE, 5, "note")],
    "handshake": [(Code.CHECKSUM_OFFLOAD, 1, "note")],  # loopback: nobody computes any
    "captured-twice": [(Code.DUPLICATED_PACKETS, 2, "warning")],  # and no loss
    "simultaneous-open": [],
    "simultaneous-close": [],
    "half-closed-at-the-end": [],  # it ends 40 ms later
    "rst-after-close": [],
    "interfaces.pcapng": [],
    "port-reuse-after-five-minutes": [],
    **{name: [] for name in ("vlan", "vxlan", "ipip", "wlan", "raw-ip", "bsd-null", "linux-cooked", "ipv6", "arp")},
    "no-packets": [],
}


def session_of(name: str) -> Session:
    session = Session(open_source(str(FIXTURES / (name if "." in name else f"{name}.pcap"))))
    session.run()
    return session


def found_in(name: str) -> list[Finding]:
    session = session_of(name)
    everything = np.arange(len(session.snapshot.connections))
    return [finding for _, findings in Findings(session).of_each(everything) for finding in findings]


def told(findings: list[Finding]) -> list[tuple[Code, int, str]]:
    return [(each.code, -1 if each.packet is None else each.packet + 1, each.severity.label) for each in findings]


@pytest.mark.parametrize("code", Code)
def test_each_finding_is_shown_by_one_capture_and_not_by_one_that_resembles_it(code: Code) -> None:
    name, packet, severity, resembling = SHOWN[code]
    assert (code, packet, severity) in told(found_in(name))
    assert code not in {each.code for each in found_in(resembling)}


@pytest.mark.parametrize("name", ALL_THAT_IS_FOUND)
def test_nothing_else_is_found(name: str) -> None:
    assert told(found_in(name)) == ALL_THAT_IS_FOUND[name]


EVIDENCE = {
    "syn-no-answer": {"end": 0, "tries": 3, "gaps_ns": (1_000_000_000, 2_000_000_000), "waited_ns": 0},
    "rst-after-syn": {"end": 1, "after_ns": 10_000_000, "tries": 1},
    "half-closed-for-long": {"end": 1, "for_ns": 90_020_000_000, "still": 0, "bytes": 30},
    "rst-in-the-middle": {"end": 1, "from_a": 20, "from_b": 40, "after_ns": 70_000_000, "opened": 1},
    "zero-window": {"end": 0, "times": 1, "for_ns": 1_720_000_000},
    "retransmitted-data": {"end": 1, "segments": 1, "of": 4, "bytes": 1000, "waited_ns": 300_000_000},
    "ttl-changes": {"end": 1, "ttls": (64, 60), "examined": 11},
    "no-window-scale": {"end": 0, "offered": 7, "window": 65_535, "rtt_ns": 20_000_000, "bytes_per_second": 3_276_750},
    "port-reuse": {"gap_ns": 59_900_000_000, "connection": 0, "linux": 1},
    "larger-than-the-mss": {"end": 1, "segments": 1, "largest": 4380, "limit": 1460, "both": 0},
}


@pytest.mark.parametrize("name", EVIDENCE)
def test_the_numbers_that_prove_it_are_kept(name: str) -> None:
    assert [dict(each.evidence) for each in found_in(name)] == [EVIDENCE[name]]


def test_what_keeps_a_connection_from_its_purpose_is_an_error() -> None:
    errors = {code for code, severities in SEVERITIES.items() if Severity.ERROR in severities}
    assert errors == {Code.REFUSED, Code.NO_ANSWER, Code.HALF_OPEN, Code.RESET}
    assert set(SEVERITIES) == set(Code) == {*FIND, Code.ICMP_ERROR, Code.CHECKSUM_OFFLOAD}


def test_the_worst_comes_first() -> None:
    findings = Findings(session_of("final-states")).of(16)
    assert [each.severity for each in findings] == sorted((each.severity for each in findings), reverse=True)


@pytest.mark.parametrize("name", ["final-states", "captured-twice", "port-reuse", "icmp", "answers-another-way"])
def test_a_connection_alone_is_told_as_among_all(name: str) -> None:
    findings = Findings(session_of(name))
    count = len(session_of(name).snapshot.connections)
    assert [(row, findings.of(row)) for row in range(count)] == list(findings.of_each(np.arange(count)))


def test_a_plain_connection_is_no_candidate() -> None:
    assert candidates(Overview(session_of("half-close").snapshot)).tolist() == [0]


def test_the_report_holds_them() -> None:
    text = io.StringIO()
    write_report(session_of("rst-after-syn"), text, "json")
    assert json.loads(text.getvalue())["connections"][0]["findings"] == [
        {
            "severity": "error",
            "packet": 2,
            "code": "refused",
            "message": "Refused: the server answered SYN with RST after 10.0 ms; "
            "nobody listens on port 9999, or a filter is there.",
        }
    ]


def test_the_table_for_spreadsheets_holds_their_codes() -> None:
    text = io.StringIO()
    write_report(session_of("third-step-missing"), text, "csv")
    assert text.getvalue().splitlines()[1].endswith(",half-open")


CORPUS = sorted([*SHARED.glob("corpus/captures/*"), *SHARED.glob("samples/*.pcapng")])


@pytest.mark.skipif(not CORPUS, reason="the corpus of foreign captures is not here")
def test_no_capture_makes_it_fail() -> None:
    read = 0
    for file in CORPUS:
        try:
            session = Session(open_source(str(file)))
        except CaptureError:
            continue
        session.run()
        write_report(session, io.StringIO(), "json")
        session.close()
        read += 1
    assert read > 100
