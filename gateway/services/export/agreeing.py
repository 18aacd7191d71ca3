"""Whether what ``dossier.json`` states is what the log recorded when it happened.

The record of an export vouches that the file is as it was exported; it does not vouch for the database that it was made
of, which whoever keeps the machine can write. What carries a legal effect was recorded at its own time too, in records
that no one can change since: the two must agree.
"""

from collections.abc import Collection, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from gateway.domain.audit import Record, iso
from gateway.domain.ledger import PURGED
from gateway.domain.words import Said, said

_EVIDENCE = ("sent_at", "stated_at", "dated_at", "arrived_at")
_TAKEN_IN = frozenset({"answer.entered"})
"""Beside those that begin with ``mail.``: a mail as its bytes were first seen."""

Facts = Mapping[str, Any]


def contradictions(facts: Facts, records: Collection[Record]) -> Iterator[Said]:
    """What of it the log does not say; of a case whose records were erased after their years, only the keys."""
    known = set[tuple[object, ...]]()
    for record in records:
        known.update(_told(record))
    for row in _rows(facts, "keys"):
        pinned = ("key.pinned", row.get("owner"), row.get("fingerprint"), row.get("confirmed_by"))
        if row.get("confirmed_by") is not None and pinned not in known:
            yield said(
                "La clé {fingerprint} de {partner} n'est pas au journal telle que dossier.json la donne.",
                fingerprint=str(row.get("fingerprint")),
                partner=str(row.get("owner")),
            )
    if not any(record.event == PURGED and record.case == facts["case"] for record in records):
        yield from _of_the_case(facts, known)


def _of_the_case(facts: Facts, known: Collection[tuple[object, ...]]) -> Iterator[Said]:
    for row in _rows(facts, "evidence"):
        instants = tuple(_second(row.get(name)) for name in _EVIDENCE)
        stated = (row.get("request_hash"), row.get("partner"), row.get("grade"), row.get("kind"), *instants)
        if ("evidence.recorded", *stated) not in known:
            yield said(
                "Une preuve de réception de {partner} n'est pas au journal telle que dossier.json la donne.",
                partner=str(row.get("partner")),
            )
    for row in _rows(facts, "confirmations"):
        word = (row.get("request_hash"), row.get("asked"), row.get("person"), row.get("binding"))
        if ("request.confirmed", *word) not in known:
            yield said(
                "Ce que {person} a confirmé n'est pas au journal tel que dossier.json le donne.",
                person=str(row.get("person")),
            )
    for row in _rows(facts, "acceptances"):
        effect = (row.get("request_hash"), _second(row.get("effective_at")))
        if ("request.silence_recorded", *effect) not in known:
            yield said("Une acceptation réputée acquise n'est pas au journal telle que dossier.json la donne.")


def seen_as(number: object, records: Collection[Record]) -> frozenset[str]:
    """Every SHA-256 that the log gives the mail of this number; empty when it tells of none."""
    return frozenset(
        str(record.details["sha256"])
        for record in records
        if record.message == f"mail-{number}"
        and (record.event.startswith("mail.") or record.event in _TAKEN_IN)
        and record.details.get("sha256") is not None
    )


def _told(record: Record) -> Iterator[tuple[object, ...]]:
    details = record.details
    match record.event:
        case "key.pinned":
            yield (record.event, record.partner, record.outcome, record.actor)
        case "evidence.recorded":
            instants = (details.get(name) for name in _EVIDENCE)
            yield (record.event, record.request, record.partner, record.outcome, details.get("kind"), *instants)
        case "request.confirmed":
            yield (record.event, record.request, record.outcome, record.actor, details.get("about"))
        case "request.silence_recorded":
            yield (record.event, record.request, details.get("effective_at"))
        case _:
            return


def _rows(facts: Facts, name: str) -> Iterator[Mapping[str, Any]]:
    found = facts.get(name)
    yield from (row for row in (found if isinstance(found, list) else ()) if isinstance(row, dict))


def _second(told: object) -> object:
    """An instant to the second, as the log's details have it; anything else as it is."""
    try:
        at = datetime.fromisoformat(str(told))
    except ValueError:
        return told
    return iso(at.astimezone(UTC)) if at.tzinfo is not None else told
