"""The same story as the screen's, in plain lines: for reports, and where the output is no terminal."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Final

import numpy as np

from analysis.findings import Findings
from analysis.gathered import gathered
from analysis.learned import learn
from analysis.listed import listed
from views.connection_cells import service_name
from views.conversation import Conversation
from views.durations import duration, size
from views.findings import finding_lines
from views.glyphs import glyphs
from views.ladder import Ladder
from views.learned import learned_lines
from views.options import Options
from views.text import plain, safe
from views.verdicts import words
from views.wording import _, ngettext

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from numpy.typing import NDArray

    from analysis.details import Detail
    from analysis.finding import Finding
    from analysis.gathered import Gathered
    from analysis.session import Session
    from analysis.snapshot import Snapshot
    from views.text import Line

CHUNK: Final = 512
"""Lines whose details are read at once."""
FEW: Final = 20
"""So many conversations are told, more are listed."""
PLAIN: Final = Options()
NOBODY: Final = -1
"""A play head before every packet: no line of a printed story is selected."""


def capture_line(snapshot: Snapshot, name: str) -> str:
    """What was read: `handshake.pcap: 19 packets, 5.1 kB, 1 conversation, 110.9 ms`."""
    packets, total = len(snapshot.packets), len(snapshot.connections)
    parts = [ngettext("{count} packet", "{count} packets", packets).format(count=packets)]
    if packets:
        times = snapshot.packets.time_ns
        parts.append(size(int(snapshot.packets.original_length.sum(dtype=np.int64))))
        parts.append(ngettext("{count} conversation", "{count} conversations", total).format(count=total))
        parts.append(duration(int(times.max()) - int(times.min())))
    return f"{safe(name)}: {', '.join(parts)}"


def connection_line(snapshot: Snapshot, connection: int, options: Options) -> str:
    """One conversation: number, service, both ends, counts, and how it ended."""
    conversation = Conversation(snapshot, connection, np.empty(0, np.int64))
    table = snapshot.connections
    ends = [_end(conversation, client=client) for client in (True, False)]
    arrow = "->" if options.ascii else glyphs(ascii_only=False).right
    packets, total = (sum(map(int, each[connection])) for each in (table.packets, table.bytes))
    parts = [ngettext("{count} packet", "{count} packets", packets).format(count=packets), size(total)]
    if (rtt := int(table.initial_rtt_ns[connection])) >= 0:
        parts.append("RTT " + duration(rtt, micro=glyphs(ascii_only=options.ascii).micro))
    if verdict := words(snapshot, connection):
        parts.append(verdict)
    number = _("connection {number}").format(number=connection)
    return f"{number}  {service_name(snapshot, connection)}  {ends[0]} {arrow} {ends[1]}  {', '.join(parts)}"


def _end(conversation: Conversation, *, client: bool) -> str:
    role, name = conversation.role(client=client), conversation.name(client=client) or _("(no address)")
    return f"{role} {name}" if role else name


def story(
    session: Session,
    connections: NDArray[np.int64],
    *,
    packets: bool = False,
    options: Options = PLAIN,
    width: int = 100,
) -> Iterator[str]:
    """A whole capture in text lines: what was read, what is damaged, then the conversations of these rows.

    Few conversations are told one by one, many are listed. With `packets` all are told, and nothing is folded.
    """
    snapshot = session.snapshot
    yield capture_line(snapshot, session.source.name)
    for problem in snapshot.problems:
        yield _("damaged: {problem}").format(problem=safe(problem.message))
    told = packets or len(connections) <= FEW
    for connection, findings, near in _near(snapshot, Findings(session).of_each(connections)):
        if told:
            yield ""
        yield connection_line(near, connection, options)
        for finding in findings:
            yield from finding_lines(near, connection, finding, options, width)
        if told:
            own = gathered(snapshot, connection)
            yield from connection_story(snapshot, own, options, session.details, width=width, every=packets)
    if told and len(connections) == len(snapshot.connections):
        lines = list(learned_lines(learn(session), options, width))
        yield from ["", *lines] if lines else []
    if not told:
        yield ""
        yield _("--connection N tells one of them, --packets all of them with every packet.")


def _near(
    snapshot: Snapshot, found: Iterator[tuple[int, tuple[Finding, ...]]]
) -> Iterator[tuple[int, tuple[Finding, ...], Snapshot]]:
    """Each connection and its findings with a snapshot that is read quickly, of this connection and its neighbours."""
    while some := list(islice(found, CHUNK)):
        near = replace(snapshot, connections=listed(snapshot.connections, [connection for connection, _ in some]))
        for connection, findings in some:
            yield connection, findings, near


def connection_story(
    snapshot: Snapshot,
    packets: Gathered,
    options: Options,
    fetch: Callable[[NDArray[np.int64]], Iterable[Detail]],
    *,
    width: int = 100,
    every: bool = False,
) -> Iterator[str]:
    """The ladder of a connection as text lines of at most `width` cells, without trailing spaces.

    `packets` are all of its packets; `fetch` reads the details of some of them, a few hundred at a
    time. With `every`, nothing is folded.
    """
    ladder = Ladder(snapshot, packets, options)
    if every:
        ladder = Ladder(snapshot, packets, options, ladder.folds)
    ladder.cursor = NOBODY
    for line in ladder.head(width):
        yield printed(line)
    for first in range(0, len(ladder), CHUNK):
        last = min(first + CHUNK, len(ladder)) - 1
        missing = ladder.missing(first, last)
        if len(missing):
            ladder.supply(fetch(missing))
        for index in range(first, last + 1):
            yield printed(ladder.draw(index, width))


def printed(line: Line) -> str:
    """A line without the keys that only a screen has."""
    return plain(tuple(span for span in line if not span.role.startswith("key"))).rstrip()
