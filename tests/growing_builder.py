"""A live capture whose packets come when the test says so, on a screen."""

from __future__ import annotations

import os
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, cast

from analysis.session import Session
from capture.growing import GrowingStore
from capture.live.files import copy
from capture.live.spool import Left
from capture.live.starting import Counts
from capture.source import CaptureSource
from tui.app import NetvizApp
from tui_pilot import FIXTURES, SMALL, settle

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from textual.pilot import Pilot

    from capture.live.feed import Feed

WHOLE = (FIXTURES / "handshake.pcap").read_bytes()
OPENED = 24 + 3 * 16 + 74 + 74 + 66  # the file header and three records


class Growing:
    """A feed whose packets come when the test says so."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.saved_as: Path | None = None
        self.counts = Counts()
        self.ended = False
        self.behind = 0
        self.left = Left()
        self.saved_packets = self.kept_bytes = self.files = 0
        self.through = ""
        file.write_bytes(b"")
        self.descriptor = os.open(file, os.O_RDWR)

    def come(self, data: bytes, packets: int) -> None:
        with self.file.open("ab") as out:
            out.write(data)
        self.counts = replace(self.counts, packets=self.counts.packets + packets, written=self.file.stat().st_size)

    @property
    def unsaved(self) -> int:
        return self.counts.packets - self.saved_packets

    def save(self, path: Path) -> tuple[int, int]:
        self.kept_bytes = copy(self.descriptor, [(0, self.counts.written)], path)
        self.saved_as, self.saved_packets = path, self.counts.packets
        return self.counts.packets, 0


@asynccontextmanager
async def growing(
    tmp_path: Path,
    first: bytes = WHOLE[:OPENED],
    packets: int = 3,
    size: tuple[int, int] = SMALL,
    *,
    live: bool = True,
) -> AsyncIterator[tuple[NetvizApp, Pilot[int], Growing]]:
    """A capture that has its first packets by now; if not `live`, one that is followed without a feed, as the lab's."""
    feed = Growing(tmp_path / "growing.pcap")
    feed.come(first, packets)
    store = GrowingStore(os.open(feed.file, os.O_RDONLY), lambda: feed.ended)
    session = Session(CaptureSource("lo", store))
    session.start()
    app = NetvizApp(session, "lo", feed=cast("Feed", feed) if live else None)
    app.director.following.follows = True
    async with app.run_test(size=size) as pilot:
        await shown(app, pilot, packets)
        yield app, pilot, feed
    session.close()
    os.close(feed.descriptor)


async def shown(app: NetvizApp, pilot: Pilot[int], packets: int) -> list[str]:
    """Wait until so many packets are on the desk, and the screen rests."""
    for _ in range(200):
        if len(app.desk.snapshot.packets) == packets and app.desk.scene is not None:
            return await settle(pilot)
        await pilot.pause(0.02)
    raise AssertionError(f"{len(app.desk.snapshot.packets)} packets are shown, not {packets}")
