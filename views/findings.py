"""Findings as sentences: what was found, with the numbers that prove it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from analysis.finding import Code, Severity
from analysis.icmp import icmp4_words, icmp6_words
from views.findings_capture import SENTENCES as OF_THE_CAPTURE
from views.findings_telling import Telling
from views.glyphs import glyphs
from views.wording import _, ngettext
from views.wrapping import wrap

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from analysis.finding import Finding
    from analysis.snapshot import Snapshot
    from views.options import Options

INDENT: Final = 2
ROLES_OF: Final = {Severity.NOTE: "note", Severity.WARNING: "warning", Severity.ERROR: "bad"}
"""How each severity looks."""


def message(snapshot: Snapshot, connection: int, finding: Finding, *, micro: str = "µs") -> str:
    """One or two sentences about a connection, ending in a full stop."""
    return SENTENCES[finding.code](Telling(snapshot, connection, finding, micro))


def finding_text(snapshot: Snapshot, connection: int, finding: Finding, options: Options, *, place: bool = True) -> str:
    """A finding with its severity in words and, unless it is not wanted, the `place` where it shows: its packet."""
    micro = glyphs(ascii_only=options.ascii).micro
    severity = {Severity.NOTE: _("note"), Severity.WARNING: _("warning"), Severity.ERROR: _("error")}[finding.severity]
    where = _("packet {number}: ").format(number=finding.packet + 1) if place and finding.packet is not None else ""
    return f"{severity}: {where}{message(snapshot, connection, finding, micro=micro)}"


def finding_lines(snapshot: Snapshot, connection: int, finding: Finding, options: Options, width: int) -> Iterator[str]:
    """A finding below its connection's line: severity, packet, and the sentence, wrapped."""
    text = finding_text(snapshot, connection, finding, options)
    for number, line in enumerate(wrap(text, width - 2 * INDENT)):
        yield " " * (INDENT * 2 if number else INDENT) + line


def tally(findings: Sequence[Finding]) -> list[tuple[str, str]]:
    """How many errors and warnings there are, each with its role: `[("1 error", "bad"), ("2 warnings", "warning")]`."""
    counts = {severity: sum(each.severity is severity for each in findings) for severity in ROLES_OF}
    errors, warnings = counts[Severity.ERROR], counts[Severity.WARNING]
    told = [
        (ngettext("{count} error", "{count} errors", errors).format(count=errors), errors, Severity.ERROR),
        (ngettext("{count} warning", "{count} warnings", warnings).format(count=warnings), warnings, Severity.WARNING),
    ]
    return [(text, ROLES_OF[severity]) for text, count, severity in told if count]


TOLD_BY_THE_OUTCOME: Final = frozenset({Code.REFUSED, Code.NO_ANSWER, Code.RESET, Code.ONE_SIDED})


def kinds(findings: Sequence[Finding]) -> str:
    """The kinds of errors and warnings in a few words, without those that a connection's outcome says already."""
    told = [each for each in findings if each.severity in ROLES_OF and each.severity > Severity.NOTE]
    codes = dict.fromkeys(each.code for each in told if each.code not in TOLD_BY_THE_OUTCOME)
    return ", ".join(_(code.value) for code in codes)


def _refused(t: Telling) -> str:
    text = _(
        "Refused: the {end} answered SYN with RST after {after}; nobody listens on port {port}, or a filter is there."
    )
    return text.format(end=t.end(), after=t.span("after_ns"), port=t.port())


def _no_answer(t: Telling) -> str:
    tries = t.number("tries")
    if tries == 1:
        return _("No answer: one SYN was sent, and nothing came back in {time}.").format(time=t.span("waited_ns"))
    text = _(
        "No answer: SYN sent {tries} times, {gaps} s apart. The server is off, or a filter drops the packets silently."
    )
    return text.format(tries=tries, gaps=t.gaps())


def _half_open(t: Telling) -> str:
    if t.has("resets"):
        return _(
            "Half-open: the {end} sent {bytes} on a connection that the {other} does not know: it answered with RST."
        ).format(end=t.end(), other=t.other(), bytes=t.size("bytes"))
    if t.has("probes"):
        text = _(
            "Half-open: the {other} is silent; {probes} keep-alives of the {end} were not answered, {gaps} s apart."
        )
        return text.format(end=t.end(), other=t.other(), probes=t.number("probes"), gaps=t.gaps())
    tries = t.number("tries")
    if tries == 1:
        return _(
            "Half-open: the third step of the handshake never came in {time}; the server waits in SYN-RECEIVED."
        ).format(time=t.span("waited_ns"))
    text = _(
        "Half-open: the third step of the handshake never came; the server sent SYN,ACK {tries} times, {gaps} s apart."
    )
    return text.format(tries=tries, gaps=t.gaps())


def _mss(t: Telling) -> str:
    text = _(
        "The {end} named no maximum segment size: the {other}, which takes {offered}, sends it {default} bytes at once."
    )
    return text.format(end=t.end(), other=t.other(), offered=t.number("offered"), default=t.number("default"))


