"""Many JSON objects of the same keys at once: written column by column, several times as fast as one by one."""

from __future__ import annotations

import json
from json.encoder import encode_basestring_ascii
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

Table = dict[str, "list[Any] | Table"]
"""A column of K values for each key, or a table of its own for an object within each object."""

NUMBERS = {int, float, bool, type(None)}


def object_texts(table: Table) -> list[str]:
    """The K objects as JSON."""
    form = _form(table)
    return [form % values for values in zip(*map(_texts, columns(table).values()), strict=True)]


def columns(table: Table, prefix: str = "") -> dict[str, list[Any]]:
    """The columns of a table and of those in it, by keys joined with underscores."""
    found: dict[str, list[Any]] = {}
    for key, each in table.items():
        if isinstance(each, dict):
            found |= columns(each, f"{prefix}{key}_")
        else:
            found[prefix + key] = each
    return found


def _form(table: Table) -> str:
    """An object with `%s` in the place of each value."""
    return "{" + ", ".join(_members(table)) + "}"


def _members(table: Table) -> Iterator[str]:
    for key, each in table.items():
        yield f'"{key}": {_form(each) if isinstance(each, dict) else "%s"}'


def _texts(column: list[Any]) -> list[str]:
    """Each value as JSON: numbers all at once, what stands there often only once."""
    if not column:
        return []
    kinds = set(map(type, column))
    if kinds <= NUMBERS:
        return json.dumps(column)[1:-1].split(", ")
    if kinds <= {str, type(None)}:
        known = {value: encode_basestring_ascii(value) if value is not None else "null" for value in set(column)}
        return [known[value] for value in column]
    return [json.dumps(value) if value else "[]" for value in column]
