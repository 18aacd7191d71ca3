"""The container image, as an administrator runs it: an ordinary user, nothing of the build, an honest health check."""

import json
import os
import re
import signal
import stat
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.mailserver import Machine, libfaketime
from tests.system.containers import IMAGE, Container, Mount, Store, built, container, processes, root_of, settings
from tests.system.gateways import PATIENCE, until

pytestmark = [pytest.mark.package, pytest.mark.system, pytest.mark.timeout(1200)]

USER = 10001
CONFIGURATION = "/etc/soins-passerelle"
DATA = "/var/lib/soins-passerelle"
FAKETIME = "/mnt/libfaketime.so.1"
MINUTE = 60 * 10**9
UNHEALTHY = 1


@pytest.fixture(scope="module")
def image() -> Iterator[Store]:
    """The image."""
    with built() as store:
        yield store


@pytest.fixture(scope="module")
def bare(image: Store) -> Iterator[Container]:
    """A container without any volume."""
    with container(image) as made:
        yield made


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """An administrator's two volumes, the container between them, and what its engine runs to know its health."""

    configuration: Path
    data: Path
    container: Container
    check: list[str]

    def health(self, *before: str) -> tuple[int, str]:
        """Exit code, and what the engine shows beside it."""
        done = self.container.run(*before, *self.check)
        return done.returncode, done.stdout + done.stderr


def prepared(folder: Path, bare: Container) -> Site:
    """Empty volumes that belong to the user of the image."""
    faketime = libfaketime()
    assert faketime is not None
    configuration, data = folder / "etc", folder / "data"
    for volume in (configuration, data):
        volume.mkdir(mode=0o700, parents=True)
        os.chown(volume, USER, USER)
    mounts = (
        Mount(source=configuration, target=CONFIGURATION),
        Mount(source=data, target=DATA),
        Mount(source=faketime, target=FAKETIME),
    )
    kind, *check = settings(bare.store)["Healthcheck"]["Test"]
    return Site(
        configuration=configuration,
        data=data,
        container=Container(store=bare.store, name=bare.name, mounts=mounts),
        check=["sh", "-c", *check] if kind == "CMD-SHELL" else check,
    )


@pytest.fixture(scope="module")
def site(bare: Container, mail_machine: Machine, place: Path) -> Site:
    """Installed by « gateway init » in the container, beside real servers; its daemon does not run."""
    account = mail_machine.fresh_account()
    made = prepared(place / "site", bare)
    for name, content in (("password", account.password.encode()), ("ca.pem", mail_machine.ca.read_bytes())):
        path = made.configuration / name
        path.write_bytes(content)
        path.chmod(0o600)
        os.chown(path, USER, USER)
    words = ["gateway", "init", "--role", "hospital", "--party", "hopital-essai", "--name", "Hôpital d'essai"]
    words += ["--address", account.address, "--data", DATA, "--watch", "INBOX", "--own-mta", mail_machine.mta_name]
    words += ["--imap-host", mail_machine.host, "--imap-port", str(mail_machine.ports.imaps)]
    words += ["--smtp-host", mail_machine.host, "--smtp-port", str(mail_machine.ports.submission)]
    words += ["--password-file", f"{CONFIGURATION}/password", "--ca", f"{CONFIGURATION}/ca.pem"]
    words += ["--cnas", "soins@cnas.test", "--cnse", "medical@cnse.test"]
    done = made.container.run(*words)
    assert done.returncode == 0, done.stderr
    return made


def test_the_engine_is_told_the_user_the_volume_and_the_command(image: Store) -> None:
    """« docker run IMAGE » runs the gateway; « docker run IMAGE status » is a command of it."""
    told = settings(image)

    assert told["User"] == f"{USER}:{USER}"
    assert told["Volumes"] == {DATA: {}}
    assert (told["Entrypoint"], told["Cmd"]) == (["gateway"], ["run"])
    assert f"GATEWAY_CONFIG={CONFIGURATION}/gateway.toml" in told["Env"]
    assert told["Healthcheck"]["Interval"] == told["Healthcheck"]["StartPeriod"] == MINUTE


def test_it_runs_as_an_ordinary_user_who_can_change_no_program(bare: Container) -> None:
    """Only its configuration, its data, and what everyone may write to, is writable."""
    assert bare.run("id", "-u").stdout.strip() == str(USER)

    found = bare.run("find", "/", "-xdev", "-type", "d", "-writable", "-not", "-path", "/proc/*").stdout.split()

    assert set(found) <= {CONFIGURATION, DATA, "/tmp", "/var/tmp", "/run/lock", "/dev/shm", "/dev/mqueue"}  # noqa: S108


