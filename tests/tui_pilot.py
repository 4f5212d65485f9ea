"""What the tests of whole screens share: a session over a fixture, the screen as text, and waiting until it rests."""

from __future__ import annotations

from contextlib import asynccontextmanager
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING

from analysis.session import Session
from capture.source import open_source
from tui.app import NetvizApp

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from textual.pilot import Pilot

FIXTURES = Path(__file__).parents[1] / "fixtures"
SMALL, MEDIUM, LARGE = (80, 24), (120, 40), (160, 48)


def screen(app: NetvizApp) -> list[str]:
    """The cells of the screen as lines of text."""
    return [strip.text for strip in app.screen._compositor.render_strips()]


async def settle(pilot: Pilot[int], tries: int = 60) -> list[str]:
    """Wait until threads have answered and two pictures in a row are equal; returns the picture."""
    app = pilot.app
    assert isinstance(app, NetvizApp)
    before: list[str] = []
    for _ in range(tries):
        await pilot.pause(0.01)
        now = screen(app)
        if now == before and not app.director.busy:
            return now
        before = now
    raise AssertionError("the screen does not come to rest")


@asynccontextmanager
async def opened(
    name: str,
    size: tuple[int, int] = SMALL,
    *,
    only_ascii: bool = False,
    now: Callable[[], float] = monotonic,
) -> AsyncIterator[tuple[NetvizApp, Pilot[int]]]:
    """A fixture that has been read, on a screen."""
    session = Session(open_source(FIXTURES / name))
    session.run()
    app = NetvizApp(session, name, ascii=only_ascii, now=now)
    async with app.run_test(size=size) as pilot:
        await settle(pilot)
        yield app, pilot
    session.close()
