"""The whole screen: what each size shows, keys, mouse, one selection for all panels, playback, live resizing."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from analysis.session import Session
from analysis.snapshot import first_sighting
from capture.source import open_source
from tui.app import NetvizApp
from tui.bindings import TABLE
from tui.layout import Pane, arrange
from tui.panels.bar import Bar
from tui.panels.ladder import LadderPanel
from tui_pilot import FIXTURES, LARGE, MEDIUM, SMALL, opened, screen, settle
from views.text import cells

if TYPE_CHECKING:
    from tui.desk import Looked

SIZES = [(1, 1), (5, 20), (20, 5), (59, 24), SMALL, MEDIUM, (250, 70)]


def shown_packets(lines: list[str]) -> set[int]:
    """Every packet number that a pane's title names."""
    return {int(number) for line in lines for number in re.findall(r"── [^─]*?packet (\d+)", line)}


def row_with(lines: list[str], text: str) -> int:
    return next(row for row, line in enumerate(lines) if text in line)


async def test_80_by_24_is_the_ladder_with_strips() -> None:
    async with opened("handshake.pcap") as (app, _):
        lines = screen(app)
        assert lines[0].startswith(" netviz  handshake.pcap  conn #0 of 1  19 packets")
        assert "closed normally" in lines[0]
        assert "client 127.0.0.1:33244" in lines[1]
        assert "CLOSED" in lines[2]
        assert "LISTEN" in lines[2]
        assert lines[3].startswith("▌")
        assert "SYN  seq=0" in lines[3]
        assert "Enter unfolds" in "\n".join(lines)
        assert lines[15].startswith("── packet 1/19 · ")
        assert lines[15].endswith("── states deduced ──")
        assert lines[20].startswith("── layers  Ethernet 14 › IPv4 20 › TCP 40")
        assert lines[21].startswith("── time ──")
        assert "? help" in lines[23]


async def test_120_by_40_has_the_layers_beside_the_ladder() -> None:
    async with opened("handshake.pcap", MEDIUM) as (app, _):
        lines = screen(app)
        assert "── ladder ─" in lines[1]
        assert "── layers  packet 1 ─" in lines[1]
        assert any("L4 TCP segment" in line for line in lines)
        assert any("bytes  packet 1" in line for line in lines)
        assert any(line.startswith("── time ─") for line in lines)


async def test_160_by_48_has_everything() -> None:
    async with opened("port-reuse.pcap", LARGE) as (app, _):
        text = "\n".join(screen(app))
        for title in ("connections", "ladder", "layers", "bytes", "packet 1", "all connections in time"):
            assert f"── {title}" in text, title


@pytest.mark.parametrize("only_ascii", [False, True])
async def test_every_size_is_filled_exactly(only_ascii: bool) -> None:
    async with opened("port-reuse.pcap", LARGE, only_ascii=only_ascii) as (_app, pilot):
        for size in SIZES:
            await pilot.resize_terminal(*size)
            lines = await settle(pilot)
            assert {cells(line) for line in lines} == {size[0]}, size
            assert len(lines) == size[1]
            if only_ascii:
                assert "\n".join(lines).isascii(), size
        for key in ("c", "x", "7", "e", "v", "backslash", "question_mark"):
            for size in ((20, 5), (80, 24)):
                await pilot.resize_terminal(*size)
                await pilot.press(key)
        await settle(pilot)


async def test_every_pane_that_has_a_place_after_growing_or_shrinking_is_filled() -> None:
    async with opened("handshake.pcap") as (app, pilot):
        for size in ((60, 15), SMALL, LARGE, SMALL, (20, 5), MEDIUM, (100, 30)):
            await pilot.resize_terminal(*size)
            await settle(pilot)
            shown = {widget.id for widget in app.stage.widgets if widget.display}
            assert shown == set(arrange(*size, app.director.wishes)), size
            assert all(widget.region.area for widget in app.stage.widgets if widget.display), size


async def test_narrow_screens_tell_the_story_in_lines() -> None:
    async with opened("handshake.pcap", (50, 20)) as (app, _):
        assert "│──" not in "\n".join(screen(app))
        assert "SYN" in "\n".join(screen(app))


async def test_one_selection_for_all_panels() -> None:
    async with opened("port-reuse.pcap", LARGE) as (app, pilot):
        for keys in (["j"], ["j", "j"], ["G"], ["k"], ["full_stop"], ["comma", "comma"], ["g"]):
            await pilot.press(*keys)
            lines = await settle(pilot)
            assert shown_packets(lines) == {app.desk.packet + 1}, keys
            assert app.stage.looked is not None
            assert app.stage.looked.packet == app.stage.explained == app.desk.packet
            assert app.stage.timeline.timeline is not None
            assert app.stage.timeline.timeline.cursor_time_ns == app.stage.time_ns
            marked = [line for line in lines if line.startswith("▌")]
            assert len(marked) == 1


async def test_panels_are_blank_rather_than_stale() -> None:
    async with opened("handshake.pcap", LARGE) as (app, pilot):
        app.desk.packet = 5
        app.stage.blank_stale()
        await pilot.pause()
        assert shown_packets(screen(app)) == {6}
        assert not any("L4 TCP" in line for line in screen(app))


