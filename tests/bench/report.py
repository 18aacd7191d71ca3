"""The table of ``make bench``: what was measured, the aim, ours, its peer or floor, and whether the aim is met."""

from collections.abc import Callable, Iterator
from dataclasses import astuple, dataclass
from typing import Any

from tests.bench import floor_parts, shares

KIB = 1024
AIMS = {("sink", 10): 10.0, ("sink", 1024): 6.0, ("sink", 10240): 5.0}
AIMS |= {("servers", 10): 4.0, ("servers", 1024): 2.5, ("servers", 10240): 2.0}
SHARES = {10: 0.80, 1024: 0.40, 10240: 0.30}
THROUGH = {"sink": "puits", "servers": "Postfix et Dovecot", "floor": "plancher"}
ROUND_MS = 20
MEMORY = {"openpgp": 0.3, "smime": 2.5}
OPENPGP_SHARE, RESTART_SECONDS, COMMAND_MS = 0.90, 2.0, 120.0
NONE_DUE_MS, DUE_SECONDS, VERIFIED_A_SECOND, VERIFIED_MIB = 1.0, 0.5, 1_000_000 / 0.6, 64
QUESTION_MS = {"all_questions_ms": ("au journal", 5.0), "all_api_questions_ms": ("au journal par l'API", 10.0)}

HEADS = ("mesure", "objectif", "nous", "pair ou plancher", "tenu")


@dataclass(frozen=True, slots=True)
class Line:
    """One line, as it is shown."""

    what: str
    aim: str
    ours: str
    beside: str
    met: str


def _line(what: str, aim: str, ours: str, beside: str, *, met: bool) -> Line:
    return Line(what, aim, ours, beside, "oui" if met else "non")


def _cycles(runs: list[dict[str, Any]]) -> Iterator[Line]:
    for run in runs:
        size, peer = run["bytes"] // KIB, run.get("peer")
        for way in THROUGH.keys() & run.keys():
            # What the bare floor cannot reach, nobody can.
            ours, aim = run[way], AIMS.get(("sink" if way == "floor" else way, size))
            times = ours["a_second"] / peer["a_second"] if peer else None
            yield _line(
                f"cycle S/MIME, {size} Kio, {THROUGH[way]}",
                "–" if aim is None else f"{aim:g} ×",
                f"{ours['a_second']:.1f}/s, {_processor(ours['cpu_ms'])} de processeur"
                + (f", {times:.1f} × ({_beside(peer, ours)} au processeur)" if peer else "")
                + (_shared(ours) if way == "servers" else "")
                + ("" if way == "floor" or "floor" not in run else f" ; {_beside(ours, run['floor'])} le plancher"),
                f"{peer['a_second']:.1f}/s, {_processor(peer['cpu_ms'])}" if peer else "–",
                met=aim is not None and times is not None and times >= aim,
            )


def _processor(ms: float) -> str:
    return f"{ms:.0f} ms" if ms >= ROUND_MS else f"{ms:.1f} ms"


def _beside(more: dict[str, Any], less: dict[str, Any]) -> str:
    return f"{more['cpu_ms'] / less['cpu_ms']:.1f} ×"


def _shared(ours: dict[str, Any]) -> str:
    """What the mail servers take, which is in no other figure, and what became of the cores."""
    shares = ours["shares"]
    rest = max(0.0, 1 - sum(shares.values()))
    return (
        f" ; serveurs de messagerie : {ours['servers_cpu_ms']:.0f} ms"
        f" ; cœurs : nous {shares['ours']:.0%}, eux {shares['servers']:.0%}, "
        f"inoccupés {shares['idle']:.0%}, le noyau et d'autres {rest:.0%}"
    )


def _seal(found: dict[str, Any]) -> Iterator[Line]:
    for row in found["stages"]:
        size = row["bytes"] // KIB
        for suite, aim in (("openpgp", OPENPGP_SHARE), ("smime", SHARES.get(size, 1.0))):
            told = row[suite]
            yield _line(
                f"sceller et ouvrir, {suite}, {size} Kio",
                f"{aim:.0%} du plancher",
                f"{told['ms']:.1f} ms, {told['share']:.0%}",
                f"{told['floor_ms']:.1f} ms",
                met=told["share"] >= aim,
            )
    for suite, row in found["memory"].items():
        what, aim = f"mémoire, courrier {suite} de {row['bytes'] / 1e6:.0f} Mo", MEMORY[suite]
        yield _line(what, f"{aim:g} × sa taille", f"{row['ratio']:.1f} ×", "–", met=row["ratio"] <= aim)


