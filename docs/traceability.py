"""docs/traceability.md: for each row of the law the code that applies it and the tests that prove it.

``problems`` says what would make the page untrue.
"""  # noqa: INP001  beside scripts, not a package

from collections.abc import Iterable, Iterator
from importlib import import_module

from law_rows import Proof, Row, Section, exists, faults, named, proofs, read_sections, to_prove
from pages import page, table

from gateway.domain.kinds import KINDS, Kind


def problems() -> Iterator[str]:
    """What makes the page untrue."""
    rows = [row for section in read_sections() for row in section.rows]
    seen = {kind.id for row in rows for kind in _kinds(row)}
    yield from faults()
    yield from (f"{row.id} : sans titre ni source" for row in rows if not all(_told(row)))
    yield from (f"{kind} : aucune ligne ne le cite" for kind in KINDS if kind not in seen)


def traceability() -> str:
    """docs/traceability.md."""
    known, marks = to_prove(), proofs()
    parts: list[list[str]] = [
        [
            "Chaque ligne des textes, le code qui l'applique, les tests qui la prouvent. Les sources : 003 est",
            "l'instruction DSS/DACI/2019/224, 002 la circulaire CNAM 31/2021 ; 000, 001 et 004 sont des pages",
            "d'information.",
        ],
        [
            "Que le code et les tests cités existent est vérifié quand cette page est produite ; qu'un test au moins",
            "de chaque ligne a *réussi* l'est à la fin de `make test`, qui sinon échoue et nomme les lignes. Un test",
            "de table (*) prouve les lignes dont ses paramètres portent le nom.",
        ],
    ]
    for section in read_sections():
        parts += _section(section, marks, known)
    return page("Des textes au code et aux tests", *parts)


def _section(section: Section, marks: Iterable[Proof], known: tuple[str, ...]) -> Iterator[list[str]]:
    tables = sorted({proof.test for proof in marks if proof.is_table and _fits(proof, section, known)})
    yield [f"## {section.title}"]
    if section.intro:
        yield [section.intro]
    if tables:
        yield ["Tests de table (*) :", "", *(f"- `{test}`" for test in tables)]
    rows = ((row.id, *_told(row), _code(row), _tests(row, marks)) for row in section.rows)
    yield table(("Ligne", "Ce qu'elle dit", "Source", "Code", "Tests"), rows)


def _fits(proof: Proof, section: Section, known: tuple[str, ...]) -> bool:
    return any(row.id in named(proof.names, known) for row in section.rows)


def _told(row: Row) -> tuple[str, str]:
    """Title and source, from the catalogue where it has them."""
    found = _kinds(row)
    title = row.title or " ; ".join(kind.title for kind in found)
    return title, row.source or " ; ".join(dict.fromkeys(kind.source for kind in found))


def _kinds(row: Row) -> list[Kind]:
    """The kinds among the code of a row."""
    found = []
    for code in row.code:
        path, _, name = code.partition(":")
        if path.startswith("gateway/domain/kinds/") and exists(code):
            item = getattr(import_module(path.removesuffix(".py").replace("/", ".")), name, None)
            found += [item] if isinstance(item, Kind) else []
    return found


def _code(row: Row) -> str:
    if row.apart:
        return f"Sans objet : {row.apart}"
    return "<br>".join(f"`{code}`" for code in row.code)


def _tests(row: Row, marks: Iterable[Proof]) -> str:
    if row.apart:
        return "–"
    by_name = [f"`{proof.test.removeprefix('tests/')}`" for proof in marks if proof.names == row.id]
    return "<br>".join(by_name) or "*"
