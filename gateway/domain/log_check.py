"""The check of a whole audit log as it stands in its table: row after row, in one pass and constant memory.

A row is a tuple of what the table holds, in the order of ``COLUMNS`` and in no way trusted: a value may be of any type.
Bytes that lead to a root that was signed are what the gateway wrote, so that a record is only parsed where its columns
seem to say something else.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from hashlib import sha256
from typing import Any

from gateway.domain.audit import Record, instant, is_instant, parse
from gateway.domain.errors import AuditBroken
from gateway.domain.ledger import PURGED, Erased
from gateway.domain.merkle import HASH_BYTES, Frontier, Growing, Head
from gateway.domain.words import Said, said

COLUMNS = (
    "index",
    "at",
    "event",
    "actor",
    "case",
    "request",
    "message",
    "partner",
    "outcome",
    "canonical",
    "leaf",
    "purged_by",
)
"""What a row holds; ``at`` is the text that a record has."""

Row = Sequence[Any]

_INSTANT_LENGTH = len("2026-02-04T23:00:00.000000Z")
_SALT_LENGTH = 32
_BLANK = ("", "", None, None, None, None, None, b"")
"""From event to bytes."""

_ENCODER = json.JSONEncoder(ensure_ascii=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attested:
    """A head that somebody vouches for, and who, as it is told."""

    head: Head
    by: Said


class LogCheck:
    """Takes the rows in the order of their index, page by page, then ``end``.

    1. Each row stands at its place, and none is missing or too many.
    2. Its leaf is the hash of its bytes: this names an altered record exactly.
    3. Its columns say what its bytes say.
    4. One that is erased is blank, and a later record tells of exactly those that are, and of their leaves.
    5. The tree has each root that is vouched for when it has its size, and the nodes of the head at the end.
    6. Nobody vouches for more records than there are: the log was not put back to an earlier state.

    Whoever writes the leaves anew as well can be placed between two heads that are vouched for: the error's index is
    then the first record that may be bad, and its reason names the last.

    Raises:
        AuditBroken: by every method, with the index of the first bad record.
    """

    def __init__(self, head: Frontier, attested: Iterable[Attested] = ()) -> None:
        # Popped from the end, the smallest first.
        self._points = sorted(attested, key=lambda point: point.head.size, reverse=True)
        self._head = head
        self._tree = Growing()
        self._purges = _Purges()
        self._columns = _Columns()
        self._proved = 0
        self.last_at: str | None = None
        self.setback = timedelta()
        self._pass_points()

    @property
    def size(self) -> int:
        """How many records were taken."""
        return self._tree.size

    @property
    def purged(self) -> int:
        """How many of them are erased: only their leaves vouch for them."""
        return self._purges.count

    def take(self, rows: Iterable[Row]) -> None:
        """The next rows."""
        tree, points = self._tree, self._points
        for row in rows:
            self._place(row[0])
            if row[11] is None:
                self._whole(row)
            else:
                self._purges.blank(row)
            if self.last_at is None or row[1] > self.last_at:
                self.last_at = row[1]
            elif row[1] < self.last_at:
                self.setback = max(self.setback, datetime.fromisoformat(self.last_at) - datetime.fromisoformat(row[1]))
            tree.append(row[10])
            if points and points[-1].head.size == tree.size:
                self._pass_points()

    def _place(self, index: object) -> None:
        position, size = self._tree.size, self._head.size
        if position >= size:
            raise AuditBroken(index=position, reason=said("Des enregistrements suivent la tête ({size}).", size=size))
        if index != position:
            reason = said("Un enregistrement manque, est en trop ou n'est pas à sa place.")
            raise AuditBroken(index=position, reason=reason)

    def _whole(self, row: Row) -> None:
        position, data = row[0], row[9]
        if type(data) is not bytes or sha256(b"\x00" + data).digest() != row[10]:
            raise AuditBroken(index=position, reason=said("L'enregistrement ne correspond pas à son empreinte."))
        self._columns.check(row, data)
        if row[2] == PURGED:
            self._purges.tell(parse(data, position=position))

    def end(self) -> Frontier:
        """That was all; the head that the rows lead to."""
        found, head = self._tree.frontier(), self._head
        if found.size != head.size:
            reason = said("Le journal s'arrête avant sa tête ({size}).", size=head.size)
            raise AuditBroken(index=found.size, reason=reason)
        self._purges.check()
        start = 0
        bits = [bit for bit in range(head.size.bit_length() - 1, -1, -1) if head.size >> bit & 1]
        for bit, kept, seen in zip(bits, head.nodes, found.nodes, strict=True):
            end = start + (1 << bit)
            if kept != seen:
                first = max(start, self._proved)
                reason = said("Un enregistrement de {first} à {last} a changé.", first=first, last=end - 1)
                raise AuditBroken(index=first, reason=reason)
            start = end
        if self._points:
            ahead = self._points[-1]
            reason = said(
                "{by} atteste {size} enregistrements ; il y en a {found}, dont aucun n'est confirmé depuis {first}.",
                by=ahead.by,
                size=ahead.head.size,
                found=head.size,
                first=self._proved,
            )
            raise AuditBroken(index=self._proved, reason=reason)
        return found

    def _pass_points(self) -> None:
        passed = False
        while self._points and self._points[-1].head.size == self._tree.size:
            point, passed = self._points.pop(), True
            if point.head.root != self._tree.frontier().root():
                first, last = self._proved, max(self._tree.size - 1, 0)
                reason = said(
                    "{by} contredit un enregistrement de {first} à {last}.", by=point.by, first=first, last=last
                )
                raise AuditBroken(index=first, reason=reason)
        if passed:
            self._proved = self._tree.size


class _Purges:
    """Erased records by the record that tells of them, and what these tell."""

    def __init__(self) -> None:
        self.count = 0
        self._seen: dict[int, Erased] = {}
        self._told: dict[int, Mapping[str, object]] = {}

    def blank(self, row: Row) -> None:
        index, at, leaf, told_by = row[0], row[1], row[10], row[11]
        whole = is_instant(at) and type(leaf) is bytes and len(leaf) == HASH_BYTES
        if not whole or type(told_by) is not int or tuple(row[2:10]) != _BLANK:
            raise AuditBroken(index=index, reason=said("L'enregistrement n'est effacé qu'à moitié."))
        self.count += 1
        self._seen.setdefault(told_by, Erased()).add(index, leaf)

    def tell(self, record: Record) -> None:
        self._told[record.index] = record.details

    def check(self) -> None:
        for told_by in sorted({*self._seen, *self._told}):
            seen, told = self._seen.get(told_by, Erased()), self._told.get(told_by)
            first = seen.first if seen.first is not None else told_by
            if told is None or any(told.get(name) != value for name, value in seen.details().items()):
                raise AuditBroken(
                    index=first,
                    reason=said(
                        "Ce qui est effacé de {first} à {last} n'est pas ce que dit l'enregistrement {by}.",
                        first=first,
                        last=seen.last if seen.last is not None else told_by,
                        by=told_by,
                    ),
                )


class _Columns:
    """Compares columns with the bytes beside them, by the text around what only the bytes hold.

    Party and site stand in no column: those of the last record that was read are expected of the next. No other text of
    a record but actor and message may hold a quotation mark or a backslash, so that a column which does never fits.
    """

    def __init__(self) -> None:
        self._party = self._end = ""

    def check(self, row: Row, data: bytes) -> None:
        if not self._fit(row, data):
            self._read(row, data)

    def _fit(self, row: Row, data: bytes) -> bool:
        index, at, event, actor, case, request, message, partner, outcome = row[:9]
        if type(at) is not str or len(at) != _INSTANT_LENGTH:
            return False
        start = f'{{"actor":{_quoted(actor)},"at":"{at}","case":{_plain(case)},"details":{{'
        middle = (
            f'}},"event":"{event}","index":{index},"message":{_message(message)},"outcome":{_plain(outcome)},'
            f'"partner":{_plain(partner)},"party":"{self._party}","request":{_plain(request)},"salt":"'
        )
        try:
            text = data.decode()
        except UnicodeDecodeError:
            return False
        end = len(text) - len(self._end)
        place = end - _SALT_LENGTH - len(middle)
        return (
            text.startswith(start) and place > 0 and text.startswith(middle, place) and text.startswith(self._end, end)
        )

    def _read(self, row: Row, data: bytes) -> None:
        position = row[0]
        record = parse(data, position=position)
        if record.index != position:
            reason = said("Un enregistrement manque, est en trop ou n'est pas à sa place.")
            raise AuditBroken(index=position, reason=reason)
        for name, stands in zip(COLUMNS[1:9], row[1:9], strict=True):
            if stands != _column(record, name):
                reason = said("La colonne « {name} » ne dit pas ce que dit l'enregistrement.", name=name)
                raise AuditBroken(index=position, reason=reason)
        self._party, self._end = record.party, f'","site":"{record.site}","v":1}}'


def _plain(value: object) -> str:
    return "null" if value is None else f'"{value}"'


def _message(value: object) -> str:
    if type(value) is str and ('"' in value or "\\" in value):
        return _ENCODER.encode(value)
    return _plain(value)


@lru_cache(maxsize=1024)
def _quoted(value: object) -> str:
    """An actor as JSON writes it; what no actor may be is nothing that JSON writes."""
    return _ENCODER.encode(value) if type(value) is str else "?"


def _column(record: Record, name: str) -> str | None:
    return instant(record.at) if name == "at" else getattr(record, name)
