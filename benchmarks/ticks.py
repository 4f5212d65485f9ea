"""What it costs to take in a few packets more, as a live capture does many times a second.

    python -m benchmarks.make_capture --packets 100000 some.pcap && python -m benchmarks.ticks some.pcap

A capture is fed to the analysis some packets at a time; the times are those of one such tick, decoding and snapshot
included, medians over the whole capture.
"""

from __future__ import annotations

import argparse
import statistics
import time
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Final

from commands.settings import settle

settle()  # as netviz.py does, before numpy is imported

from analysis.analyser import Analyser
from capture.batch import Batch
from capture.source import open_source

if TYPE_CHECKING:
    from collections.abc import Iterator

SIZES: Final = (1, 10, 100, 1_000, 10_000)
MOST_TICKS: Final = 2_000


def ticks(path: str, size: int) -> list[float]:
    """Seconds that each tick of `size` packets took."""
    took = []
    with open_source(path) as source:
        analyser = Analyser(source.interfaces)
        for batch in source.batches():
            for part in parts(batch, size):
                start = time.perf_counter()
                analyser.feed(part)
                analyser.packets.snapshot()
                analyser.connections.snapshot()
                took.append(time.perf_counter() - start)
                if len(took) == MOST_TICKS:
                    return took
    return took


def parts(batch: Batch, size: int) -> Iterator[Batch]:
    """A batch in whole batches of `size` packets."""
    columns = [field.name for field in fields(Batch) if field.name != "buffer"]
    for first in range(0, len(batch) - size + 1, size):
        yield replace(batch, **{name: getattr(batch, name)[first : first + size] for name in columns})


def main() -> None:
    """Measure, then print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("capture")
    options = parser.parse_args()
    print("| packets | median, ms | 99th percentile, ms |\n| ---: | ---: | ---: |")
    for size in SIZES:
        took = ticks(options.capture, size)
        if len(took) > 1:
            late = statistics.quantiles(took, n=100)[-1]
            print(f"| {size:,} | {statistics.median(took) * 1e3:.2f} | {late * 1e3:.2f} |")


if __name__ == "__main__":
    main()
