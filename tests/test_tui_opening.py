"""Where a capture opens: on its first connection, or on what went wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from analysis.session import Session
from capture.source import open_source
from tui.app import NetvizApp
from tui_pilot import FIXTURES, LARGE, settle
from views.verdicts import BAD, severity

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(("many", "moved"), [(60, False), (60, True), (20, False)])
async def test_many_connections_open_on_the_first_that_went_wrong_unless_somebody_has_moved(
    tmp_path: Path, many: int, moved: bool
) -> None:
    whole, refused = (FIXTURES / name for name in ("three-packet-close.pcap", "rst-after-syn.pcap"))
    path = tmp_path / "many.pcap"
    path.write_bytes(repeated(whole, many) + refused.read_bytes()[24:])
    session = Session(open_source(path))
    app = NetvizApp(session, "many.pcap")
    async with app.run_test(size=LARGE) as pilot:
        await pilot.pause(0.05)
        session.hold()
        if moved:
            app.desk.unfolded |= {1}
        session.run()
        await settle(pilot)
        went_wrong = [row for row in range(many + 1) if severity(app.desk.snapshot, row) == BAD]
        assert went_wrong == [many]
        assert app.desk.connection == (many if many > 50 and not moved else 0)
    session.close()


def repeated(capture: Path, times: int) -> bytes:
    """A capture of one IPv4 conversation so many times over, each from another client address."""
    data = capture.read_bytes()
    records = bytearray()
    for client in range(times):
        at = 24
        while at < len(data):
            size = 16 + int.from_bytes(data[at + 8 : at + 12], "little")
            record = bytearray(data[at : at + size])
            for address in (16 + 14 + 12, 16 + 14 + 16):
                if record[address : address + 3] == bytes((192, 0, 2)):
                    record[address + 2] = 100 + client
            records += record
            at += size
    return data[:24] + bytes(records)
