"""Who does what is done by one gateway at a time, where several share a database."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """A work of a site, and its ``holder``, or nobody.

    ``beat`` grows as long as the holder lives; whoever sees it stand still may take the work over. ``fence`` grows at
    each change of hands: an act of an earlier holder, which does not know yet, is refused by it.
    """

    id: int = 0
    site: str
    name: str
    holder: str | None
    fence: int
    beat: int
