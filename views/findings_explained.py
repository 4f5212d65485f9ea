"""Findings and comments beside the explanation of a packet: those that it shows, and the others of its connection."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from views.findings import ROLES_OF, finding_text
from views.text import cut, safe
from views.wording import _

if TYPE_CHECKING:
    from collections.abc import Sequence

    from analysis.finding import Finding
    from views.moment import Moment

MOST: Final = 5
LONGEST: Final = 200
"""How many comments are shown, and how much of each."""

Part = tuple[str, str]
"""A sentence and its role."""


def found_here(moment: Moment, findings: Sequence[Finding]) -> list[Part]:
    """What is found about the connection and best seen at this packet."""
    return [_part(moment, each, place=False) for each in findings if each.packet == moment.packet]


def found_elsewhere(moment: Moment, findings: Sequence[Finding]) -> list[Part]:
    """What is found about the connection and seen at other packets, or at none."""
    others = [_part(moment, each, place=True) for each in findings if each.packet != moment.packet]
    return [(_("Found in this connection:"), "strong"), *others] if others else []


def noted(comments: Sequence[str]) -> list[Part]:
    """What somebody has noted on the packet, in one sentence; any text, so it is made safe and kept short."""
    texts = [cut(safe(each), LONGEST) for each in comments[:MOST]]
    return [(_("Noted: {comments}").format(comments="; ".join(texts)), "strong")] if texts else []


def _part(moment: Moment, finding: Finding, *, place: bool) -> Part:
    conversation = moment.conversation
    text = finding_text(conversation.snapshot, conversation.row, finding, moment.options, place=place)
    return text[:1].upper() + text[1:], ROLES_OF[finding.severity]
