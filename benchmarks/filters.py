"""How long filters take over a capture that has been read: alone, and with the list, the time axis and the ladder.

    python -m benchmarks.filters big.pcap
    python -m benchmarks.filters big.pcap 'outcome:refused' 'tcp.port == 443 and len>0'

The least of several runs each: what else the machine does is not the filter's.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from time import perf_counter
from typing import Final

from analysis.filtering import Filter
from analysis.session import Session
from capture.source import open_source
from tui.desk import Request, build
from views.options import Options

RUNS: Final = 5
TYPICAL: Final = (
    "tcp",
    "not tcp",
    "outcome:refused",
    "rtt>50ms",
    "tcp.stream eq 3",
    "net:192.0.0.0/17",
    "ip.src == 192.0.0.0/17",
    "retransmitted",
    "tcp.flags.syn == 1 && tcp.flags.ack == 0",
    "len>0",
    "time>1s",
    "net:192.0.0.0/17 len>100",
    "tcp.port == 443 and tcp.analysis.retransmission and tcp.len > 0 and not ip.addr == 192.0.0.0/17",
)


def main() -> None:
    """Read the capture, then time each filter."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path)
    parser.add_argument("filters", nargs="*", default=TYPICAL)
    arguments = parser.parse_args()
    session = Session(open_source(arguments.file))
    session.run()
    snapshot = session.snapshot
    print(f"{len(snapshot.packets):,} packets, {len(snapshot.connections):,} connections\n")
    print("| filter | packets | connections | found, ms | and shown, ms |\n| --- | --- | --- | --- | --- |")
    everything = build(session, Request(snapshot, 0, Options(), frozenset(), True, True), None, lambda: False)
    for text in arguments.filters:
        wanted = Filter(text)
        request = Request(snapshot, 0, Options(), frozenset(), True, True, wanted)
        alone, shown = [], []
        for _ in range(RUNS):
            started = perf_counter()
            found = wanted.matches(snapshot, session.source)
            alone.append(perf_counter() - started)
            started = perf_counter()
            build(session, request, everything, lambda: False)
            shown.append(perf_counter() - started)
        cells = (f"`{text}`", f"{found.count:,}", f"{found.connection_count:,}", _ms(alone), _ms(shown))
        print("| " + " | ".join(cells) + " |", flush=True)


def _ms(times: list[float]) -> str:
    return f"{1000 * min(times):.1f}"


if __name__ == "__main__":
    main()
