"""What a capture tells of hosts, as a list: names, hardware addresses, masters, what was asked and what came back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from views.causes import by_weight, confidence_words, fact_words
from views.durations import duration
from views.glyphs import glyphs
from views.masters import master_entries
from views.moment import number
from views.spans import span_bar
from views.text import SELECTED, Span, cells, cut, fit, safe, with_modifier
from views.wording import _

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from analysis.exchanges import Exchange
    from analysis.learned import Learned
    from views.options import Options
    from views.text import Line

Entry = tuple[tuple[str, ...], int | None]
"""The cells of a row, one for a heading, and the packet (a row) that tells it, if one does."""


def name_entries(learned: Learned) -> Iterator[Entry]:
    """Address, name, who says so."""
    for each in learned.names:
        yield (each.address, safe(each.name), each.source.label, _number(each.packet)), each.packet


def neighbour_entries(learned: Learned) -> Iterator[Entry]:
    """Address, hardware address, how it was told, and what was told before."""
    for each in learned.neighbours:
        how = _(each.how.value)
        if each.before is not None:
            how += " " + _("(until then {hardware})").format(hardware=each.before)
        yield (each.address, each.hardware, how, _number(each.packet)), each.packet


def exchange_entries(learned: Learned, options: Options) -> Iterator[Entry]:
    """Request, reply, the time between, where."""
    micro = glyphs(ascii_only=options.ascii).micro
    for each in learned.exchanges:
        unknown = _("no reply") if each.reply is None else _("time not known")
        took = unknown if each.took_ns is None else duration(each.took_ns, micro=micro)
        place = _("conn {number}").format(number=each.connection)
        yield (
            (f"{each.kind} {safe(_asked(each))}", safe(_got(each)), f"{took}, {place}", _number(each.request_packet)),
            (each.request_packet),
        )


def cause_entries(learned: Learned, options: Options) -> Iterator[Entry]:
    """Which connection caused which, the fact that weighs most, how sure it is, where the effect begins."""
    for each in learned.causes:
        places = _("conn {cause} caused conn {effect}").format(cause=each.connection, effect=each.effect)
        fact = fact_words(by_weight(each.evidence)[0], options)
        yield (places, fact, confidence_words(each), _number(each.effect_packet)), each.effect_packet


def machine_entries(learned: Learned) -> Iterator[Entry]:
    """Machines of several IP addresses: name, all addresses, how they are known to be one's; many packets tell it."""
    for each in learned.machines.all:
        if len(each.addresses) > 1:
            told = ", ".join(_(ground.value) for ground in each.grounds)
            yield (safe(each.name), " ".join(each.addresses), " ".join(each.hardware), told), None


def load_entries(learned: Learned, options: Options) -> Iterator[Entry]:
    """A line for each page load, then its phases: what, a bar on its own time axis, how long it took."""
    signs = glyphs(ascii_only=options.ascii)
    for load in learned.page_loads:
        begin, end = load.phases[0].begin_ns, max(phase.end_ns for phase in load.phases)
        whole = duration(end - begin, micro=signs.micro)
        yield (safe(load.name), load.address, whole, _number(load.phases[0].packet)), load.phases[0].packet
        for phase in load.phases:
            bar = span_bar(phase.begin_ns - begin, phase.end_ns - begin, end - begin, signs)
            took = duration(phase.end_ns - phase.begin_ns, micro=signs.micro)
            what = f"  {phase.kind.value:<5}{safe(phase.words)}"
            yield (what, bar, took, _number(phase.packet)), phase.packet


def _asked(exchange: Exchange) -> str:
    if exchange.call is None:
        return exchange.request
    # The package in front of a service is seldom what tells calls apart, and the first to be missed in a narrow column.
    service, slash, method = exchange.call.rpartition("/")
    return exchange.call if exchange.kind != "gRPC" else service.rpartition(".")[2] + slash + method


