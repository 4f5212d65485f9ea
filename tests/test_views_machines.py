"""Connections that belong together in one ladder, a lane for each machine."""

from __future__ import annotations

import io
import random
from contextlib import closing
from pathlib import Path

import pytest

from analysis.learned import learn
from analysis.machines_together import MOST_CONNECTIONS, Together, family, together
from analysis.session import Session
from capture.source import open_source
from export.report import write_report
from fixtures import wire
from lab import pcapng
from proxy_builder import BACK, CLIENT, MS, OTHER, PROXY, START, Network, get, ok
from views.machines import MachineLadder, _addresses
from views.machines_picture import LEAST, fitting, lanes
from views.options import Options
from views.text import ROLES, cells, line_cells, plain

FIXTURES = Path(__file__).parents[1] / "fixtures"
ASCII = Options(ascii=True)


def story(name: str, connection: int, options: Options = ASCII) -> tuple[Together, MachineLadder]:
    with closing(Session(open_source(FIXTURES / name))) as session:
        session.run()
        told = together(session, learn(session), connection)
        return told, MachineLadder(session.snapshot, told, options)


def names(told: Together) -> list[str]:
    return [told.ways.name(node) for node in told.lanes]


def ways(told: Together) -> set[tuple[str, ...]]:
    return {tuple(told.ways.name(node) for node in step.path) for step in told.steps}


def picture(ladder: MachineLadder, width: int) -> list[str]:
    """The lanes' part of every line."""
    left = plain(ladder.draw(0, width)).index("|")
    return [plain(ladder.draw(index, width))[left:].rstrip() for index in range(len(ladder))]


@pytest.mark.parametrize("connection", [0, 1])
def test_a_proxys_two_sides_stand_in_one_ladder(connection: int) -> None:
    told, ladder = story("nginx-reverse.pcapng", connection)
    assert set(told.connections) == {0, 1}
    assert names(told) == ["client", "proxy", "backend1"]
    assert ways(told) == {("client", "proxy"), ("proxy", "client"), ("proxy", "backend1"), ("backend1", "proxy")}
    drawn = picture(ladder, 80)
    asked = [line for line in drawn if "GET /1" in line]
    assert len(asked) == 2
    assert asked[0].startswith("|== GET /1  62 B ==")
    assert asked[1].startswith("|" + " " * 30 + "|== GET /1  105 B ==")
    assert all(line.count("|") >= 2 for line in drawn)


def test_a_machine_with_two_addresses_is_one_lane_that_names_both() -> None:
    _told, ladder = story("nginx-reverse.pcapng", 0)
    first, second = (plain(line) for line in ladder.head(80))
    assert first.split() == ["dt", "client", "proxy", "backend1"]
    assert second.split() == ["10.0.0.1", "10.0.0.2", "10.0.1.2", "10.0.1.11"]


def test_a_page_load_has_its_lookups_and_the_cache_its_origin() -> None:
    told, _ladder = story("cdn.pcapng", 1)
    assert set(told.connections) == {0, 1, 2}
    assert names(told) == ["client", "resolver", "edge", "origin"]


@pytest.mark.parametrize("connection", range(4))
def test_a_page_load_has_the_arp_that_it_waited_for(connection: int) -> None:
    told, ladder = story("browse.pcapng", connection)
    assert set(told.connections) == {0, 1, 2, 3}
    assert names(told) == ["browser", "resolver", "web"]
    assert "who has 10.0.0.53" in picture(ladder, 100)[0]


def test_an_address_that_another_one_begins_with_is_not_told_by_it() -> None:
    assert _addresses(("10.0.0.10", "10.0.0.1"), "10.0.0.10") == "10.0.0.1"
    assert _addresses(("127.0.0.1",), "127.0.0.1:80") == _addresses(("fd00::1",), "[fd00::1]:80") == ""
    assert _addresses(("10.0.0.1", "10.0.0.2", "10.0.0.3"), "proxy") == "10.0.0.1 10.0.0.2"


