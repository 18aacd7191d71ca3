"""What is shown to monitoring programs: the section [metrics]."""

from ipaddress import ip_address
from typing import Annotated

from pydantic import AfterValidator, Field

from gateway.domain.words import said
from gateway.setting import Section


def _loopback(text: str) -> str:
    try:
        fits = ip_address(text).is_loopback
    except ValueError:
        fits = False
    if not fits:
        raise ValueError(said("une adresse de cette machine seule est attendue : 127.0.0.1 ou ::1"))
    return text


class MetricsSection(Section):
    """Where a monitoring program of this machine finds the gateway's metrics and health."""

    port: int = Field(ge=1024, le=65535)
    address: Annotated[str, AfterValidator(_loopback)] = "127.0.0.1"