def _scale(t: Telling) -> str:
    text = _(
        "The {other} offered window scaling, the {end} did not: neither has it, and at most 64 KiB are on their way."
    ).format(end=t.end(), other=t.other())
    if not t.has("bytes_per_second"):
        return text
    limit = _("With a round trip of {rtt} that allows {rate} a second.")
    return text + " " + limit.format(rtt=t.span("rtt_ns"), rate=t.size("bytes_per_second"))


def _half_closed(t: Telling) -> str:
    if t.number("still"):
        text = _("Half-closed: the {end} closed, and in the {time} up to the capture's end the {other} did not")
    else:
        text = _("Half-closed: the {end} closed, and the {other} only {time} later")
    if t.number("bytes"):
        text += _("; it sent {bytes} in the meantime")
    return (text + ".").format(end=t.end(), other=t.other(), time=t.span("for_ns"), bytes=t.size("bytes"))


def _reset(t: Telling) -> str:
    if t.has("closed"):
        closer = t.number("closed")
        whose = _("it had closed itself") if closer == t.number("end") else _("the {closer} had closed")
        text = _("The {end} ended it with a reset after {closed}; {bytes}.")
        return text.format(end=t.end(), closed=whose.format(closer=t.role(closer)), bytes=_both_ways(t))
    if not t.number("opened"):
        return _("Reset by the {end} {time} after the first packet, before it was open.").format(
            end=t.end(), time=t.span("after_ns")
        )
    text = _("Reset by the {end} in the middle, {time} after the first packet: {bytes}.")
    return text.format(end=t.end(), time=t.span("after_ns"), bytes=_both_ways(t))


def _both_ways(t: Telling) -> str:
    sent = {0: t.size("from_a"), 1: t.size("from_b")}
    text = _("the client had sent {client}, the server {server}")
    return text.format(client=sent[t.client], server=sent[1 - t.client])


def _zero_window(t: Telling) -> str:
    times = t.number("times")
    text = ngettext(
        "Stalled: the {end} had no room left once, for {time}; the {other} had to wait.",
        "Stalled: the {end} had no room left {times} times, for {time} in all; the {other} had to wait.",
        times,
    )
    return text.format(end=t.end(), other=t.other(), times=times, time=t.span("for_ns"))


def _loss(t: Telling) -> str:
    segments, total = t.number("segments"), t.number("of")
    what = t.size("bytes") if t.number("bytes") else _("SYN or FIN")
    text = ngettext(
        "Loss: the {end} sent {segments} of its {total} segments again ({rate}, {bytes})",
        "Loss: the {end} sent {segments} of its {total} segments again ({rate}, {bytes})",
        segments,
    ).format(end=t.end(), segments=segments, total=total, rate=f"{100 * segments / total:.2g} %", bytes=what)
    return text + _("; {time} went by waiting.").format(time=t.span("waited_ns"))


def _early(t: Telling) -> str:
    times, spurious = t.number("times"), t.number("spurious")
    text = ngettext(
        "The {end} sent {times} segment again before its time ({bytes})",
        "The {end} sent {times} segments again before their time ({bytes})",
        times,
    ).format(end=t.end(), times=times, bytes=t.size("bytes"))
    if spurious == times:
        return text + _(": they had been acknowledged.") if times > 1 else text + _(": it had been acknowledged.")
    return text + _(": sooner than one round trip, or already acknowledged.")


def _keep_alive(t: Telling) -> str:
    text = _("Nothing but keep-alives: {probes} of them, every {time}, {answers} answered.")
    return text.format(probes=t.number("probes"), time=t.span("every_ns"), answers=t.number("answers"))


def _reused(t: Telling) -> str:
    text = _(
        "The ports of connection {earlier} were used again {gap} after it closed: TIME-WAIT may not be over ({limit})."
    )
    limit = _("60 s on Linux") if t.number("linux") else _("4 min by RFC 9293, 60 s on Linux")
    return text.format(earlier=t.number("connection"), gap=t.span("gap_ns"), limit=limit)


def _icmp(t: Telling) -> str:
    header = bytes((t.number("type"), t.number("code"), 0, 0, 0, 0, 0, 0))
    words = icmp6_words(header) if t.number("family") == 6 else icmp4_words(header)
    return _("An ICMP error was sent about it: {words}.").format(words=words)


SENTENCES: Final[dict[Code, Callable[[Telling], str]]] = {
    Code.REFUSED: _refused,
    Code.NO_ANSWER: _no_answer,
    Code.HALF_OPEN: _half_open,
    Code.MSS_MISMATCH: _mss,
    Code.WINDOW_SCALE_MISMATCH: _scale,
    Code.HALF_CLOSED: _half_closed,
    Code.RESET: _reset,
    Code.ZERO_WINDOW: _zero_window,
    Code.LOSS: _loss,
    Code.EARLY_RETRANSMISSION: _early,
    Code.KEEP_ALIVE_ONLY: _keep_alive,
    Code.PORT_REUSED_EARLY: _reused,
    Code.ICMP_ERROR: _icmp,
    **OF_THE_CAPTURE,
}