def test_both_sides_of_a_director_that_changes_addresses_are_one_line() -> None:
    told, ladder = story("lvs-nat.pcapng", 1)
    assert names(told) == ["client", "director", "real1"]
    assert ways(told) == {("client", "director", "real1"), ("real1", "director", "client")}
    assert all(sorted(step.connections) == [0, 1] for step in told.steps)
    syn, answer = picture(ladder, 80)[:2]
    assert syn.startswith("|-- SYN  seq=0 ---")
    assert syn.endswith("-->|" + syn.rpartition("->|")[0].rpartition("|")[2] + "->|")
    assert syn.count("->|") == 2
    assert (answer.count("<-"), answer.count("->")) == (2, 0)


def test_a_director_hands_on_and_the_server_answers_past_it() -> None:
    told, ladder = story("lvs-dr.pcapng", 0)
    assert names(told)[:2] == ["client", "director"]
    server = names(told)[2]
    assert ways(told) == {("client", "director", server), (server, "client")}
    syn, answer = picture(ladder, 80)[:2]
    assert (syn.count("->"), answer.count("<-")) == (2, 1)
    assert answer[1:-1].count("|") == 0  # over the director's lane


def test_on_localhost_each_endpoint_has_its_lane() -> None:
    told, _ladder = story("handshake.pcap", 0)
    client, server = names(told)
    assert server == "127.0.0.1:9999"
    assert client.startswith("127.0.0.1:")
    assert client != server


def test_plain_packets_fold_and_each_packet_has_its_line() -> None:
    told, ladder = story("browse.pcapng", 3)
    (fold,) = [index for index in range(len(ladder)) if "more data/ACK packets" in plain(ladder.draw(index, 80))]
    identity = ladder.fold_at(fold)
    assert identity is not None
    unfolded = MachineLadder(ladder.snapshot, told, ASCII, frozenset({identity}))
    assert len(unfolded) == len(told.steps) > len(ladder)
    for index, step in enumerate(told.steps):
        assert {unfolded.index_of(packet) for packet in step.packets} == {index}
        assert unfolded.packet_at(index) == step.packets[0]


@pytest.mark.parametrize("options", [Options(), ASCII], ids=["unicode", "ascii"])
@pytest.mark.parametrize("width", [20, 38, 50, 59, 60, 80, 120, 200])
def test_lines_are_as_wide_as_the_screen_and_no_lane_is_cut(width: int, options: Options) -> None:
    told, ladder = story("dns.pcapng", 0, options)
    assert len(told.lanes) == 5
    while True:
        for line in (*ladder.head(width), *(ladder.draw(index, width) for index in range(len(ladder)))):
            assert line_cells(line) == width
            assert all(span.role in ROLES for span in line)
        if not ladder.sideways(1, width):
            break
    assert "authority"[:3] in plain(ladder.head(width)[0]) or width < 60


def test_lanes_that_have_no_room_are_reached_sideways() -> None:
    _told, ladder = story("dns.pcapng", 0)
    assert plain(ladder.head(60)[0]).endswith(" 1>")
    assert not ladder.sideways(-1, 60)
    assert ladder.sideways(1, 60)
    assert "<1" in plain(ladder.head(60)[0])
    assert not ladder.sideways(1, 60)
    # An arrow from a lane that is behind the edge still has its head.
    assert picture(ladder, 60)[0].startswith("|") or "->|" in picture(ladder, 60)[0]


