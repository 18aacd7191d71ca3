"""The list of trust steps is the one that the code walks, and the one that docs/trust.md tells."""

import ast
import re
from pathlib import Path

from gateway.domain.steps import BY_NAME, STEPS

ROOT = Path(__file__).parents[2]

ELSEWHERE = {"compose", "internal", "report"}
"""Making mail, a defect of ours, and a delivery report, which is read with tolerance and refuses nothing."""


def named() -> set[str]:
    """Every step that the source names: as an argument, as a default, as the constant of a module."""
    found: set[str] = set()
    for path in (ROOT / "gateway").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            match node:
                case ast.keyword(arg="step", value=ast.Constant(value=str(name))):
                    found.add(name)
                case ast.Assign(targets=[ast.Name(id="_STEP" | "step")], value=ast.Constant(value=str(name))):
                    found.add(name)
                case ast.FunctionDef(name="__init__", args=ast.arguments(kwonlyargs=kinds, kw_defaults=defaults)):
                    pairs = zip(kinds, defaults, strict=True)
                    found |= {
                        str(default.value)
                        for kind, default in pairs
                        if kind.arg == "step" and isinstance(default, ast.Constant)
                    }
                case _:
                    pass
    return found


def test_every_refusal_names_a_step_of_the_list() -> None:
    """And the list has none that nothing asks. The replay and the state are named by whoever records."""
    assert named() - ELSEWHERE == set(BY_NAME) - {"state"}
    told = (ROOT / "gateway" / "services" / "receive.py").read_text(encoding="utf-8")
    assert 'return "state", "unexpected-in-this-state"' in told


def test_the_page_tells_the_same_list_in_the_same_order() -> None:
    """Number and name, one entry a step."""
    page = (ROOT / "docs" / "trust.md").read_text(encoding="utf-8")
    told = [(int(number), name) for number, name in re.findall(r"^(\d+)\. \*\*`([a-z]+)`\*\*", page, re.MULTILINE)]
    assert told == [(step.number, step.name) for step in STEPS]
