"""The same packet at several capture points of the lab is one packet; one that was sent again stays another."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from analysis.analyser import Analyser
from analysis.marks import RESENT, Mark
from analysis.session import Session
from analysis.sightings import LONGEST_NS, POINT
from capture.batch import Interface
from capture.protocol import Flag
from capture.source import open_source
from packet_builder import batch_of, ethernet, ipv4, tcp, udp
from views.explanation import Explanation
from views.options import Options
from views.sighted import sightings

ROOT = Path(__file__).parents[1]
SEVERAL_POINTS = (
    *("cdn", "haproxy", "lvs-dr", "lvs-nat", "lvs-tun", "nat"),
    *("nginx-balance", "nginx-reverse", "proxy-forward", "lan-wan", "traceroute"),
)
POINTS = [Interface(1, name="client:eth0"), Interface(1, name="director:eth0"), Interface(1, name="web:eth0")]
SYN = ethernet(ipv4(tcp()))


def handed_on(frame: bytes) -> bytes:
    """As a director sends it on: another sender, a shorter time to live, another header checksum."""
    ip = bytearray(frame[14:])
    ip[8] -= 1
    ip[10:12] = b"zz"
    return frame[:6] + bytes.fromhex("020000000099") + frame[12:14] + bytes(ip)


def seen(
    frames: list[bytes], points: list[int], interfaces: list[Interface], at_ms: list[float] | None = None
) -> Analyser:
    """What an analyser makes of frames that were captured at these points."""
    times = np.array(range(len(frames)) if at_ms is None else at_ms) * 1_000_000
    batch = replace(batch_of(frames), interface=np.array(points, np.uint16), time_ns=times.astype(np.int64))
    analyser = Analyser(interfaces)
    analyser.feed(batch)
    return analyser


def pairs(analyser: Analyser) -> list[list[int]]:
    told: list[list[int]] = analyser.sightings["pair"].tolist()
    return told


def test_a_packet_at_three_points_is_one() -> None:
    analyser = seen([SYN, handed_on(SYN), handed_on(SYN)], [0, 1, 2], POINTS)
    assert pairs(analyser) == [[1, 0], [2, 0]]
    assert analyser.connections.columns["packets"].sum() == 1
    flags = analyser.packets.snapshot().flags
    assert ((flags & np.uint16(Flag.SEEN_AGAIN)) != 0).tolist() == [False, True, True]


def test_what_comes_in_and_goes_out_at_one_interface_is_one() -> None:
    assert pairs(seen([SYN, handed_on(SYN)], [1, 1], POINTS)) == [[1, 0]]


def test_what_is_sent_again_stays_though_it_looks_the_same() -> None:
    both = [SYN, SYN, handed_on(SYN), handed_on(SYN)]
    analyser = seen(both, [0, 0, 1, 1], POINTS)
    assert pairs(analyser) == [[2, 0], [3, 1]]
    assert analyser.connections.columns["packets"].sum() == 2
    assert analyser.packets.snapshot().marks.tolist() == [0, Mark.DUPLICATE_ACK, 0, 0]


def test_senders_without_number_begin_another_packet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("analysis.sightings.MOST_ALIKE", 3)  # else a made up sender each keeps memory for each packet
    frames = [SYN[:6] + bytes.fromhex(f"0200000000{number:02x}") + SYN[12:] for number in range(6)]
    assert pairs(seen(frames, [0] * 6, POINTS)) == [[1, 0], [2, 0], [4, 3], [5, 3]]


def test_after_a_second_it_is_another_packet() -> None:
    late = LONGEST_NS / 1e6 + 1
    assert pairs(seen([SYN, handed_on(SYN)], [0, 1], POINTS, [0, late])) == []


@pytest.mark.parametrize("change", [ipv4(udp(b"y")), ipv4(udp(b"x", source=2001))])
def test_other_bytes_are_another_packet(change: bytes) -> None:
    assert pairs(seen([ethernet(ipv4(udp(b"x"))), handed_on(ethernet(change))], [0, 1], POINTS)) == []


def test_elsewhere_interfaces_are_ignored_as_wireshark_does() -> None:
    plain = [Interface(1, name="eth0"), Interface(1, name="eth1")]
    analyser = seen([SYN, handed_on(SYN)], [0, 1], plain)
    assert pairs(analyser) == []
    assert analyser.connections.columns["packets"].sum() == 2


@pytest.mark.parametrize(("name", "is_one"), [("client:eth0", True), ("eth0:1", False), ("eth0", False), (":a", False)])
def test_which_names_are_points(name: str, *, is_one: bool) -> None:
    assert (POINT.fullmatch(name) is not None) == is_one


@pytest.mark.parametrize("name", SEVERAL_POINTS)
def test_in_the_lab_nothing_is_told_to_be_sent_again(name: str) -> None:
    session = Session(open_source(ROOT / "fixtures" / f"{name}.pcapng"))
    session.run()
    snapshot = session.snapshot
    assert len(snapshot.sightings)
    assert not (snapshot.packets.marks & np.uint32(RESENT)).any()
    total = int(snapshot.connections.packets.sum())
    assert total + len(snapshot.sightings) == len(snapshot.packets)
    for connection in range(len(snapshot.connections)):
        rows = session.packets_of(connection)
        assert len(rows) == snapshot.connections.packets[connection].sum()
    session.close()


def test_the_explanation_tells_the_points_in_order_of_time() -> None:
    session = Session(open_source(ROOT / "fixtures" / "lvs-dr.pcapng"))
    session.run()
    snapshot = session.snapshot
    again, first = snapshot.sightings[0].tolist()
    assert sightings(snapshot, again).tolist() == sightings(snapshot, first).tolist()
    rows = session.packets_of(int(snapshot.packets.connection[first]))
    details = {each.packet: each for each in session.details(np.union1d(rows, sightings(snapshot, first)))}
    explained = Explanation(snapshot, 0, first, details, full=True, options=Options(), packets=rows)
    text = " ".join("".join(span.text for span in explained.draw(index, 80)).strip() for index in range(len(explained)))
    asked, handed_on = "02:00:00:00:00:01 to 02:00:00:00:00:02", "02:00:00:00:00:02 to 02:00:00:00:00:03"
    assert f"The same packet was captured at client:eth0 (packet 1, TTL 64, {asked}), director:eth0 (packet 2" in text
    assert f", TTL 63, {handed_on}), real1:eth0 (packet" in text
    assert "); it counts once." in text
    session.close()


def test_the_report_says_which_packet_a_sighting_is_of() -> None:
    file = str(ROOT / "fixtures" / "lvs-dr.pcapng")
    command = [sys.executable, "-m", "netviz", "report", "--format", "json", "--packets", file]
    told = json.loads(subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=True).stdout)
    seen_again = {each["number"]: each["sighting_of"] for each in told["packets"] if each["sighting_of"] is not None}
    assert seen_again
    assert all(first < number and first not in seen_again for number, first in seen_again.items())
