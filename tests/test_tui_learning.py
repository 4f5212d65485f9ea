"""Causes and the ladder of machines while a capture goes on: told as it is by now, renewed, and never at any cost."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pytest

import tui.learning
from fixtures import containers
from growing_builder import growing, shown
from proxy_builder import BACK, BACKEND, CLIENT, FRONT, OTHER, PROXY, SECOND, Network, get, ok
from tui_pilot import LARGE, MEDIUM, SMALL, settle
from views.text import plain

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from textual.pilot import Pilot

    from growing_builder import Growing
    from tui.app import NetvizApp

PACKETS = 10
"""Of the first request: its connection is opened, and another for it behind the proxy; later ones have three fewer."""


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tui.learning, "LEAST_SECONDS", 0.0)


def proxied(requests: int) -> tuple[Network, list[bytes]]:
    """Requests on one connection to a proxy, which opens one of its own for each; and each request's packets."""
    network, pieces = Network(), []
    for number in range(requests):
        at, back = 10 * number, (BACK[0][0], BACK[0][1] + number)
        before = len(network.frames)
        if number == 0:
            network.open(at, *FRONT)
        network.say(at + 1, *FRONT, get(f"/{number}"))
        network.open(at + 2, back, BACK[1])
        network.say(at + 3, back, BACK[1], get(f"/{number}", X_Forwarded_For=CLIENT))
        network.say(at + 4, BACK[1], back, ok(f"page {number}"))
        network.say(at + 5, *FRONT[::-1], ok(f"page {number}"))
        pieces.append(containers.pcap(network.frames[before:])[24:])
    return network, pieces


HEADER = containers.pcap([])


async def until(pilot: Pilot[int], met: Callable[[], bool]) -> list[str]:
    """Wait for something, and until the screen rests."""
    for _ in range(200):
        if met():
            return await settle(pilot)
        await pilot.pause(0.02)
    raise AssertionError("it does not come to that")


def shows(app: NetvizApp, packet: int) -> bool:
    """Whether the ladder of machines has come to a packet."""
    ladder = app.stage.machines.ladder
    return ladder is not None and ladder.index_of(packet) is not None


def caused(app: NetvizApp, packet: int) -> bool:
    """Whether it is known what caused a packet."""
    return len(app.desk.causes_of(packet)) == 1


async def open_machines(app: NetvizApp, pilot: Pilot[int]) -> list[str]:
    await pilot.press("M")
    return await until(pilot, lambda: app.stage.machines.display)


@pytest.mark.parametrize("size", [SMALL, MEDIUM, LARGE])
async def test_the_two_sides_of_a_proxy_are_seen_at_once_while_packets_come(
    tmp_path: Path, size: tuple[int, int]
) -> None:
    _, (first, second) = proxied(2)
    async with growing(tmp_path, HEADER + first, PACKETS, size) as (app, pilot, feed):
        assert not app.desk.snapshot.finished
        text = "\n".join(await open_machines(app, pilot))
        assert "connections 0, 1, deduced, up to packet 10" in text
        assert all(machine in text for machine in (CLIENT, PROXY, BACKEND))
        feed.come(second, 7)
        text = "\n".join(await until(pilot, lambda: shows(app, 16)))
        assert "connections 0-2, deduced, up to packet 17" in text


async def test_what_is_new_comes_below_and_the_reader_stays_where_they_are(tmp_path: Path) -> None:
    _, pieces = proxied(4)
    async with growing(tmp_path, HEADER + pieces[0], PACKETS) as (app, pilot, feed):
        await open_machines(app, pilot)
        await pilot.press("g", "j", "j", "j")
        await settle(pilot)
        panel = app.stage.machines
        place = (app.desk.packet, panel.cursor - panel.top, panel.top)
        assert place[0] == 3
        for number, piece in enumerate(pieces[1:], 1):
            feed.come(piece, 7)
            await until(pilot, partial(shows, app, PACKETS + 7 * number - 1))
            assert (app.desk.packet, panel.cursor - panel.top, panel.top) == place
        assert panel.display
        assert not app.director.following.follows


