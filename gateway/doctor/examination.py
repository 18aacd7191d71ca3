"""Runs the checks, one after the other, each in its own time: what fails is a finding and hides no other check.

The only place of this room that catches everything: a check-up must never end in a traceback.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from gateway.doctor import files, keys, machine, physicians, probe, rules, servers, state
from gateway.doctor.finding import Finding, blocking, of_error, of_system, to_know
from gateway.doctor.installation import Installation
from gateway.domain.errors import GatewayError
from gateway.domain.words import said

CHECK_SECONDS = 45.0
"""For one check: a server that answers each command at the last moment is worth no longer wait."""

TOTAL_SECONDS = 180.0
"""For all of them together, the trial apart."""

CANCEL_SECONDS = 5.0
"""For a check that is stopped to close what it opened."""

Look = Callable[[Installation], AsyncIterator[Finding]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One check: its name, the sections of the configuration without which it means nothing, its own time."""

    name: str
    look: Look
    needs: tuple[str, ...] = ()
    seconds: float = CHECK_SECONDS


def _plain(look: Callable[[Installation], Iterable[Finding]]) -> Look:
    """A check that blocks, in a thread, one finding after the other."""

    async def later(installation: Installation) -> AsyncIterator[Finding]:
        found = iter(look(installation))
        while (finding := await asyncio.to_thread(next, found, None)) is not None:
            yield finding

    return later


def _of_machine(look: Callable[[], Iterator[Finding]]) -> Look:
    return _plain(lambda _: look())


def checks(*, wait: float | None) -> tuple[Check, ...]:
    """All checks, in the order in which one explains the next. Without ``wait`` nothing is sent."""
    trial = partial(probe.trial, wait=wait or 0.0)
    sending = ("gateway", "imap", "smtp", "openpgp", "reception")
    return (
        Check(name="config.people", look=_plain(rules.people), needs=("gateway",)),
        Check(name="config.staff", look=_plain(rules.staff), needs=("alarms", "staff")),
        Check(name="config.calendar", look=rules.calendar, needs=("gateway",)),
        Check(name="machine.account", look=_of_machine(machine.account)),
        Check(name="machine.python", look=_of_machine(machine.python)),
        Check(name="machine.writer", look=_of_machine(machine.writer)),
        Check(name="machine.libraries", look=_of_machine(machine.libraries)),
        Check(name="machine.gnupg", look=_of_machine(machine.gnupg)),
        Check(name="machine.sqlite", look=_of_machine(machine.sqlite)),
        Check(name="machine.postfix", look=_of_machine(machine.postfix)),
        Check(name="files.secrets", look=_plain(files.secrets)),
        Check(name="files.data", look=_plain(files.data), needs=("gateway",)),
        Check(name="files.disk", look=_plain(files.disk), needs=("gateway",)),
        Check(name="state.database", look=state.integrity, needs=("gateway",)),
        Check(name="state.service", look=state.service, needs=("gateway", "imap")),
        Check(name="state.clock", look=state.clock, needs=("gateway",)),
        Check(name="keys.own", look=keys.own, needs=("openpgp",)),
        Check(name="keys.own_certificate", look=keys.own_certificate),
        Check(name="keys.former", look=keys.former, needs=("openpgp",)),
        Check(name="keys.partner", look=keys.partners, needs=("gateway", "partners")),
        Check(name="keys.certificate", look=_plain(keys.certificates)),
        Check(name="partners.roles", look=_plain(rules.roles), needs=("gateway", "partners")),
        Check(name="partners.floors", look=_plain(rules.floors), needs=("gateway", "partners")),
        Check(name="partners.size", look=_plain(rules.sizes), needs=("smtp", "partners")),
        Check(name="imap.login", look=servers.mailbox, needs=("imap",)),
        Check(name="imap.physician", look=physicians.watched, needs=("mailboxes",)),
        Check(name="imap.clock", look=servers.time, needs=("imap",)),
        Check(name="time.ntp", look=partial(servers.other_clock, "ntp"), needs=("time",)),
        Check(name="time.tsa", look=partial(servers.other_clock, "tsa"), needs=("time",)),
        Check(name="smtp.login", look=servers.outgoing, needs=("gateway", "smtp")),
        *([Check(name="probe.sent", look=trial, needs=sending, seconds=wait + 2 * CHECK_SECONDS)] if wait else []),
    )


class Examination:
    """One check-up. ``tell`` hears each finding as it comes; ``stuck`` is set when a check could not be stopped."""

    def __init__(self, installation: Installation, tell: Callable[[Finding], None]) -> None:
        self._installation = installation
        self._tell = tell
        self._explained: dict[tuple[str | None, ...], str] = {}
        self.findings: list[Finding] = []
        self.stuck = False

    async def run(self, wanted: Sequence[Check], seconds: float = TOTAL_SECONDS) -> None:
        """Run these checks; ``seconds`` is for those that have no longer time of their own."""
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        lacking = [check.name for check in wanted if self._installation.lacks(check.needs)]
        for finding in rules.configuration(self._installation, lacking):
            self._keep(finding)
        for check in wanted:
            if check.name not in lacking:
                left = end - loop.time()
                await self._run(check, check.seconds if check.seconds > CHECK_SECONDS else min(check.seconds, left))

    async def _run(self, check: Check, seconds: float) -> None:
        if seconds <= 0:
            self._keep(_unfinished(check.name, 0))
            return
        work = asyncio.ensure_future(self._hear(check))
        await asyncio.wait({work}, timeout=seconds)
        if work.done():
            self._judge(check.name, work.exception())
            return
        self._keep(_unfinished(check.name, seconds))
        work.cancel()
        await asyncio.wait({work}, timeout=CANCEL_SECONDS)
        # A thread cannot be stopped: whoever called us must not wait for it either.
        self.stuck = True

    async def _hear(self, check: Check) -> None:
        async for finding in check.look(self._installation):
            self._keep(finding)

    def _judge(self, name: str, error: BaseException | None) -> None:
        match error:
            case None:
                return
            case GatewayError():
                self._keep(self._once(name, error))
            case OSError():
                self._keep(of_system(name, error))
            case _:
                self._keep(_defect(name, error))

    def _once(self, name: str, error: GatewayError) -> Finding:
        """Several checks stumble over the same thing: it is explained once."""
        finding = of_error(name, error)
        first = self._explained.get(_sentences(finding))
        if first is None:
            return finding
        what = said("Non examiné, pour la même raison que « {check} ».", check=first)
        return to_know(name, what, error=error.code, because=first)

    def _keep(self, finding: Finding) -> None:
        self.findings.append(finding)
        self._explained.setdefault(_sentences(finding), finding.check)
        self._tell(finding)


def _sentences(finding: Finding) -> tuple[str | None, ...]:
    return tuple(finding.words().values())


def _unfinished(name: str, seconds: float) -> Finding:
    return blocking(
        name,
        said("Cette vérification n'a pas fini ({seconds:.0f} s).", seconds=seconds),
        said("Un serveur ou un programme ne répond pas, ou le temps accordé à l'ensemble est épuisé."),
        said("Corrigez d'abord ce qui est dit plus haut, puis relancez."),
        unfinished=True,
    )


def _defect(name: str, error: BaseException) -> Finding:
    """Its text is nobody's: it may quote anything."""
    return blocking(
        name,
        said("Cette vérification a échoué par un défaut de notre part ({error}).", error=type(error).__name__),
        said("Les autres vérifications ne sont pas touchées."),
        said("Signalez-le, avec ce nom et la version de la passerelle."),
        error=type(error).__name__,
    )