def test_lanes_are_never_closer_than_words_need() -> None:
    numbers = random.Random(1)
    for _ in range(500):
        count, left, width = numbers.randint(2, 30), numbers.randint(3, 25), numbers.randint(60, 200)
        shown = fitting(count, left, width)
        where = lanes(count, numbers.randint(0, count), left, width)
        steps = [other - one for one, other in zip(where.columns, where.columns[1:], strict=False)]
        assert len(where.columns) == shown <= count
        assert min(steps) >= min(LEAST - 4, (width - left) // shown - 4)
        assert left < where.columns[0] < where.columns[-1] < width
        assert where.first + shown <= count


def test_a_story_without_other_machines_has_two_lanes() -> None:
    told, ladder = story("retransmitted-data.pcap", 0)
    assert len(told.lanes) == 2
    assert told.whole
    assert any("." * 4 in line for line in picture(ladder, 80))  # what is sent again is dotted


def test_what_did_not_come_to_the_point_where_others_came_was_lost(tmp_path: Path) -> None:
    """Three datagrams from a client by a router to a server; the second is seen at the router, and not behind it."""
    points = ("client:eth0", "router:eth0", "router:eth1", "server:eth0")
    hardware = [wire.mac(number) for number in (1, 2, 3, 4)]
    data = pcapng.section("test")
    data += b"".join(pcapng.interface(name, "", mac=mac) for name, mac in zip(points, hardware, strict=True))
    data += pcapng.names({"10.0.0.1": "client", "10.0.9.1": "server"})
    time_ns = 10**18
    for number in range(3):
        datagram = wire.udp(("10.0.0.1", 4000), ("10.0.9.1", 5000), bytes([65 + number]) * 9)
        packet = wire.ip("10.0.0.1", "10.0.9.1", wire.UDP, datagram, identification=number + 1)
        for place in range(2 if number == 1 else 4):
            ends = hardware[:2] if place < 2 else hardware[2:]
            time_ns += 1000
            frame = wire.ethernet(ends[0], ends[1], wire.IPV4, packet)
            data += pcapng.packet(place, time_ns, frame, len(frame), pcapng.OUTBOUND)
    file = tmp_path / "lost.pcapng"
    file.write_bytes(data)
    told, ladder = story(str(file), 0)
    assert [step.lost for step in told.steps] == [False, True, False]
    assert ways(told) == {("client", "router", "server")}
    first, second, third = picture(ladder, 80)
    assert (first.count("->"), second.count("->"), third.count("->")) == (2, 1, 2)
    assert second.rstrip(" |").endswith("--")  # without a head: it does not arrive
    assert "[lost]" in second


@pytest.mark.parametrize("name", ["lost-segment.pcap", "rst-in-the-middle.pcap", "interfaces.pcapng"])
def test_a_capture_without_points_loses_nothing(name: str) -> None:
    told, _ladder = story(name, 0)
    assert not any(step.lost for step in told.steps)


def test_all_data_that_was_lost_is_sent_again() -> None:
    told, ladder = story("loss.pcapng", 0)
    details = [told.details[step.packets[0]] for step in told.steps]
    lost = [
        (place, details[place].sequence)
        for place, step in enumerate(told.steps)
        if step.lost and len(details[place].data) > 100
    ]
    assert lost
    assert all(
        "[lost]" in plain(ladder.draw(ladder.index_of(told.steps[place].packets[0]) or 0, 80)) for place, _ in lost
    )
    for place, sequence in lost:
        assert sequence in {detail.sequence for detail in details[place + 1 :]}


def test_of_a_connection_that_is_kept_open_only_the_part_for_this_request_is_shown(tmp_path: Path) -> None:
    network = Network()
    network.open(0, *BACK)
    for number, one in enumerate((CLIENT, OTHER)):
        front = (one, 40001), (PROXY, 80)
        network.open(10 * number + 1, *front)
        network.say(10 * number + 2, *front, get(f"/{number}"))
        network.say(10 * number + 3, *BACK, get(f"/{number}", X_Forwarded_For=one))
        network.say(10 * number + 4, *BACK[::-1], ok("some page"))
        network.say(10 * number + 5, *front[::-1], ok("some page"))
    file = network.written(tmp_path)
    first, _ladder = story(str(file), 1)
    assert set(first.connections) == {0, 1}
    assert [sum(0 in step.connections for step in first.steps), len(first.steps)] == [2, 7]
    both, _ladder = story(str(file), 0)
    assert set(both.connections) == {0, 1, 2}
    assert len(both.steps) == 3 + 2 + 2 + 2 * 5


def test_families_are_bounded() -> None:
    with closing(Session(open_source(FIXTURES / "dns.pcapng"))) as session:
        session.run()
        learned = learn(session)
        kept, whole = family(learned, session.snapshot, 2)
        assert (set(kept), whole) == ({0, 1, 2, 3}, True)
        assert kept[0] == 0
        assert len(kept) <= MOST_CONNECTIONS


def test_names_become_shorter_in_their_middle() -> None:
    _told, ladder = story("nginx-reverse.pcapng", 0)
    narrow = plain(ladder.head(60)[1])
    assert cells(narrow) == 60
    assert "10.0.0.1" in narrow


def report(name: str, *, packets: bool = False) -> list[str]:
    out = io.StringIO()
    with closing(Session(open_source(FIXTURES / name))) as session:
        session.run()
        write_report(session, out, "machines", packets=packets)
    return out.getvalue().splitlines()


def test_a_report_tells_each_story_once() -> None:
    lines = report("nginx-balance.pcapng")
    told = [line for line in lines if line.startswith("connections ")]
    assert told == [f"connections {first}, {first + 1}, deduced" for first in (0, 2, 4, 6)]
    heads = [line.split()[1:] for line in lines if line.startswith(" Δt")]
    assert heads == [["client", "proxy", name] for name in ("backend1", "backend2", "backend1", "backend2")]


def test_a_report_with_packets_folds_nothing() -> None:
    lines = report("browse.pcapng", packets=True)
    assert not [line for line in lines if "more data/ACK packets" in line]
    assert not [line for line in report("browse.pcapng") if "Enter" in line]
    with closing(Session(open_source(FIXTURES / "browse.pcapng"))) as session:
        session.run()
        assert len([line for line in lines if "│" in line]) == session.snapshot.connections.packets.sum()


def test_a_report_of_nothing_says_so() -> None:
    assert report("no-packets.pcap")[-1] == "There are no connections."


# One that is cut in its file header cannot be opened at all.
@pytest.mark.parametrize(
    "file",
    sorted(file for file in FIXTURES.glob("*.pcap*") if file.name != "cut-in-file-header.pcap"),
    ids=lambda file: file.name,
)
def test_every_fixture_has_a_picture(file: Path) -> None:
    """Damaged and strange captures too: no lane that a step needs is missing, and no line is too wide or unsafe."""
    with closing(Session(open_source(file))) as session:
        session.run()
        learned = learn(session)
        for connection in range(min(len(session.snapshot.connections), 3)):
            told = together(session, learned, connection)
            assert {node for step in told.steps for node in step.path} == set(told.lanes)
            # No connection of the fixtures is kept open for others, so nothing is left out.
            assert sorted(packet for step in told.steps for packet in step.packets) == sorted(
                packet for rows in told.rows.values() for packet in rows.tolist()
            )
            ladder = MachineLadder(session.snapshot, told, ASCII)
            for index in range(len(ladder)):
                text = plain(ladder.draw(index, 80))
                assert (cells(text), text.isascii(), text.isprintable()) == (80, True, True)


def test_datagrams_that_fold_are_not_called_acknowledgments(tmp_path: Path) -> None:
    network = Network()
    for number in range(60):
        udp = wire.udp((CLIENT, 40001), (PROXY, 9), b"some data")
        packet = wire.ip(CLIENT, PROXY, wire.UDP, udp, identification=number)
        network.frames.append((START + number * MS, wire.ethernet(wire.mac(1), wire.mac(2), wire.IPV4, packet)))
    with open_source(network.written(tmp_path)) as source:
        session = Session(source)
        session.run()
        told = together(session, learn(session), 0)
        ladder = MachineLadder(session.snapshot, told, ASCII)
    drawn = "\n".join(plain(ladder.draw(index, 100)) for index in range(len(ladder)))
    assert "57 more packets, 513 B" in drawn
