"""The rules of the house that no linter knows: size, names, imports without effects, errors, keys, verification."""

import ast
import json
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import pytest

from gateway.domain import errors
from gateway.domain.errors import Fault, GatewayError

ROOT = Path(__file__).parents[1]
SOURCES = sorted((ROOT / "gateway").rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))
MAX_LINES = 400
MAX_TEST_LINES = 1000
VAGUE = {"util", "utils", "helper", "helpers", "common", "misc", "tools", "base", "manager", "stuff", "lib"}

MIGRATIONS = ROOT / "gateway" / "adapters" / "database" / "migrations"
MODULES = [
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    for path in SOURCES
    if MIGRATIONS not in path.parents  # Alembic loads these by path, inside a migration.
]

ERRORS = [item for item in vars(errors).values() if isinstance(item, type) and issubclass(item, GatewayError)]
LEAVES = [item for item in ERRORS if not (item.__doc__ or "").startswith("Root of")]

# Built here from two halves, so that this file does not find itself.
PRIVATE_KEY = re.compile(rb"-----BEGIN (PGP|RSA|EC|DSA|OPENSSH|ENCRYPTED|ANY)? ?PRIVATE " + rb"KEY( BLOCK)?-----")
GNUPG_KEY = re.compile(rb"\((protected-|shadowed-)?private-" + rb"key")


@cache
def parsed(path: Path) -> ast.Module:
    """A module of ours: many rules look at each."""
    return ast.parse(path.read_text(encoding="utf-8"))


def relative(path: Path) -> str:
    """A path as it is told when a rule is broken."""
    return str(path.relative_to(ROOT))


def test_files_are_short() -> None:
    """What does not fit on some pages holds two concepts."""
    long = {relative(path): len(path.read_text(encoding="utf-8").splitlines()) for path in SOURCES}
    long_tests = {relative(path): len(path.read_text(encoding="utf-8").splitlines()) for path in TESTS}

    assert {path: lines for path, lines in long.items() if lines > MAX_LINES} == {}
    assert {path: lines for path, lines in long_tests.items() if lines > MAX_TEST_LINES} == {}


def test_no_module_has_a_vague_name() -> None:
    """A drawer for everything ends up holding everything."""
    vague = [relative(path) for path in (*SOURCES, *TESTS) if VAGUE & {path.stem.strip("_"), path.parent.name}]

    assert vague == []


def test_every_module_says_what_it_holds() -> None:
    """One docstring at the head of each file, migrations included."""
    silent = [relative(path) for path in (*SOURCES, *TESTS) if not docstring(path)]

    assert silent == []


def docstring(path: Path) -> str | None:
    """The module's docstring."""
    return ast.get_docstring(parsed(path))


IMPORTS = """
import gc, importlib, json, os, signal, sys, threading, traceback

# What is imported stays: looking for what could go is most of the time, and copies memory in each child.
gc.disable()
quiet = True

def watch(event, args):
    if quiet:
        return
    if event.startswith("socket."):
        # What _ssl, uuid and the like do to know the machine's abilities stays inside the process.
        if event in ("socket.__new__", "socket.gethostname"):
            return
        raise RuntimeError(f"{name} opens a socket: {event}")
    if event in ("subprocess.Popen", "os.system", "os.fork", "os.posix_spawn", "os.exec"):
        raise RuntimeError(f"{name} starts a process: {args}")
    if event in ("os.mkdir", "os.remove", "os.rename", "os.chmod"):
        raise RuntimeError(f"{name} changes the disk: {event} {args}")
    if event == "open":
        path, mode, flags = args
        if isinstance(path, int):
            return
        where = os.path.realpath(os.fsdecode(path))
        writes = bool((flags or 0) & (os.O_WRONLY | os.O_RDWR | os.O_CREAT))
        outside = where.startswith(os.path.realpath(os.getcwd()))
        if writes or outside or where.endswith(".toml"):
            raise RuntimeError(f"{name} opens {where}")

def load():
    global quiet
    quiet = False
    importlib.import_module(name)
    quiet = True
    assert threading.active_count() == 1, "a thread was started"
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL, "a signal handler was set"
    assert os.listdir(".") == [], "a file was made"

def load_alone():
    # In a process of its own: nothing of its room is there yet.
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.dup2(writing, 1)
        os.dup2(writing, 2)
        code = 1
        try:
            load()
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)
    os.close(writing)
    with open(reading, "rb") as told:
        output = told.read().decode()
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), output

sys.addaudithook(watch)
sys.dont_write_bytecode = True
vendors, rooms = (json.loads(words) for words in sys.argv[1:3])
sys.path[:0] = sys.argv[3:]
for name in vendors:
    load()
results = {}
for room in rooms:
    for name in room:
        results[name] = load_alone()
    for name in room:
        # It did nothing, so the rooms above may find it there.
        if results[name] == (0, ""):
            load()
print(json.dumps(results))
"""


