"""The ladder of machines on the screen: opened by a key, with the details of the selected packet as everywhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from proxy_builder import BACK, CLIENT, OTHER, PROXY, Network, get, ok
from tui_pilot import LARGE, SMALL, opened, settle

if TYPE_CHECKING:
    from pathlib import Path

    from textual.pilot import Pilot

    from tui.app import NetvizApp


async def open_machines(app: NetvizApp, pilot: Pilot[int]) -> list[str]:
    await pilot.press("M")
    for _ in range(100):
        await pilot.pause(0.02)
        if app.stage.machines.display:
            break
    return await settle(pilot)


async def test_a_proxys_two_sides_are_seen_at_once_and_the_selected_packet_is_explained() -> None:
    async with opened("nginx-reverse.pcapng", SMALL) as (app, pilot):
        text = "\n".join(await open_machines(app, pilot))
        assert "connections 0, 1, deduced" in text
        assert all(name in text for name in ("client", "proxy", "backend1"))
        assert not app.stage.ladder.display
        await pilot.press("j", "j", "j", "j", "j")
        text = "\n".join(await settle(pilot))
        assert app.desk.connection == 1
        assert "Opened because of packet" in text
        assert f"packet {app.desk.packet + 1}/" in text


async def test_enter_opens_the_packet_in_its_own_ladder() -> None:
    async with opened("nginx-reverse.pcapng", SMALL) as (app, pilot):
        await open_machines(app, pilot)
        await pilot.press("j", "j", "j", "j", "j")
        await settle(pilot)
        packet = app.desk.packet
        await pilot.press("enter")
        text = "\n".join(await settle(pilot))
        assert (app.desk.connection, app.desk.packet) == (1, packet)
        assert app.focused is app.stage.ladder
        assert "server 10.0.1.11:8080" in text


async def test_back_leads_to_where_it_was_opened() -> None:
    async with opened("nginx-reverse.pcapng", LARGE) as (app, pilot):
        before = (app.desk.connection, app.desk.packet)
        await open_machines(app, pilot)
        await pilot.press("G")
        await settle(pilot)
        assert app.desk.packet != before[1]
        await pilot.press("escape")
        await settle(pilot)
        assert (app.desk.connection, app.desk.packet) == before
        assert app.stage.ladder.display
        assert not app.stage.machines.display


async def test_folds_open_and_options_count_here_too() -> None:
    async with opened("browse.pcapng", SMALL) as (app, pilot):
        await pilot.press(":", *"conn 3", "enter")
        await settle(pilot)
        await open_machines(app, pilot)
        panel = app.stage.machines
        assert panel.ladder is not None
        folded = len(panel.ladder)
        fold = next(index for index in range(folded) if panel.ladder.fold_at(index) is not None)
        panel.move_to(fold)
        await settle(pilot)
        await pilot.press("enter")
        await settle(pilot)
        assert len(panel.ladder) > folded
        await pilot.press("t")
        assert "since start" in "\n".join(await settle(pilot))


async def test_another_connection_that_has_no_part_in_it_closes_it() -> None:
    async with opened("haproxy.pcapng", SMALL) as (app, pilot):
        await pilot.press(":", *"conn 2", "enter")
        await settle(pilot)
        await open_machines(app, pilot)
        told = []
        for _ in range(2):
            await pilot.press("]")
            await settle(pilot)
            told.append((app.desk.connection, app.stage.machines.display))
        assert told == [(3, True), (4, False)]  # connection 3 belongs to it


async def test_a_packet_that_has_no_place_in_it_closes_it(tmp_path: Path) -> None:
    network = Network()
    network.open(0, *BACK)
    for number, one in enumerate((CLIENT, OTHER)):
        front = (one, 40001), (PROXY, 80)
        network.open(10 * number + 1, *front)
        network.say(10 * number + 2, *front, get(f"/{number}"))
        network.say(10 * number + 3, *BACK, get(f"/{number}", X_Forwarded_For=one))
        network.say(10 * number + 4, *BACK[::-1], ok("some page"))
        network.say(10 * number + 5, *front[::-1], ok("some page"))
    async with opened(str(network.written(tmp_path)), SMALL) as (app, pilot):
        await pilot.press(":", *"conn 1", "enter")
        await settle(pilot)
        await open_machines(app, pilot)
        shown = []
        for packet in (8, 9, 15):  # the request and the reply on the kept connection, then the request of another
            await pilot.press(":", *str(packet), "enter")
            await settle(pilot)
            shown.append((app.desk.connection, app.desk.packet + 1, app.stage.machines.display))
        assert shown == [(0, 8, True), (0, 9, True), (0, 15, False)]
