"""`netviz live` beside `dumpcap`: what either loses, and what it costs, while the same packets pass the same interface.

    python -m benchmarks.live [--seconds 60] [--rate 20000] [--spool SIZE]

Both capture from the loopback interface of a private network namespace, where a process sends UDP datagrams of 64
bytes between 64 pairs of ports at the rate that was asked for, and ten short TCP connections a second. Netviz shows its
screen in a terminal that nobody looks at. It writes a file, which is compared with dumpcap's packet by packet; with
`--spool` it writes none, as it does when no file is named, and its memory is what is of interest. How many packets
passed is what the interface itself counts.
"""

from __future__ import annotations

import argparse
import ctypes
import fcntl
import os
import pty
import re
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from hashlib import blake2b
from itertools import islice, zip_longest
from pathlib import Path
from shutil import which
from typing import TYPE_CHECKING, Final

from capture.source import open_source

if TYPE_CHECKING:
    from collections.abc import Iterator

NEW_USER, NEW_NET = 0x10000000, 0x40000000  # sched.h
SET_FLAGS, UP = 0x8914, 1  # SIOCSIFFLAGS, IFF_UP
SET_WINDOW_SIZE: Final = 0x5414  # TIOCSWINSZ
FLOWS: Final = 64
SIZE: Final = 64
CONNECTIONS_A_SECOND: Final = 10
SLICE: Final = 0.002
"""Seconds: so often datagrams are sent, as many as are due."""
PARTS: Final = 10
TICKS: Final = os.sysconf("SC_CLK_TCK")


def enter_namespace() -> None:
    """Become the only process of a network of its own. Raises OSError where that is not allowed."""
    user, group, kernel = os.geteuid(), os.getegid(), ctypes.CDLL(None, use_errno=True)
    if kernel.unshare(NEW_NET | (NEW_USER if user else 0)):
        raise OSError(ctypes.get_errno(), "a network namespace cannot be made")
    if user:
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"0 {user} 1")
        Path("/proc/self/gid_map").write_text(f"0 {group} 1")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
        fcntl.ioctl(asked, SET_FLAGS, struct.pack("16sH22x", b"lo", UP))


def send(rate: int, seconds: float) -> None:
    """Send at the rate; what was not sent in time is sent later."""
    receivers, senders = [], []
    for _ in range(FLOWS):
        receiver, sender = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
        receiver.bind(("127.0.0.1", 0))
        sender.connect(receiver.getsockname())
        receivers.append(receiver)  # never read: what does not fit is thrown away behind the interface
        senders.append(sender)
    server = socket.create_server(("127.0.0.1", 0))
    began, sent, connected = time.monotonic(), 0, 0
    while (passed := time.monotonic() - began) < seconds:
        for number in range(sent, int(rate * passed)):
            senders[number % FLOWS].send(number.to_bytes(SIZE, "big"))
        sent = int(rate * passed)
        if connected < passed * CONNECTIONS_A_SECOND:
            connected += 1
            connect(server)
        time.sleep(SLICE)


def connect(server: socket.socket) -> None:
    """A connection with a request and a reply."""
    with socket.create_connection(server.getsockname()) as client:
        there, _ = server.accept()
        with there:
            client.sendall(b"question")
            there.recv(100)
            there.sendall(b"answer" * 100)
            client.recv(1000)


def passed() -> int:
    """How many packets the loopback interface has carried."""
    line = next(line for line in Path("/proc/self/net/dev").read_text().splitlines() if line.strip().startswith("lo:"))
    return int(line.split(":")[1].split()[1])


@dataclass(slots=True)
class Watched:
    """A process and its children: what they have used."""

    name: str
    process: int
    resident: list[int] = field(default_factory=list)  # bytes, at each look
    seconds: float = 0.0

    def look(self) -> None:
        """Note memory and processor time; a process that is gone used what it had used."""
        family = [self.process, *children(self.process)]
        found = [usage(each) for each in family]
        self.resident.append(sum(resident for resident, _ in found))
        self.seconds = max(self.seconds, sum(seconds for _, seconds in found))


def children(process: int) -> list[int]:
    """The processes that a process has started."""
    try:
        threads = list(Path(f"/proc/{process}/task").iterdir())
        return [int(each) for thread in threads for each in (thread / "children").read_text().split()]
    except FileNotFoundError:
        return []


def usage(process: int) -> tuple[int, float]:
    """Resident bytes and processor seconds of a process; nothing once it is gone."""
    try:
        status = Path(f"/proc/{process}/status").read_text()
        numbers = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except FileNotFoundError:
        return 0, 0.0
    resident = re.search(r"VmRSS:\s+(\d+)", status)
    return int(resident[1]) * 1024 if resident else 0, (int(numbers[11]) + int(numbers[12])) / TICKS


