"""How a refusal is told to a person: its faults one a line, and states and events in the reader's words."""

from gateway.cli.language import translate
from gateway.domain.errors import GatewayError, IllegalTransition
from gateway.domain.words import Listed, told


def lines(error: GatewayError) -> tuple[str, ...]:
    """What, why and mend."""
    if isinstance(error, IllegalTransition):
        from gateway.services.terms import worded

        error = worded(error)
    faults = error.fields.get("faults")
    if not isinstance(faults, Listed):
        return error.lines(translate)
    what, *_, mend = error.lines(translate)
    return (what, *(f"  {told(fault, translate)}" for fault in faults.items), mend)
