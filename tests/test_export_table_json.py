"""Objects written column by column are the same as objects written one by one."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from export.table_json import columns, object_texts

NUMBERS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
TEXTS = st.none() | st.text()
LISTS = st.lists(st.integers() | st.dictionaries(st.text(), TEXTS), max_size=3)


@given(st.data(), st.integers(0, 5))
def test_a_table_is_its_objects_side_by_side(data: st.DataObject, count: int) -> None:
    def column(values: st.SearchStrategy[Any]) -> list[Any]:
        return data.draw(st.lists(values, min_size=count, max_size=count))

    flat = {"number": column(NUMBERS), "name": column(TEXTS), "list": column(LISTS), "none": [None] * count}
    addresses, counts = column(st.text()), column(st.integers())
    expected = [
        {
            **{key: values[at] for key, values in flat.items()},
            "end": {"address": addresses[at], "marks": {"zero_window": counts[at]}},
        }
        for at in range(count)
    ]
    table: Any = {**flat, "end": {"address": addresses, "marks": {"zero_window": counts}}}
    assert [json.loads(text) for text in object_texts(table)] == expected
    assert [*columns(table)] == [*flat, "end_address", "end_marks_zero_window"]


def test_text_that_looks_like_a_form_or_like_json_is_only_text() -> None:
    hostile = ['%s "%(x)s" \\', "\x1b[2J\u2028\ud800", ", null"]
    assert [json.loads(text)["name"] for text in object_texts({"name": hostile})] == hostile
