"""Known defects of programs that we stand on, by the version in which their authors mended them.

A distribution often mends a defect without changing the number, so a finding of this table is something to know.
"""

from dataclasses import dataclass

from gateway.doctor.finding import Words
from gateway.domain.words import said

Version = tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Advisory:
    """``mended`` is the first good version of each maintained branch; a branch is the first two numbers."""

    product: str
    id: str
    mended: tuple[Version, ...]
    effect: Words

    def concerns(self, version: Version) -> bool:
        """True for a version that has the defect."""
        same_branch = [good for good in self.mended if good[:2] == version[:2]]
        return version < (same_branch[0] if same_branch else max(self.mended))


ADVISORIES = (
    Advisory(
        product="gnupg",
        id="CVE-2022-34903",
        mended=((2, 2, 36), (2, 3, 7)),
        effect=said("une signature pouvait être imitée dans les lignes d'état"),
    ),
    Advisory(
        product="gnupg",
        id="CVE-2025-68973",
        mended=((2, 2, 51), (2, 4, 9), (2, 5, 14)),
        effect=said("un message armuré malveillant pouvait écrire hors de la mémoire"),
    ),
    Advisory(
        product="sqlite",
        id="WAL-reset 2026-03",
        mended=((3, 44, 6), (3, 50, 7), (3, 51, 3)),
        effect=said("deux écritures simultanées pouvaient, très rarement, abîmer la base"),
    ),
)


def concerning(product: str, version: Version) -> tuple[Advisory, ...]:
    """The known defects of this version."""
    return tuple(item for item in ADVISORIES if item.product == product and item.concerns(version))


def dotted(version: Version) -> str:
    """A version as people write it."""
    return ".".join(str(number) for number in version)
