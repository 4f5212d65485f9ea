"""Causes in a file too large to be searched as a whole unasked: those around the selected packet, wherever it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import tui.desk
import tui.learning
from proxy_builder import BACK, CLIENT, FRONT, Network, get, ok
from tui_pilot import LARGE, opened, settle

if TYPE_CHECKING:
    from pathlib import Path

REQUESTS, PACKETS = 40, 7
"""Each request has its own connection behind the proxy: three packets open it, two use it, two are the client's."""


def proxied(folder: Path) -> Path:
    network = Network()
    network.open(0, *FRONT)
    for number in range(REQUESTS):
        at, back = 10 * number, (BACK[0][0], BACK[0][1] + number)
        network.say(at + 1, *FRONT, get(f"/{number}"))
        network.open(at + 2, back, BACK[1])
        network.say(at + 3, back, BACK[1], get(f"/{number}", X_Forwarded_For=CLIENT))
        network.say(at + 4, BACK[1], back, ok(f"page {number}"))
        network.say(at + 5, *FRONT[::-1], ok(f"page {number}"))
    return network.written(folder)


@pytest.fixture(autouse=True)
def _large(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is large, and how much of it is looked at, are a hundredth of what they are."""
    monkeypatch.setattr(tui.desk, "LEARNED_UNASKED", 100)
    monkeypatch.setattr(tui.learning, "LEARNED_UNASKED", 100)
    monkeypatch.setattr(tui.learning, "UNASKED", 20)


def syn(number: int) -> int:
    """The number on screen of the SYN to the back end that a request caused."""
    return 3 + PACKETS * number + 2


async def test_the_cause_of_the_selected_packet_is_told_wherever_it_is(tmp_path: Path) -> None:
    async with opened(str(proxied(tmp_path)), LARGE) as (app, pilot):
        for number in (30, 5):
            await pilot.press(":", *str(syn(number)), "enter")
            text = "\n".join(await settle(pilot))
            assert "caused by #0" in text
            assert f"Opened because of packet {syn(number) - 1} on connection 0, certain" in text
            assert app.desk.learned is not None
            assert len(app.desk.learned.causes) <= 5  # of forty
            listed = app.stage.connections.connections
            assert listed is not None
            assert {cause.effect for cause in app.desk.learned.causes} == set(listed.causes)
        await pilot.press("]")
        assert f"Opened because of packet {syn(6) - 1} on" in "\n".join(await settle(pilot))


async def test_machines_are_looked_for_in_all_of_it(tmp_path: Path) -> None:
    async with opened(str(proxied(tmp_path)), LARGE) as (app, pilot):
        await pilot.press(":", *str(syn(30)), "enter")
        await settle(pilot)
        await pilot.press("M")
        await settle(pilot)
        assert app.stage.machines.display
        assert app.desk.learned is not None
        assert len(app.desk.learned.causes) == REQUESTS