def _got(exchange: Exchange) -> str:
    return exchange.result if exchange.result is not None else exchange.reply or ""


def _number(packet: int) -> str:
    return _("packet {number}").format(number=packet + 1)


class LearnedList:
    """All of it as lines under headings; `cursor` is the selected line. `packet_at` is where a line leads."""

    def __init__(self, learned: Learned, options: Options) -> None:
        self.cursor = 0
        self._glyphs = glyphs(ascii_only=options.ascii)
        self._entries: list[Entry] = []
        self._widths: list[tuple[int, ...]] = []
        for heading, entries in (
            (_("From a name to a page"), list(load_entries(learned, options))),
            (_("Names"), list(name_entries(learned))),
            (_("Neighbours"), list(neighbour_entries(learned))),
            (_("Masters"), list(master_entries(learned, options))),
            (_("Requests and replies"), list(exchange_entries(learned, options))),
            (_("Machines, deduced"), list(machine_entries(learned))),
            (_("Causes, deduced"), list(cause_entries(learned, options))),
        ):
            self._add(heading, entries)
        if not self._entries:
            self._entries = [
                ((_("This capture tells of no names, no neighbours and no requests that can be read."),), None)
            ]
            self._widths = [()]
        elif not learned.whole:
            said = _("The capture is large: only its first packets with payload were looked at.")
            if learned.part is not None:
                said = _("The capture is large: only packets {first} to {last} were looked at.")
                said = said.format(first=number(learned.part.start), last=number(learned.part.stop - 1))
            self._entries.append(((said,), None))
            self._widths.append(())

    def _add(self, heading: str, entries: list[Entry]) -> None:
        if not entries:
            return
        widths = tuple(max(cells(row[column]) for row, _packet in entries) for column in range(4))
        self._entries += [((heading,), None), *entries]
        self._widths += [(), *[widths] * len(entries)]

    def __len__(self) -> int:
        return len(self._entries)

    def packet_at(self, index: int) -> int | None:
        """The packet that a line is told by."""
        return self._entries[index][1] if 0 <= index < len(self._entries) else None

    def head(self, width: int) -> tuple[Line, ...]:
        """Nothing stays on top."""
        del width
        return ()

    def draw(self, index: int, width: int) -> Line:
        """One line; of a wide row the longest cells give way."""
        row, _packet = self._entries[index]
        if len(row) == 1:
            return fit((Span(" " + row[0], "title"),), width)
        sizes = shared(self._widths[index], max(width - 3 - 2 * len(row), 0))
        line: list[Span] = [Span(self._glyphs.mark if index == self.cursor else " ", "selection"), Span(" ", "")]
        for text, size, role in zip(row, sizes, ("address", "", "dim", "dim"), strict=True):
            shown = cut(text, size, self._glyphs.ellipsis)
            line.append(Span(shown + " " * (size - cells(shown) + 2), role))
        drawn = fit(tuple(line), width)
        return with_modifier(drawn, SELECTED) if index == self.cursor else drawn


def shared(wanted: Sequence[int], room: int) -> list[int]:
    """How `room` cells are shared among columns that want so many: the largest give way, down to a few cells each."""
    sizes = list(wanted)
    while sum(sizes) > room and max(sizes) > 4:
        largest = sizes.index(max(sizes))
        others = [size for place, size in enumerate(sizes) if place != largest]
        sizes[largest] = max(max(others, default=0) - 1, sizes[largest] - (sum(sizes) - room), 4)
    return sizes


def learned_lines(learned: Learned, options: Options, width: int) -> Iterator[str]:
    """The same as plain text, for a report; nothing if there is nothing to tell."""
    if not (learned.names or learned.neighbours or learned.masters or learned.exchanges or learned.causes):
        return
    shown = LearnedList(learned, options)
    shown.cursor = -1
    for index in range(len(shown)):
        yield "".join(span.text for span in shown.draw(index, width)).rstrip()
