"""``gateway inspect``: what would become of mails that lie in files, without touching anything."""

import json
from collections import Counter
from contextlib import aclosing
from datetime import datetime
from gettext import gettext as _
from pathlib import Path
from typing import Annotated, Any

import typer

from gateway.cli.language import translate
from gateway.cli.session import settings
from gateway.domain.words import french
from gateway.services.terms import MAIL_REASONS

EXIT_UNREAD = 6
_END = 2**32
"""Instants of OpenPGP lie between 1970 and 2106."""

VERDICTS = {
    "accept": french("accepté"),
    "quarantine": french("en quarantaine"),
    "receipt": french("accusé signé"),
    "report": french("avis"),
    "plain": french("courrier ordinaire"),
}
UNREADABLE = french("fichier illisible")
WORDS = {**VERDICTS, "unreadable": UNREADABLE}


def inspect(
    paths: Annotated[list[Path], typer.Argument(help="Des courriers (.eml), ou des dossiers qui en contiennent.")],
    config: Annotated[
        Path | None,
        typer.Option(
            "--config",
            "-c",
            envvar="GATEWAY_CONFIG",
            help="Fichier de configuration ; sans lui, aucune clé : la structure seule.",
            readable=False,
        ),
    ] = None,
    as_of: Annotated[
        str | None, typer.Option("--as-of", help="Juger comme à cet instant, par exemple 2026-03-01T09:00+01:00.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Écrire une ligne de JSON par courrier.")] = False,
) -> None:
    """Dire ce que deviendraient des courriers, sans toucher à rien. Code de sortie 6 si un fichier est illisible."""
    import asyncio

    from gateway.adapters import log

    at = _instant(as_of)
    if at is not None and config is None:
        raise typer.BadParameter(_("--as-of demande --config : sans configuration, aucune clé n'est jugée"))
    for path in paths:
        if not path.exists():
            raise typer.BadParameter(_("ce chemin n'existe pas : {path}").format(path=shown(path)))
    with log.told_apart():
        counts = asyncio.run(_inspect(paths, settings(config) if config else None, at, as_json=as_json))
    if not counts:
        raise typer.BadParameter(_("aucun fichier dans ces dossiers"))
    if not as_json and counts.total() > 1:
        told = (_("{word} : {count}").format(word=translate(WORDS[name]), count=counts[name]) for name in counts)
        typer.echo(_("{count} courriers. {verdicts}.").format(count=counts.total(), verdicts=", ".join(told)))
    if counts["unreadable"]:
        raise typer.Exit(EXIT_UNREAD)


def _instant(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        at = None
    if at is None or at.utcoffset() is None or not 0 <= at.timestamp() < _END:
        raise typer.BadParameter(_("un instant avec son fuseau est attendu, par exemple 2026-03-01T09:00+01:00"))
    return at


async def _inspect(paths: list[Path], conf: Any, at: datetime | None, *, as_json: bool) -> Counter[str]:
    from gateway import inspection

    counts: Counter[str] = Counter()
    async with (
        inspection.member(conf, at=at) if conf else inspection.stranger() as judge,
        # Closed before the workers are, also when whoever reads us goes away.
        aclosing(inspection.inspect(judge, paths, slots=inspection.slots())) as judged,
    ):
        async for found in judged:
            facts = describe(found)
            counts[facts["verdict"] or "unreadable"] += 1
            typer.echo(json.dumps(facts, ensure_ascii=False) if as_json else sentence(facts) + _differs(found))
    return counts


def describe(found: Any) -> dict[str, Any]:
    """What is told of a mail, as JSON; every key is always there."""
    judgement = found.judgement
    facts: dict[str, Any] = {
        "path": str(found.path),
        "structure": None,
        "verdict": None,
        "step": "file",
        "reason": "unreadable",
        "partner": None,
        "signer": None,
        "opened": False,
        "dsn": None,
        "mdn": None,
        "seconds": round(found.seconds, 4),
    }
    if judgement is None:
        return facts
    seen = judgement.seen
    return facts | {
        "structure": seen.structure,
        "verdict": _verdict(judgement),
        "step": judgement.step,
        "reason": judgement.reason,
        "partner": judgement.partner,
        "signer": seen.fingerprint,
        "opened": seen.entity is not None,
        "dsn": _dsn(seen),
        "mdn": _mdn(seen),
    }


def _verdict(judgement: Any) -> str:
    """In one of five words; what a partner signed and a person must read is accepted, with its reason."""
    from gateway.storage import Verdict

    seen, mail = judgement.seen, judgement.mail
    if judgement.verdict is Verdict.QUARANTINE:
        return "quarantine"
    if mail is not None:
        return "receipt" if mail.receipt else "accept"
    reports = seen.receipt is not None or seen.report is not None or seen.failure.value != "none"
    return "report" if reports else "plain"


def _dsn(seen: Any) -> dict[str, Any] | None:
    report = seen.report
    if report is None and seen.failure.value == "none":
        return None
    recipients = report.recipients if report else ()
    return {
        "failure": seen.failure.value,
        "recipients": [
            {"address": each.final or each.original, "action": each.action, "status": each.status}
            for each in recipients
        ],
        "original_message_id": report.original_message_id if report else None,
        "original_envelope_id": report.original_envelope_id if report else None,
        "returned": list(seen.returned),
    }


def _mdn(seen: Any) -> dict[str, Any] | None:
    receipt = seen.receipt
    if receipt is None:
        return None
    return {
        "disposition": receipt.kind,
        "modifiers": receipt.modifiers or None,
        "original_message_id": receipt.original_message_id,
        "mic": receipt.mic,
        "mic_algorithm": receipt.mic_algorithm,
        "stated_at": receipt.stated_at.isoformat() if receipt.stated_at else None,
        "signed": seen.entity is not None,
    }


def sentence(facts: dict[str, Any]) -> str:
    """The same for a person, on two lines."""
    told = [_verdict_words(facts)]
    if facts["partner"]:
        told.append(_("de {partner}").format(partner=facts["partner"]))
    if facts["signer"]:
        told.append(_("signé par {fingerprint}").format(fingerprint=facts["signer"]))
    return f"{shown(facts['path'])}\n  {', '.join(told)}"


def _verdict_words(facts: dict[str, Any]) -> str:
    from gateway.domain.kinds import KINDS
    from gateway.domain.steps import BY_NAME

    reason, verdict = facts["reason"] or "", facts["verdict"] or "unreadable"
    words = translate(MAIL_REASONS[reason]) if reason in MAIL_REASONS else reason
    step = BY_NAME.get(facts["step"] or "")
    if step is not None:
        told = _("en quarantaine : {reason} (étape {number} non passée : {title} ; {code})")
        return told.format(number=step.number, title=translate(step.title), reason=words, code=f"{step.name}/{reason}")
    if reason in KINDS:
        told = _("accepté, « {title} » (à la réception, l'état du dossier décide encore)")
        return told.format(title=translate(KINDS[reason].title))
    if verdict in {"plain", "report"} and words != reason:
        return words
    return f"{translate(WORDS[verdict])} : {words}" if verdict != "unreadable" else translate(UNREADABLE)


def _differs(found: Any) -> str:
    fields = found.judgement.seen.outer_differs if found.judgement else ()
    if not fields:
        return ""
    told = _("l'en-tête extérieur ne dit pas la même chose que l'en-tête signé, qui seul compte : {fields}")
    return "\n  " + told.format(fields=", ".join(fields))


def shown(path: object) -> str:
    """A path on one line, whatever characters its author chose."""
    from gateway.wire.fields import printable

    return printable(str(path))
