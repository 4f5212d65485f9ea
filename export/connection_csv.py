"""Connections as CSV: a line each, the keys of the JSON object with a prefix for each end."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, Any

from analysis.findings import Findings
from export.connection_json import connection_objects

if TYPE_CHECKING:
    from typing import TextIO

    import numpy as np
    from numpy.typing import NDArray

    from analysis.session import Session


def write_csv(session: Session, out: TextIO, rows: NDArray[np.int64]) -> None:
    """Write a title line and a line for each connection in `rows`; lists are joined with spaces."""
    writer: csv.DictWriter[str] | None = None
    found = Findings(session).of_each(rows)
    for each in connection_objects(session.snapshot, found, session.source.names):
        flat = dict(_flat(each))
        if writer is None:
            writer = csv.DictWriter(out, list(flat), extrasaction="ignore", lineterminator="\n")
            writer.writeheader()
        writer.writerow(flat)


def _flat(value: dict[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    items: list[tuple[str, Any]] = []
    for key, each in value.items():
        if isinstance(each, dict):
            items.extend(_flat(each, f"{prefix}{key}_"))
        elif isinstance(each, list):
            items.append(
                (prefix + key, " ".join(str(item["code"] if isinstance(item, dict) else item) for item in each))
            )
        else:
            items.append((prefix + key, each))
    return items