def _audit(runs: list[dict[str, Any]]) -> Iterator[Line]:
    for run in runs:
        size, checked = run["records"], run["verify"]
        for name, (what, aim) in QUESTION_MS.items():
            yield _line(
                f"questions {what}, {size} enregistrements",
                f"p95 de {aim:g} ms",
                f"{run[name]['p50']:.1f} ; {run[name]['p95']:.1f} ms",
                "–",
                met=run[name]["p95"] <= aim,
            )
        yield _line(
            f"vérifier {size} enregistrements",
            f"{size / VERIFIED_A_SECOND:.2f} s, 64 Mio",
            f"{checked['seconds']:.1f} s ({checked['cpu_seconds']:.1f} s de processeur), {checked['peak_mib']:.0f} Mio",
            f"{checked['floor_seconds']:.1f} s ({checked['floor_cpu_seconds']:.1f} s)",
            met=checked["seconds"] <= size / VERIFIED_A_SECOND and checked["peak_mib"] <= VERIFIED_MIB,
        )


def _sweep(run: dict[str, Any]) -> Iterator[Line]:
    none, due = run["none_due"], run["due"]
    yield _line(
        f"{run['open']} délais ouverts, aucun échu",
        f"p99 de {NONE_DUE_MS:g} ms",
        f"p50 {none['p50_ms']:.2f}, p99 {none['p99_ms']:.2f} ms",
        f"p99 {none['floor_p99_ms']:.2f} ms",
        met=none["p99_ms"] <= NONE_DUE_MS,
    )
    yield _line(
        f"{run['open']} délais ouverts, {due['count']} échus",
        f"{DUE_SECONDS:g} s",
        f"{due['ms'] / 1000:.3f} s",
        f"{due['floor_ms'] / 1000:.3f} s",
        met=due["ms"] <= DUE_SECONDS * 1000,
    )


def _restart(run: dict[str, Any]) -> Iterator[Line]:
    yield _line(
        f"redémarrer, {run['in_flight']} messages en route, rien de perdu ni de doublé",
        f"{RESTART_SECONDS:g} s",
        f"{run['seconds']:.1f} s ({run['cpu_seconds']:.1f} s de processeur)",
        f"sans message : {run['floor_seconds']:.1f} s ({run['floor_cpu_seconds']:.1f} s)",
        met=run["seconds"] <= RESTART_SECONDS,
    )


def _commands(run: dict[str, Any]) -> Iterator[Line]:
    floor = run["python"]
    for name in run.keys() - {"python"}:
        yield _line(
            f"`{name}`",
            f"{COMMAND_MS:g} ms",
            f"{run[name]['ms']:.0f} ms ({run[name]['cpu_ms']:.0f} ms de processeur)",
            f"Python vide : {floor['ms']:.0f} ms ({floor['cpu_ms']:.0f} ms)",
            met=run[name]["ms"] <= COMMAND_MS,
        )


PARTS: dict[str, Callable[[Any], Iterator[Line]]] = {
    "cycle": _cycles,
    "seal": _seal,
    "audit": _audit,
    "sweep": _sweep,
    "restart": _restart,
    "commands": _commands,
}


def table(found: dict[str, Any]) -> str:
    """Of all parts that were measured, in Markdown."""
    lines = [line for name, part in PARTS.items() if name in found for line in sorted(part(found[name]), key=astuple)]
    rows = [HEADS, ("---",) * len(HEADS), *map(astuple, lines)]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


OWN_TABLES: dict[str, Callable[[Any], str]] = {"floor": floor_parts.table, "profile": shares.table}
"""Parts that have no aim."""


def tables(found: dict[str, Any]) -> str:
    """All that was measured."""
    own = [told(found[name]) for name, told in OWN_TABLES.items() if name in found]
    return "\n\n".join([*([table(found)] if found.keys() & PARTS.keys() else []), *own])
