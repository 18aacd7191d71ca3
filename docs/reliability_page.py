"""Makes docs/reliability.md: each fault, how it is brought about, what holds, and what the last run gave.

``problems`` says what would make the page untrue.
"""  # noqa: INP001  beside scripts, not a package

from collections.abc import Iterable, Iterator, Mapping, Sequence

from fault_rows import EXPECTED, HELD, MARK, Result, Row, Section, ids, read_results, read_sections
from law_rows import Proof, proofs
from pages import page, table

INTRO = [
    "Pour l'auditeur et l'exploitant prudent : ce qui peut tomber en panne, comment un essai le provoque, ce qui",
    "tient. Le principe : rien n'est accusé avant d'être durable, et rien n'est durable deux fois. Les états permis",
    "d'un courrier sont dans [message-states.md](message-states.md) ; la passerelle ne démarre sur aucun autre.",
]
HOW = [
    "`make test` rejoue toutes les lignes, avec quelques points de chaque échange ; `make test-faults` les prend tous,",
    "jusqu'à un passage sans dommage, et note ses résultats ici. Un *point* est un appel au système (écriture,",
    "synchronisation, envoi, renommage, création, suppression) devant lequel le processus meurt, ou qui échoue ; la",
    "passerelle redémarre ensuite, et ses données sont comparées à celles d'un passage que rien n'a troublé. Le nombre",
    "de points de chaque ligne dit combien son dernier passage en a pris.",
]


def problems() -> Iterator[str]:
    """What makes the page untrue: a row that is missing or has no test, a wrong mark, a test that did not hold."""
    known, found, results = ids(), proofs(mark=MARK), read_results()
    shown = {proof.names for proof in found}
    if sorted(known) != sorted(EXPECTED):
        yield f"les lignes ne sont pas F1 à F40, une fois chacune : {' '.join(known)}"
    yield from (f"{row} : aucun test ne la montre" for row in known if row not in shown)
    yield from (f"{proof.test} : aucune ligne {proof.names}" for proof in found if proof.names not in known)
    for row in known:
        noted = {
            proof.test: results[proof.test].outcome for proof in found if proof.names == row and proof.test in results
        }
        if set(noted.values()) != {HELD}:
            named = ", ".join(test for test, outcome in noted.items() if outcome != HELD) or "aucun passage noté"
            yield f"{row} : n'a pas tenu ({named}) ; lancez « make test-faults »"


def reliability() -> str:
    """docs/reliability.md."""
    results, found = read_results(), proofs(mark=MARK)
    parts: list[list[str]] = [INTRO, HOW, [_last(results, found)]]
    for section in read_sections():
        parts += _section(section, results, found)
    return page("Ce qui peut tomber en panne, et ce qui tient", *parts)


def _of(row: Row, found: Iterable[Proof]) -> tuple[str, ...]:
    """The tests of a row."""
    return tuple(proof.test for proof in found if proof.names == row.id)


def _last(results: Mapping[str, Result], found: Iterable[Proof]) -> str:
    tests = {proof.test for proof in found} & set(results)
    rows = [row for section in read_sections() for row in section.rows]
    held = sum(_holds(_of(row, found), results) for row in rows)
    points = f"{sum(results[test].points for test in tests):,}".replace(",", "\u202f")
    since = min((results[test].date for test in tests), default="–")
    return (
        f"{held} lignes tenues sur {len(rows)}, {len(tests)} essais, {points} points ; passages du {since} et depuis."
    )


def _holds(tests: Sequence[str], results: Mapping[str, Result]) -> bool:
    """The tests of it that a run noted, one at least, all held."""
    outcomes = {results[test].outcome for test in tests if test in results}
    return outcomes == {HELD}


def _section(section: Section, results: Mapping[str, Result], found: Sequence[Proof]) -> Iterator[list[str]]:
    yield [f"## {section.title}"]
    rows = ((row.id, row.title, row.injected, row.holds, _told(_of(row, found), results)) for row in section.rows)
    yield table(("Ligne", "Panne", "Comment elle est provoquée", "Ce qui tient", "Dernier passage"), rows)
    yield ["Essais :", "", *(f"- {row.id} : {_named(_of(row, found))}" for row in section.rows)]


def _told(tests: Sequence[str], results: Mapping[str, Result]) -> str:
    outcome = "tenu" if _holds(tests, results) else "**pas tenu**"
    points = sum(results[test].points for test in tests if test in results)
    last = max((results[test].date for test in tests if test in results), default="–")
    return f"{outcome}, {last}" + (f", {points} points" if points else "")


def _named(tests: Iterable[str]) -> str:
    return ", ".join(f"`{test.removeprefix('tests/')}`" for test in tests) or "–"
