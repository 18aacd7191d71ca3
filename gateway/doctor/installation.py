"""What is examined: the configuration as far as it can be read, and the clock. A half-made file is no obstacle."""

import asyncio
import tomllib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from gateway import records
from gateway.adapters import database
from gateway.config import Settings, load
from gateway.domain.errors import ConfigError, ConfigInvalid
from gateway.ports import Clock
from gateway.setting import relative_to
from gateway.storage import View


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """``settings`` lacks the sections that the file lacks or has wrong; ``fault`` then says what is wrong with it."""

    config: Path
    settings: Settings
    clock: Clock
    fault: ConfigError | None = None

    def lacks(self, sections: tuple[str, ...]) -> bool:
        """True when one of these sections could not be read."""
        return not all(hasattr(self.settings, section) for section in sections)

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[View]:
        """A consistent look into the database; nothing is ever written.

        Raises:
            NotAllowed: the data are another account's.
            DatabaseMissing, DatabaseDamaged, RehearsalOnly, StorageFailed.
        """
        settings = self.settings
        records.require_owner(settings.gateway.data)
        await asyncio.to_thread(database.recognise, settings.database_url, records.identity(settings))
        us = settings.party
        store = database.DatabaseStore(settings.database_url, clock=self.clock, site=us.site, party=us.id)
        try:
            async with store.view() as view:
                yield view
        finally:
            await store.close()


def read(config: Path, clock: Clock) -> Installation:
    """The installation of this configuration. Never raises for what is wrong in it."""
    try:
        return Installation(config=config, settings=load(config), clock=clock)
    except ConfigInvalid as error:
        # It is TOML, so each section can be looked at by itself.
        return Installation(config=config, settings=_parts(config), clock=clock, fault=error)
    except ConfigError as error:
        return Installation(
            config=config, settings=Settings.model_construct(**dict[str, Any]()), clock=clock, fault=error
        )


def _parts(config: Path) -> Settings:
    document: dict[str, Any] = tomllib.loads(config.read_text(encoding="utf-8"))
    parts: dict[str, Any] = {}
    with relative_to(config):
        for name, field in Settings.model_fields.items():
            if name not in document:
                continue
            try:
                parts[name] = TypeAdapter(field.rebuild_annotation()).validate_python(document[name])
            except ValidationError:
                # The fault is told already, with all others.
                continue
    return Settings.model_construct(**parts)