class Terminal:
    """A program in a terminal of 120 by 40; what it writes is read, and the end of it kept."""

    def __init__(self, command: list[str]) -> None:
        self.process, self._terminal = pty.fork()
        if self.process == 0:
            os.environ["TERM"] = "xterm-256color"
            os.execvp(command[0], command)
        fcntl.ioctl(self._terminal, SET_WINDOW_SIZE, struct.pack("HHHH", 40, 120, 0, 0))
        self.tail = b""
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        try:
            while data := os.read(self._terminal, 1 << 16):
                self.tail = (self.tail + data)[-20_000:]
        except OSError:  # the other end is closed
            return

    def press(self, keys: str) -> None:
        """Type."""
        os.write(self._terminal, keys.encode())

    def wait(self, seconds: float) -> None:
        """Wait until the program has ended, or end it."""
        self._thread.join(seconds)
        if self._thread.is_alive():
            os.kill(self.process, signal.SIGKILL)
        os.waitpid(self.process, 0)


def packets(file: Path) -> Iterator[bytes]:
    """A digest of each packet's bytes, without its time: each socket has a clock reading of its own."""
    with open_source(file) as source:
        for batch in source.batches():
            data = batch.buffer.data
            for start, length in zip(batch.start.tolist(), batch.captured_length.tolist(), strict=True):
                yield blake2b(data[start : start + length], digest_size=8).digest()


def difference(one: Path, other: Path) -> str:
    """Whether two captures hold the same packets in the same order."""
    apart = (number for number, (a, b) in enumerate(zip_longest(packets(one), packets(other)), 1) if a != b)
    first = list(islice(apart, 1))
    return f"from packet {first[0]} on they differ" if first else "the files are equal packet by packet"


def run(options: argparse.Namespace, folder: Path) -> None:
    """Measure, then print."""
    ours, theirs = folder / "netviz.pcapng", folder / "dumpcap.pcapng"
    target = ["--spool", options.spool] if options.spool else ["-w", str(ours)]
    dumpcap = subprocess.Popen(
        [options.dumpcap, "-q", "-i", "lo", "-w", str(theirs)], stderr=subprocess.PIPE, text=True
    )
    terminal = Terminal([sys.executable, "-m", "netviz", "live", "-i", "lo", *target])
    watched = [Watched("netviz live", terminal.process), Watched("dumpcap", dumpcap.pid)]
    time.sleep(4)  # both have begun
    before, began = passed(), time.monotonic()
    sending = ["--send", "--rate", str(options.rate), "--seconds", str(options.seconds)]
    sender = subprocess.Popen([sys.executable, "-m", "benchmarks.live", *sending])
    for part in range(1, PARTS + 1):
        time.sleep(max(began + options.seconds * part / PARTS - time.monotonic(), 0))
        for each in watched:
            each.look()
        told = ", ".join(f"{each.name} {each.resident[-1] / 1e6:.1f} MB {each.seconds:.1f} s" for each in watched)
        print(f"{time.monotonic() - began:.0f} s: {passed() - before:,} packets; {told}", flush=True)
    sender.wait()
    time.sleep(2)
    sent = passed() - before
    for each in watched:
        each.look()
    terminal.press("q")
    time.sleep(1)
    terminal.press("q")
    terminal.wait(20)
    dumpcap.send_signal(signal.SIGINT)
    _, words = dumpcap.communicate(timeout=20)
    print(f"\n{sent:,} packets passed in {options.seconds:g} s\n")
    print("| | packets | dropped | processor s | most memory, MB |\n| --- | ---: | ---: | ---: | ---: |")
    counts = (counted(terminal.tail.decode(errors="replace")), dumped(words))
    for each, (seen, dropped) in zip(watched, counts, strict=True):
        print(f"| {each.name} | {seen} | {dropped} | {each.seconds:.1f} | {max(each.resident) / 1e6:.1f} |")
    print("\nnetviz at each tenth: " + " ".join(f"{each / 1e6:.1f}" for each in watched[0].resident[:PARTS]) + " MB")
    if not options.spool:
        print(difference(ours, theirs))


def counted(text: str) -> tuple[str, str]:
    """What netviz says at its end: packets, and how many of them were dropped."""
    found = re.search(r"(\S+) packets? captured, (\S+) dropped", text)
    return (found[1], found[2].replace("none", "0")) if found else ("?", "?")


def dumped(text: str) -> tuple[str, str]:
    """The same of dumpcap, which says how many were received, and dropped."""
    found = re.search(r"interface '[^']*': (\d+)/(\d+)", text)
    return (f"{int(found[1]):,}", f"{int(found[2]):,}") if found else ("?", "?")


def main() -> None:
    """Measure, or be the process that sends."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--rate", type=int, default=20_000, help="datagrams a second")
    parser.add_argument("--spool", metavar="SIZE", help="write no file: netviz keeps so much in its spool")
    parser.add_argument("--send", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.send:
        send(options.rate, options.seconds)
        return
    options.dumpcap = which("dumpcap")
    if options.dumpcap is None:
        sys.exit("dumpcap is not installed; it comes with Wireshark.")
    enter_namespace()
    with tempfile.TemporaryDirectory() as folder:
        run(options, Path(folder))


if __name__ == "__main__":
    main()
