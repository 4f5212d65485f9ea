"""What is typed as a filter becomes a tree of tests: words, comparisons and patterns under and, or and not."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, NamedTuple

MOST_CHARACTERS: Final = 2000
DEEPEST: Final = 50
"""Brackets within brackets; more would be a mistake, and Python's own stack ends somewhere."""

_TOKEN: Final = re.compile(
    r"""\s*(?:
      (?P<and>&&|and\b(?![.:-])) | (?P<or>\|\||or\b(?![.:-])) | (?P<not>!(?!=)|not\b(?![.:-]))
    | (?P<open>\() | (?P<close>\)) | (?P<set>\{) | (?P<end>\}) | (?P<comma>,)
    | (?P<operator>==|!=|>=|<=|>|<|=|(?:eq|ne|gt|lt|ge|le|in)(?=[\s{]))
    | /(?P<pattern>(?:[^/\\]|\\.)*)/(?P<case>i?)
    | "(?P<quoted>(?:[^"\\]|\\.)*)"
    | (?P<name>[A-Za-z][A-Za-z0-9_.-]*)(?P<colon>:)(?:"(?P<said>[^"]*)"|(?P<value>[^\s()"{}&|]*))
    | (?P<word>[^\s()!<>={},&|"/][^\s()!<>={},&|"]*)
    )""",
    re.VERBOSE | re.IGNORECASE,
)
_OPERATORS: Final = {"=": "==", "eq": "==", "ne": "!=", "gt": ">", "lt": "<", "ge": ">=", "le": "<="}


class FilterError(ValueError):
    """A filter that was not understood: the message is one sentence, `at` the place (from 0) that it is about."""

    def __init__(self, message: str, at: int) -> None:
        super().__init__(message)
        self.at = at


@dataclass(frozen=True, slots=True)
class Term:
    """A word, alone (no `operator`) or compared with values; `in` has several. `at`: where it stands in the text."""

    name: str
    operator: str
    values: tuple[str, ...]
    at: int


@dataclass(frozen=True, slots=True)
class Pattern:
    """A regular expression for what packets carry, between slashes; with `i` after it, letters of both cases match."""

    text: str
    any_case: bool
    at: int


@dataclass(frozen=True, slots=True)
class Not:
    """What `part` is not."""

    part: Node


@dataclass(frozen=True, slots=True)
class Every:
    """What every one of `parts` is; everything, if there is none."""

    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Either:
    """What at least one of `parts` is."""

    parts: tuple[Node, ...]


Node = Term | Pattern | Not | Every | Either


class _Token(NamedTuple):
    kind: str
    match: re.Match[str]

    @property
    def at(self) -> int:
        return self.match.start(self.kind)

    @property
    def text(self) -> str:
        return self.match[self.kind]


def parse(text: str) -> Node:
    """The tree of a filter; raises `FilterError`. An empty text is what everything matches."""
    if len(text) > MOST_CHARACTERS:
        raise FilterError(f"A filter has at most {MOST_CHARACTERS} characters.", MOST_CHARACTERS)
    reader = _Reader(_tokens(text), len(text))
    if reader.done():
        return Every(())
    node = reader.alternatives(0)
    if not reader.done():
        raise FilterError("This ) closes a bracket that was not opened; take it out.", reader.at)
    return node


def _tokens(text: str) -> list[_Token]:
    tokens: list[_Token] = []
    at, end = 0, len(text.rstrip())
    while at < end:
        match = _TOKEN.match(text, at)
        if match is None or match.end() == at:
            at += len(text[at:]) - len(text[at:].lstrip())
            raise FilterError(_unfinished(text[at]), at)
        tokens.append(_Token(next(kind for kind in _KINDS if match[kind] is not None), match))
        at = match.end()
    return tokens


_KINDS: Final = (
    "and", "or", "not", "open", "close", "set", "end", "comma", "operator", "pattern", "quoted", "name", "word",
)  # fmt: skip


def _unfinished(character: str) -> str:
    if character == "/":
        return "A pattern ends with a second /, as in /GET .*html/."
    if character == '"':
        return 'A quoted text ends with a second ".'
    return f"{character!r} means nothing here; and, or, not and brackets join words."


class _Reader:
    """Recursive descent: alternatives of sequences of tests. `depth` counts brackets and nots."""

    def __init__(self, tokens: list[_Token], length: int) -> None:
        self._tokens, self._length, self._next = tokens, length, 0

    def done(self) -> bool:
        return self._next == len(self._tokens)

    @property
    def at(self) -> int:
        return self._length if self.done() else self._tokens[self._next].at

    def _kind(self) -> str:
        return "" if self.done() else self._tokens[self._next].kind

    def _take(self) -> _Token:
        self._next += 1
        return self._tokens[self._next - 1]

    def alternatives(self, depth: int) -> Node:
        if depth > DEEPEST:
            raise FilterError(f"Brackets go at most {DEEPEST} deep.", self.at)
        parts = [self._sequence(depth)]
        while self._kind() == "or":
            self._take()
            parts.append(self._sequence(depth))
        return parts[0] if len(parts) == 1 else Either(tuple(parts))

    def _sequence(self, depth: int) -> Node:
        parts = [self._one(depth)]
        while self._kind() not in ("", "or", "close"):
            if self._kind() == "and":
                self._take()
            parts.append(self._one(depth))
        return parts[0] if len(parts) == 1 else Every(tuple(parts))

    def _one(self, depth: int) -> Node:
        if depth > DEEPEST:
            raise FilterError(f"Brackets go at most {DEEPEST} deep.", self.at)
        at = self.at
        if self.done():
            raise FilterError("Something is missing at the end, a word such as tcp or port:80.", at)
        token = self._take()
        match token.kind:
            case "not":
                return Not(self._one(depth + 1))
            case "open":
                node = self.alternatives(depth + 1)
                if self._kind() != "close":
                    raise FilterError("A bracket is not closed; ) is missing.", at)
                self._take()
                return node
            case "pattern":
                return Pattern(token.text, bool(token.match["case"]), at)
            case "name":
                said = token.match["said"]
                value = token.match["value"] if said is None else said
                if not value:
                    raise FilterError(f"{token.text}: needs a value right after it, without a space.", at)
                return Term(token.text.lower(), ":", (value,), at)
            case "word":
                return self._test(token)
        raise FilterError(f"{token.match[0].strip()!r} cannot stand here; a word such as tcp or port:80 can.", at)

    def _test(self, token: _Token) -> Term:
        if self._kind() != "operator":
            return Term(token.text.lower(), "", (), token.at)
        operator = self._take().text.lower()
        operator = _OPERATORS.get(operator, operator)
        values = self._set() if operator == "in" else (self._value(operator),)
        return Term(token.text.lower(), operator, values, token.at)

    def _value(self, operator: str) -> str:
        if self._kind() in ("word", "quoted", "name"):
            token = self._take()
            return token.match[0].strip() if token.kind != "quoted" else token.text
        raise FilterError(f"{operator} needs a value behind it, as in tcp.port == 80.", self.at)

    def _set(self) -> tuple[str, ...]:
        at = self.at
        if self._kind() != "set":
            raise FilterError("in needs values in braces, as in tcp.port in {80, 443}.", at)
        self._take()
        values = []
        while self._kind() in ("word", "quoted", "name", "comma"):
            if self._kind() == "comma":
                self._take()
            else:
                values.append(self._value("in"))
        if self._kind() != "end" or not values:
            raise FilterError("in needs values in braces, as in tcp.port in {80, 443}.", at)
        self._take()
        return tuple(values)
