"""Every fixture tells the story that its list says: the report held against `fixtures/stories.toml`."""

from __future__ import annotations

import io
import json
import tomllib
from pathlib import Path
from typing import Any

import pytest

import tshark_oracle
from analysis.session import Session
from capture.errors import CaptureError
from capture.source import open_source
from export.report import write_report
from fixtures.generate import captures
from lab.scenarios import scenarios

FIXTURES = Path(__file__).parents[1] / "fixtures"
STORIES = tomllib.loads((FIXTURES / "stories.toml").read_text())
READABLE = {name: story for name, story in STORIES["capture"].items() if "exit_status" not in story}
OTHERWISE = {
    "resolutions.pcapng": "tshark's picoseconds overflow 64 bits after 18 ms",
    "snap-length-60.pcap": "tshark shows nothing of a segment whose options were cut off",
}
"""Where tshark 4.0 says something else, and why."""
PAIRS = {"states": "state", "packets": "packets", "payload": "payload_bytes"}
PLAIN = ("outcome", "conn_state", "history", "completeness", "roles")


def report_of(name: str) -> dict[str, Any]:
    session = Session(open_source(str(FIXTURES / name)))
    session.run()
    text = io.StringIO()
    write_report(session, text, "json", packets=True, connections=())
    report: dict[str, Any] = json.loads(text.getvalue())
    return report


def told(connection: dict[str, Any]) -> dict[str, Any]:
    """What the report says of a connection, in the words of `stories.toml`."""
    teardown, handshake = connection["teardown"] or {}, connection["handshake"] or {}
    found = {key: connection[key] for key in PLAIN}
    found |= {key: [connection[end][name] for end in ("client", "server")] for key, name in PAIRS.items()}
    found |= {"handshake": handshake.get("packets"), "teardown": teardown.get("packets")}
    return found | {"first_to_close": teardown.get("first"), "initial_rtt": connection["initial_rtt"]}


def expected(kind: str, found: dict[str, Any]) -> dict[str, Any]:
    """What a connection of that kind should be told as; what is not judged is taken from what was found."""
    story = dict(STORIES["connection"][kind])
    if "states" in story:
        story["states"] = [want or have for want, have in zip(story["states"], found["states"], strict=True)]
    if story.get("initial_rtt") is not None:
        story["initial_rtt"] = pytest.approx(story["initial_rtt"], abs=2e-9)
    return {**found, **story}


def test_every_fixture_is_in_the_lists() -> None:
    on_disk = {file.name for file in FIXTURES.iterdir() if file.suffix.startswith(".pcap")}
    of_the_lab = {f"{name}.pcapng" for name in scenarios()}
    assert on_disk == set(STORIES["capture"]) | of_the_lab
    assert not of_the_lab & set(STORIES["capture"])
    listed = (FIXTURES / "README.md").read_text()
    assert [name for name in sorted(on_disk) if f"`{name}`" not in listed] == []


def test_generating_again_gives_the_committed_bytes() -> None:
    assert [name for name, content in captures().items() if (FIXTURES / name).read_bytes() != content] == []


@pytest.mark.parametrize("name", READABLE)
def test_each_tcp_connection_is_told_as_it_happened(name: str) -> None:
    report = report_of(name)
    connections = [connection for connection in report["connections"] if connection["protocol"] == "tcp"]
    kinds = READABLE[name]["connections"]
    found = [told(connection) for connection in connections]
    assert report["capture"]["packets"] == READABLE[name]["packets"]
    assert found == [expected(kind, one) for kind, one in zip(kinds, found, strict=True)]


@pytest.mark.parametrize("name", [name for name, story in READABLE.items() if "marks" in story])
def test_the_marks_are_those_of_wiresharks_rules(name: str) -> None:
    packets = report_of(name)["packets"]
    found = [f"{packet['number']} {mark}" for packet in packets for mark in packet.get("marks") or ()]
    assert sorted(found) == sorted(READABLE[name]["marks"])


@pytest.mark.skipif(not tshark_oracle.is_there(), reason="tshark 4.0 is not installed")
@pytest.mark.parametrize("name", [name for name in READABLE if name not in OTHERWISE])
def test_wireshark_says_the_same_of_every_packet(name: str) -> None:
    assert tshark_oracle.differences(FIXTURES / name) == []


@pytest.mark.parametrize("name", READABLE)
def test_damage_is_told_with_its_place(name: str) -> None:
    problems = report_of(name)["capture"]["problems"]
    wanted = READABLE[name].get("problem")
    assert [problem["packet"] for problem in problems] == ([] if wanted is None else [wanted])
    assert all(problem["message"] for problem in problems)


@pytest.mark.parametrize("name", [name for name, story in READABLE.items() if "kinds" in story])
def test_conversations_of_other_protocols_are_listed_too(name: str) -> None:
    assert [connection["protocol"] for connection in report_of(name)["connections"]] == READABLE[name]["kinds"]


@pytest.mark.parametrize("name", [name for name, story in READABLE.items() if "interfaces" in story])
def test_interfaces_keep_their_names_and_counters(name: str) -> None:
    interfaces = report_of(name)["capture"]["interfaces"]
    assert [interface["name"] for interface in interfaces] == READABLE[name]["interfaces"]
    dropped = READABLE[name].get("dropped", [""] * len(interfaces))
    assert [interface["dropped"] for interface in interfaces] == [count if count != "" else None for count in dropped]


@pytest.mark.parametrize("name", [name for name in STORIES["capture"] if name not in READABLE])
def test_what_cannot_be_read_at_all_says_so(name: str) -> None:
    with pytest.raises(CaptureError, match="ends inside its file header"):
        open_source(str(FIXTURES / name))


def test_the_times_of_every_resolution_agree() -> None:
    first = [report_of(name)["capture"]["first_time"] for name in ("interfaces.pcapng", "two-sections.pcapng")]
    assert first == ["1700000000.000000000"] * 2
    assert report_of("nanosecond.pcap")["capture"]["first_time"] == "1700000000.000000123"
