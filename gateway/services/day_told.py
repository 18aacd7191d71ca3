"""What a person tells of a day of the calendar: what is missing for it to be a change, and the change that it is."""

from dataclasses import dataclass
from datetime import date

from gateway.domain.amendments import Change
from gateway.domain.calendar_plans import LONGEST_BLOCK, setting, withdrawing
from gateway.domain.feasts import ONE_DAY, RowStatus
from gateway.domain.words import french
from gateway.domain.workdays import Calendar

OTHER = "autre"
"""The choice of a holiday that is none of the feasts that are expected."""

WHAT = {
    "official": french("Un jour férié annoncé"),
    "worked": french("Un jour déclaré travaillé"),
    "seen_off": french("Un jour passé, constaté chômé"),
    "seen_worked": french("Un jour passé, constaté travaillé"),
    "withdrawn": french("Retirer ce que le calendrier dit de ce jour"),
}
LACKS = {
    "what": french("Choisissez ce que vous savez de ce jour."),
    "first": french("Écrivez le jour ainsi : 10/03/2027."),
    "days": french("Un nombre de jours, de 1 à 10."),
    "source": french("Dites d'où vous le savez : communiqué, texte, article."),
    "feast": french("Dites si c'est cette fête qui est annoncée."),
    "name": french("Nommez ce jour férié."),
}
"""What is said of a field that lacks something."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DayTold:
    """It, as far as it could be read: ``first`` and ``days`` are None where they could not."""

    what: str
    first: date | None
    days: int | None
    name: str
    feast: str
    source: str

    @property
    def off(self) -> bool:
        """Whether it states days off."""
        return self.what in {"official", "seen_off"}

    def faults(self, known: Calendar) -> dict[str, str]:
        """What its fields lack, by the calendar in force."""
        lacking = {
            "what": self.what not in WHAT,
            "first": self.first is None,
            "days": self.days is None or not 1 <= self.days <= LONGEST_BLOCK,
            "source": not self.source,
        }
        found = [name for name, lacks in lacking.items() if lacks]
        feasts = {feast.id for feast in known.feasts}
        if self.first is not None and self.days is not None and not found:
            # An announcement settles its feast only if it names it.
            near = known.open_feasts(self.first - ONE_DAY, self.first + self.days * ONE_DAY)
            if self.what == "official" and self.feast not in {OTHER, *feasts} and near:
                found.append("feast")
        if self.off and self.feast not in feasts and not self.name:
            found.append("name")
        return {name: LACKS[name] for name in found}

    def plan(self, known: Calendar) -> Change:
        """The change, where nothing is lacking.

        Raises:
            NotAllowed: it cannot be worked out.
            ValueError: something is lacking.
        """
        if self.first is None or self.days is None:
            raise ValueError("a day without faults is one")
        if self.what == "withdrawn":
            days = [self.first + offset * ONE_DAY for offset in range(self.days)]
            return withdrawing(known, days=days, source=self.source)
        return setting(
            known,
            first=self.first,
            days=self.days,
            status=RowStatus.OBSERVED if self.what.startswith("seen") else RowStatus.OFFICIAL,
            source=self.source,
            off=self.off,
            name=self.name or None,
            feast=self._feast(known, self.first),
        )

    def _feast(self, known: Calendar, first: date) -> str | None:
        """The feast that the days are said to be of; an announced holiday of another kind has an id of its own."""
        if self.feast in {feast.id for feast in known.feasts}:
            return self.feast
        if self.what == "official":
            return f"{OTHER}-{first}"
        row = known.statement(first)
        # Only a row of the same feast takes an announced day off back.
        return row.feast if self.what == "worked" and row is not None else None
