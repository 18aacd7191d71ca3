"""A container image built from the project's Dockerfile without an engine: buildah, on a base that debootstrap makes.

Packages come from where this machine's own apt and pip take them. Everything lies in one folder, which the end removes.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.mailserver import cannot_run

ROOT = Path(__file__).parents[2]
BASE, IMAGE = "localhost/base", "localhost/soins-passerelle"
BUILD_SECONDS = 600.0
RUN_SECONDS = 60.0
PIP_SETTINGS = ("index-url", "extra-index-url", "trusted-host", "proxy", "timeout")
AUTHORITIES = Path("/etc/ssl/certs/ca-certificates.crt")


@dataclass(frozen=True, slots=True, kw_only=True)
class Store:
    """Where buildah keeps images and containers."""

    folder: Path

    def words(self, *arguments: str) -> list[str]:
        """A buildah command."""
        places = ("--root", str(self.folder / "store"), "--runroot", str(self.folder / "run"))
        return ["buildah", "--storage-driver", "vfs", *places, *arguments]

    def call(self, *arguments: str, seconds: float = RUN_SECONDS) -> str:
        """Run one; its output, or a failure with what it said."""
        return output(self.words(*arguments), seconds)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mount:
    """A folder or file of this machine in the container, to be changed there if its owner may."""

    source: Path
    target: str

    def word(self) -> str:
        """As buildah has it."""
        return f"--mount=type=bind,source={self.source},target={self.target},rw"


@dataclass(frozen=True, slots=True, kw_only=True)
class Container:
    """A container of the image, with its mounts; each command is a new process in it."""

    store: Store
    name: str
    mounts: Sequence[Mount] = ()

    def words(self, *command: str) -> list[str]:
        """A command inside, with the image's user, variables and working folder."""
        mounts = [mount.word() for mount in self.mounts]
        return self.store.words("run", "--isolation", "chroot", *mounts, self.name, "--", *command)

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run it and wait."""
        return subprocess.run(
            self.words(*command),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=RUN_SECONDS,
            check=False,
        )


@contextmanager
def built() -> Iterator[Store]:
    """A store that holds the image."""
    if os.geteuid() != 0:
        cannot_run("buildah without an engine needs root")
    absent = [tool for tool in ("buildah", "debootstrap") if shutil.which(tool) is None]
    if absent:
        cannot_run(f"Debian packages missing: {', '.join(absent)}")
    suite, mirror = debian()
    with _folder_in_memory() as folder:
        store = Store(folder=folder)
        try:
            _make_base(store, suite, mirror)
            _build(store)
            yield store
        finally:
            subprocess.run(store.words("rm", "--all"), capture_output=True, check=False)


@contextmanager
def _folder_in_memory() -> Iterator[Path]:
    """A gigabyte of files that nobody will read again is not worth a disk's time."""
    folder = Path(tempfile.mkdtemp(prefix="gwc-"))
    disk = ["mount", "-t", "tmpfs", "-o", "size=4g,mode=0711", "tmpfs", str(folder)]
    mounted = subprocess.run(disk, capture_output=True, check=False).returncode == 0
    try:
        yield folder
    finally:
        if mounted:
            subprocess.run(["umount", "--lazy", str(folder)], check=True)
        shutil.rmtree(folder)


@contextmanager
def container(store: Store, *mounts: Mount) -> Iterator[Container]:
    """A container of the image."""
    name = store.call("from", "--pull-never", IMAGE).strip()
    try:
        for volume in settings(store)["Volumes"]:
            # An engine's mount hides the image's volume; buildah lets either of them win.
            store.call("config", "--volume", f"{volume}-", name)
        yield Container(store=store, name=name, mounts=mounts)
    finally:
        store.call("rm", name)


def settings(store: Store) -> dict[str, Any]:
    """What the image tells an engine."""
    told: dict[str, Any] = json.loads(store.call("inspect", "--type", "image", IMAGE))["Docker"]["config"]
    return told


def debian() -> tuple[str, str]:
    """This machine's release of Debian, and where its apt takes that from."""
    lines = Path("/etc/os-release").read_text(encoding="utf-8").splitlines()
    suite = dict(line.split("=", 1) for line in lines if "=" in line).get("VERSION_CODENAME", "")
    form = "$(RELEASE) $(COMPONENT) $(REPO_URI)"
    told = output(["apt-get", "indextargets", "--no-release-info", "--format", form, "Created-By: Packages"])
    for release, component, mirror in (line.split(" ", 2) for line in told.splitlines() if line):
        if (release, component) == (suite, "main"):
            return suite, mirror
    return cannot_run(f"apt has no source for {suite} main")


def _make_base(store: Store, suite: str, mirror: str) -> None:
    """A minimal Debian, made in the very folder of a container: nothing is copied."""
    name = store.call("from", "scratch").strip()
    root = store.call("mount", name).strip()
    output(["debootstrap", "--variant=minbase", suite, root, mirror], BUILD_SECONDS)
    store.call("unmount", name)
    store.call("commit", "--quiet", "--rm", name, BASE, seconds=BUILD_SECONDS)


def _build(store: Store) -> None:
    """The Docker format keeps the health check."""
    options = ("--isolation", "chroot", "--pull-never", "--format", "docker", "--build-arg", f"BASE={BASE}")
    store.call("build", *options, *_secrets(store.folder), "--tag", IMAGE, str(ROOT), seconds=BUILD_SECONDS)


def _secrets(folder: Path) -> list[str]:
    """From where this machine's pip takes packages, and whom it trusts; its folders are not there during the build."""
    found = {"cert": str(AUTHORITIES)}
    for line in output([sys.executable, "-m", "pip", "config", "list"]).splitlines():
        name, _, value = line.partition("=")
        # Variables come after files, and win.
        found[name.rpartition(".")[2]] = value.strip("'\"")
    kept = {name: value for name, value in found.items() if name in PIP_SETTINGS and "file:" not in value}
    lines = ["[global]", "cert = /run/secrets/ca", *(f"{name} = {value}" for name, value in kept.items())]
    pip = folder / "pip.conf"
    pip.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return [f"--secret=id=pip,src={pip}", f"--secret=id=ca,src={found['cert']}"]


def root_of(engine: int) -> str:
    """The root folder, on this machine, of what an engine's process runs."""
    child = engine
    while below := [pid for pid, parent in _parents().items() if parent == child]:
        child = below[0]
        root = _root(child)
        if root != "/":
            return root
    raise LookupError(engine)


def processes(root: str) -> list[int]:
    """Those that live below this root, whoever their parent is now."""
    return [pid for pid in _parents() if _root(pid).removesuffix(" (deleted)") == root]


def _parents() -> dict[int, int]:
    found = {}
    for process in Path("/proc").iterdir():
        with suppress(OSError):
            if process.name.isdecimal():
                # The second field, a name between parentheses, may hold anything.
                found[int(process.name)] = int((process / "stat").read_text().rpartition(")")[2].split()[1])
    return found


def _root(pid: int) -> str:
    with suppress(OSError):
        return str(Path(f"/proc/{pid}/root").readlink())
    return "/"


def output(words: Sequence[str], seconds: float = RUN_SECONDS) -> str:
    """Run a command; its output, or a failure with what it said."""
    done = subprocess.run(
        words,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )
    if done.returncode != 0:
        raise AssertionError(f"{words}: {done.returncode}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}")
    return done.stdout
