"""Who reads inside our own party: the physician of a case, and what was handed over to whom."""

from collections.abc import Sequence
from gettext import gettext as _
from typing import Annotated, Any

import typer

from gateway.cli.output import instant, table
from gateway.cli.session import DEFAULT_CONFIG, ConfigOption, JsonOption, person, with_core
from gateway.domain.readers import Share, State, Way
from gateway.domain.words import french

SHARES = {
    Share.WHOLE: french("tout"),
    Share.WITHOUT_MEDICAL: french("sans le médical"),
    Share.NOTICE: french("rien, un avis"),
}

WAYS = {
    Way.FOLDER: french("dossier de remise"),
    Way.MAIL: french("courrier scellé"),
    Way.NOTICE: french("courrier sans contenu"),
}

HANDOVER_STATES = {
    State.WAITING: french("attend un lecteur désigné"),
    State.PENDING: french("à remettre"),
    State.QUEUED: french("en cours d'envoi"),
    State.FAILED: french("EN ÉCHEC, réessayé"),
    State.DONE: french("remis"),
    State.ERASED: french("remis, copie effacée"),
    State.CANCELLED: french("annulé"),
}


def assign(
    ref: Annotated[str, typer.Argument(help="Le dossier, par exemple 7F3K-Q2.")],
    reader: Annotated[str, typer.Argument(help="Le lecteur médical, tel que [readers] le nomme.")],
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: JsonOption = False,
) -> None:
    """Désigner le médecin d'un dossier : il reçoit ce qui attendait, et tout le courrier médical ensuite."""
    from gateway.cli.output import echo_json

    done = with_core(config, lambda core: core.readers.assign(ref, reader, actor=person(core.base.settings)))
    if as_json:
        echo_json({"case": done.ref, "physician": done.physician})
        return
    typer.echo(_("Dossier {ref} : confié à {reader}.").format(ref=done.ref, reader=done.physician))


def show_handovers(rows: Sequence[Any]) -> None:
    """What readers are owed or got, one line each; nothing when no reader is configured."""
    if not rows:
        return
    typer.echo("")
    shown = [
        (
            str(row.message),
            row.reader or "–",
            _(SHARES[Share.NOTICE if row.way is Way.NOTICE else row.share]),
            _(WAYS[row.way]) if row.way else "–",
            state(row),
            instant(row.handed_at),
        )
        for row in rows
        if row.state is not State.CANCELLED
    ]
    table((_("Message"), _("Lecteur"), _("Part"), _("Par"), _("Remise"), _("Date")), shown, empty="")


def summary(rows: Sequence[Any]) -> str:
    """The hand-overs of one message in a few words: who has it, who waits."""
    kept = [row for row in rows if row.state is not State.CANCELLED]
    return ", ".join(f"{row.reader or '–'} : {state(row)}" for row in kept)


def state(row: Any) -> str:
    """Where a hand-over stands; who got a notice was told, and has nothing yet."""
    told_only = row.way is Way.NOTICE or row.share is Share.NOTICE
    return _("prévenu") if told_only and row.state in {State.DONE, State.ERASED} else _(HANDOVER_STATES[row.state])
