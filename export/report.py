"""The whole story of a capture without a screen: as text for people, as JSON or CSV for programs."""

from __future__ import annotations

import json
from importlib.metadata import version
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from analysis.filtering import Filter
from analysis.findings import Findings
from analysis.learned import learn
from capture.link_types import link_type_name
from export.connection_csv import write_csv
from export.connection_json import connection_texts, epoch
from export.learned_json import learned_objects
from export.packet_json import packet_objects
from views.filtered import left_over
from views.story import story
from views.story_machines import machine_story
from views.text import safe

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from typing import TextIO

    from numpy.typing import NDArray

    from analysis.session import Session


AT_ONCE: Final = 256


def write_report(
    session: Session,
    out: TextIO,
    layout: str = "text",
    *,
    packets: bool = False,
    connections: Sequence[int] = (),
    wanted: str | None = None,
) -> None:
    """Write what `session` has read to `out`: `layout` is `text`, `json` (one line), `csv` or `machines`.

    `connections` picks rows of the connection table; none means all. `wanted` is a filter: connections without a packet
    that matches are left out. `packets` adds every packet of those. Raises `FilterError`.
    """
    count = len(session.snapshot.connections)
    rows = np.unique([row for row in connections if row < count]).astype(np.int64) if connections else np.arange(count)
    if wanted is not None:
        found = Filter(wanted).matches(session.snapshot, session.source)
        rows = rows[found.connections[rows]]
        if layout == "text":
            out.write(f"filter {safe(wanted)}: {left_over(found, session.snapshot)}\n")
    if layout == "json":
        write_json(session, out, rows, packets=packets)
    elif layout == "csv":
        write_csv(session, out, rows)
    elif layout == "machines":
        out.writelines(line + "\n" for line in machine_story(session, rows, packets=packets))
    else:
        out.writelines(line + "\n" for line in story(session, rows, packets=packets))


def write_json(session: Session, out: TextIO, rows: NDArray[np.int64], *, packets: bool) -> None:
    """One JSON object on one line, written piece by piece, so that its size does not matter."""
    snapshot = session.snapshot
    out.write('{"netviz": ' + json.dumps(version("netviz-tui")) + ', "capture": ' + json.dumps(capture_object(session)))
    names = session.source.names
    found = Findings(session).of_each(rows)
    _write_list(out, "connections", connection_texts(snapshot, found, names))
    learned = learn(session)
    for key, some in learned_objects(learned).items():
        _write_list(out, key, _texts(some))
    if packets:
        told = packet_objects(session, _packets_of(session, rows))
        _write_list(out, "packets", _texts(told))
    out.write("}\n")


def capture_object(session: Session) -> dict[str, Any]:
    """The capture as a whole."""
    snapshot, source = session.snapshot, session.source
    packets = snapshot.packets
    counts = np.bincount(packets.interface, minlength=len(snapshot.interfaces)).tolist()
    times = packets.time_ns
    return {
        "file": source.name,
        "format": source.format,
        "packets": len(packets),
        "captured_bytes": int(packets.captured_length.sum(dtype=np.uint64)),
        "original_bytes": int(packets.original_length.sum(dtype=np.uint64)),
        "first_time": epoch(int(times[0])) if len(times) else None,
        "last_time": epoch(int(times[-1])) if len(times) else None,
        "duration": (int(times[-1]) - int(times[0])) / 1e9 if len(times) else None,
        "interfaces": [
            {
                "name": each.name,
                "link_type": link_type_name(each.link_type),
                "snap_length": each.snap_length,
                "time_resolution": each.time_resolution,
                "packets": count,
                "dropped": each.dropped,
            }
            for each, count in zip(snapshot.interfaces, counts, strict=True)
        ],
        "problems": [
            {"packet": each.packet, "offset": each.offset, "message": each.message} for each in snapshot.problems
        ],
    }


def _packets_of(session: Session, rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """Rows of the packets of these connections, ascending."""
    snapshot = session.snapshot
    wanted = np.zeros(len(snapshot.connections), np.bool_)
    wanted[rows] = True
    return np.flatnonzero(wanted[snapshot.packets.connection])


def _write_list(out: TextIO, key: str, texts: Iterable[str]) -> None:
    """Write a list whose members, one or several, are given as JSON."""
    out.write(f', "{key}": [')
    separator = ""
    for some in texts:
        out.write(separator + some)
        separator = ", "
    out.write("]")


def _texts(objects: Iterable[dict[str, Any]]) -> Iterator[str]:
    """A few hundred at a time as JSON: enough to be written quickly, few enough for any capture."""
    rest = iter(objects)
    while some := list(islice(rest, AT_ONCE)):
        yield json.dumps(some)[1:-1]
