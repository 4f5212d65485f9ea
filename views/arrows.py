"""The picture of one packet between two lifelines: columns by width, arrows, lane names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from analysis.states import State
from views.durations import TIME_WIDTH, shorten_middle
from views.glyphs import glyphs
from views.labels import fit_label, kind
from views.options import Colour, TimeFormat
from views.text import Span, cells, cut, fit
from views.wording import _

if TYPE_CHECKING:
    from analysis.states import EndState
    from views.conversation import Conversation
    from views.glyphs import Glyphs
    from views.labels import Label
    from views.options import Options
    from views.text import Line

NARROW: Final = 60
"""Below this width the story is told in plain lines."""
LONG_STATE: Final = 13  # SYN-RECEIVED?
SHORT_STATE: Final = 9  # SYN-RCVD?
LEAST_SPAN: Final = 34
"""Cells between the lifelines that columns beside them must leave."""
SHORT_NAMES: Final = {
    State.ESTABLISHED: "ESTAB",
    State.SYN_RECEIVED: "SYN-RCVD",
    State.FIN_WAIT_1: "FIN-W1",
    State.FIN_WAIT_2: "FIN-W2",
    State.CLOSE_WAIT: "CLOSE-W",
    State.TIME_WAIT: "TIME-W",
}


@dataclass(frozen=True, slots=True)
class Layout:
    """Cells of each part: marker and time at the left, then state, lifeline, span, lifeline, state."""

    time: int  # 0: no time column
    state: int  # 0: no states
    span: int

    @property
    def left(self) -> int:
        """Cells before the left state."""
        return 1 + (self.time + 2 if self.time else 1)


def layout(width: int, form: TimeFormat, *, states: bool) -> Layout:
    """The columns for a width of at least `NARROW`: the time gives way first, then long state names.

    A time that was asked for (not the default one) stays longer than long state names.
    """
    time = TIME_WIDTH[form]
    if not states:
        return Layout(time, 0, width - Layout(time, 0, 0).left - 2)
    orders = [(time, LONG_STATE), (0, LONG_STATE), (0, SHORT_STATE)]
    if form is not TimeFormat.DELTA:
        orders.insert(1, (time, SHORT_STATE))
    for time_width, state in orders:
        span = width - Layout(time_width, state, 0).left - 2 * state - 4
        if span >= LEAST_SPAN:
            break
    return Layout(time_width, state, span)


def state_name(state: EndState, width: int) -> str:
    """A state's name, the short one where the long one has no room."""
    if width >= LONG_STATE or state.state not in SHORT_NAMES:
        return str(state)
    return SHORT_NAMES[state.state] + ("?" if state.inferred else "")


def state_span(state: EndState | None, width: int) -> Span:
    """A state in exactly `width` cells, blank for None."""
    if state is None:
        return Span(" " * width, "")
    role = "state-inferred" if state.inferred or state.state is State.UNKNOWN else "state"
    return Span(state_name(state, width).ljust(width), role)


def arrow_role(conversation: Conversation, packet: int, colour: Colour, *, repeated: bool) -> str:
    """The role of an arrow, as the person wants colour to mean."""
    if colour is Colour.FLAGS:
        return kind(conversation, packet, repeated=repeated)
    if colour is Colour.CONNECTION:
        return f"connection-{conversation.row % 6}"
    if colour is Colour.DIRECTION:
        return "from-client" if conversation.from_client(packet) else "from-server"
    return ""


def shaft(what: str, payload: int, signs: Glyphs) -> str:
    """The sign an arrow's shaft is made of; `what` is `labels.kind`."""
    if what == "retransmitted":
        return signs.repeated
    return signs.data if payload and what != "datagram" else signs.control


def arrow(text: str, width: int, *, to_right: bool, line: str, head: str) -> str:
    """An arrow of exactly `width` cells with its label inside; `text` takes at most `label_room(width)` cells."""
    inner = f" {text} " if text else ""
    if to_right:
        start = line * 2 + inner
        return start + line * (width - cells(start) - 1) + head
    start = head + line + inner
    return start + line * (width - cells(start))


def label_room(span: int) -> int:
    """Cells that a label may take on an arrow."""
    return span - 6


def labelled_arrow(shown: Label, what: str, span: int, *, to_right: bool, payload: int, signs: Glyphs) -> str:
    """The arrow of a packet of a kind."""
    head = signs.reset if what == "rst" else signs.head_right if to_right else signs.head_left
    text = fit_label(shown, label_room(span), signs.ellipsis)
    return arrow(text, span, to_right=to_right, line=shaft(what, payload, signs), head=head)


def _lane_name(conversation: Conversation, room: int, options: Options, *, client: bool) -> str:
    ellipsis = glyphs(ascii_only=options.ascii).ellipsis
    name = conversation.name(client=client, named=options.names) or _("(no address)")
    role, owner = conversation.role(client=client), conversation.owner(client=client)
    if owner:  # the number gives way first, then the program's name; the address stays
        whole = (f"{name} {owner}", f"{name} {owner.rpartition('[')[0]}")
        name = next((each for each in whole if cells(f"{role} {each}") <= room), name)
    lead = role + " " if role else ""
    return cut(lead + shorten_middle(name, max(room - cells(lead), 8), ellipsis), room)


def lane_names(conversation: Conversation, left: int, width: int, options: Options) -> Line:
    """The head line of a picture: what the times mean, who is left, who is right."""
    signs = glyphs(ascii_only=options.ascii)
    room = (width - left - 2) // 2
    names = [_lane_name(conversation, 999, options, client=client) for client in (True, False)]
    if cells(names[0]) + cells(names[1]) + 2 > width - left:
        names = [_lane_name(conversation, room, options, client=client) for client in (True, False)]
    gap = " " * (width - left - cells(names[0]) - cells(names[1]))
    title = time_title(options.time, signs)
    start = cut(" " + title, left - 1) if left > 3 else ""
    return fit(
        (
            Span(start + " " * (left - cells(start)), "dim"),
            Span(names[0], "head"),
            Span(gap, ""),
            Span(names[1], "head"),
        ),
        width,
    )


def time_title(form: TimeFormat, signs: Glyphs) -> str:
    """What the numbers in the time column are."""
    return {
        TimeFormat.DELTA: signs.delta,
        TimeFormat.START: _("since start"),
        TimeFormat.CLOCK: _("local time"),
        TimeFormat.UTC: "UTC",
    }[form]
