"""A live capture as the rest of netviz knows it: how much there is, where it goes, how to end and to save it."""

from __future__ import annotations

import os
import sys
import threading
from contextlib import nullcontext, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from capture.live.chain import FileChain
from capture.live.files import FileRing, copy, named
from capture.live.interfaces import interfaces, may_capture
from capture.live.piped import Piped, command
from capture.live.rights import leave_root
from capture.live.spool import SPOOL_BYTES, Left, Spool
from capture.live.starting import LARGEST, LiveError, spawn, start
from capture.live.ways import programs, way_to_get_rights
from capture.source import CaptureSource

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from capture.live.interfaces import NetworkInterface
    from capture.live.starting import Counts, Helper, Limits, Running


@dataclass(frozen=True, slots=True)
class Target:
    """Where packets go: a file, or a ring of so many files named like it; without a path a spool of so many bytes.

    A full spool ends the capture, unless the reader says that it `makes_room` (`analysis.leaving`).
    """

    path: Path | None = None
    files: int | None = None
    spool_bytes: int = SPOOL_BYTES
    makes_room: bool = False


class Output:
    """The file or files that packets are written to, and the chain that is read behind. Raises OSError when begun."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self.ended = False
        self.spool = Spool() if target.path is None else None
        self.chain = FileChain(lambda: self.ended, self.spool.whole if self.spool is not None else None)
        self._ring = FileRing(target.path, target.files) if target.path is not None and target.files else None
        self.descriptor = self.begin()

    def begin(self) -> int:
        """A descriptor of the first or the next file, for the helper."""
        if self._ring is not None:
            descriptor = self._ring.next()
        elif self.target.path is not None:
            descriptor = named(self.target.path)
        else:
            assert self.spool is not None
            descriptor = self.spool.descriptor
        self.chain.add(os.dup(descriptor), self.target.files or 1)
        return descriptor

    def close(self) -> None:
        """Let go of the file, and of the spool for good."""
        if self.spool is not None:
            self.spool.close()
        else:
            os.close(self.descriptor)

    @property
    def files(self) -> int:
        """How many files of a ring there are; 0: it is none."""
        return len(self._ring.made) if self._ring is not None else 0

    @property
    def newest(self) -> Path | None:
        """The file that is written now; None for the spool."""
        return self._ring.made[-1] if self._ring is not None else self.target.path


class Feed:
    """A running capture, from interfaces that are called `where`. `counts` may be asked by any thread."""

    def __init__(self, where: str, running: Running | Piped, output: Output, through: str = "") -> None:
        self.where = where
        self.through = through
        """The program that captures for us; "": we do it ourselves."""
        self._running, self._output = running, output
        self._asked = threading.Event()
        self._saved: Path | None = None
        self._saved_packets = self._saved_bytes = 0
        self.note: Callable[[], bytes] = bytes
        """Gives the blocks to be put behind the packets in a file."""
        self.present: Callable[[int], list[tuple[int, int]]] = lambda length: [(0, length)]
        """Gives the stretches of whole blocks that are there of the first so many bytes."""
        self._noted = False
        running.at_end = self._end

    def _end(self) -> None:
        self._output.ended = True

    @property
    def counts(self) -> Counts:
        """How much there is by now."""
        return self._running.counts

    @property
    def behind(self) -> int:
        """Bytes that were captured and are not analysed yet."""
        return self._output.chain.waiting

    @property
    def spool(self) -> Spool | None:
        """The file without a name that holds the packets, if no other one was asked for."""
        return self._output.spool

    @property
    def spool_bytes(self) -> int:
        """How much of the disk the spool may take."""
        return self._output.target.spool_bytes

    @property
    def left(self) -> Left:
        """What has left the spool to make room."""
        return self._output.spool.left if self._output.spool is not None else Left()

    def break_off(self, reason: str) -> None:
        """End the capture soon, because of this."""
        self._running.break_off(reason)

    @property
    def saved_as(self) -> Path | None:
        """The file that holds the packets (of a ring, the newest); None: only the spool does, and goes with netviz."""
        return self._saved or self._output.newest

    @property
    def kept_bytes(self) -> int:
        """How much `saved_as` holds, or the ring, or else the spool."""
        if self.files:
            return self._output.chain.held
        if self._saved is not None and self._output.newest is None:
            return self._saved_bytes
        return self.counts.written - self.left.bytes

    @property
    def files(self) -> int:
        """How many files it is kept in, if that is a ring of them; 0: it is not."""
        return self._output.files

    @property
    def unsaved(self) -> int:
        """Packets that are in no file: that have come since it was saved."""
        return 0 if self._output.newest is not None else self.counts.packets - self._saved_packets

    @property
    def kept(self) -> tuple[int, int, int]:
        """What is to be told at the end: `kept_bytes`, `unsaved`, `files`."""
        return self.kept_bytes, self.unsaved, self.files

    def source(self) -> CaptureSource:
        """What the reader follows: all that is captured, from the first packet on. To be asked for once.

        Raises `CaptureError`.
        """
        return CaptureSource(self.where, self._output.chain)

    def ask_to_stop(self) -> None:
        """Let the capture end soon; for handlers of signals, which must not wait."""
        self._asked.set()

    def wait(self) -> None:
        """Wait until the capture has ended by itself, or was asked to."""
        while not self._running.ended and not self._asked.wait(0.05):
            pass

    def stop(self) -> Counts:
        """End the capture; returns the final counts."""
        counts = self._running.stop()
        if self._output.newest is not None and not self._noted:
            self._noted = True
            self._append(self._output.newest)
        return counts

    def _append(self, path: Path) -> None:
        """Put what is known besides behind the packets. A file that was taken away meanwhile stays away."""
        with suppress(FileNotFoundError), path.open("r+b") as file:
            file.seek(0, os.SEEK_END)
            file.write(self.note())

    def save(self, path: Path) -> tuple[int, int]:
        """Keep what was captured so far, and is still there, as a new file. Raises OSError, if there is one already.

        Returns how many packets were kept, and how many were gone.
        """
        with self._output.spool.steady if self._output.spool is not None else nullcontext():
            counts, gone = self.counts, self.left.packets
            copied = copy(self._output.descriptor, self.present(counts.written), path)
        self._append(path)
        self._saved, self._saved_packets, self._saved_bytes = path, counts.packets, copied
        return counts.packets - gone, gone

    def close(self) -> None:
        """Let go of the spool."""
        self._output.close()


def open_feed(names: Sequence[str], target: Target, *, expression: str = "", snap_length: int, limits: Limits) -> Feed:
    """Begin to capture from the interfaces of these names. Raises `LiveError`, `FilterError`.

    From here on the process has no more rights than the user who called sudo, if somebody did.
    """
    found = _find(names)
    where = ", ".join(names)
    if sys.platform != "linux" or not may_capture():
        return _through(names, target, where, expression=expression, snap_length=snap_length, limits=limits)
    helper = spawn()
    try:
        leave_root()  # before any file is opened: files are those of the user who called
        return feed_from(helper, found, target, where, expression=expression, snap_length=snap_length, limits=limits)
    except BaseException:
        helper.dismiss()
        raise


def feed_from(  # noqa: PLR0913 - where, what, how much, and where to
    helper: Helper,
    chosen: Sequence[NetworkInterface],
    target: Target,
    where: str,
    *,
    expression: str = "",
    snap_length: int = LARGEST,
    limits: Limits,
) -> Feed:
    """Let a helper that was started capture from these interfaces. Raises `LiveError`, `FilterError`."""
    output = _output(target)
    running = start(
        helper,
        chosen,
        output.descriptor,
        expression=expression,
        snap_length=snap_length,
        limits=bounded(limits, output),
        next_file=output.begin,
    )
    return Feed(where, running, output)


def _through(
    names: Sequence[str], target: Target, where: str, *, expression: str, snap_length: int, limits: Limits
) -> Feed:
    """Capture by the first program that may. Raises `LiveError`."""
    for program in programs():
        words = command(program, names, expression, snap_length)
        output = _output(target)
        try:
            running = Piped(words, output.descriptor, bounded(limits, output), output.begin)
        except LiveError as error:
            output.close()
            if "ermission" in str(error):  # it may no more than we may; the next one perhaps does
                continue
            raise
        return Feed(where, running, output, Path(program).name)
    raise LiveError(f"{way_to_get_rights()} Without any: netviz run -- COMMAND shows what a program of yours does.")


def bounded(limits: Limits, output: Output) -> Limits:
    """The limits with that of the spool, where a full one ends the capture."""
    target = output.target
    if output.spool is None or (target.makes_room and output.spool.gives_back):
        return limits
    return replace(limits, bytes=min(limits.bytes or target.spool_bytes, target.spool_bytes))


def _output(target: Target) -> Output:
    try:
        return Output(target)
    except OSError as error:
        where = target.path or "A temporary file"
        raise LiveError(f"{where} cannot be written: {error.strerror}.") from error


def _find(names: Sequence[str]) -> list[NetworkInterface]:
    known = {each.name: each for each in interfaces()}
    if not names:
        raise LiveError("There is no loopback interface here; name one with -i.")
    for name in names:
        if name not in known:
            raise LiveError(f"There is no interface {name}; there are {', '.join(known)}.")
        if not known[name].up:
            raise LiveError(f"{name} is down; `sudo ip link set {name} up` brings it up.")
    return [known[name] for name in names]
