"""Time netviz beside tshark and tcptrace on captures, in one run, and print Markdown tables.

    python -m benchmarks.make_capture big.pcap && python -m benchmarks.compare big.pcap

Programs that are not installed are left out. Each one is run `--runs` times, in turns, and the median is shown: times
by the wall clock, processor seconds (user and system), and the largest resident set; of several processes that
work together the largest sum of their proportional sets, seen ten times a second. Ratios are of wall times.
"""

from __future__ import annotations

import argparse
import fcntl
import os
import platform
import pty
import re
import select
import shutil
import signal
import statistics
import struct
import subprocess
import sys
import termios
import threading
import time
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Self

import pyte

NETVIZ: Final = [sys.executable, "-m", "netviz"]
ROOT: Final = Path(__file__).parents[1]
ENVIRONMENT: Final = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
"""Programs run as they are installed: modules are compiled once, and not each time."""
COLUMNS, LINES = 120, 40
FIRST_ROW: Final = re.compile(r"[─═·]+ .*(SYN|ACK|RST|FIN)")
PATIENCE_SECONDS: Final = 300
LOOK_SECONDS: Final = 0.02
"""How exact the times of the screen are."""


ANALYSIS: Final = "netviz, everything analysed"
READING: Final = " reading "
CONVERSATIONS: Final = "tshark -q -z conv,tcp"
FIELDS: Final = "tshark -T fields (stream, flags, RTT)"
TCPTRACE: Final = "tcptrace -n"
LONG_TCPTRACE: Final = "tcptrace -n -l -r"
GOALS: Final = {
    1_000_000: {FIELDS: 0.02, CONVERSATIONS: 0.10, TCPTRACE: 1.0, LONG_TCPTRACE: 0.5},
    10_000_000: {FIELDS: 0.015, CONVERSATIONS: 0.07, TCPTRACE: 0.7, LONG_TCPTRACE: 0.5},
}
"""How much of another program's time the whole analysis may take, from so many packets on."""


@dataclass(frozen=True)
class Cost:
    """What one run took; None where it cannot be told."""

    wall: float
    cpu: float | None = None
    peak_mb: float | None = None


@dataclass(frozen=True)
class Facts:
    """How much the capture holds, as the screen tells it when all is read."""

    packets: int
    connections: int


def commands(capture: str) -> dict[str, list[str]]:
    """The programs that are there, by the name they have in the table; netviz comes first."""
    fields = ["-e", "tcp.stream", "-e", "tcp.analysis.flags", "-e", "tcp.analysis.ack_rtt", "-e", "tcp.completeness"]
    every = {
        ANALYSIS: [sys.executable, "-m", "benchmarks.analyse", capture],
        "netviz report --format json": [*NETVIZ, "report", "--format", "json", capture],
        CONVERSATIONS: ["tshark", "-n", "-r", capture, "-q", "-z", "conv,tcp"],
        FIELDS: ["tshark", "-n", "-r", capture, "-T", "fields", *fields],
        TCPTRACE: ["tcptrace", "-n", capture],
        LONG_TCPTRACE: ["tcptrace", "-n", "-l", "-r", capture],
    }
    return {name: command for name, command in every.items() if shutil.which(command[0])}


class Together:
    """Watches a process and its children meanwhile; `most_mb` is what they took together at most, 0 for one alone."""

    def __init__(self, process: int) -> None:
        self.most_mb = 0.0
        self._process = process
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._ended.wait(0.1):
            with suppress(OSError):  # it has just ended
                children = Path(f"/proc/{self._process}/task/{self._process}/children").read_text().split()
                if children:
                    self.most_mb = max(self.most_mb, sum(map(proportional_mb, (str(self._process), *children))))


def proportional_mb(process: str) -> float:
    """The proportional set size of a process (Linux); raises OSError if it is gone."""
    found = re.search(r"^Pss: +(\d+)", Path(f"/proc/{process}/smaps_rollup").read_text(), re.MULTILINE)
    return int(found[1]) / 1024 if found else 0.0


def run(command: list[str]) -> Cost:
    """Run a program to its end, with its output thrown away."""
    start = time.perf_counter()
    quiet = subprocess.DEVNULL
    child = subprocess.Popen(command, stdin=quiet, stdout=quiet, stderr=quiet, cwd=ROOT, env=ENVIRONMENT)
    with Together(child.pid) as together:
        _, status, usage = os.wait4(child.pid, 0)
        wall = time.perf_counter() - start
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise SystemExit(f"{' '.join(command)} ended with exit status {child.returncode}")
    return Cost(wall, usage.ru_utime + usage.ru_stime, max(usage.ru_maxrss / 1024, together.most_mb))


