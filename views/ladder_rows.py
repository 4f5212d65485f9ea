"""The lines of a ladder: a packet, a fold, the states before the first packet; as a picture, or in plain words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from analysis.passing import Fate
from views.arrows import (
    NARROW,
    arrow,
    arrow_role,
    labelled_arrow,
    layout,
    shaft,
    state_name,
    state_span,
)
from views.durations import TIME_WIDTH, duration, moment, shorten_middle, size
from views.glyphs import glyphs
from views.labels import fit_label, kind, label
from views.text import Span, cells, cut, fit
from views.wording import _, ngettext

if TYPE_CHECKING:
    from analysis.details import Detail
    from analysis.states import EndState
    from views.conversation import Conversation
    from views.glyphs import Glyphs
    from views.options import Options
    from views.text import Line

LEAST_NARROW: Final = 12
"""Cells that states leave to the label of a narrow line."""


class Row(NamedTuple):
    """One line of a packet: its position among the connection's packets, and which of its lines (two-row arrows)."""

    position: int
    part: int
    detail: Detail | None
    repeated: bool
    fate: Fate
    selected: bool


def packet_time(conversation: Conversation, position: int, options: Options, signs: Glyphs) -> str:
    """A packet's time as the person wants it."""
    times = conversation.snapshot.packets.time_ns
    packet = int(conversation.packets[position])
    earlier = int(conversation.packets[position - 1]) if position else conversation.before
    before = None if earlier is None else int(times[earlier])
    return moment(int(times[packet]), before, int(times[0]), options.time, micro=signs.micro)


def draw_opening(conversation: Conversation, width: int, options: Options) -> Line:
    """Both ends' states before the first packet."""
    client, server = (conversation.opening(client=side) for side in (True, False))
    if width < NARROW:
        states = _pair(client, server)
        return fit((Span(" " * max(width - len(states), 0), ""), Span(states, "state")), width)
    columns = layout(width, options.time, states=True)
    gap = Span(" " * (columns.span + 4), "")
    left, right = state_span(client, columns.state), state_span(server, columns.state)
    return fit((Span(" " * columns.left, ""), left, gap, right), width)


def draw_earlier(conversation: Conversation, width: int, options: Options) -> Line:
    """That there are packets before the first one here, and how to come to them."""
    held = conversation.gathered
    earlier = held.earlier if held is not None else 0
    words = _("{number} earlier packets; : goes there, from packet {first} on")
    words = words.format(number=earlier, first=conversation.first + 1)
    return draw_fold(conversation, words, width, options, selected=False)


def draw_packet(conversation: Conversation, row: Row, width: int, options: Options) -> Line:
    """One packet's line (or one of its two)."""
    if width < NARROW:
        return _narrow_packet(conversation, row, width, options)
    signs = glyphs(ascii_only=options.ascii)
    packet = int(conversation.packets[row.position])
    columns = layout(width, options.time, states=conversation.is_tcp)
    role = arrow_role(conversation, packet, options.colour, repeated=row.repeated)
    second = row.part == 1
    picture = _picture(conversation, row, columns.span, options, signs)
    ends: list[Span] = []
    for client in (True, False) if conversation.is_tcp else ():
        changed = None if second else conversation.changed(row.position, client=client)
        ends.append(state_span(changed, columns.state))
    time = "" if second or not columns.time else packet_time(conversation, row.position, options, signs)
    line = Span(signs.lifeline, "lifeline")
    return fit(
        (
            *_margin(time, columns.time, columns.left, signs, selected=row.selected),
            *ends[:1],
            line,
            Span(picture, role),
            line,
            *((Span("  ", ""), ends[1]) if ends else ()),
        ),
        width,
    )


def _margin(time: str, time_width: int, left: int, signs: Glyphs, *, selected: bool) -> tuple[Span, Span]:
    mark = Span(signs.mark if selected else " ", "selection")
    return mark, Span(cut(time, time_width).rjust(time_width).ljust(left - 1), "time")


def _picture(conversation: Conversation, row: Row, span: int, options: Options, signs: Glyphs) -> str:
    """What stands between the lifelines."""
    packet = int(conversation.packets[row.position])
    what = kind(conversation, packet, repeated=row.repeated)
    to_right, payload = conversation.from_client(packet), conversation.payload(packet)
    shown = label(conversation, packet, row.detail, options, repeated=row.repeated, fate=row.fate)
    if not options.two_rows:
        drawn = labelled_arrow(shown, what, span, to_right=to_right, payload=payload, signs=signs)
        return _short(drawn, to_right=to_right) if row.fate is Fate.LOST else drawn
    if row.part == 0:
        text = "  " + fit_label(shown, span - 3, signs.ellipsis)
        return text + " " * (span - cells(text))
    head = signs.reset if what == "rst" else signs.head_right if to_right else signs.head_left
    drawn = arrow("", span, to_right=to_right, line=shaft(what, payload, signs), head=head)
    return _short(drawn, to_right=to_right) if row.fate is Fate.LOST else drawn


