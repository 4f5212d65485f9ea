"""When an index is kept and used: the analysis of a large plain file, put away when it is done and fetched when opened.

`analysis.index` knows how the file looks; this module knows what of a session goes into it.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Final

from analysis.index import Content, load, save
from capture.batch import Interface
from capture.errors import Problem
from capture.tales import Comment

if TYPE_CHECKING:
    from pathlib import Path

    from analysis.analyser import Analyser
    from capture.fingerprint import Fingerprint
    from capture.source import CaptureSource

LEAST_BYTES: Final = 256 << 20
"""Smaller captures are read again in less than half a second, which is not worth a file."""


@dataclass(slots=True)
class Keeper:
    """Keeps an index of the capture at `path` in `folder`, if it has at least `least_bytes`. One for each session."""

    path: Path
    folder: Path
    least_bytes: int = LEAST_BYTES
    _opened: Fingerprint | None = None

    def restore(self, source: CaptureSource, analyser: Analyser) -> bool:
        """Fill the analyser and the source's tales from an index of this very file; False if there is none.

        Raises OSError if the capture itself cannot be read.
        """
        if (source.bytes_total or 0) < self.least_bytes:
            return False
        self._opened = source.fingerprint()
        if self._opened is None:
            return False
        content = load(self.folder, self.path, self._opened, version("netviz-tui"))
        if content is None or not _fits(content, analyser):
            return False
        _unpack(content, source, analyser)
        return True

    def keep(self, source: CaptureSource, analyser: Analyser) -> bool:
        """Write an index of what was read, if the file is large enough and has not changed since it was opened.

        Raises OSError: no room, no permission.
        """
        if self._opened is None or source.fingerprint() != self._opened:
            return False
        save(self.folder, self.path, self._opened, version("netviz-tui"), _pack(source, analyser))
        return True


def _fits(content: Content, analyser: Analyser) -> bool:
    """Whether the columns are those of today's tables: another build may have kept others under the same version."""
    expected = {f"packets {name}": column for name, column in analyser.packets.columns.items()}
    expected |= {f"connections {name}": column for name, column in analyser.connections.columns.items()}
    expected |= {f"pairs {name}": column for name, column in analyser.connections.pairs.columns().items()}
    expected |= {f"sightings {name}": column for name, column in analyser.sightings.items()}
    expected |= {f"joined {name}": column for name, column in analyser.joined.items()}
    expected |= {f"renumbered {name}": column for name, column in analyser.connections.renumbered.items()}
    layout = {name: (column.dtype, column.shape[1:]) for name, column in expected.items()}
    return layout == {name: (column.dtype, column.shape[1:]) for name, column in content.columns.items()}


def _pack(source: CaptureSource, analyser: Analyser) -> Content:
    packets, connections = analyser.packets.columns, analyser.connections.columns
    columns = {f"packets {name}": packets[name] for name in packets.names()}
    columns |= {f"connections {name}": connections[name] for name in connections.names()}
    columns |= {f"pairs {name}": word for name, word in analyser.connections.pairs.columns().items()}
    columns |= {f"sightings {name}": column for name, column in analyser.sightings.items()}
    columns |= {f"joined {name}": column for name, column in analyser.joined.items()}
    columns |= {f"renumbered {name}": column for name, column in analyser.connections.renumbered.items()}
    facts: dict[str, Any] = {
        "interfaces": [asdict(each) for each in source.interfaces],
        "names": source.names,
        "comments": [asdict(each) for each in source.comments],
        "problems": [asdict(each) for each in source.problems],
        "long histories": {str(row): rest.hex() for row, rest in analyser.connections.long_histories.items()},
        "carried": {name: list(each.items()) for name, each in analyser.connections.counts.carried.items()},
    }
    return Content(columns, facts)


def _unpack(content: Content, source: CaptureSource, analyser: Analyser) -> None:
    packets, connections = analyser.packets.columns, analyser.connections.columns
    packets.adopt({name: content.columns[f"packets {name}"] for name in packets.names()})
    connections.adopt({name: content.columns[f"connections {name}"] for name in connections.names()})
    analyser.sightings.adopt({"pair": content.columns["sightings pair"]})
    for kind, table in (("joined", analyser.joined), ("renumbered", analyser.connections.renumbered)):
        table.adopt({name: content.columns[f"{kind} {name}"] for name in table.names()})
    kept = {name.removeprefix("pairs "): word for name, word in content.columns.items() if name.startswith("pairs ")}
    analyser.connections.pairs.restore(kept)
    facts = content.facts
    source.interfaces[:] = [Interface(**each) for each in facts["interfaces"]]
    source.names.update(facts["names"])
    source.comments[:] = [Comment(**each) for each in facts["comments"]]
    source.problems[:] = [Problem(**each) for each in facts["problems"]]
    histories = {int(row): bytearray.fromhex(rest) for row, rest in facts["long histories"].items()}
    analyser.connections.long_histories.update(histories)
    for name, carried in facts["carried"].items():
        analyser.connections.counts.carried[name].update(dict(carried))
