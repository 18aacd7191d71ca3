"""What people type in a story: a fiche of any kind, a fact, who pays for a day; its dates follow the machine."""

import json
from collections.abc import Mapping
from datetime import date, timedelta
from itertools import count
from pathlib import Path
from typing import Any

from gateway.domain.kinds import KINDS, Kind, parse_date
from tests.journeys import papers
from tests.system.documents import pdf
from tests.system.gateways import Gateway, until
from tests.system.steps import now

ADMISSION = date(2026, 1, 18)
"""The day of the written stories that is today on the machine."""

_numbers = count(1)


def today(gateway: Gateway) -> date:
    """The date in which servers and gateways live."""
    return now(gateway.machine).date()


def day(gateway: Gateway, written: str) -> str:
    """A day of the written story, on this machine."""
    return _moved(written, today(gateway) - ADMISSION)


def writes(
    gateway: Gateway,
    folder: Path,
    kind: str,
    *,
    case: str | None = None,
    also: tuple[str, ...] = (),
    told: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """``gateway submit``: a fiche with what is usual and what the story tells, and its pieces; returns what it printed.

    Dates in ``told`` are days of the written story.
    """
    row = KINDS[kind]
    number = next(_numbers)
    file = folder / f"fiche-{number}.toml"
    file.write_text(_fiche(row, _values(gateway, row, told or {})), encoding="utf-8")
    words = ["submit", str(file), *(("--case", case) if case else ())]
    for piece in row.pieces:
        if piece.required or piece.role in also:
            paper = folder / f"{number}-{piece.fiche}.pdf"
            paper.write_bytes(pdf(piece.title))
            words += ["--attach", f"{piece.role}={paper}"]
    done: dict[str, str] = gateway.json(*words)
    return done


def notes(gateway: Gateway, kind: str, case: str, told: Mapping[str, str] | None = None) -> str:
    """``gateway note``: a fact of today; returns the state in which it leaves the case."""
    row = KINDS[kind]
    values = _values(gateway, row, told or {})
    words = [word for field in row.fields if field.id in values for word in ("--set", _pair(row, field.id, values))]
    return str(gateway.json("note", kind, "--case", case, *words)["state"])


def who_pays(gateway: Gateway, case: str, written: str) -> str:
    """``gateway coverage``: payer and reason for a day of the written story."""
    found = gateway.json("coverage", case, "--at", day(gateway, written))["decides"]
    return f"{found['payer']}: {found['reason']}"


def case_becomes(gateway: Gateway, case: str, state: str) -> None:
    """Wait until this gateway holds the case in this state."""
    until(
        lambda: gateway.peek("SELECT 1 FROM cases WHERE ref = ? AND state = ?", case, state),
        f"{gateway.role}: {case} {state}",
    )


def got(gateway: Gateway, case: str, kind: str) -> None:
    """Wait until this gateway has received a message of this kind in the case."""
    query = (
        "SELECT 1 FROM messages JOIN cases ON cases.id = messages.case_id "
        "WHERE cases.ref = ? AND messages.kind = ? AND direction = 'in'"
    )
    until(lambda: gateway.peek(query, case, kind), f"{gateway.role}: {kind}")


def _values(gateway: Gateway, row: Kind, told: Mapping[str, str]) -> dict[str, str]:
    values = papers.values(row, ADMISSION.isoformat(), told)
    return {name: _moved(value, today(gateway) - ADMISSION) for name, value in values.items()}


def _moved(value: str, by: timedelta) -> str:
    found = parse_date(value)
    return value if found is None else (found + by).isoformat()


def _pair(row: Kind, name: str, values: Mapping[str, str]) -> str:
    field = row.field(name)
    if field is None:
        raise LookupError(name)
    return f"{field.fiche}={values[name]}"


def _fiche(row: Kind, values: Mapping[str, str]) -> str:
    sections: dict[str, list[str]] = {}
    for field in row.fields:
        if field.id in values:
            section, _, key = field.fiche.partition(".")
            sections.setdefault(section, []).append(f"{key} = {json.dumps(values[field.id], ensure_ascii=False)}")
    lines = [f'kind = "{row.id}"', ""]
    lines += [line for section, keys in sections.items() for line in (f"[{section}]", *keys, "")]
    return "\n".join(lines)


def troubles(gateway: Gateway) -> list[Any]:
    """What a person would have to look at: mails in triage, alarms; the log must verify."""
    if not gateway.json("audit", "verify")["verified"]:
        raise AssertionError(f"{gateway.role}: the audit log is altered")
    # That a clock was moved, and that a period ends tomorrow, is no trouble.
    alarms = gateway.peek(
        "SELECT event FROM audit WHERE event LIKE 'alarm.%' "
        "AND event NOT LIKE 'alarm.clock%' AND event <> 'alarm.period_ends'"
    )
    return [*gateway.json("triage", "list"), *alarms]
