"""What is said about a live capture: while it goes on, in a line; at its end, in a sentence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from capture.live.spool import Left
from views.durations import count, size
from views.text import Span, fit, safe
from views.wording import _, ngettext

if TYPE_CHECKING:
    from pathlib import Path

    from capture.live.starting import Counts
    from views.text import Line

NONE_LEFT: Final = Left()
FEW_BYTES: Final = 256 << 10
"""The analysis is not called behind for less: that is what comes between two looks at the file."""


@dataclass(frozen=True, slots=True)
class LiveState:
    """A live capture as the screen has it: `behind` bytes are not analysed yet, `new` packets are not shown.

    `left`: what is no longer in the spool.
    """

    counts: Counts
    analysed: int
    behind: int
    saved_as: Path | None
    follows: bool
    frozen: bool
    new: int
    kept: int  # bytes in the file that it was saved as, or else in the spool
    unsaved: int  # packets that are in no file
    files: int = 0  # of a ring: `saved_as` is the newest of so many
    left: Left = NONE_LEFT
    through: str = ""  # the program that captures for netviz


def live_line(state: LiveState, rate: float, width: int) -> Line:
    """` ● live  1,234 packets  20 packets/s  0 dropped  3.2 MB  following`; where room ends, less is said."""
    counts = state.counts
    ended = counts.done is not None
    lead = Span(" " + (_("ended") if ended else _("live")), "" if ended else "good")
    number = max(counts.packets, state.analysed)  # the helper tells its count a few times a second
    packets = ngettext("{count} packet", "{count} packets", number).format(count=count(number))
    parts = [lead, Span(packets, ""), _dropped(state), *_watched(state)]
    if counts.done not in (None, "limit", "stopped"):
        parts.append(Span(safe(counts.done or ""), "bad"))
    parts += _kept(state)
    if not ended:
        parts.append(Span(_("{rate} packets/s").format(rate=count(int(rate))), "dim"))
    line: list[Span] = []
    used = 0
    for part in parts:
        used += len(part.text) + 2
        if used > width:
            break
        line += [Span("  ", ""), part] if line else [part]
    return fit(tuple(line), width)


def _dropped(state: LiveState) -> Span:
    """What was lost, and by whom."""
    dropped = state.counts.dropped
    if dropped is None:
        told = _("through {program}, which tells at its end what was dropped")
    elif state.through:
        told = ngettext("{count} dropped by {program}", "{count} dropped by {program}", dropped)
    else:
        told = ngettext("{count} dropped", "{count} dropped", dropped)
    text = told.format(program=safe(state.through), count=count(dropped or 0))
    return Span(text, "bad" if dropped else "dim")


def _watched(state: LiveState) -> list[Span]:
    """How the screen goes with what comes, and how far the analysis is behind."""
    parts = []
    if state.frozen:
        parts.append(Span(_("frozen, {count} new [p goes on]").format(count=count(state.new)), "warning"))
    elif not state.follows and state.new:
        parts.append(Span(_("{count} new below [F follows]").format(count=count(state.new)), "warning"))
    elif state.follows and state.counts.done is None:
        parts.append(Span(_("following"), "dim"))
    if state.behind > FEW_BYTES:
        parts.append(Span(_("{size} to be analysed").format(size=size(state.behind)), "warning"))
    return parts


def _kept(state: LiveState) -> list[Span]:
    """What is no longer there, and where the rest is."""
    parts = []
    if state.left.packets:
        gone = ngettext(
            "{packets} gone from the spool ({connections} connection)",
            "{packets} gone from the spool ({connections} connections)",
            state.left.connections,
        )
        told = gone.format(packets=count(state.left.packets), connections=count(state.left.connections))
        parts.append(Span(told, "warning"))
    if state.saved_as is None and not state.unsaved:
        return parts  # there is nothing to be saved
    if state.saved_as is None:
        return [*parts, Span(_("{size} not saved [w saves]").format(size=size(state.kept)), "dim")]
    if state.unsaved:
        since = ngettext("{count} not saved [w saves]", "{count} not saved [w saves]", state.unsaved)
        parts.append(Span(since.format(count=count(state.unsaved)), "dim"))
    where = safe(state.saved_as.name)
    if state.files:
        where = _ring(state.files, where)
    return [*parts, Span(f"{size(state.kept)} {where}", "dim")]


def _ring(files: int, newest: str) -> str:
    """The files that a ring has, by the newest of them."""
    return ngettext("in {count} file: {file}", "in {count} files up to {file}", files).format(count=files, file=newest)


def summary(
    where: str, counts: Counts, saved_as: Path | None, kept: int | None = None, unsaved: int = 0, files: int = 0
) -> str:
    """How much was captured and lost, and where it is: `lo: 1,234 packets captured, none dropped.`.

    `kept` are the bytes in the file, if not all, `unsaved` the packets that are in none, `files` how many a ring has.
    """
    captured = ngettext("{count} packet captured", "{count} packets captured", counts.packets)
    parts = [captured.format(count=count(counts.packets))]
    if counts.dropped:
        lost = ngettext("{count} dropped by the kernel", "{count} dropped by the kernel", counts.dropped)
        parts.append(lost.format(count=count(counts.dropped)))
    elif counts.dropped is None:
        parts.append(_("how many were dropped is not known"))
    else:
        parts.append(_("none dropped"))
    if saved_as is not None:
        told = size(counts.written if kept is None else kept)
        parts.append(f"{told} {_ring(files, str(saved_as))}" if files else f"{told} in {saved_as}")
        if unsaved:
            parts.append(_("without the last {count}").format(count=count(unsaved)))
    told = f"{where}: {', '.join(parts)}."
    if counts.done not in ("limit", "stopped"):
        told += " " + _("It broke off: {reason}.").format(reason=counts.done)
    return told
