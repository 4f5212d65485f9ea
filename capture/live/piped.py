"""Packets by way of a program that may capture where netviz itself may not: dumpcap, or tcpdump.

It writes to a pipe, and a thread of netviz copies whole blocks to the file that the reader follows, and obeys the
limits. How many packets were lost such a program tells only at its end.
"""

from __future__ import annotations

import os
import re
import select
import signal
import subprocess
import threading
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from capture.live.blocks import Blocks, NotPcapError
from capture.live.starting import STOP_SECONDS, Counts, LiveError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from capture.live.starting import Limits

START_SECONDS: Final = 5.0
LOOK_SECONDS: Final = 0.1
PIECE: Final = 1 << 20
MOST_WORDS: Final = 10_000
"""Characters kept of what the program says."""
FOREVER: Final = 1e9
NEVER: Final = 1 << 62
_LOST: Final = (
    re.compile(r"received/dropped on interface .*?: (\d+)/(\d+)"),  # dumpcap, for each interface
    re.compile(r"()(\d+) packets? dropped by kernel"),  # tcpdump
)


def command(program: str, names: Sequence[str], expression: str, snap_length: int) -> list[str]:
    """How the program is told to capture to its standard output. Raises `LiveError` for what it cannot do."""
    interfaces = [word for name in names for word in ("-i", name)]
    if Path(program).name == "dumpcap":
        chosen = ["-f", expression] if expression.strip() else []
        return [program, "-q", "-B", "32", "-s", str(snap_length), *chosen, *interfaces, "-w", "-"]
    if len(names) > 1:
        raise LiveError("tcpdump captures from one interface at a time; name one with -i.")
    given = [program, "-n", "-U", "-B", "32768", "-s", str(snap_length), *interfaces, "-w", "-"]
    return [*given, "--", expression] if expression.strip() else given


