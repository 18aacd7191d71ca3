"""From the configuration to what vouches for the audit log: its key, its anchors, and what verifies them."""

import secrets
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from gateway.adapters.log_key import AnchorFile, LogKey, verify_note
from gateway.adapters.tsa import TimestampAuthority
from gateway.config import Settings
from gateway.domain.checkpoint import VerifierKey, notes_in
from gateway.domain.errors import CheckpointInvalid
from gateway.domain.words import said
from gateway.rooms import Rooms
from gateway.services.anchor_mail import AnchorPost
from gateway.services.anchors import Outside
from gateway.services.auditing import Auditor
from gateway.services.purge import Purge, Terms
from gateway.services.witness import Rule, Witness
from gateway.storage import Store


def log_key(settings: Settings) -> LogKey | None:
    """The key of [audit]; None without that section.

    Raises:
        SecretUnreadable.
    """
    section = settings.audit
    if section is None:
        return None
    us, source = settings.gateway, section.key
    where = source.file or source.env or source.credential
    return LogKey.load(f"soins-passerelle/{us.party}/{us.site}", source.read(), source=where)


def authority(settings: Settings) -> TimestampAuthority | None:
    """The time-stamping authority of [time]; None without one."""
    section = settings.time
    if section.tsa is None or section.tsa_ca is None:
        return None
    return TimestampAuthority(url=section.tsa, roots=section.tsa_ca)


def witness(base: Rooms) -> Witness | None:
    """What signs and anchors checkpoints; None without [audit].

    Raises:
        SecretUnreadable.
    """
    settings = base.settings
    key, section = log_key(settings), settings.audit
    if key is None or section is None:
        return None
    return Witness(
        store=base.store,
        signer=key,
        clock=base.clock,
        rule=Rule(records=section.checkpoint_records, age=timedelta(minutes=section.checkpoint_minutes)),
        book=AnchorFile(path=section.anchor_file) if section.anchor_file is not None else None,
        stamper=authority(settings) if section.timestamps else None,
        post=_post(base, section.anchor_mail) if section.anchor_mail is not None else None,
    )


def _post(base: Rooms, address: str) -> AnchorPost:
    return AnchorPost(
        store=base.store,
        cabinet=base.cabinet,
        clock=base.clock,
        party=base.settings.party,
        noise=secrets.token_bytes,
        address=address,
    )


def purge(base: Rooms) -> Purge | None:
    """What erases records whose time is over; None without [audit]."""
    section = base.settings.audit
    if section is None:
        return None
    terms = Terms(security_months=section.security_months, evidence_years=section.evidence_years)
    return Purge(store=base.store, clock=base.clock, party=base.settings.party, terms=terms)


def auditor(settings: Settings, store: Store, keys: Sequence[VerifierKey] = ()) -> Auditor:
    """What verifies the log, under these keys or else under ours, the present one and those before it.

    Raises:
        SecretUnreadable.
    """
    if not keys and (ours := log_key(settings)) is not None and settings.audit is not None:
        keys = (ours.verifier, *map(VerifierKey.parse, settings.audit.former_keys))
    stamps = authority(settings)
    return Auditor(
        store=store,
        key=keys[0] if keys else None,
        former=keys[1:],
        verify_note=verify_note,
        verify_stamp=stamps.check if stamps is not None else None,
    )


def written(settings: Settings, path: Path | None = None) -> tuple[Outside, int]:
    """What stands outside: in ``path``, which somebody kept, or else in the file of [audit]; lines that are no anchor.

    Raises:
        StorageFailed: a file that was named cannot be read. One of [audit] that does not exist yet is empty.
        CheckpointInvalid: a file that was named holds no anchor.
    """
    if path is not None:
        notes, torn = notes_in(AnchorFile(path=path).read())
        if not notes:
            # Whoever brings a file expects to be told whether it fits, not that nothing was compared.
            raise CheckpointInvalid(reason=said("Le fichier {path} ne contient aucune ancre.", path=path))
        return Outside(brought=notes), torn
    section = settings.audit
    path = section.anchor_file if section is not None else None
    if path is None:
        return Outside(), 0
    notes, torn = _book(path)
    return Outside(book=notes, later=lambda: _book(path)[0]), torn


def _book(path: Path) -> tuple[tuple[str, ...], int]:
    return notes_in(AnchorFile(path=path).read()) if path.exists() else ((), 0)
