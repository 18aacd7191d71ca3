"""What a dossier states in JSON: the case without the patient, the policy in force, and the list of its pieces."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from datetime import datetime, timedelta
from typing import Any

from gateway.domain.parties import Partner, Party
from gateway.domain.plain import plain
from gateway.ports import PublicKey
from gateway.services.export.gathering import Gathered

FORMAT = "soins-passerelle/dossier/1"
OURSELVES = "nous"
SIGNERS = "SIGNATURES.txt"

_HIDDEN = frozenset(
    {
        "site",
        "words",
        "identity",
        "identity_lookup",
        "vault_key",
        "details",
        "entity",
        "file",
        "material",
        "proposal",
        "case_id",
    }
)
"""Columns of ours that say nothing to others, or are sealed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What this gateway demanded when the dossier was made."""

    grace: timedelta
    persons_needed: int
    watched: tuple[str, ...]
    software: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A mail, or an opened entity, as a file of the dossier; ``name`` is None when it is not enclosed, ``why`` says it.

    ``signed`` names the files that a signature in clear was taken apart into, without their endings.
    """

    name: str | None
    why: str | None = None
    sha256: str | None = None
    size: int = 0
    signed: str | None = None
    suite: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pieces:
    """The pieces by the number of the row that they belong to."""

    mails: Mapping[int, Piece]
    transmissions: Mapping[int, Piece]
    contents: Mapping[int, Piece]
    entered: Mapping[int, Piece]


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """Who exports what, when; ``recorded`` says that the log keeps it."""

    actor: str
    at: datetime
    with_content: bool
    recorded: bool


def key_name(suite: str, fingerprint: str) -> str:
    """The file of a public key."""
    return f"cles/{fingerprint}.{'pem' if suite == 'smime' else 'asc'}"


def encoded(value: object) -> bytes:
    """A JSON file."""
    return (json.dumps(plain(value), ensure_ascii=False, indent=2) + "\n").encode()


def dossier(
    found: Gathered, pieces: Pieces, export: Export, *, party: Party, keys: Iterable[PublicKey], policy: Policy
) -> dict[str, Any]:
    """``dossier.json``, without the policy."""
    return {
        "format": FORMAT,
        "case": found.case.ref,
        "by": {"id": party.id, "role": party.role, "name": party.name, "site": party.site},
        "exported_at": export.at,
        "exported_by": export.actor,
        "recorded": export.recorded,
        "with_content": export.with_content,
        "software": policy.software,
        "stay": _row(found.case),
        "requests": [_row(row) for row in found.requests],
        "evidence": [_row(row) for row in found.evidence],
        "confirmations": [_row(row) for row in found.confirmations],
        "acceptances": [_row(row) for row in found.acceptances],
        "answers": [_row(row) for row in found.answers],
        "challenges": [_row(row) for row in found.challenges],
        "rulings": [_row(row) for row in found.rulings],
        "entered": [_row(row) | _piece(pieces.entered.get(row.id), "piece") for row in found.entered],
        "facts": [_row(row) for row in found.facts],
        "messages": [_row(row) | _piece(pieces.contents.get(row.id), "content") for row in found.messages],
        "mails": [_row(row) | _piece(pieces.mails.get(row.id), "piece") for row in found.mails],
        "transmissions": [_row(row) | _piece(pieces.transmissions.get(row.id), "piece") for row in found.transmissions],
        "keys": [*_own_keys(keys), *_pinned(found)],
    }


def signers(facts: Mapping[str, Any]) -> bytes:
    """``SIGNATURES.txt``: each mail signed in clear, its author, the suite, and the author's keys that were in force.

    ``facts`` is ``dossier.json`` as it is read.
    """
    lines = []
    for owner, row in _sent_and_received(facts):
        piece = row.get("piece")
        if isinstance(piece, dict) and piece.get("signed"):
            known = (key["fingerprint"] for key in facts["keys"] if is_key_of(key, owner, piece["suite"]))
            lines.append(" ".join(map(str, (piece["signed"], owner, piece["suite"], *known))) + "\n")
    return "".join(lines).encode()


def is_key_of(key: Mapping[str, Any], owner: str, suite: str) -> bool:
    """Whether a signature of this author may be by this key of ``dossier.json``: one that was only proposed is none."""
    return (key.get("owner"), key.get("suite")) == (owner, suite) and key.get("status") != "proposed"


def _sent_and_received(facts: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    yield from ((str(row.get("partner")), row) for row in facts["mails"])
    yield from ((OURSELVES, row) for row in facts["transmissions"])


def policy_json(policy: Policy, partners: Iterable[Partner]) -> dict[str, Any]:
    """``politique.json``: thresholds, conventions, grace."""
    return {
        "grace_hours": policy.grace / timedelta(hours=1),
        "persons_needed": policy.persons_needed,
        "watched": policy.watched,
        "software": policy.software,
        "partners": [
            {"id": each.id, "role": each.role, "kind": each.kind, "suite": each.suite} | asdict(each.policy)
            for each in partners
        ],
    }


def _row(row: Any) -> dict[str, Any]:
    return {each.name: getattr(row, each.name) for each in fields(row) if each.name not in _HIDDEN}


def _piece(piece: Piece | None, name: str) -> dict[str, Any]:
    return {} if piece is None else {name: asdict(piece)}


def _own_keys(keys: Iterable[PublicKey]) -> Iterable[dict[str, Any]]:
    for key in keys:
        known = {"owner": OURSELVES, "suite": key.suite, "fingerprint": key.fingerprint}
        yield known | {"file": key_name(key.suite.value, key.fingerprint)}


def _pinned(found: Gathered) -> Iterable[dict[str, Any]]:
    """Who pinned each key and when: the person compared the fingerprint by another way."""
    for pin in found.pins:
        yield {
            "owner": pin.partner,
            "suite": pin.suite,
            "fingerprint": pin.fingerprint,
            "file": key_name(pin.suite, pin.fingerprint),
            "pinned_at": pin.pinned_at,
            "pinned_by": pin.pinned_by,
            "confirmed_by": pin.confirmed_by,
            "retired_at": pin.retired_at,
            "status": "retired" if pin.retired_at else "proposed" if pin.confirmed_by is None else "in_force",
        }
