"""netviz in a real terminal (a pty read by pyte): from the command line to the screen, the keyboard beside a pipe."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import sys
import termios
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pyte
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).parents[1]
COMMAND = [sys.executable, "-m", "netviz", "replay"]
PATIENCE = 20.0  # seconds: another program may have the processor


class Terminal:
    """A program in a terminal of `size` (columns, lines); `source` is what comes through its standard input."""

    def __init__(self, command: list[str], size: tuple[int, int] = (80, 24), source: bytes | None = None) -> None:
        self.screen = pyte.Screen(*size)
        self._stream = pyte.ByteStream(self.screen)
        self.raw = b""
        self.status: int | None = None
        reader, writer = os.pipe()
        self.pid, self._keys = pty.fork()
        if self.pid == 0:  # pragma: no cover - the child
            os.close(writer)
            if source is not None:
                os.dup2(reader, 0)
            os.chdir(ROOT)
            environment = os.environ | {"TERM": "xterm-256color", "COLORTERM": "truecolor", "LANG": "C.UTF-8"}
            os.execve(command[0], command, environment)
        os.close(reader)
        fcntl.ioctl(self._keys, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))
        os.write(writer, source or b"")
        os.close(writer)

    def press(self, keys: str) -> None:
        os.write(self._keys, keys.encode())

    def until(self, done: Callable[[], bool]) -> None:
        """Read the screen until something is there."""
        end = time.monotonic() + PATIENCE
        while not done():
            assert time.monotonic() < end, "\n".join(self.screen.display)
            if select.select([self._keys], [], [], 0.05)[0]:
                try:
                    data = os.read(self._keys, 65536)
                except OSError:  # the program has closed the terminal
                    data = b""
                self.raw += data
                self._stream.feed(data)
            pid, status = os.waitpid(self.pid, os.WNOHANG) if self.status is None else (0, 0)
            if pid:
                self.status = os.waitstatus_to_exitcode(status)

    def shows(self, text: str) -> None:
        self.until(lambda: any(text in line for line in self.screen.display))

    def close(self) -> None:
        if self.status is None:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        os.close(self._keys)


@pytest.fixture
def terminals() -> Iterator[Callable[..., Terminal]]:
    opened: list[Terminal] = []

    def open_terminal(command: list[str], **options: object) -> Terminal:
        opened.append(Terminal(command, **options))  # type: ignore[arg-type]  # passed on as they are
        return opened[-1]

    yield open_terminal
    for terminal in opened:
        terminal.close()


def test_replay_shows_steps_and_quits(terminals: Callable[..., Terminal]) -> None:
    terminal = terminals([*COMMAND, "fixtures/handshake.pcap"])
    terminal.shows("SYN-SENT")
    terminal.shows("packet 1/19")
    terminal.press("jj")
    terminal.shows("packet 3/19")
    terminal.press("q")
    terminal.until(lambda: terminal.status is not None)
    assert terminal.status == 0


def test_a_capture_from_a_pipe_leaves_the_keyboard_to_the_person(terminals: Callable[..., Terminal]) -> None:
    capture = (ROOT / "fixtures" / "handshake.pcap").read_bytes()
    terminal = terminals([*COMMAND, "-"], source=capture)
    terminal.shows("standard input")
    terminal.shows("packet 1/19")
    terminal.press("j")
    terminal.shows("packet 2/19")
    terminal.press("q")
    terminal.until(lambda: terminal.status is not None)
    assert terminal.status == 0


def test_bytes_of_a_capture_never_reach_the_terminal_as_control_codes(
    terminals: Callable[..., Terminal], tmp_path: Path
) -> None:
    capture = bytearray((ROOT / "fixtures" / "handshake.pcap").read_bytes())
    bell = b"\x1b]0;pwned\x07"
    capture[-len(bell) - 1 : -1] = bell
    file = tmp_path / "evil\x1b]0;pwned\x07.pcap"
    file.write_bytes(capture)
    terminal = terminals([*COMMAND, str(file)])
    terminal.shows("SYN-SENT")
    terminal.press("x")
    terminal.shows("bytes")
    terminal.press("G")
    terminal.shows("packet 19")
    assert b"\x1b]0;" not in terminal.raw


def test_a_terminal_is_given_back_when_the_program_is_told_to_end(terminals: Callable[..., Terminal]) -> None:
    terminal = terminals([*COMMAND, "fixtures/handshake.pcap"])
    terminal.shows("packet 1/19")
    os.kill(terminal.pid, signal.SIGTERM)
    terminal.until(lambda: terminal.status is not None)
    assert terminal.status == 128 + signal.SIGTERM
    assert b"\x1b[?1049l" in terminal.raw  # the shell's screen is back
    assert terminal.raw.rindex(b"\x1b[?1003l") > terminal.raw.rindex(b"\x1b[?1003h")  # and the mouse is its own


@pytest.mark.parametrize("key", ["q", "\x03", "\x11"])
def test_a_capture_that_is_still_being_read_can_be_left_at_once(terminals: Callable[..., Terminal], key: str) -> None:
    reader, writer = os.pipe()
    os.write(writer, (ROOT / "fixtures" / "handshake.pcap").read_bytes())
    os.set_inheritable(reader, True)
    terminal = terminals([*COMMAND, f"/dev/fd/{reader}"])
    terminal.shows("packet 1")
    terminal.press(key)
    terminal.until(lambda: terminal.status is not None)
    os.close(writer)
    os.close(reader)
    assert terminal.status == 0
