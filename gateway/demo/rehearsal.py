"""The demonstration: three gateways, two stories, and what is said before and after them."""

from gettext import gettext as _
from pathlib import Path
from typing import TextIO

from gateway.access import require_libraries
from gateway.demo import story, theatre
from gateway.demo.stage import Commands, Stage


def perform(*, keep: Path | None, speed: float, out: TextIO, commands: Commands, serve: bool = False) -> None:
    """Play both stories; arguments as of :func:`gateway.demo.theatre.perform`. ``serve`` opens the consoles then.

    Raises:
        GatewayError, DemonstrationFailed: the story did not end as it must.
    """
    if serve:
        require_libraries()
    play = theatre.Play(
        title=_("Passerelle des soins programmés : la démonstration"),
        introduction=_(
            "Trois passerelles (un hôpital, la CNAS, le CNSE) vont s'écrire, avec le code du service réel, par un vrai "
            "serveur SMTP et un vrai serveur IMAP, sur cette machine seulement. Seule l'horloge est virtuelle."
        ),
        begins=story.START,
        act=_both,
        done=lambda stage, seconds: _close(stage, seconds, kept=keep is not None),
        after=_doors if serve else None,
    )
    theatre.perform(play, keep=keep, speed=speed, out=out, commands=commands)


async def _doors(stage: Stage) -> None:
    # Only who serves the consoles needs their libraries.
    from gateway.demo import serving

    await serving.doors(stage)


async def _both(stage: Stage) -> None:
    stage.screen.real_life(
        _("« gateway init » pose ces questions une fois ; « gateway keys import », l'empreinte au téléphone.")
    )
    await story.silence(stage)
    await story.answer(stage)


def _close(stage: Stage, seconds: float, *, kept: bool) -> None:
    screen = stage.screen
    sent = sum(len(mails) for mails in stage.server.delivered.values())
    screen.title(_("Fin"))
    done = _("Deux histoires, {sent} courriers scellés ou signés, en {seconds:.0f} secondes.")
    screen.done(done.format(sent=sent, seconds=seconds))
    screen.say(_("Pour voir la console de chacun, et essayer soi-même : gateway demo --serve."))
    if not kept:
        screen.say(_("Rien n'est resté : ni processus, ni fichier. Pour tout garder : gateway demo --keep DOSSIER."))
        return
    screen.say(
        _("Tout est gardé dans {folder} : configurations, clés, bases, courriers (mails/), récit, journaux.").format(
            folder=stage.folder
        )
    )
    screen.say(
        _(
            "Par exemple : gateway cases --config {folder}/hopital/gateway.toml. Ces bases sont marquées "
            "« démonstration » : « gateway run » les refuse."
        ).format(folder=stage.folder)
    )
    screen.say(
        _("Le certificat et le dossier de la première histoire : {certificate}, {dossier}.").format(
            certificate=stage.folder / story.CERTIFICATES["fr"], dossier=stage.folder / story.DOSSIER
        )
    )
