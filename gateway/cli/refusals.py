"""How a refusal is told to a person: its faults one a line, and states and events in the reader's words."""

from gateway.cli.language import translate
from gateway.domain.errors import GatewayError, IllegalTransition
from gateway.domain.words import Listed, Said, french, told

_EVENTS = {
    "closed": french("clôture du dossier"),
    "vital_disputed": french("désaccord sur le caractère vital de l'urgence"),
}
"""Those that no kind of exchange names."""


def lines(error: GatewayError) -> tuple[str, ...]:
    """What, why and mend."""
    if isinstance(error, IllegalTransition):
        error = _in_words(error)
    faults = error.fields.get("faults")
    if not isinstance(faults, Listed):
        return error.lines(translate)
    what, *_, mend = error.lines(translate)
    return (what, *(f"  {told(fault, translate)}" for fault in faults.items), mend)


def _in_words(error: IllegalTransition) -> IllegalTransition:
    """The same, without the identifiers of the state tables."""
    from gateway.cli.output import STATES
    from gateway.cli.terms import CASE_STATES
    from gateway.domain.kinds import KINDS

    outcomes = [(event, kind.title) for kind in KINDS.values() for event in (kind.outcome.case, kind.outcome.request)]
    events = _EVENTS | {event.value: title for event, title in reversed(outcomes) if event}
    states = {state.value: word for table in (STATES, CASE_STATES) for state, word in table.items()}
    named = {name: str(error.fields[name]) for name in ("state", "event")}
    return IllegalTransition(
        table=error.fields["table"],
        state=Said(states.get(named["state"], named["state"])),
        event=Said(events.get(named["event"], named["event"])),
    )
