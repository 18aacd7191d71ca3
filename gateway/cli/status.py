"""``gateway status``: whether all is well, for a person and for a monitoring program.

A service that runs is asked, for it keeps the answer ready; without one, the database is read, which takes longer to
load. Either way what is printed is the same data.
"""

from typing import Any

import typer

from gateway.cli.glance import Told, asked, printed
from gateway.cli.session import DEFAULT_CONFIG, EXIT_UNWELL, ConfigOption, JsonOption, with_base


def status(config: ConfigOption = DEFAULT_CONFIG, as_json: JsonOption = False) -> None:
    """Dire si tout va bien. Code de sortie 8 si la passerelle ne fonctionne pas comme elle doit."""

    async def read(base: Any) -> Told:
        from gateway import records
        from gateway.services.shapes.status import glance

        return glance(await records.health(base).read())

    now = asked(config) or with_base(config, read)
    typer.echo(printed(now, as_json=as_json), nl=False)
    if not now["healthy"]:
        raise typer.Exit(EXIT_UNWELL)
