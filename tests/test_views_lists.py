"""The list of connections, the time axis, the strips, the status and the printed story."""

from __future__ import annotations

from contextlib import closing
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.analyser import Analyser
from analysis.causes import Cause, Confidence
from analysis.finding import Code, Finding
from analysis.gathered import gathered
from analysis.layers import Dissection, Layer
from analysis.session import Session
from analysis.snapshot import Snapshot
from analysis.verdict import outcome
from analysis.zeek import conn_state
from capture.protocol import Flag, Protocol
from capture.source import open_source
from capture.table import STRIDE, THINNED, Packets, Thinned
from test_analysis_batches import FIXTURES, batches_of, cut, interfaces_of
from views.connections import CAUSE, ConnectionList, _columns, column_widths
from views.options import Options, TimeFormat
from views.raster import LIMIT
from views.status import progress, status
from views.story import capture_line, connection_line, connection_story
from views.strips import connection_time, layers_strip, rule, time_strip
from views.text import ROLES, Line, Lines, line_cells, plain
from views.timeline import Timeline
from views.verdicts import GOOD, severities, severity, words
from views_builder import ACK, MS, PAGE, RST, START_NS, SYN, WEB, Segment, Talk, capture, details

PLAIN = Options()
OPEN = "ESTABLISHED ESTABLISHED"


def many() -> Snapshot:
    """A page, a refusal, a DNS question without an answer, a conversation seen from its middle, and no answer."""
    refused = [
        Segment(200, True, SYN, "SYN-SENT SYN-RECEIVED", connection=1),
        Segment(210, False, RST | ACK, "CLOSED CLOSED", 0, 1, connection=1),
    ]
    query = [Segment(220, True, Flag(0), "", length=33, connection=2)]
    middle = [
        Segment(230, True, ACK, OPEN, 1, 1, length=9, connection=3),
        Segment(240, False, ACK, OPEN, 1, 10, connection=3),
    ]
    silent = [Segment(250, True, SYN, "SYN-SENT SYN-RECEIVED", connection=4)]
    talks = [
        WEB,
        Talk(("10.0.0.5", 51001), ("93.184.216.34", 81)),
        Talk(("10.0.0.5", 40000), ("10.0.0.53", 53), 17, Protocol.UDP4),
        Talk(("2001:db8:1111:2222:3333:4444:5555:6666", 22), ("2001:db8::1", 50000), 6, Protocol.TCP6),
        Talk(("10.0.0.5", 51002), ("203.0.113.9", 443)),
    ]
    return capture([*PAGE, *refused, *query, *middle, *silent], *talks)


def text(view: Lines, width: int) -> list[str]:
    lines = [*view.head(width), *(view.draw(index, width) for index in range(len(view)))]
    check(lines, width)
    return [plain(line).rstrip() for line in lines]


def check(lines: list[Line], width: int) -> None:
    assert {line_cells(line) for line in lines} <= {width}
    assert {span.role for line in lines for span in line} <= ROLES


def test_trouble_comes_first() -> None:
    view = ConnectionList(many(), PLAIN)
    view.cursor = 0
    assert text(view, 78) == [
        "   # client          server          service  outcome              packets →/←",
        " ✗ 1 10.0.0.5:51001  93.184…16.34:81 tcp      refused                      1/1",
        " ✗ 4 10.0.0.5:51002  203.0.113.9:443 https    no answer                    1/0",
        " ? 3 [2001:…6666]:22 [2001:…1]:50000 tcp      seen from the middle         1/1",
        "▌✓ 0 10.0.0.5:51000  93.184…16.34:80 http     closed normally             8/11",
        "   2 10.0.0.5:40000  10.0.0.53:53    dns      one way                      1/0",
    ]
    assert [view.connection_at(index) for index in range(6)] == [1, 4, 3, 0, 2, None]
    assert [view.index_of(row) for row in range(5)] == [3, 0, 4, 2, 1]


