"""A line of what happened in a case, as data."""

from typing import Any

from gateway.services.chronicle import Entry


def entry_json(entry: Entry) -> dict[str, Any]:
    """One entry, its sentences in French."""
    names = ("at", "timed", "shape", "message", "request", "fact")
    told = {"title": str(entry.title), "lines": [str(line) for line in entry.lines]}
    return {name: getattr(entry, name) for name in names} | told
