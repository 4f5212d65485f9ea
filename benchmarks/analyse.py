"""Read and judge a capture, all of it, and say only how much it was: what `benchmarks.compare` times.

python -m benchmarks.analyse big.pcap
"""

from __future__ import annotations

import sys
from contextlib import closing

from commands.settings import settle

settle()  # as netviz.py does, before numpy is imported

from commands.common import importing

with importing():
    from analysis.apart import begin
    from capture.source import open_source

    source = open_source(sys.argv[1])
    begun = begin(source)  # as commands.opening does it
    from analysis.session import Session

if __name__ == "__main__":
    with closing(Session(source, begun=begun)) as session:
        session.run()
        print(len(session.snapshot.packets), len(session.snapshot.connections))
