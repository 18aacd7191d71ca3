"""What every generated page is made of: its head, its parts, its tables."""  # noqa: INP001  beside scripts

from collections.abc import Iterable, Sequence
from pathlib import Path

DOCS = Path(__file__).parent
NOTE = "<!-- Page produite par docs/generate.py : ne la modifiez pas à la main, lancez « make docs ». -->"


def table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """A Markdown table."""
    lines = [headings, ["---"] * len(headings), *rows]
    return ["| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines]


def page(title: str, *parts: Iterable[str]) -> str:
    """A whole page, its parts separated by one empty line."""
    return "\n\n".join([NOTE, f"# {title}", *("\n".join(part) for part in parts)]) + "\n"
