"""What each column of the connection list says of one connection: read off a few numbers, never off its packets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from analysis.services import carried_service
from analysis.zeek import conn_state, history
from views.durations import count, duration, endpoint, moment, shorten_middle, since_start, size
from views.glyphs import glyphs
from views.options import TimeFormat
from views.text import cells
from views.verdicts import words
from views.wording import _

if TYPE_CHECKING:
    from collections.abc import Callable

    from analysis.snapshot import Snapshot
    from views.options import Options


WITH_CODE: Final = 21
"""Cells from which on an outcome may have its code."""


def _number(_snapshot: Snapshot, row: int, _room: int, _options: Options) -> str:
    return str(row)


def _end(snapshot: Snapshot, row: int, room: int, options: Options, *, client: bool) -> str:
    table = snapshot.connections
    end = int(table.client[row]) if client else 1 - int(table.client[row])
    name = endpoint(table, row, end, snapshot.names if options.names else {}) or _("(no address)")
    return shorten_middle(name, room, glyphs(ascii_only=options.ascii).ellipsis)


def _client(snapshot: Snapshot, row: int, room: int, options: Options) -> str:
    return _end(snapshot, row, room, options, client=True)


def _server(snapshot: Snapshot, row: int, room: int, options: Options) -> str:
    return _end(snapshot, row, room, options, client=False)


def service_name(snapshot: Snapshot, row: int) -> str:
    """The service behind the server's port, or what the conversation is carried by."""
    table = snapshot.connections
    family, transport = int(table.family[row]), int(table.transport[row])
    port = int(table.port[row][1 - int(table.client[row])])
    return carried_service(family, transport, port)


def _service(snapshot: Snapshot, row: int, _room: int, _options: Options) -> str:
    return service_name(snapshot, row)


def _outcome(snapshot: Snapshot, row: int, room: int, _options: Options) -> str:
    """In a word, and where there is more room than for the longest of the usual ones, with Zeek's code behind it."""
    told, code = words(snapshot, row), conn_state(snapshot.connections, row)
    with_code = f"{told} {code}" if told and code else told
    return with_code if room >= WITH_CODE and cells(with_code) <= room else told


def _both(snapshot: Snapshot, row: int, name: str) -> tuple[int, int]:
    """The client's number and the server's."""
    table = snapshot.connections
    client = int(table.client[row])
    pair = getattr(table, name)[row]
    return int(pair[client]), int(pair[1 - client])


def _packets(snapshot: Snapshot, row: int, _room: int, _options: Options) -> str:
    return "/".join(map(count, _both(snapshot, row, "packets")))


def _bytes(snapshot: Snapshot, row: int, _room: int, _options: Options) -> str:
    return "/".join(map(size, _both(snapshot, row, "bytes")))


def _times(snapshot: Snapshot, row: int) -> tuple[int, int]:
    times, table = snapshot.packets.time_ns, snapshot.connections
    newest = len(times) - 1  # the table of connections may already know of packets after this snapshot
    first, last = min(int(table.first_packet[row]), newest), min(int(table.last_packet[row]), newest)
    return int(times[first]), int(times[last])


def _start(snapshot: Snapshot, row: int, _room: int, options: Options) -> str:
    first, start = _times(snapshot, row)[0], int(snapshot.packets.time_ns[0])
    if options.time is TimeFormat.DELTA:
        return since_start(first - start)
    return moment(first, None, start, options.time)


def _duration(snapshot: Snapshot, row: int, _room: int, options: Options) -> str:
    first, last = _times(snapshot, row)
    return duration(last - first, micro=glyphs(ascii_only=options.ascii).micro)


def _rtt(snapshot: Snapshot, row: int, _room: int, options: Options) -> str:
    rtt = int(snapshot.connections.initial_rtt_ns[row])
    return duration(rtt, micro=glyphs(ascii_only=options.ascii).micro) if rtt >= 0 else ""


def _history(snapshot: Snapshot, row: int, _room: int, _options: Options) -> str:
    return history(snapshot.connections, row) or ""


CELLS: Final[dict[str, Callable[[Snapshot, int, int, Options], str]]] = {
    "number": _number,
    "client": _client,
    "server": _server,
    "service": _service,
    "outcome": _outcome,
    "packets": _packets,
    "bytes": _bytes,
    "start": _start,
    "duration": _duration,
    "rtt": _rtt,
    "history": _history,
}
