"""``gateway backup`` and ``gateway restore``: whole while others write, sealed, and put back only by a person's act."""

import asyncio
import errno
import json
import resource
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from gateway import backups
from gateway.adapters import database
from gateway.adapters.daemon_lock import held
from gateway.adapters.log_key import generate_log_key
from gateway.adapters.sealed_file import CHUNK
from gateway.adapters.vault import FileVault
from gateway.cli.commands import app
from gateway.domain.errors import AuditBroken, BackupUnusable, GatewayError, NotRestored, StorageFailed
from gateway.domain.transmission import State
from gateway.records import open_base
from gateway.services.cabinet import Cabinet
from gateway.storage import Direction, Message, Transmission
from gateway.vouching import witness
from tests.cli.installed import MASTER, Installed, install, record_silence, run_requests
from tests.postgres import Server
from tests.services.fakes import FakeClock

NOW = datetime(2026, 2, 4, 9, tzinfo=UTC)
RECEIVED = (datetime(2026, 1, 25, 9, tzinfo=UTC), datetime(2026, 1, 26, 9, tzinfo=UTC))
CONTENT = b"Mme Secrete, cardiologie " * 100_000
QUESTIONS = (("case", "show", "7F3K-Q1", "--json"), ("cases", "--json"))


@pytest.fixture(name="made", params=["sqlite", "postgresql"])
def _made(request: pytest.FixtureRequest, tmp_path: Path) -> Installed:
    """A hospital on either database, with a log key, an anchor file, two requests, and files in its vault."""
    made = install(tmp_path / "chu", FakeClock(NOW))
    generate_log_key(made.config.parent / "audit.key")
    audit = '[audit]\nkey = { file = "audit.key" }\ncheckpoint_records = 1\nanchor_file = "ancres.txt"\n\n'
    _insert(made, audit)
    if request.param == "postgresql":
        _move(made, request.getfixturevalue("postgres"))
    run_requests(made, RECEIVED)
    record_silence(made)
    asyncio.run(_fill(made))
    return made


def _insert(made: Installed, section: str) -> None:
    made.config.write_text(made.config.read_text().replace("[reception]", f"{section}[reception]"), encoding="utf-8")


def _move(made: Installed, server: Server) -> None:
    _insert(made, f'[database]\nurl = "{server.empty().replace("+psycopg", "")}"\n\n')
    told(made, "db", "copy")


def _cabinet(made: Installed, store: database.DatabaseStore) -> Cabinet:
    vault = FileVault(folder=made.settings.gateway.data / "spool", master=MASTER)
    return Cabinet(store=store, vault=vault, clock=made.clock)


async def _fill(made: Installed) -> None:
    """A message whose mails stand in every state in which they may still leave, and one that has left."""
    conf = made.settings
    store = database.DatabaseStore(conf.database_url, clock=made.clock, site=conf.gateway.site, party="chu-essai")
    cabinet = _cabinet(made, store)
    key = await cabinet.standing_key("quarantine")
    file = await cabinet.put(CONTENT, key)
    async with store.act() as act:
        await act.add(file)
        message = await act.add(
            Message(
                site=conf.gateway.site,
                direction=Direction.OUT,
                kind="K",
                partner="cnas",
                message_id="<a@b>",
                mic="0" * 64,
                at=NOW,
            )
        )
        for number, state in enumerate(
            (State.READY, State.SENDING, State.UNKNOWN, State.HELD, State.HANDED_OVER, State.EVIDENCED)
        ):
            await act.add(
                Transmission(
                    site=conf.gateway.site,
                    message=message.id,
                    partner="cnas",
                    receipt=False,
                    envid=f"e{number}",
                    file=file.name,
                    fingerprint=None,
                    state=state,
                    next_at=NOW,
                )
            )
    await store.close()


def run(made: Installed, *arguments: str) -> Result:
    """A command, with what it raised."""
    return CliRunner().invoke(app, [*arguments, "--config", str(made.config)])


def told(made: Installed, *arguments: str) -> str:
    """What a command that succeeds prints."""
    done = run(made, *arguments)
    assert done.exit_code == 0, (done.output, done.exception)
    return done.stdout


def backed_up(made: Installed, folder: Path) -> Path:
    """A new backup."""
    folder.mkdir(exist_ok=True)
    return Path(json.loads(told(made, "backup", str(folder), "--json"))["backup"])


def refusal(made: Installed, kind: type[GatewayError], file: Path, *options: str) -> str:
    """Why it is not put back; nothing of it is there."""
    done = run(made, "restore", str(file), *options)
    assert isinstance(done.exception, kind), (done.output, done.exception)
    assert list(made.settings.gateway.data.glob("restore-*")) == []
    return done.exception.sentence()


