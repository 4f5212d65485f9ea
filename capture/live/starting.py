"""Starts the capture helper, hands it a file to write to, and listens to what it tells."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from capture.errors import CaptureError
from capture.live.bpf import compiled
from capture.live.rights import nobody_or_caller

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from capture.live.interfaces import NetworkInterface

HELPER: Final = Path(__file__).with_name("helper.py")
LARGEST: Final = 262_144
STOP_SECONDS: Final = 3.0


class LiveError(CaptureError):
    """Nothing can be captured; the message says why, and what to do."""


@dataclass(frozen=True, slots=True)
class Limits:
    """When a capture ends by itself: after so many packets, bytes of the file, seconds; None: never.

    From `rotate_bytes` on it goes on in another file.
    """

    packets: int | None = None
    bytes: int | None = None
    seconds: float | None = None
    rotate_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Counts:
    """What has been captured. `seen` and `dropped` are the kernel's counts over all interfaces, dropped ones seen too.

    `dropped` is None as long as nobody knows. `done` says why the capture has ended: "limit", "stopped", or what went
    wrong.
    """

    seen: int = 0
    dropped: int | None = 0
    packets: int = 0
    written: int = 0  # bytes, in all files
    done: str | None = None


@dataclass(slots=True)
class Running:
    """A capture that goes on until it is stopped. `counts` may be read by any thread; it is replaced whole."""

    process: subprocess.Popen[bytes] | None
    control: socket.socket
    next_file: Callable[[], int] | None
    at_end: Callable[[], None] | None = None
    counts: Counts = field(default_factory=Counts)
    _reason: str | None = None
    _thread: threading.Thread | None = None

    def listen(self) -> None:
        """Take in what the helper tells, on a thread of its own."""
        self._thread = threading.Thread(target=self._listen, name="netviz live", daemon=True)
        self._thread.start()

    def _listen(self) -> None:
        done = "the capturing process has ended"
        while message := self.receive():
            if "done" in message:
                done = message["done"]
            elif "next" in message and self.next_file is not None:
                try:
                    descriptor = self.next_file()
                except OSError as error:
                    done = f"the next file cannot be made: {error.strerror}"
                    break
                _send(self.control, {}, descriptor)
                os.close(descriptor)
            elif "seen" in message:
                self.counts = replace(self.counts, **message)
        if self.process is not None:
            self.process.wait()
        if self.at_end is not None:
            self.at_end()
        self.counts = replace(self.counts, done=self._reason or done)

    def receive(self) -> dict[str, Any] | None:
        """The next message, None when there will be no more. For the thread that listens, and for `start`."""
        try:
            data = self.control.recv(1 << 16)
        except OSError:
            return None
        return json.loads(data) if data else None

    @property
    def ended(self) -> bool:
        """Nothing more will be written."""
        return self.counts.done is not None

    def break_off(self, reason: str) -> None:
        """Let the capture end soon; what is told at its end is the reason."""
        self._reason = reason
        self._ask_to_stop()

    def _ask_to_stop(self) -> None:
        if not self.ended:
            with suppress(OSError):  # it may have ended by itself, and has said so then
                self.control.send(b"stop")

    def stop(self) -> Counts:
        """End the capture and wait for its last packets."""
        self._ask_to_stop()
        self.wait(STOP_SECONDS)
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
        self.control.close()
        return self.counts

    def wait(self, seconds: float | None = None) -> None:
        """Wait until the capture has ended, at most `seconds`."""
        if self._thread is not None:
            self._thread.join(seconds)


@dataclass(frozen=True, slots=True)
class Helper:
    """The process that has the rights, waiting to be told what is wanted; None: it is somebody else's child."""

    process: subprocess.Popen[bytes] | None
    control: socket.socket

    def dismiss(self) -> None:
        """Let it go: it ends with the socket."""
        self.control.close()
        if self.process is not None:
            self.process.wait()


def spawn() -> Helper:
    """Start the helper with the rights that this process has now."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        command = [sys.executable, "-I", "-S", str(HELPER), str(theirs.fileno())]
        process = subprocess.Popen(  # noqa: S603 - our own program
            command, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
        )
    return Helper(process, ours)


def start(  # noqa: PLR0913 - where, what, how much, and where to
    helper: Helper,
    chosen: Sequence[NetworkInterface],
    out: int,
    *,
    expression: str = "",
    snap_length: int = LARGEST,
    limits: Limits | None = None,
    next_file: Callable[[], int] | None = None,
) -> Running:
    """Let the helper capture from these interfaces to the descriptor `out`, which stays the caller's.

    `next_file` makes the file that comes after one of `limits.rotate_bytes`. Raises `LiveError`, `FilterError`.
    """
    limits = limits or Limits()
    user, group = nobody_or_caller()
    wanted = {
        "interfaces": [
            {
                "name": each.name,
                "link_type": _link_type(each),
                "loopback": each.loopback,
                "filter": compiled(expression, _link_type(each), snap_length),
            }
            for each in chosen
        ],
        "snap_length": snap_length,
        "packets": limits.packets,
        "bytes": limits.bytes,
        "seconds": limits.seconds,
        "rotate_bytes": limits.rotate_bytes,
        "user": user,
        "group": group,
    }
    running = Running(helper.process, helper.control, next_file)
    _send(helper.control, wanted, out)
    answer = running.receive() or {"text": "the capturing process did not start"}
    if "ready" not in answer:
        helper.dismiss()
        names = ", ".join(each.name for each in chosen)
        raise LiveError(f"Nothing can be captured from {names}: {answer['text']}.")
    running.listen()
    return running


def _link_type(interface: NetworkInterface) -> int:
    if interface.link_type is None:
        raise LiveError(f"{interface.name} is of a kind that netviz does not capture from; tcpdump may: pipe it in.")
    return interface.link_type


def _send(control: socket.socket, what: dict[str, Any], descriptor: int) -> None:
    socket.send_fds(control, [json.dumps(what).encode()], [descriptor])
