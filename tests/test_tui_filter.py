"""The filter on the screen: typed, judged at each key, applied, taken away; and on the command line."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from click.testing import CliRunner

from analysis.filtering import Filter
from analysis.marks import RESENT
from commands.replay import replay
from commands.report import report
from tui.asking import WordSuggester
from tui_pilot import LARGE, MEDIUM, opened, screen, settle
from views.filtered import filter_line
from views.options import Options
from views.text import line_cells

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from textual.pilot import Pilot

    from tui.app import NetvizApp

FIXTURES = Path(__file__).parents[1] / "fixtures"


async def typed(pilot: Pilot[int], text: str) -> list[str]:
    """Open the line and type a filter into it."""
    await pilot.press("slash")
    await pilot.press("ctrl+u")
    for character in text:
        await pilot.press(character if character.isalnum() else {" ": "space", ":": "colon"}.get(character, character))
    return await settle(pilot)


def said(lines: list[str], word: str) -> str:
    return next((line for line in lines if word in line), "")


def sent_again(app: NetvizApp) -> NDArray[np.int64]:
    return np.flatnonzero(app.desk.snapshot.packets.marks & np.uint32(RESENT))


async def test_a_filter_is_judged_while_it_is_typed() -> None:
    async with opened("loss.pcapng", MEDIUM) as (app, pilot):
        total, again = len(app.desk.snapshot.packets), len(sent_again(app))
        assert said(await typed(pilot, "outcome:refsed"), "the nearest is refused")
        assert said(await typed(pilot, "udp"), f"0 of 1 connection, 0 of {total} packets")
        assert said(await typed(pilot, "retransmitted"), f"1 of 1 connection, {again} of {total} packets")


async def test_what_is_not_understood_stays_open_and_esc_leaves_the_old_filter() -> None:
    async with opened("loss.pcapng", MEDIUM) as (app, pilot):
        await typed(pilot, "tcp")
        await pilot.press("enter")
        await typed(pilot, "bogus")
        await pilot.press("enter")
        assert app.filter_line.display
        assert app.desk.filter == Filter("tcp")
        await pilot.press("escape")
        lines = await settle(pilot)
        assert said(lines, "filter tcp")
        assert said(lines, "j/k step")


async def test_packets_that_do_not_match_fold_and_unfold() -> None:
    async with opened("loss.pcapng", MEDIUM) as (app, pilot):
        first = int(sent_again(app)[0])
        before = int(np.searchsorted(app.desk.session.packets_of(0), first))
        await typed(pilot, "retransmitted")
        await pilot.press("enter")
        lines = await settle(pilot)
        assert said(lines, f"{before} packets filtered out")
        assert app.desk.packet == first  # the first that matches is selected
        await pilot.press("g")
        await settle(pilot)
        await pilot.press("enter")
        assert not said(await settle(pilot), f"{before} packets filtered out")


async def test_connections_that_do_not_match_are_not_listed_and_not_reached() -> None:
    async with opened("browse.pcapng", LARGE) as (app, pilot):
        await typed(pilot, "arp")
        await pilot.press("enter")
        await settle(pilot)
        listed = app.stage.connections.connections
        assert listed is not None
        shown = [listed.connection_at(index) for index in range(len(listed))]
        assert shown
        assert app.desk.connection in shown
        for key in ("]", "]", "]", "[", "["):
            await pilot.press("right_square_bracket" if key == "]" else "left_square_bracket")
            await settle(pilot)
            assert app.desk.connection in shown
        timeline = app.stage.timeline.timeline
        assert timeline is not None
        assert sorted(timeline.order.tolist()) == sorted(each for each in shown if each is not None)


async def test_without_a_list_only_matching_connections_are_reached_either() -> None:
    async with opened("browse.pcapng", (80, 24)) as (app, pilot):
        await typed(pilot, "not arp")
        await pilot.press("enter")
        await settle(pilot)
        reached = {app.desk.connection}
        for key in ["right_square_bracket"] * 4 + ["left_square_bracket"] * 4:
            await pilot.press(key)
            await settle(pilot)
            reached.add(app.desk.connection)
        found = Filter("not arp").matches(app.desk.snapshot, app.desk.session.source).connections
        assert reached == set(found.nonzero()[0].tolist())


async def test_a_filter_that_matches_nothing_says_so_and_esc_shows_everything_again() -> None:
    async with opened("browse.pcapng", LARGE) as (app, pilot):
        before = len(app.stage.connections.connections or ())
        await typed(pilot, "flag:urg")
        await pilot.press("enter")
        assert said(await settle(pilot), "0 of 4 connections; what was open stays")
        assert not len(app.stage.connections.connections or ())
        await pilot.press("escape")
        assert not said(await settle(pilot), "filter flag:urg")
        assert app.desk.filter is None
        assert len(app.stage.connections.connections or ()) == before


async def test_a_pattern_is_searched_in_a_thread() -> None:
    async with opened("cdn.pcapng", MEDIUM) as (app, pilot):
        await pilot.press("slash")
        app.filter_line.value = "/^GET/"
        assert said(await settle(pilot), "Enter searches what packets carry")
        await pilot.press("enter")
        assert said(await settle(pilot), "filter /^GET/")
        scene = app.desk.scene
        assert scene is not None
        assert scene.matches is not None
        assert scene.matches.count == 3


async def test_letters_that_are_keys_elsewhere_are_text_in_the_line() -> None:
    async with opened("handshake.pcap") as (app, pilot):
        await pilot.press("slash", "q", "slash", "colon", "x", "question_mark")
        assert app.filter_line.value == "q/:x?"
        assert len(app.screen_stack) == 1


async def test_words_are_completed() -> None:
    suggest = WordSuggester().get_suggestion
    assert await suggest("port:80 retransmit") == "port:80 retransmitted"
    assert await suggest("(outc") == "(outcome"
    assert await suggest("x") is None
    assert await suggest("zzz") is None


@pytest.mark.parametrize("width", [10, 30, 80, 200])
async def test_the_line_about_a_filter_fits(width: int) -> None:
    wanted = Filter("/[\x1b]x/ or port:80")
    async with opened("handshake.pcap") as (app, _):
        found = wanted.matches(app.desk.snapshot, app.desk.session.source)
        line = filter_line(wanted, found, app.desk.snapshot, width, Options())
        assert line_cells(line) <= width
        assert "\x1b" not in "".join(span.text for span in line)
        assert screen(app)


def test_the_report_tells_only_of_what_matches() -> None:
    told = CliRunner().invoke(report, ["--filter", "udp", str(FIXTURES / "browse.pcapng")], standalone_mode=False)
    assert told.output.startswith("filter udp: 1 of 4 connections, 2 of 29 packets\n")
    assert "connection 1  dns" in told.output
    assert "connection 0 " not in told.output


@pytest.mark.parametrize("command", [replay, report])
def test_a_filter_that_is_not_understood_is_wrong_usage(command: object) -> None:
    told = CliRunner().invoke(command, ["--filter", "prot:80", str(FIXTURES / "loss.pcapng")])  # type: ignore[arg-type]
    assert told.exit_code == 2
    assert "the nearest word is port" in told.output


async def test_the_newest_packet_is_the_newest_that_matches() -> None:
    async with opened("browse.pcapng", MEDIUM) as (app, pilot):
        await typed(pilot, "arp")
        await pilot.press("enter")
        await settle(pilot)
        arp = Filter("arp").matches(app.desk.snapshot, app.desk.session.source).connections
        last = max(row for row, each in enumerate(app.desk.snapshot.packets.connection.tolist()) if arp[each])
        assert app.desk.newest_packet() == last
        await pilot.press("F")
        await settle(pilot)
        assert app.desk.packet == last
        await typed(pilot, "flag:syn")
        await pilot.press("enter")
        await settle(pilot)
        await pilot.press("F")
        await settle(pilot)
        found = Filter("flag:syn").matches(app.desk.snapshot, app.desk.session.source).packets
        assert found is not None
        assert app.desk.packet == found.nonzero()[0][-1]