async def test_panes_have_their_titles_before_the_first_packet_is_taken_apart(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("tui.looking.Looking.look", lambda _: None)
    async with opened("handshake.pcap", MEDIUM) as (app, pilot):
        assert "── layers  packet 1 ─" in screen(app)[1]
        app.desk.packet = 4
        app.stage.blank_stale()
        assert "── layers  packet 5 ─" in (await settle(pilot))[1]


async def test_two_rows_of_one_packet_are_marked_and_no_others() -> None:
    async with opened("handshake.pcap", MEDIUM) as (_, pilot):
        for keys in (["v"], ["j"], ["j", "j"], ["k"]):
            await pilot.press(*keys)
            rows = [row for row, line in enumerate(await settle(pilot)) if line.startswith("▌")]
            assert len(rows) == 2, keys
            assert rows[1] == rows[0] + 1


async def test_enter_unfolds_and_folds_and_the_cursor_stays() -> None:
    async with opened("handshake.pcap") as (app, pilot):
        fold = row_with(screen(app), "Enter unfolds")
        await pilot.click(LadderPanel, offset=(20, fold - 1))
        await pilot.press("enter")
        lines = await settle(pilot)
        assert not any("Enter unfolds" in line for line in lines)
        assert lines[fold].startswith("▌")
        await pilot.press("enter")
        assert "Enter unfolds" in (await settle(pilot))[fold]


async def test_stepping_unfolds_what_hides_the_packet() -> None:
    async with opened("handshake.pcap") as (app, pilot):
        for number in range(2, 12):
            await pilot.press("full_stop")
            await pilot.pause()
            assert app.desk.packet + 1 == number
        assert not any("Enter unfolds" in line for line in await settle(pilot))


async def test_connections_are_opened_by_keys_and_list() -> None:
    async with opened("port-reuse.pcap") as (app, pilot):
        await pilot.press("right_square_bracket")
        assert "conn #1" in (await settle(pilot))[0]
        await pilot.press("left_square_bracket", "left_square_bracket")
        assert "conn #0 of" in (await settle(pilot))[0]
        await pilot.press("c")
        assert "── connections" in (await settle(pilot))[1]
        await pilot.press("down", "enter")
        lines = await settle(pilot)
        assert "── connections" not in lines[1]
        chosen = app.desk.connection
        assert f"conn #{chosen} " in lines[0]
        assert app.focused is app.stage.ladder
        await pilot.press("c", "escape")
        assert "SYN" in "\n".join(await settle(pilot))


async def test_a_connection_remembers_its_packet() -> None:
    async with opened("port-reuse.pcap") as (app, pilot):
        await pilot.press("j", "j")
        await settle(pilot)
        before = app.desk.packet
        await pilot.press("right_square_bracket")
        await settle(pilot)
        assert app.desk.packet != before
        await pilot.press("left_square_bracket")
        await settle(pilot)
        assert app.desk.packet == before


@pytest.mark.parametrize("size", [SMALL, MEDIUM, LARGE])
async def test_layers_by_number_from_anywhere(size: tuple[int, int]) -> None:
    async with opened("handshake.pcap", size) as (app, pilot):
        for osi, name in ((4, "L4 TCP"), (3, "L3 IPv4"), (2, "L2 Ethernet"), (7, "L7 application")):
            await pilot.press(str(osi))
            lines = await settle(pilot)
            assert app.focused is app.stage.layers
            assert any("▌" in line and name in line for line in lines), name
        assert any(line.endswith(" ") for line in lines)


async def test_a_field_is_marked_in_the_bytes_and_stays_selected_in_the_next_packet() -> None:
    async with opened("handshake.pcap", LARGE) as (_app, pilot):
        await pilot.press("4", "j", "j", "j")
        lines = await settle(pilot)
        assert any("Sequence Number: 4 B at 38" in line for line in lines)
        await pilot.press("full_stop")
        lines = await settle(pilot)
        assert any("packet 2  Sequence Number: 4 B at 38" in line for line in lines)


async def test_a_click_on_a_byte_selects_its_field() -> None:
    async with opened("handshake.pcap", LARGE) as (app, pilot):
        dump = app.stage.bytes.dump
        assert dump is not None
        column = next(column for column in range(80) if dump.offset_at(0, column, app.stage.bytes.inner) == 6)
        await pilot.click("#bytes", offset=(column + 1, 1))
        await settle(pilot)
        assert app.desk.path.startswith("ethernet.")


async def test_the_model_and_the_ways_of_showing_go_round() -> None:
    async with opened("handshake.pcap", MEDIUM) as (_, pilot):
        first = await settle(pilot)
        for key in ("L", "s", "t", "v"):
            seen = [first]
            for _ in range({"L": 3, "s": 2, "t": 4, "v": 2}[key]):
                await pilot.press(key)
                seen.append(await settle(pilot))
            assert seen[-1] == first, key
            assert len({tuple(lines) for lines in seen}) == len(seen) - 1, key


async def test_explanation_short_full_off() -> None:
    async with opened("handshake.pcap") as (app, pilot):
        heights = []
        for _ in range(3):
            heights.append(app.stage.explanation.size.height if app.stage.showing(Pane.EXPLANATION) else 0)
            await pilot.press("e")
            await settle(pilot)
        assert heights == [5, 8, 0]


async def test_one_pane_can_have_the_whole_screen() -> None:
    async with opened("handshake.pcap", LARGE) as (_, pilot):
        await pilot.press("3", "backslash")
        lines = await settle(pilot)
        assert "── layers" in lines[1]
        assert not any("ladder" in line for line in lines)
        await pilot.press("escape")
        assert any("ladder" in line for line in await settle(pilot))


@pytest.mark.parametrize("name", ["cut-in-record.pcap", "absurd-length.pcap", "cut-in-block.pcapng"])
async def test_what_is_wrong_with_a_file_stays_readable(name: str) -> None:
    async with opened(name) as (app, pilot):
        lines = screen(app)
        assert any(line.startswith(" ! ") for line in lines[-4:-1])
        await pilot.press("j", "j", "escape")
        if app.is_running:
            assert any(line.startswith(" ! ") for line in (await settle(pilot))[-4:-1])


async def test_an_empty_capture_is_an_empty_screen() -> None:
    async with opened("no-packets.pcap") as (app, pilot):
        assert "no packets" in screen(app)[0]
        assert "it holds no packets" in screen(app)[-2]
        assert any(line.endswith("no packet ──") for line in screen(app))
        for entry in TABLE:
            if entry.id not in ("back", "back.quit", "quit", "help", "palette", "goto"):
                owner = {"lines": app.stage.ladder, "timeline": app.stage.timeline}.get(entry.where, app)
                await app.run_action(entry.action if "(" in entry.action else entry.action + "()", owner)
        await settle(pilot)
        assert app.is_running


async def test_an_error_of_ours_in_a_thread_is_a_notice() -> None:
    async with opened("handshake.pcap", MEDIUM) as (app, pilot):

        def broken(packet: int) -> Looked:
            raise RuntimeError(f"cannot look at {packet}")

        app.director.looking.looks._work = broken
        await pilot.press("j")
        await pilot.pause(0.3)
        assert "cannot look at 1" in app.stage.said
        assert app.is_running


async def test_a_file_that_vanishes_is_a_notice() -> None:
    async with opened("handshake.pcap", MEDIUM) as (app, pilot):

        def gone(packet: int) -> Looked:
            raise OSError(5, "Input/output error", str(packet))

        app.director.looking.looks._work = gone
        await pilot.press("j")
        lines = await settle(pilot)
        assert "Input/output error" in lines[-2]


@pytest.mark.parametrize("variables", [{"NO_COLOR": "1"}, {"TERM": "linux", "COLORTERM": ""}])
async def test_few_colours(monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    async with opened("handshake.pcap", LARGE) as (app, _):
        kinds = {
            colour.type.name
            for bar in app.screen.query(Bar)
            for _, style, _ in bar.render_line(0)
            for colour in ((style.color, style.bgcolor) if style is not None else ())
            if colour is not None
        }
        assert kinds <= ({"DEFAULT"} if "NO_COLOR" in variables else {"DEFAULT", "STANDARD"})
        assert "closed normally" in screen(app)[0]


class Growing(Session):
    """A session whose packets come when the test says so."""

    def grow(self) -> bool:
        batch = next(self._batches, None)
        if batch is not None:
            self._analyser.feed(batch)
        self._announce(finished=batch is None)
        return batch is not None

    def start(self) -> None:
        self._batches = iter(self.source.batches())


async def test_a_capture_that_is_still_read_shows_progress_and_can_be_cancelled() -> None:
    session = Growing(open_source(FIXTURES / "handshake.pcap"))
    session.start()
    app = NetvizApp(session, "growing")
    async with app.run_test(size=SMALL) as pilot:
        await pilot.pause(0.1)
        assert "reading" in screen(app)[-2]
        session.grow()
        lines = await settle(pilot)
        assert "SYN" in "\n".join(lines)
        await pilot.press("j", "j")
        await settle(pilot)
        packet = app.desk.packet
        app.action_go_to("9999")
        assert app.stage.said.startswith("So far packets go from 1 to ")
        await pilot.press("escape")
        while session.grow():
            await pilot.pause(0.05)
        lines = await settle(pilot)
        assert app.desk.packet == packet
        assert "reading" not in "\n".join(lines)
    session.close()


async def test_what_a_program_called_at_the_far_end_is_told_where_the_packet_was_seen_first() -> None:
    async with opened("nginx-reverse.pcapng", MEDIUM) as (app, _pilot):
        asked = next(
            each.packet
            for each in app.desk.session.source.comments
            if each.packet is not None and each.text.startswith("backend1: recv()")
        )
        first = first_sighting(app.desk.snapshot, asked)
        assert first != asked
        told = app.desk.explain(first).comments
        assert [text.partition(":")[0] for text in told] == ["proxy", "backend1"]