class Piped:
    """A capture that goes on until it is stopped. `counts` may be read by any thread; it is replaced whole."""

    def __init__(self, words: Sequence[str], out: int, limits: Limits, next_file: Callable[[], int]) -> None:
        """Start the program; `out` stays the caller's. Raises `LiveError` where it captures nothing."""
        self.at_end: Callable[[], None] | None = None
        self.counts = Counts(dropped=None)
        self._name = Path(words[0]).name
        self._out, self._own, self._next_file, self._limits = out, False, next_file, limits
        self._in_file = 0
        self._full = False
        self._answers = True
        self._head = b""
        self._why: str | None = None
        self._said = ""
        self._deadline = time.monotonic() + (limits.seconds or FOREVER)
        self._process = subprocess.Popen(  # noqa: S603 - a path and words of ours
            list(words),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,  # Ctrl-C is ours to answer
        )
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        self._pipe, self._words = self._process.stdout.fileno(), self._process.stderr.fileno()
        self._await()
        self._thread = threading.Thread(target=self._pump, name="netviz live", daemon=True)
        self._thread.start()

    def _await(self) -> None:
        """Wait for the head of the capture, which comes before any packet."""
        until = time.monotonic() + START_SECONDS
        while time.monotonic() < until:
            ready, _, _ = select.select([self._pipe, self._words], [], [], LOOK_SECONDS)
            if self._pipe in ready and select.select([self._pipe], [], [], 0)[0] and self._peeked():
                return
            if self._words in ready:
                self._listen()
            if self._process.poll() is not None:
                break
        with suppress(PermissionError):
            self._process.kill()
        while self._listen():
            pass
        self._end()
        raise LiveError(f"Nothing can be captured through {self._name}: {self._complaint()}.")

    def _peeked(self) -> bool:
        """Take the first bytes; whether there are any."""
        self._first = os.read(self._pipe, PIECE)
        return bool(self._first)

    def _listen(self) -> bool:
        """Take in what the program says; whether there was anything."""
        said = os.read(self._words, MOST_WORDS)
        self._said = (self._said + said.decode(errors="replace"))[-MOST_WORDS:]
        return bool(said)

    def _complaint(self) -> str:
        """What it said last, without its name and what it always says."""
        lines = [line.strip() for line in self._said.splitlines() if line.strip()]
        told = [line for line in lines if not line.startswith(("Capturing on", "File:", "Packets"))]
        words = (told or ["it says nothing"])[0].removeprefix(f"{self._name}:").strip()
        return words.rstrip(".")

    def _pump(self) -> None:
        try:
            self._copy()
        except NotPcapError as error:
            self._why = f"what {self._name} writes cannot be read: {error}"
        except OSError as error:
            self._why = f"it cannot be written: {error.strerror}"
        self._interrupt()
        while self._answers and self._listen():
            pass
        self._end()
        lost = [int(found[2]) for pattern in _LOST for found in pattern.finditer(self._said)]
        dropped = sum(lost) if lost else None
        packets = self.counts.packets
        self.counts = replace(self.counts, seen=packets + (dropped or 0), dropped=dropped)
        if self._own:
            os.close(self._out)
        if self.at_end is not None:
            self.at_end()
        self.counts = replace(self.counts, done=self._why or f"{self._name} has ended: {self._complaint()}")

    def _copy(self) -> None:
        blocks = Blocks()
        self._take(blocks.feed(self._first))
        while True:
            if time.monotonic() >= self._deadline:
                self._reach_limit()
            if not self._answers:
                return
            ready, _, _ = select.select([self._pipe, self._words], [], [], LOOK_SECONDS)
            if self._words in ready and not self._listen() and self._pipe not in ready:
                time.sleep(LOOK_SECONDS)  # it says nothing more, and its packets are still to come
            if self._pipe in ready:
                data = os.read(self._pipe, PIECE)
                if not data:
                    return
                self._take(blocks.feed(data))

    def _take(self, pieces: list[tuple[bool, bytes]]) -> None:
        """Write what the limits allow."""
        limits = self._limits
        chosen: list[bytes] = []
        packets, size = self.counts.packets, 0
        for is_packet, piece in pieces:
            if not packets and not is_packet:
                self._head += piece
            larger = self.counts.written + size + len(piece) > (limits.bytes or NEVER)
            self._full |= is_packet and (larger or packets >= (limits.packets or NEVER))
            if is_packet and self._full:
                continue
            rotates = self._in_file + size + len(piece) > (limits.rotate_bytes or NEVER)
            if is_packet and rotates and self._in_file + size > len(self._head):
                self._write(b"".join(chosen), packets)
                chosen, size = [], 0
                self._go_on()
            chosen.append(piece)
            size += len(piece)
            packets += is_packet
        self._write(b"".join(chosen), packets)
        if self._full or packets >= (limits.packets or NEVER):
            self._reach_limit()

    def _write(self, data: bytes, packets: int) -> None:
        """Write whole blocks, or none of them and raise OSError."""
        view = memoryview(data)
        try:
            while view:
                view = view[os.write(self._out, view) :]
        except OSError:
            os.ftruncate(self._out, self._in_file)
            raise
        self._in_file += len(data)
        self.counts = replace(self.counts, packets=packets, seen=packets, written=self.counts.written + len(data))

    def _go_on(self) -> None:
        """Another file, which begins as the first one did."""
        if self._own:
            os.close(self._out)
        self._out, self._own, self._in_file = self._next_file(), True, 0
        self._write(self._head, self.counts.packets)

    def _reach_limit(self) -> None:
        if self._why is None:
            self._ask("limit")

    def _ask(self, why: str) -> None:
        self._why = why
        self._interrupt()

    def _interrupt(self) -> None:
        """Let the program end; one that has become another user's ends when it next writes to a pipe that is closed."""
        try:
            self._process.send_signal(signal.SIGINT)
        except PermissionError:
            self._answers = False

    def _end(self) -> None:
        """Let go of the program's pipes, and wait for it if it is ours to end."""
        for pipe in (self._process.stdout, self._process.stderr):
            if pipe is not None:
                pipe.close()
        if self._answers:
            try:
                self._process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()

    @property
    def ended(self) -> bool:
        """Nothing more will be written."""
        return self.counts.done is not None

    def break_off(self, reason: str) -> None:
        """Let the capture end soon; what is told at its end is the reason."""
        if not self.ended:
            self._ask(reason)

    def stop(self) -> Counts:
        """End the capture and wait for its last packets."""
        if not self.ended and self._why is None:
            self._ask("stopped")
        self.wait(2 * STOP_SECONDS)
        return self.counts

    def wait(self, seconds: float | None = None) -> None:
        """Wait until the capture has ended, at most `seconds`."""
        self._thread.join(seconds)
