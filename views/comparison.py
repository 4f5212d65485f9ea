"""Runs side by side on one time axis: how each server treats its clients."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from views.conversation import Conversation
from views.durations import duration
from views.glyphs import glyphs
from views.text import cells, safe
from views.wording import _, ngettext

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from analysis.serving import Served, Serving
    from analysis.snapshot import Snapshot
    from views.options import Options

Run = tuple[str, "Snapshot", "Serving"]
"""A run's name, what was read of it, and how its server served."""

COLUMN: Final = 12
LEAST_BAR: Final = 12
BETWEEN: Final = " " * 2


def comparison(runs: Sequence[Run], options: Options, width: int = 100) -> Iterator[str]:
    """Lines of at most `width` cells: for each run a sentence, and for each client its times and its bar.

    All bars have the same axis, from a run's first packet to the end of the longest run.
    """
    longest = max((serving.total_ns for _name, _snapshot, serving in runs), default=0)
    for name, snapshot, serving in runs:
        yield _heading(name, serving, options)
        if serving.served:
            yield from _table(snapshot, serving, options, width, longest)
        yield ""
    waits, answers = _marks(options)
    what = _("{waits} a client waits for its answer; {answers} from the first byte of it to its last packet.")
    yield what.format(waits=waits, answers=answers)
    yield _("How many at a time is deduced: from the shortest wait for a first byte, and how long all took.")


def _heading(name: str, serving: Serving, options: Options) -> str:
    count = len(serving.served)
    if not count:
        return _("{name}: no client asked and was answered.").format(name=safe(name))
    parts = [ngettext("{count} client", "{count} clients", count).format(count=count)]
    parts.append(_("all done after {time}").format(time=_time(serving.total_ns, options)))
    if serving.at_once is not None:
        parts.append(_("about {number} at a time").format(number=f"{serving.at_once:.1f}"))
    return f"{safe(name)}: {', '.join(parts)}"


def _table(snapshot: Snapshot, serving: Serving, options: Options, width: int, longest: int) -> Iterator[str]:
    names = [client_name(snapshot, each) for each in serving.served]
    first = max(map(cells, names))
    titles = [_("connect"), _("first byte"), _("done after")]
    head = " " + _("client").ljust(first) + "".join(f"{title:>{COLUMN}}" for title in titles) + BETWEEN
    bar = max(width - cells(head), LEAST_BAR)
    end = _time(longest, options)
    yield head + "0".ljust(bar - cells(end)) + end
    for name, each in zip(names, serving.served, strict=True):
        rtt = int(snapshot.connections.initial_rtt_ns[each.connection])
        times = [
            _time(rtt, options) if rtt >= 0 else "",
            _time(each.waited_ns, options),
            _time(each.ended_ns - serving.began_ns, options),
        ]
        line = " " + name.ljust(first) + "".join(f"{time:>{COLUMN}}" for time in times) + BETWEEN
        yield (line + _bar(each, serving.began_ns, longest, bar, options)).rstrip()


def client_name(snapshot: Snapshot, each: Served) -> str:
    """Address and port of a client."""
    return Conversation(snapshot, each.connection, np.empty(0, np.int64)).name(client=True)


def _bar(each: Served, start: int, longest: int, width: int, options: Options) -> str:
    waits, answers = _marks(options)
    began, answered, ended = (
        min((time - start) * width // max(longest, 1), width - 1)
        for time in (each.began_ns, each.answered_ns, each.ended_ns)
    )
    return " " * began + waits * (answered - began) + answers * (ended - answered + 1)


def _marks(options: Options) -> tuple[str, str]:
    return ("-", "#") if options.ascii else ("─", "█")


def _time(nanoseconds: int, options: Options) -> str:
    return duration(nanoseconds, micro=glyphs(ascii_only=options.ascii).micro)
