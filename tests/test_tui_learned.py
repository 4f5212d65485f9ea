"""Names in place of addresses, and the list of hosts and requests over the panels."""

from __future__ import annotations

from tui.learned import LearnedScreen
from tui_pilot import MEDIUM, SMALL, opened, screen, settle


async def test_the_list_shows_hosts_and_requests_and_leads_to_their_packets() -> None:
    async with opened("browse.pcapng", MEDIUM) as (app, pilot):
        await pilot.press("R")
        for _ in range(100):
            await pilot.pause(0.02)
            if isinstance(app.screen, LearnedScreen):
                break
        text = "\n".join(await settle(pilot))
        for words in (
            "From a name to a page",
            "Names",
            "www.shop.example",
            "Neighbours",
            "02:00:00:00:00:03",
            "Requests and replies",
        ):
            assert words in text
        await pilot.press("j", "j", "j", "enter")
        await settle(pilot)
        assert not isinstance(app.screen, LearnedScreen)
        assert app.desk.packet == 2


async def test_names_stand_in_place_of_addresses_as_far_as_they_are_told() -> None:
    async with opened("rpc-xml.pcapng", SMALL) as (app, pilot):
        assert "server 10.0.0.2:80" in screen(app)[1]
        await pilot.press("a")
        for _ in range(100):
            await pilot.pause(0.02)
            if "server server:80" in screen(app)[1]:
                break
        # The lab writes its hosts' names into the capture, and those count for more than what clients say.
        assert "client client:40001" in screen(app)[1]
        assert app.desk.session.names["10.0.0.2"] == "server"
        await pilot.press("a")
        assert "server 10.0.0.2:80" in (await settle(pilot))[1]


async def test_a_capture_without_names_says_so() -> None:
    async with opened("zero-window.pcap", SMALL) as (app, pilot):
        await pilot.press("a")
        for _ in range(100):
            await pilot.pause(0.02)
            if app.stage.said:
                break
        assert app.stage.said == "This capture tells no names of its addresses."


async def test_keys_of_panes_mean_the_panes_again_after_a_list_was_open_over_them() -> None:
    async with opened("browse.pcapng", MEDIUM) as (app, pilot):
        await pilot.press("R")
        for _ in range(100):
            await pilot.pause(0.02)
            if isinstance(app.screen, LearnedScreen):
                break
        assert app.stage.focused_pane == "ladder"
        await pilot.press("escape", "backslash")
        await settle(pilot)
        assert app.director.wishes.maximised == "ladder"
