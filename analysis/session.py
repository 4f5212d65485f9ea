"""Drives a capture from its source through the analysis, on a thread of its own, and publishes what is known so far."""

from __future__ import annotations

import threading
from contextlib import closing
from typing import TYPE_CHECKING, Final

from analysis import cut_payload
from analysis.analyser import Analyser
from analysis.apart import decoded_apart
from analysis.joined import joined_of
from analysis.reading import Reading
from analysis.renumbered import renumbered_of
from analysis.snapshot import Snapshot, at_rest
from capture.errors import Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from analysis.ahead import Batches
    from analysis.apart import Begun
    from analysis.keeping import Keeper
    from capture.source import CaptureSource


MOST_HELD_SECONDS: Final = 0.5
"""A screen that never says it has painted delays the reading by so much at each batch, and no more."""


def _ignore(snapshot: Snapshot) -> None:
    del snapshot


class Session(Reading):
    """One capture being read. `publish` is called with every new snapshot, on the thread that reads.

    With a `keeper`, a large capture that was read before is not read again. `index_problem` says why its index could
    not be kept. `begun` is given if reading the source has begun before.
    """

    def __init__(
        self,
        source: CaptureSource,
        publish: Callable[[Snapshot], None] = _ignore,
        keeper: Keeper | None = None,
        owners: Mapping[tuple[int, str, int], str] | None = None,
        begun: Begun | None = None,
    ) -> None:
        self.source = source
        self.index_problem: str | None = None
        self.names = {}
        self._owners = {} if owners is None else owners
        self._publish = publish
        self._keeper = keeper
        total = source.bytes_total
        self._analyser = Analyser(
            source.interfaces,
            endless=total is None,
            large=(total or 0) > cut_payload.LARGEST,
            decoding=begun.decoding if begun else None,
        )
        self._incoming = begun.batches if begun else None
        self._taken = False  # somebody takes what comes in, and closes it
        self._problems: list[Problem] = []
        self._cancelled = False
        self._ended: threading.Event | None = None  # of the thread, once there is one
        self._may_go_on = threading.Event()
        self._may_go_on.set()
        self._snapshot = self._take_snapshot(finished=False)

    def at_rest(self, snapshot: Snapshot) -> Reading:
        """The capture as one of its snapshots knows it, while more comes."""
        return Reading(self.source, at_rest(snapshot), self.names)

    def start(self) -> None:
        """Begin to read on a thread of its own."""
        self._begin()
        ended = self._ended = threading.Event()

        def run() -> None:
            try:
                self.run()
            finally:
                ended.set()

        threading.Thread(target=run, name="netviz session", daemon=True).start()

    def run(self) -> None:
        """Read to the end, or until cancelled, on the calling thread; or fetch what a kept index knows."""
        self._taken = True
        try:
            with closing(self._begin()) as batches:
                if self._keeper is not None and self._keeper.restore(self.source, self._analyser):
                    self._announce(finished=True)
                    return
                for batch, said in batches:
                    self._analyser.feed(batch, said)
                    if self._cancelled:
                        break
                    self._announce(finished=False)
                    self._expect()
                    self._may_go_on.wait(MOST_HELD_SECONDS)
        except OSError as error:
            self._problems.append(
                Problem(f"Reading stopped: {error.strerror or error}; what was read before is shown.")
            )
        self._announce(finished=True)
        self._keep_index()

    def _begin(self) -> Batches:
        """The batches, to be asked for on any thread; another process may begin to read them now."""
        if self._incoming is None:
            self._incoming = decoded_apart(self.source, self._analyser.decoding)
        return self._incoming

    def hold(self) -> None:
        """Once the first packets are read, leave the processor to those who show them, until `release`."""
        self._may_go_on.clear()

    def release(self) -> None:
        """Read on."""
        self._may_go_on.set()

    def cancel(self) -> None:
        """Stop reading soon; what was read stays."""
        self._cancelled = True
        self.release()
        self.source.cancel()

    def wait(self, timeout: float | None = None) -> None:
        """Wait until a started session has read everything, at most `timeout` seconds."""
        # Not by joining the thread: Python takes one for ended when Ctrl-C interrupts that.
        if self._ended is not None:
            self._ended.wait(timeout)

    @property
    def reading(self) -> bool:
        """Whether a started session is still at it."""
        return self._ended is not None and not self._ended.is_set()

    def close(self) -> None:
        """Stop reading and let go of the file."""
        self.cancel()
        self.wait(timeout=2)
        if self._incoming is not None and not self._taken:
            self._incoming.close()
        self.source.close()

    def _keep_index(self) -> None:
        """Put the analysis away, if it is whole. That this fails is no harm to what is shown, but is told."""
        if self._keeper is None or self._cancelled or self._problems:
            return
        try:
            self._keeper.keep(self.source, self._analyser)
        except OSError as error:
            self.index_problem = f"The index could not be kept: {error.strerror or error}."

    def _expect(self) -> None:
        """Let the tables make room for as many packets and connections as the whole capture probably has."""
        packets, total = self._snapshot.packets, self._snapshot.bytes_total
        if len(packets) and total is not None and self.source.compression is None:
            mean = (int(packets.offset[-1]) + int(packets.captured_length[-1])) / len(packets)
            expected = 1.02 * total / mean
            self._analyser.packets.columns.expected = int(expected)
            share = len(self._snapshot.connections) / len(packets)
            self._analyser.connections.columns.expected = int(expected * share)

    def _announce(self, *, finished: bool) -> None:
        self._snapshot = self._take_snapshot(finished=finished)
        self._publish(self._snapshot)

    def _take_snapshot(self, *, finished: bool) -> Snapshot:
        source = self.source
        for address, told in source.names.items():
            self.names.setdefault(address, told[0])
        return Snapshot(
            packets=self._analyser.packets.snapshot(),
            connections=self._analyser.connections.snapshot(),
            interfaces=tuple(source.interfaces),
            problems=(*source.problems, *self._problems),
            sightings=self._analyser.sightings["pair"],
            joined=joined_of(self._analyser.joined),
            renumbered=renumbered_of(self._analyser.connections.renumbered),
            bytes_read=source.bytes_read,
            bytes_total=source.bytes_total,
            finished=finished,
            cancelled=self._cancelled,
            names=self.names,
            owners=self._owners,
            span_ns=self._analyser.packets.span_ns,
            thinned=self._analyser.packets.thinned(),
        )
