"""What is said of a filter: what it leaves, or why it is not understood."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from views.durations import count
from views.text import Span, cells, cut, fit, line_cells, safe
from views.wording import _, ngettext

if TYPE_CHECKING:
    from analysis.filter_grammar import FilterError
    from analysis.filtering import Filter, Matches
    from analysis.snapshot import Snapshot
    from views.options import Options
    from views.text import Line

KEYS: Final = (("/", "change"), ("Esc", "all"))


def left_over(found: Matches, snapshot: Snapshot) -> str:
    """`3 of 40 connections, 12 of 345 packets`."""
    packets = len(snapshot.packets)
    what = ngettext("{number} of {all} packet", "{number} of {all} packets", packets)
    return f"{_connections(found, snapshot)}, {what.format(number=count(found.count), all=count(packets))}"


def _connections(found: Matches, snapshot: Snapshot) -> str:
    connections = len(snapshot.connections)
    what = ngettext("{number} of {all} connection", "{number} of {all} connections", connections)
    return what.format(number=count(found.connection_count), all=count(connections))


def filter_line(wanted: Filter, found: Matches | None, snapshot: Snapshot, width: int, options: Options) -> Line:
    """The line about the filter that is set; `found` is None while it is being applied."""
    if found is None:
        said = _("searching what packets carry") if wanted.reads else _("filtering")
        role = "progress"
    elif not found.complete:
        said, role = _("the search was stopped"), "warning"
    elif not found.count:
        said, role = f"{_connections(found, snapshot)}; {_('what was open stays')}", "warning"
    else:
        said, role = left_over(found, snapshot), ""
    keys: list[Span] = []
    for key, word in KEYS:
        keys += [Span(f"  {key}", "key"), Span(f" {_(word)}", "dim")]
    lead = " " + _("filter") + " "
    room = width - len(lead) - cells(said) - 3
    if room - line_cells(tuple(keys)) < min(len(wanted.text), 8):
        keys = []
    ellipsis = "~" if options.ascii else "…"
    text = cut(safe(wanted.text), max(room - line_cells(tuple(keys)), 4), ellipsis)
    return fit((Span(lead, "dim"), Span(text, "strong"), Span(f"   {said}", role), *keys), width)


def judged_line(text: str, error: FilterError | None, said: str, width: int) -> Line:
    """What is wrong with a filter that is being typed, or what it would leave; under the place where it is wrong."""
    if not text.strip():
        hint = _("tcp  port:80  host:10.0.0.5  outcome:refused  retransmitted  rtt>50ms  /GET/   and  or  not  ( )")
        return fit((Span(" " + hint, "dim"),), width)
    if error is None:
        return fit((Span(f" {said}", "good"),), width)
    return fit((Span(" ! ", "bad"), Span(safe(str(error)), "bad")), width)
