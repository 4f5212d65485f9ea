"""A capture that grows, on the screen: followed until the person moves, frozen, saved, and not lost unasked."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from capture.live.spool import Left
from capture.live.starting import Counts
from growing_builder import OPENED, WHOLE, growing, shown
from tui_pilot import FIXTURES, screen, settle
from views.live import LiveState, live_line, summary
from views.text import line_cells, plain


async def test_the_newest_packet_is_followed_until_the_person_moves(tmp_path: Path) -> None:
    async with growing(tmp_path) as (app, pilot, feed):
        assert app.desk.packet == 2
        assert "following" in screen(app)[-2]
        feed.come(WHOLE[OPENED:], 16)
        await shown(app, pilot, 19)
        assert app.desk.packet == 18
        await pilot.press("k")
        assert "following" not in (await settle(pilot))[-2]
        assert not app.director.following.follows


@pytest.mark.parametrize("moves", [False, True])
async def test_without_a_feed_it_is_followed_to_the_end_if_that_is_wanted(tmp_path: Path, *, moves: bool) -> None:
    """As the lab is watched: its newest packet, until the person moves."""
    async with growing(tmp_path, live=False) as (app, pilot, feed):
        assert app.desk.packet == 2
        if moves:
            await pilot.press("k")
        feed.come(WHOLE[OPENED:], 16)
        feed.ended = True
        while not app.desk.snapshot.finished:
            await pilot.pause(0.02)
        await settle(pilot)
        assert app.desk.packet == (1 if moves else 18)


async def test_what_has_no_end_is_left_for_what_is_newer(tmp_path: Path) -> None:
    """A lookup by UDP, and then the connection that it was for."""
    lookup = (FIXTURES / "udp.pcap").read_bytes()
    async with growing(tmp_path, lookup, packets=4) as (app, pilot, feed):
        assert app.desk.packet == 3
        feed.come(WHOLE[24:], 19)
        await shown(app, pilot, 23)
        for _ in range(50):
            if app.desk.packet == 22:
                break
            await pilot.pause(0.02)
        assert app.desk.packet == 22


async def test_what_has_come_below_is_counted_and_a_key_goes_there(tmp_path: Path) -> None:
    async with growing(tmp_path) as (app, pilot, feed):
        await pilot.press("k")
        feed.come(WHOLE[OPENED:], 16)
        lines = await shown(app, pilot, 19)
        assert app.desk.packet == 1
        assert "16 new below [F follows]" in lines[-2]
        await pilot.press("F")
        lines = await settle(pilot)
        assert app.desk.packet == 18
        assert "following" in lines[-2]


async def test_a_packet_that_was_asked_for_stays_selected_in_another_connection(tmp_path: Path) -> None:
    async with growing(tmp_path) as (app, pilot, feed):
        other = (FIXTURES / "udp.pcap").read_bytes()[24:]
        feed.come(WHOLE[OPENED:] + other, 19 + len(other) // 100)
        for _ in range(100):
            await pilot.pause(0.02)
            if len(app.desk.snapshot.connections) > 1:
                break
        first = int(app.desk.snapshot.connections.first_packet[1])
        app.director.going.go(str(first + 1))
        for _ in range(30):
            await pilot.pause(0.02)
        assert (app.desk.connection, app.desk.packet) == (1, first)
        assert not app.director.following.follows
        assert app.director.following.new == 0


async def test_who_goes_back_from_a_connection_that_was_followed_finds_a_packet_of_the_one_before(
    tmp_path: Path,
) -> None:
    async with growing(tmp_path) as (app, pilot, feed):
        feed.come(WHOLE[OPENED:], 16)  # its connection is closed with this
        await shown(app, pilot, 19)
        other = (FIXTURES / "udp.pcap").read_bytes()[24:]
        feed.come(other, 2)
        for _ in range(100):
            await pilot.pause(0.02)
            if app.desk.connection > 0:
                break
        assert "following" in screen(app)[-2]
        await pilot.press(*"[" * app.desk.connection)
        assert "following" not in (await settle(pilot))[-2]
        assert app.desk.connection == 0
        assert app.desk.snapshot.packets.connection[app.desk.packet] == 0


async def test_of_a_long_connection_the_packets_around_the_selected_one_are_shown_and_all_can_be_reached(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("analysis.gathered.MOST", 8)
    async with growing(tmp_path) as (app, pilot, feed):
        feed.come(WHOLE[OPENED:], 16)
        text = "\n".join(await shown(app, pilot, 19))
        assert app.desk.packet == 18
        assert "11 earlier packets; : goes there, from packet 1 on" in text
        assert "8 of 19 packets, " in text
        await pilot.press(":", "1", "enter")
        text = "\n".join(await settle(pilot))
        assert app.desk.packet == 0
        assert "earlier packets" not in text
        assert "LISTEN" in text
        assert "11 new below" not in text  # they were here before the person moved
        reached = [app.desk.packet]
        for _ in range(18):
            await pilot.press(".")
            await settle(pilot)
            reached.append(app.desk.packet)
        assert reached == list(range(19))
        await pilot.press(":", "9", "enter")
        await settle(pilot)
        await pilot.press("F")
        assert "11 earlier packets" in "\n".join(await settle(pilot))
        assert app.desk.packet == 18


async def test_frozen_nothing_moves_while_the_capture_goes_on(tmp_path: Path) -> None:
    async with growing(tmp_path) as (app, pilot, feed):
        await pilot.press("p")
        feed.come(WHOLE[OPENED:], 16)
        for _ in range(50):
            await pilot.pause(0.02)
        assert "frozen, 16 new [p goes on]" in screen(app)[-2]
        assert len(app.desk.snapshot.packets) == 3
        await pilot.press("p")
        await shown(app, pilot, 19)


async def test_packets_that_nobody_saved_are_not_thrown_away_unasked(tmp_path: Path) -> None:
    async with growing(tmp_path) as (app, pilot, feed):
        await pilot.press("q")
        assert "3 packets are not saved" in (await settle(pilot))[-2]
        await pilot.press("escape", "w")
        assert app.saving.value == "netviz.pcapng"
        app.saving.value = str(tmp_path / "saved.pcap")
        await pilot.press("enter")
        for _ in range(100):
            if "Saved 3 packets" in "".join(await settle(pilot)):
                break
        assert (tmp_path / "saved.pcap").read_bytes() == WHOLE[:OPENED]
        await pilot.press("escape", "q")
        assert app.return_value == 0
        assert feed.saved_as == tmp_path / "saved.pcap"


async def test_what_comes_after_it_was_saved_is_not_lost_unasked_either(tmp_path: Path) -> None:
    async with growing(tmp_path) as (app, pilot, feed):
        told = app.director.following.save(tmp_path / "saved.pcap")
        assert "Saved 3 packets" in told
        feed.come(WHOLE[OPENED:], 16)
        await pilot.press("k")
        lines = await shown(app, pilot, 19)
        assert "16 not saved [w saves]" in lines[-2]
        await pilot.press("q")
        assert "16 packets are not saved" in (await settle(pilot))[-2]
        await pilot.press("escape")
        await settle(pilot)
        await pilot.press("q")  # asked again: the answer before was no
        assert "16 packets are not saved" in (await settle(pilot))[-2]
        assert app.return_value is None
        await pilot.press("q")
        assert app.return_value == 0


async def test_a_file_that_is_there_already_stays_as_it_is(tmp_path: Path) -> None:
    async with growing(tmp_path) as (app, pilot, feed):
        there = tmp_path / "there.pcap"
        there.write_text("something else")
        app.saving.open()
        app.saving.value = str(there)
        await pilot.press("enter")
        for _ in range(100):
            if app.stage.said:
                break
            await pilot.pause(0.02)
        assert "is there already, and stays as it is" in app.stage.said
        assert there.read_text() == "something else"
        assert feed.saved_as is None
        await pilot.press("escape", "w")
        assert app.saving.value == "netviz-2.pcapng"


async def test_of_a_ring_of_files_no_part_is_saved_as_if_it_were_all(tmp_path: Path) -> None:
    async with growing(tmp_path) as (app, _pilot, feed):
        feed.files = 2
        assert "goes to a ring of files already" in app.director.following.save(tmp_path / "saved.pcap")
        assert not (tmp_path / "saved.pcap").exists()


async def test_quitting_again_quits(tmp_path: Path) -> None:
    async with growing(tmp_path) as (app, pilot, _):
        await pilot.press("q")
        await settle(pilot)
        assert app.return_value is None
        await pilot.press("q")
        assert app.return_value == 0


async def test_what_cannot_be_saved_is_told(tmp_path: Path) -> None:
    async with growing(tmp_path) as (app, pilot, _):
        app.director.say(app.director.following.save(tmp_path / "nowhere" / "file"))
        assert "cannot be written: No such file or directory." in "".join(await settle(pilot))


def test_the_line_tells_losses_and_lag_first_and_never_more_than_fits() -> None:
    counts = Counts(seen=1300, dropped=7, packets=1200, written=5_000_000)
    state = LiveState(counts, 1293, 3_000_000, None, follows=False, frozen=False, new=12, kept=5_000_000, unsaved=1200)
    text = plain(live_line(state, 99.0, 200))
    assert text.strip() == (
        "live  1293 packets  7 dropped  12 new below [F follows]  3.0 MB to be analysed  5.0 MB not saved [w saves]"
        "  99 packets/s"
    )
    for width in range(1, 120):
        assert line_cells(live_line(state, 99.0, width)) == width
    less = replace(state, left=Left(5_000, 1, 2_000_000), follows=True, kept=3_000_000)
    assert "following  3.0 MB to be analysed  5000 gone from the spool (1 connection)  3.0 MB not saved" in plain(
        live_line(less, 9.0, 200)
    )
    saved = replace(state, saved_as=Path("some.pcapng"), kept=4_000_000, unsaved=17)
    assert "  17 not saved [w saves]  4.0 MB some.pcapng  " in plain(live_line(saved, 9.0, 200))
    ring = replace(state, saved_as=Path("x_00007.pcapng"), kept=300, unsaved=0, files=3)
    assert "  300 B in 3 files up to x_00007.pcapng  " in plain(live_line(ring, 9.0, 200))
    broken = replace(state, counts=replace(counts, done="lo went down"))
    assert "lo went down" in plain(live_line(broken, 0.0, 120))


def test_the_end_is_summed_up_in_a_sentence(tmp_path: Path) -> None:
    counts = Counts(seen=5, packets=5, written=2000, done="limit")
    assert summary("lo", counts, tmp_path / "x") == f"lo: 5 packets captured, none dropped, 2000 B in {tmp_path / 'x'}."
    some = summary("lo", counts, tmp_path / "x", 1000, 2)
    assert some == f"lo: 5 packets captured, none dropped, 1000 B in {tmp_path / 'x'}, without the last 2."
    ring = summary("lo", counts, Path("x_00007.pcapng"), 1000, 0, 3)
    assert ring == "lo: 5 packets captured, none dropped, 1000 B in 3 files up to x_00007.pcapng."
    lost = replace(counts, dropped=2, done="lo went down")
    assert summary("lo", lost, None) == "lo: 5 packets captured, 2 dropped by the kernel. It broke off: lo went down."
