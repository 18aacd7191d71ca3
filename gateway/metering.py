"""What is shown to monitoring programs: the section [metrics]."""

from pydantic import Field

from gateway.setting import Loopback, Section


class MetricsSection(Section):
    """Where a monitoring program of this machine finds the gateway's metrics and health."""

    port: int = Field(ge=1024, le=65535)
    address: Loopback = "127.0.0.1"