def test_nothing_of_the_build_stays(bare: Container, image: Store) -> None:
    """Neither pip, nor a package list, nor the build's folder, nor the settings that pip was lent."""
    secret = (image.folder / "pip.conf").read_text(encoding="utf-8")
    places = ("/build", "/opt/build", "/opt/soins-passerelle/bin/pip", "/etc/pip.conf", "/run/secrets", "/root/.cache")

    left = [place for place in places if bare.run("test", "-e", place).returncode == 0]

    assert "cert = /run/secrets/ca" in secret
    assert left == []
    assert bare.run("find", "/var/lib/apt/lists", "-type", "f").stdout == ""
    assert bare.run("grep", "-rlI", "cert = /run/secrets/ca", "/etc", "/opt", "/var").stdout == ""
    assert "/run/secrets/ca" not in image.call("inspect", "--type", "image", IMAGE)


def test_its_commands_answer(bare: Container) -> None:
    """Version, contents, the shipped calendar, GnuPG."""
    version = bare.run("gateway", "--version")
    contents = bare.run("gateway", "--help")
    period = bare.run("gateway", "clock", "compute", "--received", "2026-02-05T10:00:00+01:00", "--json")

    assert re.fullmatch(r"gateway \d+\.\d+\.\d+\n", version.stdout)
    assert contents.returncode == 0
    assert "submit" in contents.stdout
    assert len(json.loads(period.stdout)["counted_days"]) == 4
    assert bare.run("gpg", "--version").returncode == 0


def test_without_a_configuration_it_is_unhealthy_and_says_what_to_do(bare: Container, place: Path) -> None:
    """A container that somebody forgot to install."""
    code, said = prepared(place / "empty", bare).health()

    assert code == UNHEALTHY
    assert "gateway init" in said


def test_init_without_a_terminal_fills_the_volumes(site: Site) -> None:
    """Configuration, keys and database, private to the user of the image; the key is usable there."""
    files = [path for folder in (site.configuration, site.data) for path in folder.rglob("*") if path.is_file()]

    assert {"gateway.toml", "master.key", "passphrase", "gateway.sqlite3"} <= {path.name for path in files}
    assert {(path.stat().st_uid, stat.S_IMODE(path.stat().st_mode)) for path in files} == {(USER, 0o600)}
    keys = site.container.run("gateway", "keys", "list", "--json")
    assert [key["state"] for key in json.loads(keys.stdout)] == ["usable"]


def test_installed_but_not_running_it_is_unhealthy(site: Site) -> None:
    """No mail was ever looked for."""
    code, said = site.health()

    assert code == UNHEALTHY
    assert "LE COURRIER N'EST PAS RELEVÉ" in said


def test_it_is_healthy_while_it_works_and_unhealthy_once_it_looks_no_more(site: Site, place: Path) -> None:
    """Started, healthy; stopped by SIGTERM, exit code 0 and no process left; an hour later, unhealthy."""
    log = place / "container.log"
    with log.open("wb") as stream:
        words = site.container.words("gateway", "run")
        engine = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=stream, stderr=stream)
    until(lambda: b"gateway.ready" in log.read_bytes() or engine.poll() is not None, "the daemon is ready")
    root = root_of(engine.pid)
    try:
        until(lambda: site.health()[0] == 0, "healthy")
        assert "Tout va bien." in site.health()[1]
        (daemon,) = [pid for pid in processes(root) if is_daemon(pid)]
        os.kill(daemon, signal.SIGTERM)
        assert engine.wait(PATIENCE) == 0, log.read_text()
        assert processes(root) == []
    finally:
        for pid in processes(root):
            os.kill(pid, signal.SIGKILL)
        engine.wait(PATIENCE)
    later = ("env", f"LD_PRELOAD={FAKETIME}", "FAKETIME=+1h")
    code, said = site.health(*later)
    assert code == UNHEALTHY
    assert "LE COURRIER N'EST PAS RELEVÉ" in said


def is_daemon(pid: int) -> bool:
    """True for the gateway itself, not for its worker or its agents."""
    return b"/python\0/opt/soins-passerelle/bin/gateway\0run\0" in Path(f"/proc/{pid}/cmdline").read_bytes()