def test_columns_appear_as_there_is_room() -> None:
    titles = {width: text(ConnectionList(many(), PLAIN), width)[0].split() for width in (20, 40, 60, 200)}
    assert titles[20] == ["#", "outcome"]
    assert titles[40] == ["#", "server", "outcome"]
    assert titles[60] == ["#", "client", "server", "service", "outcome"]
    assert titles[200] == (
        [
            "#",
            "client",
            "server",
            "service",
            "outcome",
            "found",
            "packets",
            "→/←",
            "bytes",
            "→/←",
            "start",
            "duration",
            "RTT",
            "history",
        ]
    )


def test_what_was_found_stands_beside_the_outcome_and_its_sign_before_it() -> None:
    found = {0: (Finding(Code.LOSS, 0, {}, grave=True),), 1: (Finding(Code.REFUSED, 1, {}),)}
    lines = text(ConnectionList(many(), PLAIN, found=found), 200)
    assert lines[1].count("refused") == 1  # the outcome says it
    assert lines[1].startswith(" ✗ 1")
    assert "closed normally" in lines[4]
    assert " loss " in lines[4]
    assert lines[4].startswith(" ! 0")  # it closed normally, but not everything went well
    assert "loss" not in lines[2]


def test_an_outcome_has_its_code_behind_it_where_there_is_room() -> None:
    with closing(Session(open_source(Path(__file__).parents[1] / "fixtures/final-states.pcap"))) as session:
        session.run()
        snapshot = session.snapshot
        for width in (80, 160, 200):
            for line in text(ConnectionList(snapshot, PLAIN), width)[1:]:
                row = int(line[2:].split()[0])
                told, code = words(snapshot, row), conn_state(snapshot.connections, row)
                short = width == 200 or (width == 160 and len(told) < 18)
                assert (f"{told} {code}" in line) == short, line


def test_which_connection_caused_which_stands_in_the_list_where_it_is_known() -> None:
    view = ConnectionList(many(), PLAIN)
    assert "cause" not in text(view, 100)[0].split()
    view.causes = {1: [Cause(0, 3, 1, 4, 6, Confidence.LIKELY, ()), Cause(2, 3, 1, 4, 6, Confidence.CERTAIN, ())]}
    for width in (80, 100):
        head, *lines = text(view, width)
        place = head.index("cause")
        (told,) = (line for line in lines if line.split()[1] == "1")
        assert told[place:].startswith("#0?")
        assert all(line[place : place + 1] in ("", " ") for line in lines if line is not told)
    assert any("#0? #2 " in line for line in text(view, 200))


def test_both_addresses_come_whole_before_a_seventh_column() -> None:
    for width in range(90, 200):
        columns = tuple(column for column in _columns(many(), PLAIN) if column.name != CAUSE)
        sizes = {column.name: size for column, size in column_widths(columns, width)}
        assert len(sizes) <= 6 or (sizes["client"], sizes["server"], sizes["outcome"]) >= (21, 21, 20), width


@pytest.mark.parametrize("ascii_only", [False, True])
@given(width=st.integers(20, 200), time=st.sampled_from(TimeFormat))
def test_every_line_is_exactly_so_wide(ascii_only: bool, width: int, time: TimeFormat) -> None:
    options = Options(ascii=ascii_only, time=time)
    for view in (ConnectionList(many(), options), Timeline(many(), options)):
        view.cursor = 1
        drawn = "\n".join(text(view, width))
        assert drawn.isascii() or not ascii_only
    snapshot = many()
    strips = [
        time_strip(snapshot, gathered(snapshot, 0), 3, width, options),
        status(snapshot, 0, "网络\x1b.pcap", options, width),
        rule("time", "0.111 s", width, options),
        progress(replace(snapshot, finished=False), 1e6, width, options),
        progress(replace(snapshot, finished=False, bytes_total=None), 1e6, width, options),
    ]
    check([line for line in strips if line is not None], width)


ENDS = st.tuples(*[st.integers(-1, 3)] * 4)


