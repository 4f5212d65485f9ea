"""What can be typed after `:`."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.session import Session
from capture.source import open_source
from tui.desk import Desk
from tui.goto import NotUnderstoodError, Place, parse
from tui_pilot import FIXTURES
from views.options import Options

START = 1_700_000_000_123_456_789  # 2023-11-14 22:13:20 UTC
SECOND = 10**9

UNDERSTOOD = {
    "120": Place(packet=120),
    " #7 ": Place(packet=7),
    ":packet 7": Place(packet=7),
    "conn 5": Place(connection=5),
    "c5": Place(connection=5),
    "conn:12": Place(connection=12),
    "+1.5s": Place(time_ns=START + 1_500_000_000),
    "250ms": Place(time_ns=START + 250_000_000),
    "0.000000001s": Place(time_ns=START + 1),
    "3us": Place(time_ns=START + 3000),
    "2 min": Place(time_ns=START + 120 * SECOND),
    "22:13:21": Place(time_ns=1_700_000_001 * SECOND),
    "22:13:21.25": Place(time_ns=1_700_000_001 * SECOND + 250_000_000),
    "22:14": Place(time_ns=1_700_000_040 * SECOND),
    "00:00:01": Place(time_ns=1_700_006_401 * SECOND),  # past midnight
}


@pytest.mark.parametrize("text", UNDERSTOOD)
def test_places_that_are_understood(text: str) -> None:
    assert parse(text, START, utc=True) == UNDERSTOOD[text]


@pytest.mark.parametrize("text", ["", "x", "-3", "25:00", "12:60:00", "conn", "1.5", "5 apples", "1:2:3:4"])
def test_anything_else_is_answered_with_what_would_be(text: str) -> None:
    with pytest.raises(NotUnderstoodError, match=r"[Ww]rite|clock"):
        parse(text, START, utc=True)


@given(st.text(max_size=20))
def test_no_text_crashes(text: str) -> None:
    try:
        place = parse(text, START, utc=False)
    except NotUnderstoodError:
        return
    assert sum(part is not None for part in (place.packet, place.connection, place.time_ns)) == 1


@pytest.mark.parametrize("near_by", [1, 4, 1000])
def test_a_time_is_a_packet_of_the_connection_however_far_apart_they_are(
    monkeypatch: pytest.MonkeyPatch, near_by: int
) -> None:
    monkeypatch.setattr("tui.desk.NEAR_BY", near_by)
    session = Session(open_source(FIXTURES / "browse.pcapng"))
    session.run()
    desk = Desk(session, "browse", Options(), session.snapshot)
    times = session.snapshot.packets.time_ns
    for connection in range(len(session.snapshot.connections)):
        rows = session.packets_of(connection)
        for row in rows.tolist():
            assert desk.packet_in_time(connection, int(times[row])) == rows[times[rows] == times[row]][0]
        assert desk.packet_in_time(connection, int(times[0]) - 1) == rows[0]
        assert desk.packet_in_time(connection, int(times[-1]) + 1) == rows[-1]
