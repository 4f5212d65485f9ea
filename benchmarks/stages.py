"""What each stage of reading a capture costs: processor time a packet, and memory a packet and a connection.

    python -m benchmarks.stages big.pcap

Times are those of one thread (decoding does not run ahead here), each without the stages it calls. Memory is the
columns' own, and the largest resident set less what the process had before it read.
"""

from __future__ import annotations

import argparse
import importlib
import resource
import time
from collections import defaultdict
from contextlib import closing
from typing import TYPE_CHECKING, Any, Final

from commands.settings import settle

settle()  # as netviz.py does, before numpy is imported

import analysis.session
from analysis.session import Session
from capture.source import open_source

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from analysis.decoding import Decoded, Decoding
    from capture.batch import Batch
    from capture.columns import Columns
    from capture.source import CaptureSource

DECODING: Final = {
    "read": ("capture.window", "Window._fill"),
    "find records": ("capture.records", "scan"),
    "record headers": ("capture.pcap", "PcapReader.batch"),
    "record headers, pcapng": ("capture.pcapng", "PcapngReader.batches"),
    "decode, common shapes": ("capture.decode", "read_shapes"),
    "decode, other shapes": ("capture.decode", "walk"),
    "decode, the rest": ("capture.decode", "Decoder.decode"),
}
ANALYSING: Final = {
    "pair keys": ("analysis.pairs", "Pairs.keys"),
    "pairs": ("analysis.pairs", "Pairs.number"),
    "streams": ("analysis.streams", "Streams.assign"),
    "new connections": ("analysis.connections", "ConnectionTable.add"),
    "order": ("analysis.order", "Orderer.order"),
    "totals": ("analysis.analyser", "add_totals"),
    "segments": ("analysis.analyser", "segments_of"),
    "roles": ("analysis.analyser", "learn_roles"),
    "initial numbers": ("analysis.analyser", "learn_initial_sequences"),
    "timing": ("analysis.analyser", "learn_timing"),
    "handshake packets": ("analysis.analyser", "learn_handshake_packets"),
    "options": ("analysis.analyser", "learn_options"),
    "windows": ("analysis.analyser", "learn_windows"),
    "flags": ("analysis.analyser", "count_flags"),
    "completeness": ("analysis.analyser", "add_completeness"),
    "states": ("analysis.analyser", "track"),
    "reach": ("analysis.marking", "reach_of"),
    "gaps": ("analysis.gaps", "Gaps.follow"),
    "rule book": ("analysis.walking", "walk"),
    "marks": ("analysis.analyser", "mark_segments"),
    "marks of openings": ("analysis.analyser", "mark_openings"),
    "sequence": ("analysis.analyser", "follow"),
    "coverage": ("analysis.analyser", "cover"),
    "history": ("analysis.analyser", "write_history"),
    "packet table": ("capture.table", "PacketTable.extend"),
    "analysis, the rest": ("analysis.analyser", "Analyser.feed"),
}
"""The stages of either thread: a name, and the function that is timed under it."""


class Clock:
    """Adds up the processor time of wrapped functions; what one calls is taken off its own."""

    def __init__(self) -> None:
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self._inner: list[float] = []

    def wrap(self, stage: str, module: str, path: str) -> None:
        """Time `path` (a function, or `Class.method`) of a module under the name `stage`."""
        owner: Any = importlib.import_module(module)
        *parents, name = path.split(".")
        for parent in parents:
            owner = getattr(owner, parent)
        setattr(owner, name, self._timed(stage, getattr(owner, name)))

    def _timed(self, stage: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*args: object, **kwargs: object) -> Any:
            start = time.thread_time()
            self._inner.append(0.0)
            try:
                return function(*args, **kwargs)
            finally:
                took = time.thread_time() - start
                self.seconds[stage] += took - self._inner.pop()
                if self._inner:
                    self._inner[-1] += took

        return timed


def row_bytes(columns: Columns) -> int:
    """What one row of a table takes."""
    total = 0
    for name in columns.names():
        column = columns[name]
        total += column.itemsize * (column.shape[1] if column.ndim > 1 else 1)
    return total


def resident() -> int:
    """The largest resident set so far, bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _on_this_thread(source: CaptureSource, decoding: Decoding) -> Generator[tuple[Batch, Decoded], None, None]:
    for batch in source.batches():
        yield batch, decoding.decode(batch)


def main() -> None:
    """Measure one capture, then print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("capture")
    options = parser.parse_args()
    analysis.session.decoded_apart = _on_this_thread  # type: ignore[attr-defined] # times of two processes would tell less
    clock = Clock()
    for stage, (module, path) in (DECODING | ANALYSING).items():
        clock.wrap(stage, module, path)
    before, start = resident(), time.process_time()
    with closing(Session(open_source(options.capture))) as session:
        session.run()
        whole = time.process_time() - start
        grown = resident() - before
        analyser = session._analyser  # noqa: SLF001 - its tables are what is weighed
        packets, connections = len(analyser.packets), len(analyser.connections)
        print("| stage | ns a packet |\n| --- | ---: |")
        for title, stages in (("decoding", DECODING), ("analysing", ANALYSING)):
            for stage in stages:
                if clock.seconds[stage]:
                    print(f"| {stage} | {clock.seconds[stage] * 1e9 / packets:.0f} |")
            print(f"| **{title}** | {sum(clock.seconds[stage] for stage in stages) * 1e9 / packets:.0f} |")
        print(f"| all, with what is between | {whole * 1e9 / packets:.0f} |\n")
        print(f"{packets:,} packets of {row_bytes(analyser.packets.columns)} bytes, ", end="")
        print(f"{connections:,} connections of {row_bytes(analyser.connections.columns)} bytes; ", end="")
        print(f"{grown / 1e6:,.0f} MB more resident at most than before, {grown / packets:.0f} bytes a packet")


if __name__ == "__main__":
    main()
