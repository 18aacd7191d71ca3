"""What the texts demand of an exchange and do not sanction when it lacks: the exchange holds, and a person is told."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from gateway.domain.kinds import ENTITLEMENT_CERTIFICATE, EXTENSION_REFUSAL, Kind
from gateway.domain.kinds.care import ENTITLEMENT_PRESENTED

Values = Mapping[str, str]

REFUSAL_NOT_MOTIVATED = "refusal_not_motivated"
REPATRIATION_NOT_ACCEPTED = "repatriation_not_accepted"
CERTIFICATE_NOT_SIGNED = "certificate_not_signed"

_FLAGS: Mapping[str, tuple[tuple[str, Callable[[Values], bool]], ...]] = MappingProxyType(
    {
        # A refusal is medically motivated (003:L100).
        EXTENSION_REFUSAL.id: ((REFUSAL_NOT_MOTIVATED, lambda values: not values.get("motive")),),
        # The certificate gathers the patient's acceptance to be taken home (003:L152).
        ENTITLEMENT_CERTIFICATE.id: (
            (REPATRIATION_NOT_ACCEPTED, lambda values: values.get("repatriation_accepted") == "non"),
        ),
        # The hospital sees to it that the patient signed; the CNAS is bound all the same (003:L246-248).
        ENTITLEMENT_PRESENTED.id: ((CERTIFICATE_NOT_SIGNED, lambda values: values.get("signed") == "non"),),
    }
)


def flags(kind: Kind, values: Values) -> tuple[str, ...]:
    """Stable ids of what this exchange lacks."""
    return tuple(name for name, lacks in _FLAGS.get(kind.id, ()) if lacks(values))
