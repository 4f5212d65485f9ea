"""Time netviz beside tshark and tcptrace on one capture, in one run, and print a Markdown table.

    python -m benchmarks.make_capture big.pcap && python -m benchmarks.compare big.pcap

Programs that are not installed are left out. Each one is run `--runs` times, in turns, and the median is shown: times
by the wall clock, processor seconds (user and system), and the largest resident set.
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
import time
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

NETVIZ: Final = [sys.executable, "-m", "netviz"]
ROOT: Final = Path(__file__).parents[1]
SIZE: Final = (40, 120)
"""Rows and columns of the terminal that `netviz replay` is watched in."""

FIRST_ROWS: Final = re.compile(rb"SYN|ACK|ESTAB")
ESCAPE: Final = re.compile(rb"\x1b\[[0-9;?]*[a-zA-Z]")
PATIENCE_SECONDS: Final = 300


@dataclass(frozen=True)
class Cost:
    """What one run took; None where it cannot be told."""

    wall: float
    cpu: float | None = None
    peak_mb: float | None = None


def commands(capture: str) -> dict[str, list[str]]:
    """The programs that are there, by the name they have in the table; netviz comes first."""
    fields = ["-e", "tcp.stream", "-e", "tcp.analysis.flags", "-e", "tcp.analysis.ack_rtt", "-e", "tcp.completeness"]
    every = {
        "netviz report": [*NETVIZ, "report", "--format", "json", capture],
        "tshark -q -z conv,tcp": ["tshark", "-n", "-r", capture, "-q", "-z", "conv,tcp"],
        "tshark -T fields (stream, flags, RTT)": ["tshark", "-n", "-r", capture, "-T", "fields", *fields],
        "tcptrace -n": ["tcptrace", "-n", capture],
    }
    return {name: command for name, command in every.items() if shutil.which(command[0])}


def run(command: list[str]) -> Cost:
    """Run a program to its end, with its output thrown away."""
    start = time.perf_counter()
    quiet = subprocess.DEVNULL
    child = subprocess.Popen(command, stdin=quiet, stdout=quiet, stderr=quiet, cwd=ROOT)
    _, status, usage = os.wait4(child.pid, 0)
    wall = time.perf_counter() - start
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise SystemExit(f"{' '.join(command)} ended with exit status {child.returncode}")
    return Cost(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def watch(capture: str, packets: int) -> tuple[Cost, Cost]:
    """Open the capture on a terminal: how long until the first rows stand there, and until it is read whole.

    It is read whole when the screen tells the number of packets that the capture holds.
    """
    start = time.perf_counter()
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(ROOT)
        os.environ["TERM"] = "xterm-256color"
        os.execv(NETVIZ[0], [*NETVIZ, "replay", capture])
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", *SIZE, 0, 0))
    whole = re.compile(rb"\b" + f"{packets:,}".replace(",", "[ ,.\xa0\u202f]?").encode() + rb" packets")
    shown, first = b"", 0.0
    while select.select([terminal], [], [], PATIENCE_SECONDS)[0]:
        shown = (shown + os.read(terminal, 65_536))[-200_000:]
        plain = ESCAPE.sub(b"", shown)
        first = first or (time.perf_counter() - start if FIRST_ROWS.search(plain) else 0.0)
        if first and whole.search(plain):
            break
    done = time.perf_counter() - start
    os.kill(pid, signal.SIGTERM)
    _, _, usage = os.wait4(pid, 0)
    os.close(terminal)
    return Cost(first), Cost(done, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def count_packets(capture: str) -> int:
    """How many packets the capture holds."""
    from analysis.session import Session  # noqa: PLC0415 - numpy would count as start-up time of the programs run
    from capture.source import open_source  # noqa: PLC0415 - as above

    session = Session(open_source(capture))
    session.run()
    return len(session.snapshot.packets)


def median(costs: list[Cost]) -> Cost:
    """The median of each figure by itself."""

    def middle(values: list[float | None]) -> float | None:
        known = [value for value in values if value is not None]
        return statistics.median(known) if known else None

    wall = statistics.median(cost.wall for cost in costs)
    return Cost(wall, middle([cost.cpu for cost in costs]), middle([cost.peak_mb for cost in costs]))


def row(name: str, cost: Cost, packets: int, ours: Cost) -> str:
    """One line of the table; the ratio is this program's time over netviz report's."""
    cpu = "" if cost.cpu is None else f"{cost.cpu:.2f}"
    peak = "" if cost.peak_mb is None else f"{cost.peak_mb:,.0f}"
    rate, ratio = packets / cost.wall / 1000, cost.wall / ours.wall
    return f"| {name} | {cost.wall:.2f} | {cpu} | {peak} | {rate:,.0f} | {ratio:.2f} |"


def processor() -> str:
    """The processor's name, as Linux tells it."""
    info = Path("/proc/cpuinfo")
    found = re.search(r"model name\s*: (.*)", info.read_text()) if info.is_file() else None
    return found.group(1) if found else platform.processor() or platform.machine()


def main() -> None:
    """Measure, then print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("capture", type=Path)
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    capture = str(options.capture.resolve())
    packets = count_packets(capture)
    programs = commands(capture)
    costs: dict[str, list[Cost]] = {name: [] for name in programs}
    screens: list[tuple[Cost, Cost]] = []
    for _ in range(options.runs):
        for name, command in programs.items():
            costs[name].append(run(command))
        screens.append(watch(capture, packets))
    ours = median(costs["netviz report"])
    megabytes = options.capture.stat().st_size / 1e6
    print(f"{options.capture.name}: {packets:,} packets, {megabytes:,.0f} MB; {date.today().isoformat()}")  # noqa: DTZ011 - the day where it was run
    print(f"{os.cpu_count()} processors, {processor()}; Python {platform.python_version()}; median of {options.runs}\n")
    print("| program | s | CPU s | peak MB | packets/ms | ÷ netviz report |")
    print("| --- | ---: | ---: | ---: | ---: | ---: |")
    first, whole = (median([pair[which] for pair in screens]) for which in (0, 1))
    for name, cost in {"netviz replay, first rows": first, "netviz replay, read whole": whole}.items():
        print(row(name, cost, packets, ours))
    for name in programs:
        print(row(name, median(costs[name]), packets, ours))


if __name__ == "__main__":
    main()
