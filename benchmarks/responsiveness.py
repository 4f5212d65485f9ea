"""How quickly the screen answers while a large capture is read, and afterwards.

    python -m benchmarks.responsiveness big.pcap

Runs the application without a terminal and measures how late its event loop is: a clock that should strike every 5 ms.
What a terminal adds is measured by `benchmarks.compare`. Times of opening connections and of going to the end are those
until the screen has changed and nothing is being made any more.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import time
from contextlib import closing
from typing import TYPE_CHECKING, Final

from commands.settings import settle

settle()  # as netviz.py does, before numpy is imported

import numpy as np

from analysis.session import Session
from capture.source import open_source
from tui.app import NetvizApp
from tui.running import SWITCH_SECONDS

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from textual.pilot import Pilot

TICK: Final = 0.005
OPENED: Final = 12
"""Connections that are opened one after another."""
SIZE: Final = (120, 40)


async def lateness(late: list[float], stop: asyncio.Event) -> None:
    """Note how much later than asked the loop wakes, in seconds, until told to stop."""
    while not stop.is_set():
        asked = time.perf_counter() + TICK
        await asyncio.sleep(TICK)
        late.append(time.perf_counter() - asked)


async def while_watched(work: Callable[[], Awaitable[None]]) -> list[float]:
    """How late the loop was while `work` was done, ascending."""
    late: list[float] = []
    stop = asyncio.Event()
    watch = asyncio.create_task(lateness(late, stop))
    await work()
    stop.set()
    await watch
    return sorted(late)


def told(name: str, seconds: list[float]) -> str:
    """A line of the table, in milliseconds."""
    ordered = sorted(seconds)
    figures = (statistics.median(ordered), ordered[int(0.99 * (len(ordered) - 1))], ordered[-1])
    return f"| {name} | " + " | ".join(f"{1000 * figure:.1f}" for figure in figures) + " |"


async def measure(path: str) -> None:
    """Read a capture on a screen that nobody sees, then use it."""
    with closing(Session(open_source(path))) as session:
        app = NetvizApp(session, path)
        started = time.perf_counter()
        session.start()
        async with app.run_test(size=SIZE) as pilot:

            async def read() -> None:
                while not session.snapshot.finished:  # noqa: ASYNC110 - it is a thread's doing, which sets no event
                    await asyncio.sleep(TICK)

            late = await while_watched(read)
            whole = time.perf_counter() - started
            await settled(app, pilot)
            snapshot = session.snapshot
            print(
                f"{len(snapshot.packets):,} packets, {len(snapshot.connections):,} connections, read in {whole:.2f} s\n"
            )
            print("| ms | median | 99 % | most |\n| --- | ---: | ---: | ---: |")
            print(told("event loop late while reading", late))
            rows = np.linspace(0, len(snapshot.connections) - 1, OPENED).astype(int).tolist()
            print(told("opening a connection", [await opening(app, pilot, row) for row in rows[1:]]))
            print(told("the last packet", [await going(app, pilot, len(snapshot.packets) - 1)]))


async def settled(app: NetvizApp, pilot: Pilot[int]) -> None:
    """Wait until nothing is being made any more."""
    while app.director.busy:
        await pilot.pause(0.001)


async def opening(app: NetvizApp, pilot: Pilot[int], connection: int) -> float:
    """Seconds until another connection is on the screen."""
    started = time.perf_counter()
    app.director.open(connection)
    while app.desk.scene is None or app.desk.scene.request.connection != connection:
        await pilot.pause(0.001)
    took = time.perf_counter() - started
    await settled(app, pilot)
    return took


async def going(app: NetvizApp, pilot: Pilot[int], packet: int) -> float:
    """Seconds until a packet is on the screen, whichever connection it is of."""
    connection = int(app.desk.snapshot.packets.connection[packet])
    started = time.perf_counter()
    app.director.go_to(packet)
    while app.desk.scene is None or app.desk.scene.request.connection != connection or app.desk.packet != packet:
        await pilot.pause(0.001)
    return time.perf_counter() - started


def main() -> None:
    """Measure one capture."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("capture")
    options = parser.parse_args()
    sys.setswitchinterval(SWITCH_SECONDS)
    asyncio.run(measure(options.capture))


if __name__ == "__main__":
    main()
