"""What a person typed wrong is told in the reader's language, with the usage and where to read more."""

import io
import re
from pathlib import Path

import pytest

from gateway.cli.language import Language, use
from gateway.cli.usage import TEMPLATES, sentence
from tests.cli.conftest import Gateway

MISTAKES = [
    (("case", "show"), "il manque la valeur 'ref'.", "Missing argument 'ref'."),
    (("clock", "compute"), "il manque l'option '--received'.", "Missing option '--received'."),
    (("staus",), "la commande 'staus' n'existe pas ; peut-être 'status' ?", "No such command 'staus'. Did you mean"),
    (("xyz",), "la commande 'xyz' n'existe pas.", "No such command 'xyz'."),
    (("status", "--jsn"), "l'option --jsn n'existe pas ; peut-être --json ?", "No such option: --jsn (Possible"),
    (("status", "--zzz"), "l'option --zzz n'existe pas.", "No such option: --zzz"),
    (("status", "--config"), "l'option '--config' demande une valeur.", "Option '--config' requires an argument."),
    (("status", "--json=1"), "l'option '--json' ne prend pas de valeur.", "Option '--json' does not take a value."),
    (("status", "a", "b"), "il y a des mots en trop : a b", "Got unexpected extra argument(s) (a b)"),
    (
        ("message", "show", "x"),
        "valeur refusée pour 'message' : un nombre entier",
        "Invalid value for 'message': Input",
    ),
    (("demo", "--speed", "x"), "valeur refusée pour '--speed' : un nombre est attendu", "should be a valid number"),
    (("demo", "--speed", "-1"), "0 au moins est attendu", "greater than or equal to 0"),
    (("demo", "--speed", "1001"), "1000 au plus est attendu", "less than or equal to 1000"),
    (
        ("clock", "compute", "--received", "x", "--covers-until", "demain"),
        "'demain' n'est pas de la forme '%Y-%m-%d'",
        "'demain' does not match the formats '%Y-%m-%d'.",
    ),
]


@pytest.mark.parametrize(("typed", "french", "english"), MISTAKES, ids=[" ".join(row[0]) for row in MISTAKES])
def test_a_mistake_is_told_in_both_languages(
    typed: tuple[str, ...], french: str, english: str, gateway: Gateway
) -> None:
    """Exit code 2, nothing on standard output, no traceback."""
    told = gateway(*typed)

    assert (told.code, told.out) == (2, "")
    assert told.err.startswith("Erreur : ")
    assert french in told.err
    assert re.search(r"\nAide : gateway.* --help\n$", told.err)

    told = gateway(*typed, "--lang", "en")

    assert (told.code, told.out) == (2, "")
    assert told.err.startswith("Error: ")
    assert english in told.err
    assert re.search(r"\nHelp: gateway.* --help\n$", told.err)


@pytest.mark.usefixtures("speaking")
def test_every_sentence_of_the_library_is_french_for_a_french_reader() -> None:
    """Whatever stands in the braces; one that we do not know is shown as the library wrote it."""
    use(Language.FRENCH)
    examples = [template.replace("{", "<").replace("}", ">") for template in TEMPLATES]

    assert [example for example in examples if sentence(example) == example] == []
    assert sentence("Something new happened.") == "Something new happened."


def test_a_file_of_another_account_is_told_in_french(
    gateway: Gateway, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A secretary's editor closed it to the gateway's account; the configuration names the account that can."""
    fiche = tmp_path / "fiche.toml"
    fiche.touch()
    monkeypatch.setattr("os.access", lambda *_: False)

    assert (
        f"valeur refusée pour 'fiche' : '{fiche}' n'est pas lisible par ce compte\n"
        in gateway("submit", str(fiche)).err
    )
    assert "is not readable." in gateway("submit", str(fiche), "--lang", "en").err
    assert "n'est pas lisible" not in gateway("status", "--config", str(fiche)).err


def test_a_path_that_will_not_do_is_told_in_french(gateway: Gateway, tmp_path: Path) -> None:
    """A backup that is not there, a folder in place of a file, and the other way round."""
    (tmp_path / "fichier").touch()
    refused = "valeur refusée pour"
    assert f"{refused} 'file' : le fichier '{tmp_path}/x' n'existe pas\n" in gateway("restore", f"{tmp_path}/x").err
    assert f"{refused} 'file' : '{tmp_path}' est un dossier\n" in gateway("restore", str(tmp_path)).err
    assert f"{refused} 'folder' : le dossier '{tmp_path}/x' n'existe pas\n" in gateway("backup", f"{tmp_path}/x").err
    assert "n'est pas un dossier\n" in gateway("backup", f"{tmp_path}/fichier").err


def test_what_a_person_typed_is_no_template(gateway: Gateway) -> None:
    """Braces and percent signs are shown as they were typed."""
    assert "{0} {name} %s" in gateway("{0} {name} %s").err


def test_a_stopped_question_is_no_traceback(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-D at a question."""
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)

    done = gateway("init")

    assert (done.code, done.err.splitlines()[-1]) == (1, "Abandonné ; rien n'a été fait.")
