"""Reading and decoding a large capture in a process of its own: two processors work, and neither waits for the other.

Threads of one process take turns at everything that is not inside a numpy loop, which costs a quarter of the time where
packets are short. The other process is a fork, so that nothing has to be set up; it is made only while this process has
a single thread, and only on Linux, where libraries bear that. Elsewhere `analysis.ahead` uses a thread.

Columns are handed on in memory that both share, one slot a batch, and the rest through a pipe. Who has used up a batch
gives its slot back through another pipe; when either end goes away, the other one sees its pipe end.
"""

from __future__ import annotations

import gc
import mmap
import os
import pickle
import signal
import sys
import threading
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, BinaryIO, Final

import numpy as np

from analysis.ahead import Batches, decoded
from analysis.decoding import Decoding
from analysis.heap import keep_freed_memory
from analysis.pairs import Pairs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from analysis.decoding import Decoded
    from analysis.pairs import News
    from capture.batch import Batch
    from capture.source import CaptureSource, Progress

SLOTS: Final = 4
"""How many decoded batches may wait: enough to even out their costs, few enough for the memory."""
ROOM: Final = 16 << 20
"""Bytes of a slot, twice what the columns of the largest batch take; what does not fit goes through the pipe."""
LARGE: Final = 32 << 20
"""Bytes of a capture from which on a second process is worth its start."""
NO_BYTES: Final = np.zeros(0, np.uint8)
ALIGNED: Final = 64


@dataclass(frozen=True, slots=True)
class _Message:
    """One batch without its bytes, what they say, and what is new since the batch before."""

    batch: Batch
    said: Decoded
    news: News
    progress: Progress


@dataclass(frozen=True, slots=True)
class Begun:
    """A capture that is being read: what decodes it, and its batches; whoever does not take them all closes them."""

    decoding: Decoding
    batches: Batches


def begin(source: CaptureSource) -> Begun:
    """Begin to read a capture, before what analyses it has been imported: another process can go ahead meanwhile."""
    decoding = Decoding(source.interfaces, Pairs())
    return Begun(decoding, decoded_apart(source, decoding))


def decoded_apart(source: CaptureSource, decoding: Decoding) -> Batches:
    """All batches of a source with what `decoding` says of them, in order, as `analysis.ahead.decoded` gives them.

    If another process is to read, it begins at once; ask for batches on any thread. A batch's columns are good until
    the next one is asked for. OSError is raised where that process could not read on, or has ended.
    """
    if _is_worth_it(source):
        keep_freed_memory()
        try:
            return _Reader(source, decoding)
        except OSError:  # there is no process or no memory to be had: a thread does it, too
            pass
    return decoded(source, decoding)


def _is_worth_it(source: CaptureSource) -> bool:
    if sys.platform != "linux" or threading.active_count() > 1 or len(os.sched_getaffinity(0)) == 1:
        return False
    return source.compression is None and (source.bytes_total or 0) - source.bytes_read >= LARGE


class _Reader:
    """The other process, seen from this one."""

    def __init__(self, source: CaptureSource, decoding: Decoding) -> None:
        self._source = source
        self._decoding = decoding
        self._slots = memoryview(mmap.mmap(-1, SLOTS * ROOM))
        told, tells = os.pipe()
        taken, self._give_back = os.pipe()
        try:
            self._process = os.fork()
        except OSError:
            for each in (told, tells, taken, self._give_back):
                os.close(each)
            raise
        if not self._process:
            _live(self._slots, (taken, tells), (told, self._give_back), source, decoding)
        os.close(tells)
        os.close(taken)
        self._told = os.fdopen(told, "rb")

    def __iter__(self) -> Iterator[tuple[Batch, Decoded]]:
        while isinstance(message := self._next(), _Message):
            self._source.learn(message.progress)
            self._decoding.learn(message.news)
            yield message.batch, message.said
            with suppress(BrokenPipeError):  # it has made its last batches, and waits for no slot
                os.write(self._give_back, b".")
        self._source.learn(message)

    def close(self) -> None:
        """End the other process, if it is still there."""
        self._told.close()
        os.close(self._give_back)
        with suppress(ProcessLookupError, ChildProcessError):
            os.kill(self._process, signal.SIGKILL)
            os.waitpid(self._process, 0)

    def _next(self) -> _Message | Progress:
        """The next batch, or after the last one what was learnt behind it."""
        try:
            places, content = pickle.load(self._told)  # noqa: S301 - our own process made it
        except (EOFError, pickle.UnpicklingError):
            raise OSError("the process that reads it has ended") from None
        columns = [self._slots[place] for place in places]
        message: _Message | Progress | Exception = pickle.loads(content, buffers=columns)  # noqa: S301 - the same
        if isinstance(message, Exception):
            raise message
        return message


def _live(
    slots: memoryview, ours: tuple[int, int], theirs: tuple[int, int], source: CaptureSource, decoding: Decoding
) -> None:
    """What the other process does: nothing that it has inherited may be cleaned up by it, nor anything returned to."""
    try:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to both; the other one ends this one
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
        gc.freeze()  # looking for garbage would copy every page that the fork shares
        gc.enable()  # in case it was made in the middle of importing
        for each in theirs:
            os.close(each)
        taken, tells = ours
        with os.fdopen(tells, "wb") as out:
            try:
                _read(slots, taken, out, source, decoding)
                _send(out, source.progress())
            except Exception as error:  # noqa: BLE001 - it is raised again where somebody can tell of it
                _send(out, error)
    finally:
        os._exit(0)


def _read(slots: memoryview, taken: int, out: BinaryIO, source: CaptureSource, decoding: Decoding) -> None:
    """Decode all batches into one slot after the other, each when it is free; stops when nobody wants them any more."""
    source.remember()
    for number, batch in enumerate(source.batches()):
        said = decoding.decode(batch)
        if number >= SLOTS and not os.read(taken, 1):
            return
        message = _Message(_without_bytes(batch), said.without_places(), decoding.news(), source.progress())
        first = number % SLOTS * ROOM
        _send(out, message, slots[first : first + ROOM], first)


def _without_bytes(batch: Batch) -> Batch:
    """What the other half takes of a batch: all that does not have to do with its bytes."""
    return replace(batch, buffer=NO_BYTES, start=NO_BYTES.astype(np.int64), link_type=NO_BYTES.astype(np.uint16))


def _send(
    out: BinaryIO, message: _Message | Progress | Exception, slot: memoryview | None = None, first: int = 0
) -> None:
    """Put the columns of a message into its slot, and say where they are with the rest of it."""
    places: list[slice] = []
    at = 0

    def place(column: pickle.PickleBuffer) -> bool:
        """Whether the column has to stay in the message."""
        nonlocal at
        content = column.raw()
        if slot is None or at + content.nbytes > len(slot):
            return True
        slot[at : at + content.nbytes] = content
        places.append(slice(first + at, first + at + content.nbytes))
        at = -(-(at + content.nbytes) // ALIGNED) * ALIGNED
        return False

    content = pickle.dumps(message, protocol=5, buffer_callback=place)
    pickle.dump((places, content), out, protocol=5)
    out.flush()
