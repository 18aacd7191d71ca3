"""The section [database]: what a URL may be, where its password is, and that neither an error nor a log shows it."""

from pathlib import Path

import pytest
from sqlalchemy import make_url

from gateway.config import Settings, load
from gateway.domain.errors import ConfigInvalid, SecretUnreadable
from tests.test_config import GOOD, write

SECRET = "p@ss:w/rd%?#é 1"


def settings(folder: Path, *lines: str) -> Settings:
    """The good file with this section."""
    return load(write(folder, "\n".join([GOOD, "[database]", *lines])))


def refused(folder: Path, *lines: str) -> str:
    """What is said of this section."""
    with pytest.raises(ConfigInvalid) as caught:
        settings(folder, *lines)
    return caught.value.sentence()


def test_without_the_section_it_is_a_file_of_ours(tmp_path: Path) -> None:
    """SQLite, in the data folder."""
    made = load(write(tmp_path, GOOD))
    assert made.database_url == f"sqlite+aiosqlite:///{tmp_path / 'data' / 'gateway.sqlite3'}"
    assert not made.database.shared


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://passerelle@localhost/passerelle",
        "postgresql://passerelle@127.0.0.1:5433/passerelle",
        "postgresql://passerelle@/passerelle?host=/run/postgresql",
        "postgresql:///passerelle",
        "postgresql://passerelle@bd.interne.test/passerelle?sslmode=verify-full&sslrootcert=/etc/ca.pem",
    ],
)
def test_servers_that_may_be_used(tmp_path: Path, url: str) -> None:
    """Of this machine, or of another one behind verified TLS."""
    made = settings(tmp_path, f'url = "{url}"')
    assert make_url(made.database_url).drivername == "postgresql+psycopg"
    assert made.database.shared


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://passerelle@bd.interne.test/passerelle",
        "postgresql://passerelle@bd.interne.test/passerelle?sslmode=require",
        "postgresql://passerelle@bd.interne.test/passerelle?sslmode=verify-full&sslmode=disable",
        "postgresql://passerelle@localhost/passerelle?host=bd.interne.test",
        "postgresql://passerelle@localhost/passerelle?hostaddr=192.0.2.1",
        "postgresql://passerelle@/passerelle?host=/run/postgresql,bd.interne.test",
    ],
)
def test_a_server_on_another_machine_demands_verified_tls(tmp_path: Path, url: str) -> None:
    """Whatever names it; medical identities must not cross a network in clear."""
    assert "sslmode=verify-full" in refused(tmp_path, f'url = "{url}"')


@pytest.mark.parametrize(
    "url", ["sqlite:///x", "mysql://a@b/c", "passerelle", "postgresql://a@localhost", "http://[::"]
)
def test_what_is_no_address_of_a_postgresql_database_is_refused(tmp_path: Path, url: str) -> None:
    """With an example of one."""
    assert "postgresql://passerelle@localhost/passerelle" in refused(tmp_path, f'url = "{url}"')


@pytest.mark.parametrize("url", ["postgresql://a:hush@localhost/b", "postgresql://a@localhost/b?password=hush"])
def test_a_password_in_the_url_is_refused_and_not_repeated(tmp_path: Path, url: str) -> None:
    """The configuration is read by more people than its secrets."""
    told = refused(tmp_path, f'url = "{url}"')
    assert "password = {" in told
    assert "hush" not in told


def test_the_password_comes_from_where_secrets_are(tmp_path: Path) -> None:
    """Of any signs; nothing that is printed of the settings shows it."""
    (tmp_path / "bd").write_text(SECRET + "\n", encoding="utf-8")
    (tmp_path / "bd").chmod(0o600)
    made = settings(tmp_path, 'url = "postgresql://passerelle@localhost/p"', 'password = { file = "bd" }')
    assert make_url(made.database_url).password == SECRET
    assert SECRET not in repr(made)
    (tmp_path / "bd").chmod(0o644)
    with pytest.raises(SecretUnreadable):
        _ = made.database_url


@pytest.mark.parametrize(
    "lines", [('password = { env = "X" }',), ('url = "postgresql:///p"', 'password = { env = "X" }')]
)
def test_a_password_of_nobody_is_refused(tmp_path: Path, lines: tuple[str, ...]) -> None:
    """Without a server, or without an account."""
    assert "COMPTE" in refused(tmp_path, *lines)