def _short(drawn: str, *, to_right: bool) -> str:
    """An arrow without its head: it does not arrive."""
    return drawn[:-1] + " " if to_right else " " + drawn[1:]


def fold_words(
    conversation: Conversation, run: tuple[int, int], payload: int, micro: str, *, filtered: bool = False
) -> str:
    """How many packets a fold hides, their payload, and the time since the packet before them.

    `run` is the first position and the one after the last; `filtered`: a filter left them out.
    """
    times, packets = conversation.snapshot.packets.time_ns, conversation.packets
    passed = int(times[packets[run[1] - 1]]) - int(times[packets[max(run[0] - 1, 0)]])
    number = run[1] - run[0]
    if filtered:
        what = ngettext("{number} packet filtered out", "{number} packets filtered out", number)
    elif conversation.is_tcp:
        what = ngettext("{number} more data/ACK packet", "{number} more data/ACK packets", number)
    else:
        what = ngettext("{number} more packet", "{number} more packets", number)
    return ", ".join((what.format(number=number), size(payload), duration(passed, micro=micro)))


def draw_fold(
    conversation: Conversation,
    words: str,
    width: int,
    options: Options,
    *,
    selected: bool,
) -> Line:
    """The line of a fold, with the words about it."""
    signs = glyphs(ascii_only=options.ascii)
    left = (
        _narrow_left(width, options) if width < NARROW else layout(width, options.time, states=conversation.is_tcp).left
    )
    mark = Span(signs.mark if selected else " ", "selection")
    text = Span(f"{signs.fold} {words}", "fold")
    return fit((mark, Span(" " * (left - 1), ""), text, Span("  " + _("[Enter unfolds]"), "key")), width)


def narrow_head(conversation: Conversation, width: int, signs: Glyphs) -> Line:
    """Both ends in one line where there is no room for lanes."""
    joint = f" {signs.right} "
    room = max((width - 2 - cells(joint)) // 2, 1)
    names = [shorten_middle(conversation.name(client=client), room, signs.ellipsis) for client in (True, False)]
    return fit((Span(" " + joint.join(names), "head"),), width)


def _narrow_left(width: int, options: Options) -> int:
    """Cells before the words of a narrow line: marker and time, or the marker alone."""
    return TIME_WIDTH[options.time] + 3 if width >= NARROW // 2 else 2


def _pair(client: EndState, server: EndState) -> str:
    """Both states in short, the client's first: `SYN-SENT/SYN-RCVD`."""
    return f"{state_name(client, 0)}/{state_name(server, 0)}"


def _narrow_states(conversation: Conversation, position: int) -> str:
    """Both ends' states after a packet that changes one of them, else nothing."""
    if not conversation.is_tcp:
        return ""
    if all(conversation.changed(position, client=client) is None for client in (True, False)):
        return ""
    packet = int(conversation.packets[position])
    return _pair(conversation.state(packet, client=True), conversation.state(packet, client=False))


def _narrow_packet(conversation: Conversation, row: Row, width: int, options: Options) -> Line:
    """A packet in plain words: time, direction, label, and both states at the right if it changed one."""
    signs = glyphs(ascii_only=options.ascii)
    packet = int(conversation.packets[row.position])
    left = _narrow_left(width, options)
    time_width = max(left - 3, 0)
    time = packet_time(conversation, row.position, options, signs) if time_width and not row.part else ""
    margin = _margin(time, time_width, left, signs, selected=row.selected)
    states = _narrow_states(conversation, row.position)
    if states:
        states = " " + states if row.part or not options.two_rows else ""
    room = max(width - left, 0)
    if row.part:
        return fit((*margin, Span(states.rjust(room), "state")), width)
    direction = signs.right if conversation.from_client(packet) else signs.left
    states = states if room - len(states) >= LEAST_NARROW else ""
    words = max(room - 2 - len(states), 0)
    shown = label(conversation, packet, row.detail, options, repeated=row.repeated, fate=row.fate)
    text = fit_label(shown, words, signs.ellipsis)
    role = arrow_role(conversation, packet, options.colour, repeated=row.repeated)
    gap = " " * (words - cells(text))
    return fit((*margin, Span(f"{direction} {text}", role), Span(gap, ""), Span(states, "state")), width)
