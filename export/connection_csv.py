"""Connections as CSV: a line each, the keys of the JSON object with a prefix for each end."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, Any

from analysis.findings import Findings
from export.connection_json import connection_tables, empty_table
from export.table_json import columns

if TYPE_CHECKING:
    from typing import TextIO

    import numpy as np
    from numpy.typing import NDArray

    from analysis.session import Session


def write_csv(session: Session, out: TextIO, rows: NDArray[np.int64]) -> None:
    """Write a title line and a line for each connection in `rows`; lists are joined with spaces."""
    if not len(rows):
        return
    writer, titles = csv.writer(out, lineterminator="\n"), list(columns(empty_table(session.snapshot)))
    writer.writerow(titles)
    for some, tables in connection_tables(session.snapshot, Findings(session).of_each(rows), session.source.names):
        lines: dict[int, tuple[Any, ...]] = {}
        for own, table in tables:
            flat, none = columns(table), [None] * len(own)
            cells = [list(map(_cell, flat.get(title, none))) for title in titles]
            lines.update(zip(own, zip(*cells, strict=True), strict=True))
        writer.writerows(lines[row] for row in some)


def _cell(value: Any) -> Any:
    if isinstance(value, list):
        return " ".join(str(item["code"] if isinstance(item, dict) else item) for item in value)
    return value