async def test_who_follows_goes_on_to_the_newest_packet_of_the_story_and_of_no_other(tmp_path: Path) -> None:
    network, (first, second) = proxied(2)
    before = len(network.frames)
    network.open(100, (OTHER, 1), (SECOND, 2))
    stranger = containers.pcap(network.frames[before:])[24:]
    async with growing(tmp_path, HEADER + first, PACKETS) as (app, pilot, feed):
        await open_machines(app, pilot)
        assert app.director.following.follows
        feed.come(second + stranger, 10)
        await until(pilot, lambda: app.desk.packet == 16)
        assert app.stage.machines.display
        await pilot.press("g")
        await settle(pilot)
        assert app.desk.packet == 0
        await pilot.press("F")
        await until(pilot, lambda: app.desk.packet == 16)
        assert app.stage.machines.display


async def test_a_cause_is_told_as_soon_as_packets_show_it(tmp_path: Path) -> None:
    _, (first, second) = proxied(2)
    async with growing(tmp_path, HEADER + first, PACKETS) as (app, pilot, feed):
        await pilot.press(":", "5", "enter")  # the SYN to the back end
        text = "\n".join(await until(pilot, lambda: bool(app.desk.causes_of(4))))
        assert "Opened because of packet 4 on connection 0, certain" in text
        assert "caused by #0" in text
        await pilot.press(":", "4", "enter")
        await settle(pilot)
        feed.come(second, 7)
        await shown(app, pilot, PACKETS + 7)
        await until(pilot, lambda: len(app.desk.learned.causes if app.desk.learned else ()) == 2)
        assert "caused #1 #2" in (await settle(pilot))[0]


async def test_what_a_request_waits_for_is_told_while_it_waits(tmp_path: Path) -> None:
    """The question that one looks at a live capture for: the server's reply does not come, and why."""
    network = Network()
    network.open(0, *FRONT)
    network.say(1, *FRONT, get("/slow"))
    network.segment(1.1, *FRONT[::-1], 16)  # received, and that is all for now
    network.open(2, *BACK)
    network.say(3, *BACK, get("/slow", X_Forwarded_For=CLIENT))
    network.segment(3.1, *BACK[::-1], 16)
    async with growing(tmp_path, containers.pcap(network.frames), 10) as (app, pilot, _feed):
        text = "\n".join(await open_machines(app, pilot))
        assert "connections 0, 1, deduced" in text
        await pilot.press(":", "9", "enter")
        await until(pilot, partial(caused, app, 8))
        assert "Asked because of packet 4 on connection 0, certain" in "\n".join(await settle(pilot))


async def test_of_many_packets_those_around_the_selected_one_are_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tui.learning, "UNASKED", 8)
    monkeypatch.setattr(tui.learning, "ASKED", 8)
    _, pieces = proxied(10)
    async with growing(tmp_path, HEADER + b"".join(pieces), 73) as (app, pilot, _feed):
        for packet in (68, 5):  # SYNs to the back end
            await pilot.press(":", *str(packet), "enter")
            await until(pilot, partial(caused, app, packet - 1))
            learned = app.desk.learned
            assert learned is not None
            assert learned.part is not None
            assert len(learned.causes) <= 3
        text = "\n".join(await open_machines(app, pilot))
        assert "connections 0-2, deduced, of packets 1 to 17" in text
        ladder = app.stage.machines.ladder
        assert ladder is not None
        assert "There is more than is shown here." in plain(ladder.draw(len(ladder) - 1, 80))


async def test_it_rests_longer_than_it_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tui.learning, "LEAST_SECONDS", 1000.0)
    _, (first, second) = proxied(2)
    async with growing(tmp_path, HEADER + first, PACKETS) as (app, pilot, feed):
        await until(pilot, lambda: app.desk.learned is not None)
        feed.come(second, 7)
        await shown(app, pilot, 17)
        assert app.desk.learned is not None
        assert app.desk.learned.until == PACKETS


async def test_at_its_end_a_capture_is_told_of_as_a_whole(tmp_path: Path) -> None:
    _, (first, second) = proxied(2)
    async with growing(tmp_path, HEADER + first, PACKETS) as (app, pilot, feed):
        await open_machines(app, pilot)
        feed.come(second, 7)
        feed.ended = True
        text = "\n".join(await until(pilot, lambda: shows(app, 16) and ended(app, feed)))
        assert "connections 0-2, deduced ──" in text


def ended(app: NetvizApp, feed: Growing) -> bool:
    ladder = app.stage.machines.ladder
    return feed.ended and ladder is not None and ladder.snapshot.finished