@given(ENDS, st.tuples(*[st.integers(0, 2)] * 4), st.tuples(*[st.integers(0, 3)] * 2), st.booleans(), st.booleans())
def test_the_fast_severity_is_that_of_the_verdict(
    ends: tuple[int, ...], syns: tuple[int, ...], packets: tuple[int, ...], seen: bool, b_is_client: bool
) -> None:
    snapshot = capture(PAGE[:3], WEB)
    table = snapshot.connections
    table.fin_packet[0], table.rst_packet[0] = ends[:2], ends[2:]
    table.rst[0] = [packet >= 0 for packet in ends[2:]]
    table.fin[0] = [packet >= 0 for packet in ends[:2]]
    table.syn[0], table.syn_ack[0] = syns[:2], syns[2:]
    table.packets[0] = packets
    table.roles_seen[0], table.client[0] = seen, b_is_client
    assert severities(table)[0] == severity(snapshot, 0), outcome(table, 0)


def test_each_connection_is_a_bar_on_one_axis() -> None:
    view = Timeline(many(), PLAIN)
    view.cursor_time_ns = START_NS + 155 * MS
    assert text(view, 70) == [
        " connection         0.0 ms          83.3 ms          166.7 ms",
        " 0 http 93.1…34:80  S·····h·····dd·F·····af        │",
        " 1 tcp 93.1….34:81                                 │        S·r",
        " 2 dns 10.0….53:53                                 │            D",
        " 3 tcp [200…:50000                                 │              D·a",
        " 4 https 203.…:443                                 │                 S",
    ]
    assert view.connection_at(1) == 1
    assert view.index_of(4) == 4


def test_the_axis_zooms_and_tells_the_time_of_a_column() -> None:
    view = Timeline(many(), PLAIN)
    whole = view.window_ns
    assert whole == (START_NS, START_NS + 250 * MS)
    assert view.time_at(0, 70) < view.time_at(40, 70) < view.time_at(69, 70) < whole[1]
    view.window_ns = (START_NS + 190 * MS, START_NS + 215 * MS)
    lines = text(view, 70)
    assert "S" in lines[2][20:]
    assert "r" in lines[2][20:]
    assert lines[1][20:].strip() == ""


def test_a_line_looks_at_a_bounded_number_of_packets() -> None:
    story = [PAGE[0], *[Segment(1 + n / 100, True, ACK, OPEN, length=1) for n in range(2000)]]
    snapshot = capture(story, WEB)
    packets = replace(
        snapshot.packets, time_ns=np.resize(snapshot.packets.time_ns, LIMIT * 3),
        flags=np.resize(snapshot.packets.flags, LIMIT * 3),
        payload_length=np.ones(LIMIT * 3, np.uint32), protocol=np.full(LIMIT * 3, Protocol.TCP4, np.uint8),
        connection=np.zeros(LIMIT * 3, np.int32),
    )  # fmt: skip
    packets.time_ns.sort()
    snapshot.connections.last_packet[0] = LIMIT * 3 - 1
    view = Timeline(replace(snapshot, packets=packets), PLAIN)
    assert len(view._packets(0)[1]) <= LIMIT
    assert "D" in text(view, 100)[1][30:]


def test_of_a_long_capture_that_lies_in_files_a_line_looks_at_what_is_at_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    snapshot = capture(PAGE, WEB)
    count = STRIDE * 100
    columns = {field.name: np.resize(getattr(snapshot.packets, field.name), count) for field in fields(Packets)}
    columns["time_ns"] = np.linspace(START_NS, START_NS + MS * 1000, count).astype(np.int64)
    columns["flags"][len(PAGE) :] = ACK
    packets = Packets(**columns)
    snapshot.connections.last_packet[0] = count - 1
    thinned = Thinned(**{name: columns[name][::STRIDE] for name in THINNED}, stride=STRIDE)
    whole, part = (
        Timeline(replace(snapshot, packets=packets), PLAIN),
        Timeline(replace(snapshot, packets=packets, thinned=thinned), PLAIN),
    )
    assert text(whole, 60) == text(part, 60)  # all of them are few enough
    monkeypatch.setattr("views.timeline.LIMIT", 99)
    table, places = part._packets(0)
    assert table is thinned
    assert places.tolist() == list(range(100))
    drawn = text(part, 60)[1][20:]
    assert drawn.startswith("S")  # the packets that tell most are always there
    assert set(drawn.strip()[1:]) <= set("ADad")


