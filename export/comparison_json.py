"""How servers treat their clients, run beside run, for programs."""

from __future__ import annotations

import json
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Final

from views.comparison import client_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from analysis.serving import Served
    from analysis.snapshot import Snapshot
    from views.comparison import Run

SECOND: Final = 1_000_000_000


def comparison_json(runs: Sequence[Run]) -> str:
    """One JSON object on one line. Times are seconds; `began` and `done` count from the first packet of a run."""
    told = [
        {
            "name": name,
            "total": serving.total_ns / SECOND,
            "at_once": serving.at_once,
            "clients": [_client(snapshot, each, serving.began_ns) for each in serving.served],
        }
        for name, snapshot, serving in runs
    ]
    return json.dumps({"netviz": version("netviz-tui"), "runs": told})


def _client(snapshot: Snapshot, each: Served, start_ns: int) -> dict[str, Any]:
    rtt = int(snapshot.connections.initial_rtt_ns[each.connection])
    return {
        "connection": each.connection,
        "client": client_name(snapshot, each),
        "began": (each.began_ns - start_ns) / SECOND,
        "connect": rtt / SECOND if rtt >= 0 else None,
        "first_byte": each.waited_ns / SECOND,
        "done": (each.ended_ns - start_ns) / SECOND,
    }