def vendors() -> set[str]:
    """The modules of other packages that ours import when they are imported."""
    names = set()
    for path in SOURCES:
        for node in parsed(path).body:
            if isinstance(node, ast.Import):
                names |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                names.add(node.module)
    ours = sys.stdlib_module_names | {"gateway"}
    return {name for name in names if name.partition(".")[0] not in ours}


def rooms() -> list[list[str]]:
    """Our modules by room, the lowest first: none imports one of a room above, which the linter sees to."""
    with (ROOT / "pyproject.toml").open("rb") as file:
        contracts = tomllib.load(file)["tool"]["importlinter"]["contracts"]
    floors = next(contract["layers"] for contract in contracts if contract["type"] == "layers")
    order = [name.strip("() ") for floor in reversed(floors) for name in floor.split("|")]
    found: dict[str, list[str]] = {name: [] for name in (*order, "")}
    for module in MODULES:
        found[module.partition(".")[2].partition(".")[0]].append(module)
    return [room for room in found.values() if room]


def import_each(folder: Path, modules: Iterable[Iterable[str]], *path: Path) -> dict[str, tuple[int, str]]:
    """Exit code and output of importing each: empty environment, empty folder, a new process for each module.

    Other packages and the rooms below are imported before, once and under the same watch: most of the time is theirs.
    """
    named = json.dumps(sorted(vendors())), json.dumps([list(room) for room in modules])
    done = subprocess.run(
        [sys.executable, "-c", IMPORTS, *named, *map(str, path)],
        cwd=folder,
        env={},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    results: dict[str, tuple[int, str]] = {name: tuple(told) for name, told in json.loads(done.stdout).items()}
    return results


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[int, str]]:
    """What importing each module of the gateway gave."""
    return import_each(tmp_path_factory.mktemp("empty"), rooms())


@pytest.mark.parametrize("module", MODULES)
def test_importing_a_module_does_nothing(module: str, imported: dict[str, tuple[int, str]]) -> None:
    """No socket, no process, no thread, no file, no word: work starts when a function is called."""
    assert imported[module] == (0, "")


RUDE = {
    "speaks": ("print('hello')", "hello"),
    "writes": ("open('file', 'w')", "writes opens"),
    "connects": ("import socket; socket.create_connection(('127.0.0.1', 9))", "connects opens a socket"),
    "spawns": ("import subprocess; subprocess.run(['true'])", "spawns starts a process"),
    "threads": (
        "import threading, time; threading.Thread(target=time.sleep, args=[9]).start()",
        "a thread was started",
    ),
    "handles": ("import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)", "a signal handler was set"),
}


def test_an_import_that_does_something_is_caught(tmp_path: Path) -> None:
    """Each in its own way, and none hides the next."""
    rude, empty = tmp_path / "rude", tmp_path / "empty"
    rude.mkdir()
    empty.mkdir()
    for name, (statement, _) in RUDE.items():
        (rude / f"{name}.py").write_text(statement)

    told = import_each(empty, [RUDE], rude)

    assert {name for name, (code, output) in told.items() if (code, output) == (0, "")} == set()
    assert [name for name, (_, said) in RUDE.items() if said not in told[name][1]] == []


@pytest.mark.parametrize("leaf", LEAVES, ids=lambda item: item.__name__)
def test_an_error_fills_its_templates_from_its_fields(leaf: type[GatewayError]) -> None:
    """Each field given is told once at least, and the sentence has no hole."""
    given = {name: f"<{name}>" for name in leaf.field_names()}

    error = leaf(**given)

    assert error.code == leaf.__name__
    assert all(value in error.sentence() for value in given.values())
    assert not re.search(r"\{\w*\}", error.sentence())
    assert str(error) == error.sentence()


