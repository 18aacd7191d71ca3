"""One rehearsal from its beginning to its lesson."""

from gettext import gettext as _
from pathlib import Path
from typing import TextIO

from gateway.demo import theatre
from gateway.demo.scenarios import BEGINS, Scenario
from gateway.demo.stage import Commands, Stage


def perform(scenario: Scenario, *, keep: Path | None, speed: float, out: TextIO, commands: Commands) -> None:
    """Rehearse; arguments as of :func:`gateway.demo.theatre.perform`.

    Raises:
        GatewayError, DemonstrationFailed: the gateway did not do what it must.
    """
    if scenario.by_mail:
        who = _(
            "La CNAS n'a qu'un programme de messagerie avec OpenPGP, joué ici ; les deux autres ont une passerelle."
        )
    else:
        who = _("L'hôpital, la CNAS et le CNSE ont chacun une passerelle.")
    lesson = _(scenario.lesson)

    def done(stage: Stage, seconds: float) -> None:
        stage.screen.title(_("Ce qu'il fallait voir"))
        stage.screen.done(_("{lesson} ({seconds:.0f} secondes).").format(lesson=lesson, seconds=seconds))

    play = theatre.Play(
        title=_(scenario.title),
        introduction=_("{who} Seule l'horloge est virtuelle ; rien ne quitte cette machine.").format(who=who),
        begins=BEGINS,
        act=scenario.act,
        done=done,
        by_mail=scenario.by_mail,
    )
    theatre.perform(play, keep=keep, speed=speed, out=out, commands=commands)
