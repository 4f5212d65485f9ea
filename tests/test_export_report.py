"""The report: the keys that scripts may rely on, and the values that need care."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest

from analysis.session import Session
from capture.source import open_source
from export.connection_json import epoch
from export.report import write_report

FIXTURES = Path(__file__).parents[1] / "fixtures"

CONNECTION = [
    "id",
    "protocol",
    "stream",
    "first_packet",
    "last_packet",
    "first_time",
    "last_time",
    "duration",
    "client",
    "server",
    "roles",
    "outcome",
    "conn_state",
    "history",
    "completeness",
    "handshake",
    "teardown",
    "initial_rtt",
    "application",
    "findings",
]
END = [
    "address",
    "port",
    "name",
    "packets",
    "bytes",
    "payload_bytes",
    "data_packets",
    "syn",
    "syn_ack",
    "fin",
    "rst",
    "unique_payload_bytes",
    "initial_sequence",
    "mss",
    "window_scale",
    "sack_permitted",
    "timestamps",
    "max_window",
    "state",
    "marks",
]
PACKET = [
    "number",
    "time",
    "interface",
    "captured_length",
    "original_length",
    "protocols",
    "connection",
    "from",
    "payload_length",
    "sighting_of",
    "lost_between",
    "flags",
    "seq",
    "ack",
    "seq_raw",
    "ack_raw",
    "window",
    "window_scaled",
    "marks",
    "acknowledges",
    "ack_rtt",
    "duplicate_ack_number",
    "bytes_in_flight",
    "client_state",
    "server_state",
]


def text_of(name: str, layout: str = "json", **options: Any) -> str:
    out = io.StringIO()
    with open_source(FIXTURES / name) as source:
        session = Session(source)
        session.run()
        write_report(session, out, layout, **options)
    return out.getvalue()


LEARNED = ("names", "neighbours", "masters", "exchanges", "page_loads", "machines", "causes")


def report_of(name: str, **options: Any) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(text_of(name, **options))
    return told


@pytest.mark.parametrize(
    "name", ["handshake.pcap", "udp.pcap", "arp.pcap", "icmp.pcap", "midstream.pcap", "vxlan.pcap"]
)
def test_every_key_is_always_there(name: str) -> None:
    report = report_of(name, packets=True)
    assert list(report) == ["netviz", "capture", "connections", *LEARNED, "packets"]
    for connection in report["connections"]:
        assert list(connection) == CONNECTION
        assert set(connection["client"]) == set(connection["server"]) == set(END)
    for packet in report["packets"]:
        assert set(packet) == set(PACKET)


def test_a_cause_is_told_with_its_evidence() -> None:
    report = report_of("nginx-reverse.pcapng", packets=True)
    (cause,) = report["causes"]
    asked, opened, asks = (cause[key] for key in ("packet", "opening_packet", "request_packet"))
    assert (cause["connection"], cause["effect"], cause["confidence"]) == (0, 1, "certain")
    packets = {each["number"]: each for each in report["packets"]}
    assert [packets[number]["connection"] for number in (asked, opened, asks)] == [0, 1, 1]
    assert packets[opened]["flags"] == ["SYN"]
    assert cause["evidence"][2] == {
        "fact": "a field names the client",
        "packets": [asked, asks],
        "value": "X-Forwarded-For: 10.0.0.1",
        "number": None,
    }


def test_machines_are_told_with_what_they_are_known_by() -> None:
    proxy = next(each for each in report_of("nginx-reverse.pcapng")["machines"] if each["name"] == "proxy")
    assert proxy["addresses"] == ["10.0.0.2", "10.0.1.2"]
    assert proxy["hardware"] == ["02:00:00:00:00:02", "02:00:00:00:00:03"]
    assert proxy["grounds"] == ["named by the capture", "sent from one hardware address"]


def test_the_greeting_is_told_exactly() -> None:
    (connection,) = report_of("handshake.pcap")["connections"]
    client, server = connection["client"], connection["server"]
    # "Welcome!", and three times "Hello, NAME!" for Michael, Tracy and Sarah; the names and "exit"
    assert (client["payload_bytes"], server["payload_bytes"]) == (7 + 5 + 5 + 4, 8 + 15 + 13 + 13)
    assert (client["address"], server["address"], server["port"]) == ("127.0.0.1", "127.0.0.1", 9999)
    assert connection["handshake"]["packets"] == [1, 2, 3]
    assert connection["handshake"]["rtt"] == connection["initial_rtt"] > 0
    assert connection["roles"] == "seen"


def test_times_are_strings_with_nine_decimals() -> None:
    assert epoch(1_790_000_001_204_113_007) == "1790000001.204113007"
    assert epoch(-1) == "-0.000000001"
    assert epoch(0) == "0.000000000"


def test_numbers_are_relative_and_as_sent() -> None:
    syn, answer, third = report_of("handshake.pcap", packets=True)["packets"][:3]
    assert (syn["seq"], syn["ack"], syn["flags"]) == (0, None, ["SYN"])
    assert (answer["seq"], answer["ack"], answer["flags"]) == (0, 1, ["SYN", "ACK"])
    assert (third["seq"], third["ack"], third["from"]) == (1, 1, "client")
    assert answer["ack_raw"] == syn["seq_raw"] + 1
    assert third["window_scaled"] > third["window"]
    assert (third["client_state"], third["server_state"]) == ("ESTABLISHED", "ESTABLISHED")


def test_what_only_tcp_has_is_null_elsewhere() -> None:
    connection = report_of("arp.pcap")["connections"][0]
    assert connection["protocol"] == "arp"
    for key in ("outcome", "history", "completeness", "handshake", "teardown", "initial_rtt"):
        assert connection[key] is None
    assert connection["client"]["state"] is None
    assert connection["client"]["port"] is None


def test_connections_can_be_picked_and_a_missing_one_is_left_out() -> None:
    report = report_of("port-reuse.pcap", connections=[1, 99], packets=True)
    assert [connection["id"] for connection in report["connections"]] == [1]
    assert {packet["connection"] for packet in report["packets"]} == {1}


def test_csv_has_the_same_titles_whatever_the_first_connection_is() -> None:
    titles = [text_of(name, "csv").split("\n", 1)[0] for name in ("arp.pcap", "handshake.pcap")]
    assert titles[0] == titles[1]


def test_csv_has_a_line_for_each_connection() -> None:
    lines = list(csv.DictReader(io.StringIO(text_of("port-reuse.pcap", "csv"))))
    assert [line["outcome"] for line in lines] == [
        connection["outcome"] for connection in report_of("port-reuse.pcap")["connections"]
    ]
    assert lines[0]["handshake_packets"] == "1 2 3"


def test_an_empty_capture_is_a_report_without_connections() -> None:
    report = report_of("no-packets.pcap", packets=True)
    assert report["connections"] == report["packets"] == []
    assert report["capture"]["first_time"] is None
    assert text_of("no-packets.pcap", "csv") == ""


def test_a_reset_is_a_teardown_with_its_sender() -> None:
    (connection,) = report_of("rst-by-the-client.pcap")["connections"]
    assert connection["teardown"]["kind"] == "rst"
    assert connection["teardown"]["first"] == "client"
