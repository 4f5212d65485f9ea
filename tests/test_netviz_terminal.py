"""netviz in a real terminal: what stands on the screen, and that the keyboard works while a capture is piped in."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pyte
import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[1]
HANDSHAKE = ROOT / "fixtures" / "handshake.pcap"
PATIENCE = 15.0


class Terminal:
    """A pseudo-terminal of a given size with a program in it."""

    def __init__(self, command: str, columns: int = 100, lines: int = 30, term: str = "xterm-256color") -> None:
        self.screen = pyte.Screen(columns, lines)
        self.stream = pyte.ByteStream(self.screen)
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        environment = {**os.environ, "TERM": term, "PYTHONPATH": str(ROOT)}
        environment.pop("COLORTERM", None)
        # In a session of its own the pseudo-terminal becomes /dev/tty, as it is for a person's shell.
        leader = "import fcntl, os, sys, termios; os.setsid(); fcntl.ioctl(0, termios.TIOCSCTTY, 0); "
        shell = leader + "os.execvp('sh', ['sh', '-c', sys.argv[1]])"
        self.program = subprocess.Popen(
            [sys.executable, "-c", shell, command],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            cwd=ROOT,
            env=environment,
        )
        os.close(theirs)
        self.descriptor = ours

    def shows(self, *words: str) -> str:
        """The screen's text, as soon as all these words stand on it."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            text = "\n".join(self.screen.display)
            if all(word in text for word in words):
                return text
            if select.select([self.descriptor], [], [], 0.2)[0]:
                self.stream.feed(self._read())
        raise AssertionError(f"{words} did not all appear in\n" + "\n".join(self.screen.display))

    def press(self, keys: str) -> None:
        os.write(self.descriptor, keys.encode())

    def ends(self) -> int:
        """The exit status of the program, which must end by itself."""
        end = time.monotonic() + PATIENCE
        while self.program.poll() is None and time.monotonic() < end:
            if select.select([self.descriptor], [], [], 0.1)[0]:
                self.stream.feed(self._read())
        return self.program.wait(timeout=1)

    def _read(self) -> bytes:
        try:
            return os.read(self.descriptor, 65_536)
        except OSError:  # the other side is closed: what Linux says instead of an end of file
            return b""

    def close(self) -> None:
        if self.program.poll() is None:
            self.program.kill()
            self.program.wait()
        os.close(self.descriptor)


@pytest.fixture
def terminals() -> Iterator[list[Terminal]]:
    """Terminals that are closed when the test is over."""
    opened: list[Terminal] = []
    yield opened
    for terminal in opened:
        terminal.close()


def opened(terminals: list[Terminal], command: str, columns: int = 100, lines: int = 30, **kind: str) -> Terminal:
    command = command.replace("netviz replay", f"{sys.executable} -m netviz replay")
    terminals.append(Terminal(command, columns, lines, **kind))
    return terminals[-1]


@pytest.mark.slow
@pytest.mark.parametrize(("columns", "lines"), [(80, 24), (120, 40), (160, 48)])
def test_replay_opens_on_the_ladder_and_quits_at_once(terminals: list[Terminal], columns: int, lines: int) -> None:
    terminal = opened(terminals, f"netviz replay {HANDSHAKE}", columns=columns, lines=lines)
    terminal.shows("handshake.pcap", "SYN", "19 packets")
    terminal.press("q")
    assert terminal.ends() == 0


@pytest.mark.slow
@pytest.mark.parametrize("term", ["linux", "xterm"])
def test_replay_works_where_there_are_only_sixteen_colours(terminals: list[Terminal], term: str) -> None:
    terminal = opened(terminals, f"netviz replay --ascii {HANDSHAKE}", term=term)
    terminal.shows("handshake.pcap", "ESTABLISHED", "-- SYN")
    terminal.press("q")
    assert terminal.ends() == 0


@pytest.mark.slow
def test_the_keyboard_works_while_the_capture_comes_through_a_pipe(terminals: list[Terminal]) -> None:
    terminal = opened(terminals, f"cat {HANDSHAKE} | netviz replay -")
    terminal.shows("standard input", "19 packets")
    terminal.press("?")
    terminal.shows("Next connection")
    terminal.press("qq")
    assert terminal.ends() == 0
