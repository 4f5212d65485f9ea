"""What keys and clicks do: going to places, playback, the time line, copying, help."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from textual.events import Key

from tui.layout import Pane
from tui_pilot import LARGE, MEDIUM, opened, screen, settle

if TYPE_CHECKING:
    from tui.app import NetvizApp


PLACES: dict[str, tuple[str, Any]] = {
    "3": ("packet", 2),
    "conn 1": ("connection", 1),
    "+0s": ("packet", 0),
    "999999": ("said", "Packets go from 1 to 22, connections from 0 to 1."),
    "nonsense": ("said", "Write a packet number"),
}


async def test_places_can_be_typed() -> None:
    async with opened("port-reuse.pcap") as (app, pilot):
        for text, (attribute, value) in PLACES.items():
            await pilot.press("colon")
            app.goto.value = text
            await pilot.press("enter")
            await settle(pilot)
            if attribute == "said":
                assert value in app.stage.said, text
            else:
                assert getattr(app.desk, attribute) == value, text
        await pilot.press("escape")
        assert app.stage.said == ""
        await pilot.press("colon", "1", "colon", "3")
        assert app.goto.value == "1:3"
        await pilot.press("escape")
        await settle(pilot)
        assert not app.goto.display


async def test_dialogs_keep_their_colons_and_ctrl_c_ends_them_with_everything() -> None:
    async with opened("port-reuse.pcap") as (app, pilot):
        for opening in ("question_mark", "ctrl+p"):
            await pilot.press(opening, "colon")
            await pilot.pause()
            assert not app.goto.display
            await pilot.press("escape")
        await pilot.press("question_mark", "ctrl+c")
        await pilot.pause()
        assert app.return_value == 0


async def test_a_place_can_be_typed_as_fast_as_a_paste() -> None:
    async with opened("port-reuse.pcap") as (app, pilot):
        driver = app._driver
        assert driver is not None
        for character in ":conn 1\r":
            name = {":": "colon", " ": "space", "\r": "enter"}.get(character, character)
            driver.process_message(Key(name, None if character == "\r" else character))
        await settle(pilot)
        assert app.desk.connection == 1
        assert app.stage.said == ""
        assert not app.stage.showing(Pane.LAYERS)  # the 1 was typed, not pressed


class Hand:
    """A clock that the test turns."""

    seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


def dims(app: NetvizApp) -> bool:
    return app.stage.ladder.dims


async def test_playback_moves_the_selection_dims_the_rest_and_stops_at_the_end() -> None:
    clock = Hand()
    async with opened("handshake.pcap", now=clock) as (app, pilot):
        assert not dims(app)
        await pilot.press("space")
        lines = await settle(pilot)
        assert "playing ×1" in lines[0]
        assert dims(app)
        clock.seconds += 0.06
        await pilot.pause(0.1)
        assert app.desk.packet == 8
        await pilot.press("space")
        clock.seconds += 10
        assert "paused ×1" in (await settle(pilot))[0]
        assert app.desk.packet == 8
        await pilot.press("plus")
        assert "paused ×2" in (await settle(pilot))[0]
        await pilot.press("space")
        clock.seconds += 10
        await pilot.pause(0.1)
        lines = await settle(pilot)
        assert app.desk.packet == 18
        assert not dims(app)
        assert "×" not in lines[0]


async def test_escape_ends_playback_and_q_quits_at_the_top() -> None:
    clock = Hand()
    async with opened("handshake.pcap", now=clock) as (app, pilot):
        await pilot.press("space", "escape")
        assert not dims(app)
        assert app.is_running
        await pilot.press("tab")
        await pilot.press("q")
        assert app.focused is app.stage.ladder
        await pilot.press("q")
        await pilot.pause()
        assert app.return_code == 0


async def test_the_time_line_is_zoomed_panned_and_clicked() -> None:
    async with opened("port-reuse.pcap", LARGE) as (app, pilot):
        timeline = app.stage.timeline
        timeline.focus()
        whole = timeline.timeline.window_ns if timeline.timeline is not None else (0, 0)
        await pilot.press("plus", "plus", "l")
        await settle(pilot)
        assert timeline.timeline is not None
        begin, end = timeline.timeline.window_ns
        assert whole[0] < begin < end <= whole[1]
        assert (end - begin) * 4 == pytest.approx(whole[1] - whole[0], abs=4)
        await pilot.press("minus", "minus", "minus")
        assert timeline.timeline.window_ns == whole
        await pilot.click("#timeline", offset=(158, 3))
        await settle(pilot)
        assert app.desk.connection == timeline.timeline.connection_at(1)
        assert app.desk.packet > 0


async def test_copy_takes_the_selected_line() -> None:
    async with opened("handshake.pcap") as (app, pilot):
        await pilot.press("y")
        await settle(pilot)
        assert "SYN  seq=0" in app.clipboard


async def test_keys_can_be_clicked() -> None:
    async with opened("handshake.pcap") as (app, pilot):
        column = screen(app)[-1].index("x bytes")
        await pilot.click("#keys", offset=(column, 0))
        await settle(pilot)
        assert app.stage.showing(Pane.BYTES)


async def test_help_and_palette_open_and_close() -> None:
    async with opened("handshake.pcap", MEDIUM) as (app, pilot):
        await pilot.press("question_mark")
        text = "\n".join(await settle(pilot))
        assert "How to read the ladder" in text or "Next line" in text
        await pilot.press("escape", "ctrl+p")
        await pilot.pause(0.3)
        assert len(app.screen_stack) == 2
        await pilot.press("escape")
        await pilot.pause(0.1)
        assert len(app.screen_stack) == 1
