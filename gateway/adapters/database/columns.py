"""Column types: aware instants, enumerations and text lists, stored as an auditor can read them with plain SQL."""

import json
from datetime import UTC, datetime
from enum import Enum
from typing import Any

from sqlalchemy import Column, Dialect, String, Text
from sqlalchemy.types import TypeDecorator

_LENGTH = len("2026-02-04T23:00:00.000000Z")


class Instant(TypeDecorator[datetime]):
    """An aware UTC instant as RFC 3339 text of fixed width, so that text order is time order on every database."""

    impl = String(_LENGTH)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> str | None:  # noqa: ARG002, D102  SQLAlchemy's
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a naive instant reached the database")
        return value.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")

    def process_result_value(self, value: str | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002, D102  SQLAlchemy's
        return None if value is None else datetime.fromisoformat(value)


class Choice(TypeDecorator[Any]):
    """A member of an enumeration, stored by its value as text."""

    impl = String(40)
    cache_ok = True

    def __init__(self, choices: type[Enum]) -> None:
        super().__init__()
        self.choices = choices
        self._by_value = {str(choice.value): choice for choice in choices}

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:  # noqa: ARG002, D102  SQLAlchemy's
        return None if value is None else str(value.value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:  # noqa: ARG002, D102  SQLAlchemy's
        if value is None:
            return None
        found = self._by_value.get(value)
        if found is None:
            raise ValueError("a column holds none of its choices")
        return found


class Words(TypeDecorator[tuple[str, ...]]):
    """A short list of codes."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: tuple[str, ...] | None, dialect: Dialect) -> str | None:  # noqa: ARG002, D102  SQLAlchemy's
        return None if value is None else json.dumps(list(value))

    def process_result_value(self, value: str | None, dialect: Dialect) -> tuple[str, ...] | None:  # noqa: ARG002, D102  SQLAlchemy's
        return None if value is None else tuple(json.loads(value))


class Choices(TypeDecorator[tuple[Any, ...]]):
    """Members of an enumeration, stored by their values as a list of text."""

    impl = Text
    cache_ok = True

    def __init__(self, choices: type[Enum]) -> None:
        super().__init__()
        self.choices = choices

    def process_bind_param(self, value: tuple[Any, ...] | None, dialect: Dialect) -> str | None:  # noqa: ARG002, D102  SQLAlchemy's
        return None if value is None else json.dumps([member.value for member in value])

    def process_result_value(self, value: str | None, dialect: Dialect) -> tuple[Any, ...] | None:  # noqa: ARG002, D102  SQLAlchemy's
        return None if value is None else tuple(self.choices(each) for each in json.loads(value))


def instant(*, index: bool = False, optional: bool = True) -> Column[datetime]:
    """A column that holds an instant."""
    return Column(Instant, nullable=optional, index=index)