@pytest.mark.parametrize("path", FIXTURES, ids=lambda path: path.name)
def test_a_list_made_of_the_one_before_is_the_same_as_a_new_one(path: Path) -> None:
    batches, analyser = batches_of(path), Analyser(interfaces_of(path))
    before = None
    for batch in (part for each in batches for part in cut(each, 3)):
        analyser.feed(batch)
        snapshot = Snapshot(analyser.packets.snapshot(), analyser.connections.snapshot(), (), (), 0, None, False)
        new, made = (ConnectionList(snapshot, PLAIN, alike=alike) for alike in (None, before))
        assert (new.severity == made.severity).all()
        assert (new.order == made.order).all()
        before = made


def test_the_time_strip_shows_one_connection() -> None:
    snapshot = many()
    line = time_strip(snapshot, gathered(snapshot, 0), 17, 80)
    assert plain(line) == " S····················h····················adddd······F····················a··f "
    assert connection_time(gathered(snapshot, 0)) == "110.9 ms"


def test_the_layers_strip_names_headers_and_sizes() -> None:
    def layer(osi: int, name: str, size: int) -> Layer:
        return Layer(osi, name, name.lower(), "", "", "", 0, size, "")

    layers = (layer(1, "Frame", 0), layer(2, "Ethernet", 14), layer(3, "IPv4", 20), layer(4, "TCP", 20))
    assert plain(layers_strip(Dissection(layers, ()), 70)) == (
        " Ethernet 14 › IPv4 20 › TCP 20 › no payload                     54 B "
    )
    assert line_cells(layers_strip(Dissection(layers, ()), 5)) == 5
    assert plain(layers_strip(Dissection(layers, ()), 35)) == " Ethernet 14 › IPv4 20 …      54 B "
    for width in range(60):
        assert line_cells(layers_strip(Dissection(layers, ()), width)) == width


def test_the_status_keeps_the_verdict_longest() -> None:
    snapshot = capture(PAGE, WEB)
    shown = {width: plain(status(snapshot, 0, "handshake.pcap", PLAIN, width)).strip() for width in (80, 60, 30, 20)}
    assert shown == {
        80: "netviz  handshake.pcap  conn #0 of 1  19 packets  RTT 30.1 ms  closed normally",
        60: "netviz  handshake.pcap  conn #0 of 1  closed normally",
        30: "netviz  closed normally",
        20: "closed normally",
    }
    assert plain(status(snapshot, -1, "x", PLAIN, 40)).split() == ["netviz", "x", "no", "packets"]


def test_progress_is_told_until_reading_ends() -> None:
    snapshot = replace(capture(PAGE, WEB), finished=False, bytes_read=43)
    line = progress(snapshot, 1_234_567, 80)
    assert line is not None
    assert plain(line).startswith(" reading 43 %  █")
    assert "19 packets  1.2M packets/s  [Esc cancels]" in plain(line)
    assert progress(replace(snapshot, finished=True), 0, 80) is None


def test_the_story_is_printed_without_keys_and_selection() -> None:
    snapshot = capture(PAGE, WEB)
    known = details(PAGE, WEB)
    folded, whole = (
        list(
            connection_story(
                snapshot, gathered(snapshot, 0), PLAIN, lambda some: [known[row] for row in some], width=80, every=every
            )
        )
        for every in (False, True)
    )
    assert folded[4] == "   +0.1ms               │── ACK  ack=1 ────────────────────────►│  ESTABLISHED"
    assert folded[8] == "           : 9 more data/ACK packets, 3067 B, 4.2 ms"
    assert (len(folded), len(whole)) == (13, 21)
    assert capture_line(snapshot, "a\x1b.pcap") == r"a\x1b.pcap: 19 packets, 5148 B, 1 conversation, 110.9 ms"
    assert connection_line(snapshot, 0, PLAIN) == (
        "connection 0  http  client 10.0.0.5:51000 → server 93.184.216.34:80"
        "  19 packets, 5148 B, RTT 30.1 ms, closed normally"
    )


def test_an_empty_capture_is_shown_as_such() -> None:
    nothing = capture([], WEB)
    assert len(ConnectionList(nothing, PLAIN)) == len(Timeline(nothing, PLAIN)) == 0
    assert severities(nothing.connections)[0] != GOOD
    assert capture_line(nothing, "empty.pcap") == "empty.pcap: 0 packets"
