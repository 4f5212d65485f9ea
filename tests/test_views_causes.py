"""Causes in sentences: beside the packets that have a part in them, and as a list."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from analysis.causes import Cause, Confidence
from analysis.causes_evidence import Fact, Kind
from analysis.learned import learn
from analysis.session import Session
from capture.source import open_source
from views.causes import SAYING, by_weight, caused_by, connection_causes, fact_words, tell_causes
from views.explanation import Explanation
from views.learned import learned_lines
from views.options import Options
from views.text import plain

FIXTURES = Path(__file__).parents[1] / "fixtures"
OPTIONS, ASCII = Options(), Options(ascii=True)
FACTS = (
    Fact(Kind.ASKED, (3, 8), number=700_000),
    Fact(Kind.VIA, (8,), "Via: 1.1 p"),
    Fact(Kind.FORWARDED_FOR, (3, 8), "X"),
)
CAUSE = Cause(0, 3, 1, 5, 8, Confidence.CERTAIN, FACTS)


def explained(name: str, *, full: bool) -> dict[str, str]:
    """The explanation of the opening and the request of a capture's first cause, and of what caused them."""
    with closing(Session(open_source(FIXTURES / name))) as session:
        session.run()
        causes = learn(session).causes
        told = {}
        for role in ("packet", "opening", "request"):
            packet = getattr(causes[0], role)
            details = {packet: session.details(np.array([packet]))[0]}
            row = int(session.snapshot.packets.connection[packet])
            view = Explanation(session.snapshot, row, packet, details, full=full, options=OPTIONS, causes=causes)
            told[role] = " ".join(plain(view.draw(index, 100)).strip() for index in range(len(view)))
        return told


def test_the_packets_of_a_cause_tell_it() -> None:
    told = explained("nginx-reverse.pcapng", full=True)
    assert "Opened because of packet" in told["opening"]
    assert "on connection 0, certain: “X-Forwarded-For: 10.0.0.1” names its client; both say GET /1" in told["opening"]
    assert "13 B of the reply's body are in the other reply" in told["request"]
    assert told["request"].count("Asked because of packet") == 1
    assert "It caused connection 1 (packet" in told["packet"]


def test_the_short_form_tells_what_weighs_most() -> None:
    told = explained("nginx-reverse.pcapng", full=False)
    assert "names its client" in told["opening"]


def test_facts_are_told_by_their_weight() -> None:
    assert [fact.kind for fact in by_weight(FACTS)] == [Kind.FORWARDED_FOR, Kind.VIA, Kind.ASKED]


def test_only_packets_with_a_part_in_it_tell_of_a_cause() -> None:
    assert tell_causes((CAUSE,), 4, OPTIONS, full=True) == []
    assert tell_causes((CAUSE,), 3, OPTIONS, full=True) == ["It caused connection 1 (packet 6, certain)."]


def test_the_first_line_names_causes_and_effects() -> None:
    causes = [CAUSE, *(Cause(1, 8, number, None, 20, Confidence.LIKELY, FACTS[:1]) for number in range(2, 7))]
    assert connection_causes(causes, 0) == "caused #1"
    assert connection_causes(causes, 1) == "caused by #0, caused #2? #3? #4? and 2 more"
    assert connection_causes(causes, 7) == ""


def test_one_sure_cause_among_guesses_makes_it_sure() -> None:
    guess = replace(CAUSE, confidence=Confidence.LIKELY)
    assert caused_by([guess]) == "#0?"
    assert caused_by([guess, CAUSE, replace(guess, connection=4)]) == "#0 #4?"


def test_of_many_effects_some_are_named() -> None:
    many = [Cause(0, 3, number, None, 10 * number, Confidence.LIKELY, FACTS[:1]) for number in range(1, 6)]
    (told,) = tell_causes(many, 3, OPTIONS, full=True)
    assert told.startswith("It caused connection 1 (packet 11, likely), connection 2")
    assert told.endswith(", 2 more.")


@pytest.mark.parametrize("kind", Kind)
def test_every_fact_has_words_and_hostile_values_are_made_safe(kind: Kind) -> None:
    words = fact_words(Fact(kind, (1, 2), "\x1b[31m" + "x" * 5000, 12), ASCII)
    assert kind in SAYING
    assert words.isascii()
    assert words.isprintable()
    assert len(words) < 200


def test_reports_list_machines_of_several_addresses() -> None:
    with closing(Session(open_source(FIXTURES / "nginx-reverse.pcapng"))) as session:
        session.run()
        lines = list(learned_lines(learn(session), OPTIONS, 140))
    place = lines.index(" Machines, deduced")
    assert lines[place + 1].split("  ")[1:] == [
        "proxy",
        "10.0.0.2 10.0.1.2",
        "02:00:00:00:00:02 02:00:00:00:00:03",
        "named by the capture, sent from one hardware address",
    ]
    assert lines[place + 2] == " Causes, deduced"


def test_reports_list_causes() -> None:
    with closing(Session(open_source(FIXTURES / "lvs-nat.pcapng"))) as session:
        session.run()
        lines = list(learned_lines(learn(session), OPTIONS, 120))
    place = lines.index(" Causes, deduced")
    assert lines[place + 1].startswith("  conn 0 caused conn 1  both sides have the initial sequence numbers")