def lose_everything(made: Installed, request: pytest.FixtureRequest) -> None:
    """The disk, or the server, is gone; configuration and keys were kept elsewhere."""
    data = made.settings.gateway.data
    data.rename(data.with_name(f"data-{len(list(data.parent.iterdir()))}"))
    if made.settings.database.shared:
        server: Server = request.getfixturevalue("postgres")
        text, url = made.config.read_text(), made.settings.database.url or ""
        made.config.write_text(text.replace(url, server.empty().replace("+psycopg", "")), encoding="utf-8")


async def _rows(made: Installed) -> dict[str, Transmission]:
    async with open_base(made.settings) as base, base.store.view() as view:
        return {row.envid: row for row in await view.all(Transmission)}


async def _content(made: Installed) -> bytes:
    async with open_base(made.settings) as base, base.store.view() as view:
        return await base.cabinet.get(view, (await view.all(Transmission))[0].file)


async def _anchor(made: Installed) -> None:
    """The witness signs what there is, and writes it down outside."""
    async with open_base(made.settings) as base:
        found = witness(base)
        assert found is not None
        await found.round(at_once=True)


# --- there and back


def test_everything_comes_back_and_the_act_is_on_record(
    made: Installed, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """Cases, deadlines, files of the vault; the log goes on from there, with who put it back, and verifies."""
    asyncio.run(_anchor(made))
    before = [json.loads(told(made, *each)) for each in QUESTIONS]
    file = backed_up(made, tmp_path / "dehors")
    lose_everything(made, request)
    done = json.loads(told(made, "restore", str(file), "--json"))
    assert [json.loads(told(made, *each)) for each in QUESTIONS] == before
    assert asyncio.run(_content(made)) == CONTENT
    assert (done["lost"], done["doubtful"], done["files"]) == (0, 4, 1)
    (record,) = json.loads(told(made, "audit", "query", "--event", "database.restored", "--json"))
    assert record["index"] == done["audit_size"]
    # No service runs: not well, and told all the same.
    assert json.loads(run(made, "status", "--json").stdout)["backed_up_at"] == done["made_at"]
    assert "Journal intact" in told(made, "audit", "verify")


@pytest.mark.fault("F15")
@pytest.mark.parametrize("made", ["sqlite"], indirect=True)
def test_what_waited_to_leave_is_in_doubt_and_what_left_is_not(
    made: Installed, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """It may have left after the backup: the mailbox has a quarter of an hour to tell."""
    file = backed_up(made, tmp_path / "dehors")
    lose_everything(made, request)
    told(made, "restore", str(file))
    rows = asyncio.run(_rows(made))
    assert [rows[f"e{number}"].state for number in range(6)] == [State.UNKNOWN] * 4 + [
        State.HANDED_OVER,
        State.EVIDENCED,
    ]
    assert all(rows[f"e{number}"].next_at > datetime.now(UTC) for number in range(4))  # noqa: TID251  the command's own clock


def test_it_is_whole_although_somebody_writes_meanwhile(
    made: Installed, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """Acts go on between its pages: it holds those of one instant, and its log proves itself."""

    async def both() -> Path:
        conf = made.settings
        store = database.DatabaseStore(conf.database_url, clock=made.clock, site=conf.gateway.site, party="chu-essai")
        making = asyncio.create_task(asyncio.to_thread(backed_up, made, tmp_path / "dehors"))
        while not making.done():
            async with store.act() as act:
                await act.record("test.done", actor="gateway")
        await store.close()
        return await making

    file = asyncio.run(both())
    lose_everything(made, request)
    told(made, "restore", str(file))
    assert "Journal intact" in told(made, "audit", "verify")


def test_a_backup_of_a_server_comes_back_as_a_file(made: Installed, tmp_path: Path) -> None:
    """The server is gone for good: without its section, the gateway works on SQLite again."""
    before = [json.loads(told(made, *each)) for each in QUESTIONS]
    file = backed_up(made, tmp_path / "dehors")
    data = made.settings.gateway.data
    data.rename(data.with_name("data-before"))
    head, _, rest = made.config.read_text().partition("[database]\n")
    made.config.write_text(head + (rest.partition("\n\n")[2] if rest else ""), encoding="utf-8")
    told(made, "restore", str(file))
    assert [json.loads(told(made, *each)) for each in QUESTIONS] == before
    assert (data / "gateway.sqlite3").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("made", ["sqlite"], indirect=True)
def test_each_backup_is_on_record(made: Installed, tmp_path: Path) -> None:
    """With the size and root of the log that it holds."""
    backed_up(made, tmp_path / "dehors")
    (record,) = json.loads(told(made, "audit", "query", "--event", "backup.made", "--json"))
    assert record["details"]["size"] == record["index"]


# --- what is not put back


@pytest.mark.parametrize("made", ["sqlite"], indirect=True)
def test_nothing_that_is_there_is_overwritten(made: Installed, tmp_path: Path) -> None:
    """Neither beside a running service, nor over a database."""
    file = backed_up(made, tmp_path / "dehors")
    before = [json.loads(told(made, *each)) for each in QUESTIONS]
    assert "jamais écrasé" in refusal(made, NotRestored, file)
    with held(made.settings.gateway.data):
        refusal(made, GatewayError, file)
    assert [json.loads(told(made, *each)) for each in QUESTIONS] == before


@pytest.mark.parametrize("made", ["sqlite"], indirect=True)
def test_it_is_sealed_and_whole_or_nothing(made: Installed, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """No name in clear; another key, a flipped bit anywhere, a cut at any chunk, something behind: nothing is left."""
    file = backed_up(made, tmp_path / "dehors")
    data = file.read_bytes()
    assert file.stat().st_mode & 0o077 == 0
    for clear in (b"chu-essai", b"7F3K-Q1", b"Secrete", b"SQLite format"):
        assert clear not in data
    assert len(data) > 2 * CHUNK
    lose_everything(made, request)
    (made.settings.gateway.data).mkdir(mode=0o700)
    wrong = {
        "cut at a chunk": data[: 31 + CHUNK + 16],
        "cut": data[:-1],
        "empty": b"",
        "longer": data + b"x",
        "other": b"no backup at all" * 100,
        "chunks in another order": data[:31]
        + data[31 + CHUNK + 16 : 31 + 2 * (CHUNK + 16)]
        + data[31 : 31 + CHUNK + 16]
        + data[31 + 2 * (CHUNK + 16) :],
        **{f"bit {place}": _flipped(data, place) for place in (3, 9, 28, 40, len(data) // 2, len(data) - 1)},
    }
    for name, bad in wrong.items():
        file.write_bytes(bad)
        assert refusal(made, BackupUnusable, file), name
    file.write_bytes(data)
    key = made.config.parent / "master.key"
    key.write_text("A" * 43 + "=\n", encoding="ascii")
    assert "clé maîtresse" in refusal(made, BackupUnusable, file)
    assert [path.name for path in made.settings.gateway.data.iterdir()] == ["daemon.lock"]


def _flipped(data: bytes, place: int) -> bytes:
    return data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]


@pytest.mark.parametrize("made", ["sqlite"], indirect=True)
def test_the_backup_of_somebody_else_is_refused(
    made: Installed, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """Even under the same master key."""
    file = backed_up(made, tmp_path / "dehors")
    lose_everything(made, request)
    made.config.write_text(made.config.read_text().replace('"chu-essai"', '"chu-autre"'), encoding="utf-8")
    assert "autre partie" in refusal(made, BackupUnusable, file)


@pytest.mark.parametrize("made", ["sqlite"], indirect=True)
def test_a_log_that_does_not_prove_itself_is_not_backed_up(made: Installed, tmp_path: Path) -> None:
    """A backup that could not be put back would be found out too late."""
    with closing(sqlite3.connect(made.database)) as connection, connection:
        connection.execute(
            "UPDATE audit SET canonical = CAST(replace(canonical, 'request', 'requesT') AS BLOB) WHERE \"index\" = 1"
        )
    (tmp_path / "dehors").mkdir()
    done = run(made, "backup", str(tmp_path / "dehors"))
    assert isinstance(done.exception, AuditBroken)
    assert list((tmp_path / "dehors").iterdir()) == []
    assert list(made.settings.gateway.data.glob("backup-*")) == []


@pytest.mark.fault("F7")
@pytest.mark.parametrize("made", ["sqlite"], indirect=True)
def test_a_disk_without_room_is_told_before_the_service_suffers(
    made: Installed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The copy of the database is made beside it; what is refused, before or in the middle, leaves nothing."""
    (tmp_path / "dehors").mkdir()
    with monkeypatch.context() as patch:
        patch.setattr(backups, "ROOM", 2**60)
        before = run(made, "backup", str(tmp_path / "dehors"))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (65_536, limits[1]))
    try:
        amid = run(made, "backup", str(tmp_path / "dehors"))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    for done in (before, amid):
        assert isinstance(done.exception, StorageFailed), (done.output, done.exception)
        assert "Libérez de la place" in done.exception.sentence()
        assert list((tmp_path / "dehors").iterdir()) == []
        assert list(made.settings.gateway.data.glob("backup-*")) == []


@pytest.mark.parametrize("made", ["sqlite"], indirect=True)
def test_a_backup_from_before_the_change_of_the_master_key_comes_back(
    made: Installed, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """While the former key is still named."""
    file = backed_up(made, tmp_path / "dehors")
    lose_everything(made, request)
    folder = made.config.parent
    (folder / "master.key").rename(folder / "former.key")
    (folder / "master.key").write_text("A" * 43 + "=\n", encoding="ascii")
    (folder / "master.key").chmod(0o600)
    assert "clé maîtresse" in refusal(made, BackupUnusable, file)
    text = made.config.read_text()
    made.config.write_text(text.replace("[vault]\n", '[vault]\nformer_master_key = { file = "former.key" }\n'))
    told(made, "restore", str(file))
    assert asyncio.run(_content(made)) == CONTENT


@pytest.mark.parametrize("made", ["sqlite"], indirect=True)
def test_what_a_killed_backup_left_goes_with_the_next_one(made: Installed, tmp_path: Path) -> None:
    """And only that: another backup that is being made at this moment keeps its folder."""
    data = made.settings.gateway.data
    left, used = data / "backup-left", data / "backup-used"
    for folder in (left, used):
        folder.mkdir()
        (folder / "gateway.sqlite3").write_bytes(b"x")
    with backups._locked(used) as ours:
        assert ours
        backed_up(made, tmp_path / "dehors")
    assert not left.exists()
    assert used.exists()


@pytest.mark.parametrize("made", ["sqlite"], indirect=True)
def test_files_that_are_missing_are_told(made: Installed, tmp_path: Path) -> None:
    """The rest is saved all the same."""
    for path in (made.settings.gateway.data / "spool").rglob("*"):
        if path.is_file():
            path.unlink()
    (tmp_path / "dehors").mkdir()
    assert "manquent sur cette machine : 1." in told(made, "backup", str(tmp_path / "dehors"))


# --- what stands outside


@pytest.mark.fault("F15")
def test_a_loss_that_anchors_attest_needs_a_person_s_word(
    made: Installed, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """Refused; then accepted by name, recorded; the anchors of what is lost are kept, and still betray the loss."""
    asyncio.run(_anchor(made))
    file = backed_up(made, tmp_path / "dehors")
    asyncio.run(_anchor(made))
    lost_from = json.loads(told(made, "audit", "verify", "--json"))["size"]
    lose_everything(made, request)
    assert "--accept-loss" in refusal(made, NotRestored, file)
    done = json.loads(told(made, "restore", str(file), "--accept-loss", "--json"))
    assert done["lost"] == lost_from - done["audit_size"] == 1
    (record,) = json.loads(told(made, "audit", "query", "--event", "database.restored", "--json"))
    assert record["details"]["lost"] == 1
    assert "Journal intact" in told(made, "audit", "verify")
    asyncio.run(_anchor(made))
    assert "Journal intact" in told(made, "audit", "verify")
    (old,) = (path for path in done["aside"] if "ancres" in path)
    assert isinstance(run(made, "audit", "verify", "--anchors", old).exception, AuditBroken)


@pytest.mark.fault("F15")
def test_a_loss_is_recorded_though_the_restoration_that_accepted_it_died(
    made: Installed, tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the anchors and the database: it asks for that word again, and tells the same number."""
    asyncio.run(_anchor(made))
    file = backed_up(made, tmp_path / "dehors")
    asyncio.run(_anchor(made))
    lose_everything(made, request)

    def die(*_: object) -> None:
        raise OSError(errno.EIO, "power")

    for _ in range(2):
        with monkeypatch.context() as dying:
            dying.setattr(backups, "_put_in_place", die)
            assert run(made, "restore", str(file), "--accept-loss").exit_code != 0
        assert "--accept-loss" in refusal(made, NotRestored, file)
    done = json.loads(told(made, "restore", str(file), "--accept-loss", "--json"))
    assert done["lost"] == 1
    assert "Journal intact" in told(made, "audit", "verify")
    (old,) = (path for path in done["aside"] if "ancres" in path)
    assert isinstance(run(made, "audit", "verify", "--anchors", old).exception, AuditBroken)
    assert not list(Path(old).parent.glob("*.restoring"))


@pytest.mark.fault("F15")
@pytest.mark.parametrize("made", ["sqlite"], indirect=True)
def test_a_backup_that_contradicts_an_anchor_is_never_put_back(
    made: Installed, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """Another history of the same length: no word of a person makes it true."""
    other = tmp_path / "autre"
    lose = made.settings.gateway.data
    file = backed_up(made, tmp_path / "dehors")
    lose.rename(other)
    lose.mkdir(mode=0o700)
    database.create(made.settings.database_url, {"party": "chu-essai", "role": "hospital", "site": "principal"})
    run_requests(made, RECEIVED)
    asyncio.run(_anchor(made))
    lose_everything(made, request)
    refusal(made, GatewayError, file, "--accept-loss")
    assert not made.database.exists()