@pytest.mark.parametrize("leaf", LEAVES, ids=lambda item: item.__name__)
def test_an_error_refuses_other_fields(leaf: type[GatewayError]) -> None:
    """An unknown field is a defect of ours, seen at once."""
    given: dict[str, object] = dict.fromkeys(leaf.field_names(), "")

    with pytest.raises(TypeError):
        leaf(**given, unheard_of="")


@pytest.mark.parametrize("leaf", ERRORS, ids=lambda item: item.__name__)
def test_an_error_says_what_it_is(leaf: type[GatewayError]) -> None:
    """Its own docstring, whose fault it is, an exit code of the command line's list, a French sentence of its own."""
    assert leaf.__dict__.get("__doc__")
    assert isinstance(leaf.fault, Fault)
    assert 1 <= leaf.exit_code <= 7
    assert not leaf.retry or leaf.fault is Fault.WORLD
    if leaf in LEAVES:
        assert leaf.what != GatewayError.what


def test_error_codes_are_unique_and_defined_in_one_place() -> None:
    """No error of the gateway is declared outside of its module, and of those that it takes the last from."""
    home = ROOT / "gateway" / "domain"
    elsewhere = [
        f"{relative(path)}: {node.name}"
        for path in SOURCES
        if path.parent != home or path.stem not in {"errors", "disproved", "relocated", "refused", "unproven"}
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.ClassDef) and {ast.unparse(parent) for parent in node.bases} & names_of_errors()
    ]

    assert elsewhere == []
    assert len({item.__name__ for item in ERRORS}) == len(ERRORS)


def names_of_errors() -> set[str]:
    """As a class statement names them."""
    return {item.__name__ for item in ERRORS}


def test_verification_raises_or_returns_a_value_never_a_truth() -> None:
    """A bool can be forgotten by the caller."""
    wrong = [
        f"{relative(path)}:{node.lineno} {node.name}"
        for path in SOURCES
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.name.lstrip("_").startswith("verify")
        and (node.returns is None or "bool" in ast.unparse(node.returns))
    ]

    assert wrong == []


def test_no_source_asserts() -> None:
    """An assertion vanishes under ``python -O``; a check on input must not."""
    wrong = [
        f"{relative(path)}:{node.lineno}"
        for path in SOURCES
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.Assert)
    ]

    assert wrong == []


def project_files() -> list[Path]:
    """What git follows or would add; in an export without git, every file that no tool made."""
    try:
        told = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=ROOT,
            env={
                "PATH": os.defpath,
                "GIT_CONFIG_COUNT": "1",
                "GIT_CONFIG_KEY_0": "safe.directory",
                "GIT_CONFIG_VALUE_0": "*",
            },
            capture_output=True,
            check=True,
        ).stdout
    except (OSError, subprocess.CalledProcessError):
        found = (
            path for path in ROOT.rglob("*") if not any(part.startswith(".") for part in path.parts[len(ROOT.parts) :])
        )
    else:
        found = (ROOT / os.fsdecode(name) for name in told.split(b"\0") if name)
    return [path for path in found if path.is_file()]


def test_no_private_key_is_kept_with_the_code() -> None:
    """Neither armoured, nor PEM, nor as GnuPG stores one; throw-away keys are made by the tests that need them."""
    files = project_files()

    assert ROOT / "pyproject.toml" in files
    assert [relative(path) for path in files if PRIVATE_KEY.search(path.read_bytes())] == []
    assert [relative(path) for path in files if GNUPG_KEY.search(path.read_bytes())] == []
    assert [relative(path) for path in files if path.suffix in {".key", ".kbx", ".p12", ".pfx"}] == []


def test_the_search_for_private_keys_finds_one() -> None:
    """The patterns are those of OpenSSL, OpenSSH and GnuPG."""
    kinds = (b"PGP PRIVATE KEY BLOCK", b"PRIVATE KEY", b"RSA PRIVATE KEY", b"OPENSSH PRIVATE KEY")

    assert all(PRIVATE_KEY.search(b"-----BEGIN " + kind + b"-----") for kind in kinds)
    assert GNUPG_KEY.search(b"(protected-private-" + b"key (ecc")
