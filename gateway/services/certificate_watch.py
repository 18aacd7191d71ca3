"""Looks once a day for the certificate's copies that lack: copy 1 comes with the patient, copy 2 from the CNAS.

Copy 2 binds the CNAS (003:L248), copy 1 is what the CPAM asks for (003:L242-246): whoever was admitted before today
should have brought the one and been announced by the other. Each lack is told once.
"""

from datetime import date

from gateway.domain.case import State
from gateway.domain.kinds import ENTITLEMENT_CERTIFICATE
from gateway.domain.kinds.care import ENTITLEMENT_PRESENTED
from gateway.domain.kinds.stay import ADMISSION
from gateway.ports import Clock
from gateway.services.casework import hospital_day, standing_facts
from gateway.storage import Case, Store, View

COPIES = {
    ENTITLEMENT_PRESENTED.id: "alarm.copy_1_not_presented",
    ENTITLEMENT_CERTIFICATE.id: "alarm.copy_2_not_received",
}
_STAYING = (State.ADMITTED, State.INTERRUPTED, State.REPATRIATION_PENDING)


class CertificateWatch:
    """What a hospital's tick does about certificates."""

    def __init__(self, *, store: Store, clock: Clock, site: str) -> None:
        self._store = store
        self._clock = clock
        self._site = site
        self._looked: date | None = None

    async def tick(self) -> None:
        """Tell what lacks, the first time that a day is looked at."""
        today = hospital_day(self._clock.now())
        if today == self._looked:
            return
        async with self._store.view() as view:
            cases = await view.all(Case, site=self._site, state=_STAYING)
            lacking = [(case, await self._lacking(view, case, today)) for case in cases]
        for case, alarms in lacking:
            if alarms:
                await self._tell(case, alarms)
        self._looked = today

    async def _lacking(self, view: View, case: Case, today: date) -> tuple[str, ...]:
        facts = await standing_facts(view, case)
        if not any(fact.kind == ADMISSION.id and fact.day < today for fact in facts):
            return ()
        known = {fact.kind for fact in facts}
        return tuple(alarm for kind, alarm in COPIES.items() if kind not in known)

    async def _tell(self, case: Case, alarms: tuple[str, ...]) -> None:
        async with self._store.act() as act:
            told = {entry.event for entry in await act.entries(event=alarms, case=case.ref)}
            for alarm in alarms:
                if alarm not in told:
                    await act.record(alarm, actor="gateway", case=case.ref, outcome="raised")
