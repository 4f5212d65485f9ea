"""The line widget: exact widths, exact last line, cursor, mouse, scrollbar, at ten million lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from textual.app import App
from textual.geometry import Region

from tui.lineview import CACHE, LineView
from tui.scrollbar import Scrollbar
from tui.styles import DARK, themes
from views.text import Span, fit

if TYPE_CHECKING:
    from textual.app import ComposeResult
    from textual.pilot import Pilot

    from views.text import Line

TEN_MILLION = 10_000_000


class Numbers:
    """Lines that say their number, with wide characters; counts how often it was asked."""

    def __init__(self, total: int, heads: int = 1) -> None:
        self.total, self.heads, self.asked = total, heads, 0

    def __len__(self) -> int:
        return self.total

    def head(self, width: int) -> tuple[Line, ...]:
        return tuple(fit((Span(f" head {number}", "head"),), width) for number in range(self.heads))

    def draw(self, index: int, width: int) -> Line:
        self.asked += 1
        return fit((Span(f" line {index} ", "data"), Span("漢字é" * 20, "")), width)


class Shelf(App[None]):
    CSS = "LineView { width: 100%; height: 100%; }"

    def __init__(self, total: int = TEN_MILLION) -> None:
        super().__init__()
        for theme in themes():
            self.register_theme(theme)
        self.theme = DARK
        self.view = LineView(id="view")
        self.numbers = Numbers(total)
        self.moved: list[int] = []

    def compose(self) -> ComposeResult:
        yield self.view

    def on_mount(self) -> None:
        self.view.show(self.numbers)
        self.view.focus()

    def on_line_view_moved(self, event: LineView.Moved) -> None:
        self.moved.append(event.index)


def texts(app: Shelf) -> list[str]:
    height = app.view.size.height
    return [strip.text for strip in app.view.render_lines(Region(0, 0, app.view.size.width, height))]


def first_number(app: Shelf) -> int:
    return int(texts(app)[1].split()[1]) if texts(app)[1][0] == " " else int(texts(app)[1][1:].split()[1])


async def press(pilot: Pilot[None], *keys: str) -> None:
    await pilot.press(*keys)
    await pilot.pause()


KEYS = {
    # keys: (cursor, first line on screen), of ten million lines, 23 of them on screen
    ("j",): (1, 0),
    ("down", "down", "k"): (1, 0),
    ("pagedown",): (22, 20),
    ("pagedown", "pagedown", "pageup"): (22, 20),
    ("end",): (TEN_MILLION - 1, TEN_MILLION - 23),
    ("G", "k"): (TEN_MILLION - 2, TEN_MILLION - 23),
    ("end", "home"): (0, 0),
    ("G", "g"): (0, 0),
    ("up",): (0, 0),
}


async def test_keys_move_the_cursor_and_keep_it_on_screen() -> None:
    app = Shelf()
    async with app.run_test(size=(40, 24)) as pilot:
        for keys, (cursor, top) in KEYS.items():
            await press(pilot, "home", *keys)
            assert (app.view.cursor, app.view.top) == (cursor, top), keys
            assert app.view.cursor in app.view.visible_lines


async def test_the_last_line_of_ten_million_is_exact_and_only_what_is_seen_is_drawn() -> None:
    app = Shelf()
    async with app.run_test(size=(40, 24)) as pilot:
        await press(pilot, "end")
        assert "line 9999999" in texts(app)[-1]
        assert texts(app)[-1].startswith("▌")
        assert app.numbers.asked < 200
        for _ in range(30):
            app.view.action_page(-1)
            texts(app)
        assert 0 < len(app.view._strips) <= CACHE


@pytest.mark.parametrize("width", [1, 2, 5, 33])
async def test_every_line_is_exactly_as_wide_as_the_widget(width: int) -> None:
    app = Shelf(30)
    async with app.run_test(size=(width, 12)) as pilot:
        for left in (0, 1):
            for edge in ("", "│"):
                app.view.edge = app.view.joint = edge
                app.view.action_sideways(1 if left else -1)
                app.view.redraw()
                await pilot.pause()
                strips = app.view.render_lines(Region(0, 0, width, 12))
                # A strip says its width when it is made; what counts is what its text takes.
                assert {sum(segment.cell_length for segment in strip) for strip in strips} == {width}


async def test_a_moved_cursor_draws_no_more_than_two_lines() -> None:
    app = Shelf()
    async with app.run_test(size=(40, 24)) as pilot:
        await press(pilot, "j")
        asked = app.numbers.asked
        await press(pilot, "j")
        assert app.numbers.asked - asked <= 2


async def test_many_moves_tell_the_newest() -> None:
    app = Shelf()
    async with app.run_test(size=(40, 24)) as pilot:
        for _ in range(50):
            app.view.action_line(1)
        await pilot.pause()
        assert app.moved[-1] == 50
        assert len(app.moved) < 50


async def test_the_mouse_selects_scrolls_and_drags() -> None:
    app = Shelf()
    async with app.run_test(size=(40, 24)) as pilot:
        await pilot.click(LineView, offset=(5, 4))
        assert app.view.cursor == 3
        app.view.scroll_by(10)
        await pilot.pause()
        assert (app.view.cursor, app.view.top) == (3, 10)
        await pilot.mouse_down(LineView, offset=(39, 1))
        await pilot.hover(LineView, offset=(39, 23))
        await pilot.mouse_up(LineView, offset=(39, 23))
        assert app.view.top == TEN_MILLION - 23
        assert "line 9999999" in texts(app)[-1]


async def test_growth_moves_nothing_unless_the_end_is_followed() -> None:
    app = Shelf(100)
    async with app.run_test(size=(40, 24)) as pilot:
        await press(pilot, "pagedown", "pagedown")
        before = (app.view.cursor, app.view.top)
        app.view.show(Numbers(200))
        assert (app.view.cursor, app.view.top) == before
        await press(pilot, "end")
        app.view.show(Numbers(300))
        assert app.view.cursor == 299
        assert 299 in app.view.visible_lines
        await press(pilot, "up")
        app.view.show(Numbers(400))
        assert app.view.cursor == 298


async def test_another_size_or_fewer_lines_keep_the_cursor_on_screen() -> None:
    app = Shelf(1000)
    async with app.run_test(size=(40, 24)) as pilot:
        await press(pilot, "end")
        for size in ((60, 40), (20, 5), (3, 2), (80, 24)):
            await pilot.resize_terminal(*size)
            await pilot.pause()
            assert app.view.cursor in app.view.visible_lines, size
        app.view.show(Numbers(3))
        assert (app.view.cursor, app.view.top) == (2, 0)
        app.view.show(None)
        assert app.view.total == 0


async def test_another_theme_draws_other_colours() -> None:
    app = Shelf(3)
    async with app.run_test(size=(40, 24)) as pilot:
        dark = app.view.render_line(2)
        app.theme = "netviz-light"
        await pilot.pause()
        assert [segment.style for segment in app.view.render_line(2)] != [segment.style for segment in dark]


def test_the_scrollbar_touches_its_ends_only_at_the_ends() -> None:
    for height, total in ((23, TEN_MILLION), (23, 24), (5, 2**53 + 10), (1, 7), (40, 41), (23, 100)):
        hidden = total - height
        for top in (0, 1, hidden // 2, hidden - 1, hidden):
            thumb = Scrollbar(height, total, top).thumb
            assert 0 <= thumb.start < thumb.stop <= height
            if len(thumb) <= height - 3:
                assert (thumb.start == 0) == (top == 0), (height, total, top)
                assert (thumb.stop == height) == (top == hidden), (height, total, top)


def test_a_dragged_scrollbar_reaches_every_end() -> None:
    bar = Scrollbar(23, TEN_MILLION, 5_000_000)
    assert bar.top_for(-5) == 0
    assert bar.top_for(23) == TEN_MILLION - 23
    assert Scrollbar(10, 5, 0).top_for(3) == 0


async def test_sideways_pans_in_small_steps_and_back_to_where_it_was() -> None:
    app = Shelf(30)
    async with app.run_test(size=(40, 12)) as pilot:
        before = app.view._drawn_width()
        widths = []
        for _ in range(3):
            await press(pilot, "l")
            widths.append(app.view._drawn_width() - before)
        assert widths == [8, 16, 24]
        await press(pilot, "l", *"l" * 40)
        assert app.view._drawn_width() == app.view.WIDE
        await pilot.resize_terminal(200, 12)
        await pilot.pause()
        assert (app.view.left, app.view._drawn_width()) == (0, app.view.inner)