def watch(capture: str, facts: Facts) -> tuple[Cost, Cost]:
    """Open the capture on a terminal: how long until the first rows stand there, and until it is read whole.

    It is read whole when the first line tells the last number of connections and no line tells how far reading is.
    """
    start = time.perf_counter()
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(ROOT)
        environment = ENVIRONMENT | {"TERM": "xterm-256color", "LINES": str(LINES), "COLUMNS": str(COLUMNS)}
        os.execve(NETVIZ[0], [*NETVIZ, "replay", "--no-index", capture], environment)
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, COLUMNS, 0, 0))
    screen = pyte.Screen(COLUMNS, LINES)
    stream = pyte.ByteStream(screen)
    first = done = looked = 0.0
    with Together(pid) as together:
        while not done and select.select([terminal], [], [], PATIENCE_SECONDS)[0]:
            stream.feed(os.read(terminal, 65_536))
            now = time.perf_counter() - start
            if now < looked + LOOK_SECONDS and select.select([terminal], [], [], LOOK_SECONDS)[0]:
                continue  # looking takes a processor, which the others would miss
            looked = now
            first = first or (now if any(FIRST_ROW.search(line) for line in screen.display) else 0.0)
            numbers = re.findall(r"\d+", re.sub(r"(?<=\d)[,.\u202f](?=\d{3})", "", screen.display[0]))
            reading = any(line.startswith(READING) for line in screen.display)
            done = now if str(facts.connections) in numbers and not reading else 0.0
    os.kill(pid, signal.SIGTERM)
    with suppress(OSError):  # the terminal's end, once netviz has gone; till then it may be waiting to write
        while os.read(terminal, 65_536):
            pass
    _, _, usage = os.wait4(pid, 0)
    os.close(terminal)
    return Cost(first), Cost(done, usage.ru_utime + usage.ru_stime, max(usage.ru_maxrss / 1024, together.most_mb))


def facts_of(capture: str) -> Facts:
    """What the capture holds."""
    from analysis.session import Session  # noqa: PLC0415 - numpy would count as start-up time of the programs run
    from capture.source import open_source  # noqa: PLC0415 - as above

    with closing(Session(open_source(capture))) as session:
        session.run()
        return Facts(len(session.snapshot.packets), len(session.snapshot.connections))


def median(costs: list[Cost]) -> Cost:
    """The median of each figure by itself."""

    def middle(values: list[float | None]) -> float | None:
        known = [value for value in values if value is not None]
        return statistics.median(known) if known else None

    wall = statistics.median(cost.wall for cost in costs)
    return Cost(wall, middle([cost.cpu for cost in costs]), middle([cost.peak_mb for cost in costs]))


def row(name: str, cost: Cost, facts: Facts, ours: Cost) -> str:
    """One line of the table: what the program took, netviz's time over its own, and what that may be at most."""
    cpu = "" if cost.cpu is None else f"{cost.cpu:.2f}"
    peak = "" if cost.peak_mb is None else f"{cost.peak_mb:,.0f}"
    goals = [goal[name] for least, goal in GOALS.items() if facts.packets >= least and name in goal]
    goal = f"{goals[-1]:g}" if goals else ""
    rate, ratio = facts.packets / cost.wall / 1000, ours.wall / cost.wall
    return f"| {name} | {cost.wall:.2f} | {cpu} | {peak} | {rate:,.0f} | {ratio:.3f} | {goal} |"


def processor() -> str:
    """The processor's name, as Linux tells it."""
    info = Path("/proc/cpuinfo")
    found = re.search(r"model name\s*: (.*)", info.read_text()) if info.is_file() else None
    return found.group(1) if found else platform.processor() or platform.machine()


def compare(capture: Path, runs: int, *, leave_out: list[str]) -> None:
    """Measure one capture, then print its table."""
    path = str(capture.resolve())
    facts = facts_of(path)
    programs = {name: command for name, command in commands(path).items() if not name.startswith(tuple(leave_out))}
    costs: dict[str, list[Cost]] = {name: [] for name in programs}
    screens: list[tuple[Cost, Cost]] = []
    for _ in range(runs):
        for name, command in programs.items():
            costs[name].append(run(command))
        if not "netviz replay".startswith(tuple(leave_out)):
            screens.append(watch(path, facts))
    ours = median(costs[ANALYSIS])
    size = f"{facts.packets:,} packets, {facts.connections:,} connections, {capture.stat().st_size / 1e6:,.0f} MB"
    print(f"\n{capture.name}: {size}\n")
    print("| program | s | CPU s | peak MB | packets/ms | netviz's analysis / this | goal |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    if screens:
        first, whole = (median([pair[which] for pair in screens]) for which in (0, 1))
        for name, cost in {"netviz replay, first rows": first, "netviz replay, read whole": whole}.items():
            print(row(name, cost, facts, ours))
    for name in programs:
        print(row(name, median(costs[name]), facts, ours))


def main() -> None:
    """Measure, then print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("captures", type=Path, nargs="+")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--without", action="append", default=[], metavar="NAME", help="leave out what begins so")
    options = parser.parse_args()
    today = datetime.now(UTC).date().isoformat()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    shape = f"{os.cpu_count()} processors, {processor()}, {memory:.0f} GB"
    print(f"{today}; {shape}; Python {platform.python_version()}; median of {options.runs}")
    for capture in options.captures:
        compare(capture, options.runs, leave_out=options.without)


if __name__ == "__main__":
    main()
