"""What every command takes for granted."""

from pathlib import Path

DEFAULT_CONFIG = Path("/etc/soins-passerelle/gateway.toml")

CONFIG_VARIABLE = "GATEWAY_CONFIG"
"""Of the environment: another place of the configuration."""

EXIT_UNWELL = 8
"""The gateway does not work as it should, or something is to mend."""
