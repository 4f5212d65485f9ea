"""Names, neighbours, masters and exchanges as the report's JSON objects; packets are told by their numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from export.causes_json import cause_objects, machine_objects
from export.connection_json import epoch

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from analysis.learned import Learned

SECOND: Final = 1_000_000_000


def learned_objects(learned: Learned) -> Mapping[str, Iterator[dict[str, Any]]]:
    """The objects of each list, by its key in the report."""
    return {
        "names": _names(learned),
        "neighbours": _neighbours(learned),
        "masters": _masters(learned),
        "exchanges": _exchanges(learned),
        "page_loads": _page_loads(learned),
        "machines": machine_objects(learned),
        "causes": cause_objects(learned),
    }


def _page_loads(learned: Learned) -> Iterator[dict[str, Any]]:
    for each in learned.page_loads:
        yield {
            "name": each.name,
            "address": each.address,
            "connection": each.connection,
            "phases": [
                {
                    "kind": phase.kind.value,
                    "what": phase.words,
                    "packet": phase.packet + 1,
                    "begin": epoch(phase.begin_ns),
                    "duration": (phase.end_ns - phase.begin_ns) / SECOND,
                }
                for phase in each.phases
            ],
        }


def _names(learned: Learned) -> Iterator[dict[str, Any]]:
    for each in learned.names:
        yield {
            "address": each.address,
            "name": each.name,
            "source": each.source.label,
            "packet": each.packet + 1,
        }


def _neighbours(learned: Learned) -> Iterator[dict[str, Any]]:
    for each in learned.neighbours:
        yield {
            "address": each.address,
            "hardware": each.hardware,
            "how": each.how.value,
            "packet": each.packet + 1,
            "before": each.before,
        }


def _masters(learned: Learned) -> Iterator[dict[str, Any]]:
    for each in learned.masters:
        yield {
            "protocol": f"VRRPv{each.version}",
            "virtual_router": each.router,
            "addresses": list(each.addresses),
            "master": each.master,
            "priority": each.priority,
            "interval": each.interval_ns / SECOND,
            "began": each.began.value,
            "silence": None if each.silence_ns is None else each.silence_ns / SECOND,
            "waits": each.waits_ns / SECOND,
            "resigned": each.resigned,
            "packet": each.packet + 1,
            "last_packet": each.last_packet + 1,
            "advertisements": each.advertisements,
            "begin": epoch(each.begin_ns),
            "duration": (each.end_ns - each.begin_ns) / SECOND,
        }


def _exchanges(learned: Learned) -> Iterator[dict[str, Any]]:
    for each in learned.exchanges:
        yield {
            "connection": each.connection,
            "kind": each.kind,
            "request": each.request,
            "request_packet": each.request_packet + 1,
            "reply": each.reply,
            "reply_packet": None if each.reply_packet is None else each.reply_packet + 1,
            "duration": None if each.took_ns is None else each.took_ns / SECOND,
            "call": each.call,
            "result": each.result,
        }
