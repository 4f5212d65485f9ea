"""Findings on the screen: counted in the first line, told where they show, and places that keys go to."""

from __future__ import annotations

import pytest

from analysis.finding import Code, Finding
from analysis.findings import Findings
from tui_pilot import LARGE, SMALL, opened, screen, settle
from views.explanation import Explanation
from views.findings import kinds, tally
from views.options import Options
from views.text import plain
from views_builder import PAGE, capture, details

RESET = Finding(Code.RESET, 4, {"end": 1, "sent": (10, 20), "closing": 0}, grave=True)
STALLED = "Stalled: the client had no room left once"


async def test_the_first_line_counts_what_was_found() -> None:
    async with opened("zero-window.pcap", SMALL) as (app, _):
        assert screen(app)[0].split("  ")[-1].strip() == "1 warning"
    async with opened("handshake.pcap", SMALL) as (app, _):
        assert "warning" not in screen(app)[0]


async def test_a_key_goes_to_the_packet_that_shows_a_finding_and_it_is_told_there() -> None:
    async with opened("zero-window.pcap", SMALL) as (app, pilot):
        assert STALLED not in "\n".join(screen(app))
        await pilot.press("right_curly_bracket", "right_curly_bracket")
        lines = await settle(pilot)
        assert app.desk.packet + 1 == 9
        assert any(line.strip().startswith(f"Warning: {STALLED}") for line in lines)


async def test_the_full_explanation_names_what_other_packets_show() -> None:
    async with opened("zero-window.pcap", LARGE) as (app, _):
        text = "\n".join(screen(app))
        assert "Found in this connection:" in text
        assert f"Warning: packet 9: {STALLED}" in text


@pytest.mark.parametrize("size", [SMALL, LARGE])
async def test_a_capture_without_findings_shows_no_empty_frame_for_them(size: tuple[int, int]) -> None:
    async with opened("handshake.pcap", size) as (app, _):
        assert "Found in" not in "\n".join(screen(app))


async def test_nothing_is_found_before_the_capture_is_read_whole() -> None:
    async with opened("zero-window.pcap", SMALL) as (app, _):
        app.desk.findings.clear()
        app.desk.snapshot = type(app.desk.snapshot)(
            **{name: getattr(app.desk.snapshot, name) for name in app.desk.snapshot.__slots__ if name != "finished"},
            finished=False,
        )
        assert app.desk.explain(8).findings == ()
        assert app.desk.found == ()


def test_errors_come_before_warnings_and_notes_are_not_counted() -> None:
    warning = Finding(Code.ONE_SIDED, 0, {})
    assert tally([warning, RESET, Finding(Code.OFFLOADED_SEGMENTS, 1, {}), warning]) == [
        ("1 error", "bad"),
        ("2 warnings", "warning"),
    ]
    assert tally([]) == []


def test_the_short_form_keeps_what_is_found_at_the_packet_when_lines_are_few() -> None:
    snapshot = capture(PAGE)
    known = {each.packet: each for each in details(PAGE)}
    finding = Finding(Code.OFFLOADED_SEGMENTS, 0, {"end": 0, "segments": 3, "largest": 9000, "limit": 1460, "both": 0})
    made = Explanation(snapshot, 0, 0, known, full=False, options=Options(), findings=[finding])
    made.head(60)
    drawn = [made.draw(index, 60) for index in range(len(made))]
    assert len(drawn) <= 4
    assert any(span.role == "note" and span.text.startswith(" Note: ") for line in drawn for span in line)
    assert plain(drawn[0]).startswith(" The client asks the server for a connection.")


@pytest.mark.parametrize("name", ["zero-window.pcap", "final-states.pcap", "port-reuse.pcap"])
async def test_the_list_tells_what_was_found_of_the_connections_on_screen(name: str) -> None:
    async with opened(name, LARGE) as (app, pilot):
        await pilot.press("c", "backslash")
        lines = await settle(pilot)
        assert "found" in next(line for line in lines if "outcome" in line)
        listed = app.stage.connections.connections
        assert listed is not None
        told = Findings(app.desk.session)
        for index in app.stage.connections.visible_lines:
            row = listed.connection_at(index)
            assert row is not None
            assert app.desk.findings[row] == told.of(row)
            assert kinds(told.of(row)) in lines[3 + index - app.stage.connections.top]
        assert (" zero-window " in lines[3]) == (name == "zero-window.pcap")


async def test_what_another_connections_packet_shows_is_not_gone_to_as_if_it_were_its_own() -> None:
    async with opened("icmp.pcapng", SMALL) as (app, pilot):
        shown = {finding.packet for found in app.desk.findings.values() for finding in found if finding.packet}
        connections = app.desk.snapshot.packets.connection
        assert any(connections[packet] != app.desk.connection for packet in shown)  # an ICMP message
        await pilot.press("right_curly_bracket", "right_curly_bracket", "right_curly_bracket")
        lines = await settle(pilot)
        assert connections[app.desk.packet] == app.desk.connection
        assert not any("could not be shown" in line for line in lines)
