"""The configuration file: what is refused, where secrets may be, and what the sections become."""

import re
from errno import EACCES
from pathlib import Path
from typing import get_args

import pytest

from gateway.config import PartnerSection, Settings, load
from gateway.domain.errors import ConfigClosed, ConfigInvalid, ConfigUnreadable, SecretUnreadable
from gateway.domain.parties import Function, Grade, PartnerKind, Role, Suite
from gateway.setting import FunctionName, Secret

GOOD = """
[gateway]
party = "chu-essai"
role = "hospital"
name = "CHU d'essai"
address = "Soins@Hopital.test"
data = "data"

[imap]
host = "imap.hopital.test"
user = "soins"
password = { file = "secrets/imap" }

[smtp]
host = "smtp.hopital.test"
user = "soins"
password = { env = "SMTP_PASSWORD" }

[vault]
master_key = { credential = "master" }

[openpgp]
folder = "/var/lib/keys"
passphrase = { file = "secrets/pass" }

[reception]
own_mta = ["mx.hopital.test"]

[partners.cnas]
role = "cnas"
kind = "mail"
address = "conv@cnas.test"
other_addresses = ["autre@cnas.test"]

[partners.cnse]
role = "cnse"
kind = "gateway"
address = "medical@cnse.test"
"""


def write(folder: Path, text: str) -> Path:
    """The file in a folder of its own."""
    path = folder / "gateway.toml"
    path.write_text(text, encoding="utf-8")
    return path


def read(folder: Path, *changes: tuple[str, str], more: str = "") -> Settings:
    """The good file with some text replaced, each exactly once, and some appended."""
    text = GOOD
    for old, new in changes:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return load(write(folder, text + more))


def faults(folder: Path, *changes: tuple[str, str], more: str = "") -> str:
    """What is told of a bad file."""
    with pytest.raises(ConfigInvalid) as caught:
        read(folder, *changes, more=more)
    return str(caught.value.fields["faults"])


def test_a_good_file_is_read(tmp_path: Path) -> None:
    """The positive control, with its defaults."""
    settings = read(tmp_path)
    assert settings.party.role is Role.HOSPITAL
    assert (settings.party.address, settings.party.site) == ("soins@hopital.test", "principal")
    cnas, cnse = settings.directory.partners
    assert (cnas.kind, cnas.addresses) == (PartnerKind.MAIL, ("conv@cnas.test", "autre@cnas.test"))
    assert (cnas.policy.starts_from, cnas.policy.records_alone_from) == (Grade.MDN, Grade.SIGNED_REPLY)
    assert cnse.policy.starts_from is Grade.SIGNED_RECEIPT
    assert (settings.imap.port, settings.smtp.port, settings.imap.watch) == (993, 587, ("INBOX", "Junk"))
    assert settings.deadlines.grace_hours == 12
    assert not settings.four_eyes


def test_every_function_of_the_protocol_can_be_named() -> None:
    """A mailbox for each function is a section of its own."""
    assert set(get_args(FunctionName)) == {function.value for function in Function}


def test_a_partner_fills_functions_of_its_own_role_alone(tmp_path: Path) -> None:
    """The agreements unit is the CNAS's, whoever else would like to read its mail."""
    other = ('role = "cnas"', 'role = "cnas"\nfunctions = ["cnse.medical_unit"]')
    own = ('role = "cnas"', 'role = "cnas"\nfunctions = ["cnas.agreements_unit"]')

    assert "d'un autre rôle" in faults(tmp_path, other)
    assert read(tmp_path, own).directory.with_role(Role.CNAS)[0].functions == {Function.AGREEMENTS_UNIT}


def test_relative_paths_are_relative_to_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the working directory is; absolute ones stay."""
    folder = tmp_path / "etc"
    folder.mkdir()
    monkeypatch.chdir("/")
    settings = read(folder)
    assert settings.gateway.data == folder / "data"
    assert settings.openpgp.folder == Path("/var/lib/keys")
    assert settings.imap.password is not None
    assert settings.imap.password.path() == folder / "secrets" / "imap"
    assert settings.database_url == f"sqlite+aiosqlite:///{folder / 'data' / 'gateway.sqlite3'}"


def test_relative_paths_of_one_file_do_not_leak_into_the_next(tmp_path: Path) -> None:
    """Two files in two folders, also after one that is refused."""
    first, second = tmp_path / "a", tmp_path / "b"
    first.mkdir()
    second.mkdir()
    faults(first, ('role = "hospital"', 'role = "cpam"'))
    assert read(second).gateway.data == second / "data"
    assert read(first).gateway.data == first / "data"


def test_a_file_that_is_not_there_is_unreadable(tmp_path: Path) -> None:
    """Named by its path."""
    with pytest.raises(ConfigUnreadable, match=r"absent\.toml"):
        load(tmp_path / "absent.toml")


def test_the_configuration_of_another_account_names_that_account(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A person who forgot sudo is told which account to take, also where the folder itself is closed."""
    path = tmp_path / "gateway.toml"

    def closed(self: Path, *_: object, **__: object) -> str:
        if self == path:
            raise PermissionError(EACCES, "Permission denied", str(self))
        return "passerelle"

    monkeypatch.setattr(Path, "open", closed)
    monkeypatch.setattr(Path, "owner", closed)

    with pytest.raises(ConfigClosed, match="sudo -u passerelle gateway"):
        load(path)


@pytest.mark.parametrize("data", [b"[gateway", b"\xff\xfe", b"a = 1\na = 2\n"])
def test_a_file_that_is_not_toml_is_unreadable(tmp_path: Path, data: bytes) -> None:
    """Half a line, another encoding, a key given twice."""
    path = tmp_path / "gateway.toml"
    path.write_bytes(data)
    with pytest.raises(ConfigUnreadable):
        load(path)


def test_an_empty_file_names_every_missing_section(tmp_path: Path) -> None:
    """All at once."""
    with pytest.raises(ConfigInvalid) as caught:
        load(write(tmp_path, ""))
    for section in ("gateway", "imap", "smtp", "vault", "openpgp", "reception", "partners"):
        assert f"{section} : clé manquante" in str(caught.value.fields["faults"])


def test_every_fault_is_told_at_once(tmp_path: Path) -> None:
    """A person corrects the file once."""
    found = faults(
        tmp_path,
        ('role = "hospital"', 'role = "hopital"'),
        ('host = "imap.hopital.test"', 'host = "imap.hopital.test"\nport = 0'),
        ('own_mta = ["mx.hopital.test"]', "own_mta = []"),
        ('kind = "mail"', 'kind = "fax"'),
    )
    for place in ("gateway.role", "imap.port", "reception.own_mta", "partners.cnas.kind"):
        assert place in found


@pytest.mark.parametrize(
    ("more", "place"),
    [
        ("[nouveau]\n", "nouveau"),
        ('[deadlines]\ngrace = "12h"\n', "deadlines.grace"),
        ('[partners.cpam]\nrole = "cpam"\nkind = "mail"\naddress = "a@b.test"\nkey = 1\n', "partners.cpam.key"),
        ("[worker]\nSlots = 2\n", "worker.Slots"),
    ],
)
def test_an_unknown_key_is_refused(tmp_path: Path, more: str, place: str) -> None:
    """At the top and in each section: a mistyped key would silently mean its default."""
    assert f"{place} : clé inconnue" in faults(tmp_path, more=more)


@pytest.mark.parametrize("key", ["_env_file", "_cli_parse_args", "_secrets_dir", "_autre"])
def test_an_unknown_key_that_begins_with_an_underscore_is_refused(tmp_path: Path, key: str) -> None:
    """None of them reaches the settings library as one of its own switches."""
    with pytest.raises(ConfigInvalid, match="inconnue"):
        load(write(tmp_path, f'{key} = "x"\n{GOOD}'))


def test_a_key_with_an_underscore_is_told_with_the_other_faults(tmp_path: Path) -> None:
    """A person corrects the file once."""
    with pytest.raises(ConfigInvalid) as caught:
        load(write(tmp_path, f'_autre = "x"\n{GOOD}[nouveau]\n'))
    assert str(caught.value.fields["faults"]) == "_autre : clé inconnue ; nouveau : clé inconnue"


def test_the_environment_decides_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What runs is what the file says."""
    monkeypatch.setenv("DEADLINES__GRACE_HOURS", "1")
    monkeypatch.setenv("DEADLINES", '{"grace_hours": 1}')
    monkeypatch.setenv("PEOPLE", '{"root": "A"}')
    settings = read(tmp_path)
    assert settings.deadlines.grace_hours == 12
    assert settings.people == {}


@pytest.mark.parametrize(
    ("change", "place"),
    [
        (('party = "chu-essai"', 'party = "CHU"'), "gateway.party"),
        (('party = "chu-essai"', f'party = "{"a" * 41}"'), "gateway.party"),
        (('name = "CHU d\'essai"', 'name = ""'), "gateway.name"),
        (('address = "Soins@Hopital.test"', 'address = "soins"'), "gateway.address"),
        (('address = "Soins@Hopital.test"', 'address = "soins@hopital.test\\n"'), "gateway.address"),
        (('address = "Soins@Hopital.test"', 'address = "a b@hopital.test"'), "gateway.address"),
        (('address = "conv@cnas.test"', 'address = "é@cnas.test"'), "partners.cnas.address"),
        (("[partners.cnas]", "[partners.CNAS]"), "partners.CNAS"),
        (('master_key = { credential = "master" }', "master_key = {}"), "vault.master_key"),
        (
            ('master_key = { credential = "master" }', 'master_key = { file = "a", env = "b" }'),
            "vault.master_key",
        ),
        (('user = "soins"\npassword = { file = "secrets/imap" }', 'user = "soins"'), "imap"),
        (('user = "soins"\npassword = { file = "secrets/imap" }', 'auth = "xoauth2"'), "imap"),
        (('user = "soins"\npassword = { file = "secrets/imap" }', 'auth = "certificate"'), "imap"),
        (('host = "imap.hopital.test"', 'host = "imap.hopital.test"\nport = 65536'), "imap.port"),
        (('host = "imap.hopital.test"', 'host = "imap.hopital.test"\nwatch = []'), "imap.watch"),
        (('host = "imap.hopital.test"', 'host = "imap.hopital.test"\npoll_seconds = 0'), "imap.poll_seconds"),
        (('host = "smtp.hopital.test"', 'host = "smtp.hopital.test"\ntls = "none"'), "smtp.tls"),
        (('host = "smtp.hopital.test"', 'host = "smtp.hopital.test"\nmax_bytes = 9'), "smtp.max_bytes"),
        (("[reception]", "[deadlines]\ngrace_hours = 0.5\n[reception]"), "deadlines.grace_hours"),
        (("[reception]", "[deadlines]\ngrace_hours = nan\n[reception]"), "deadlines.grace_hours"),
        (("[reception]", "[deadlines]\ntick_seconds = inf\n[reception]"), "deadlines.tick_seconds"),
        (("[reception]", "[time]\nmailbox = false\n[reception]"), "time"),
        (
            ("[reception]", '[audit]\nkey = { file = "a" }\ncheckpoint_records = 0\n[reception]'),
            "audit.checkpoint_records",
        ),
        (("[reception]", "[audit]\n[reception]"), "audit.key"),
        (
            ("[reception]", '[audit]\nkey = { file = "a" }\nformer_keys = ["x+y+z"]\n[reception]'),
            "audit.former_keys",
        ),
        (("[reception]", '[audit]\nkey = { file = "a" }\ntimestamps = true\n[reception]'), "fichier"),
        (("[reception]", '[time]\ntsa = "https://tsa.test"\n[reception]'), "time"),
        (("[reception]", "[worker]\nmemory_mb = 64\n[reception]"), "worker.memory_mb"),
        (("[reception]", "[oauth]\n[reception]"), "oauth"),
        (("[reception]", '[oauth]\nfile = "a"\ncommand = ["b"]\n[reception]'), "oauth"),
        (("[reception]", '[oauth]\ntoken_url = "https://x.test"\n[reception]'), "oauth"),
    ],
)
def test_each_fault_alone_is_named_with_its_place(tmp_path: Path, change: tuple[str, str], place: str) -> None:
    """One thing wrong, one sentence that begins with its key."""
    found = faults(tmp_path, change)
    assert found.startswith(place)
    assert " ; " not in found


def test_a_table_is_asked_for_by_its_name(tmp_path: Path) -> None:
    """Where a plain value stands in place of a table of free keys."""
    assert "people : section attendue" in faults(tmp_path, ("[gateway]", "people = 1\n[gateway]"))


WRONG = (
    "12",
    "-5",
    "1.5",
    "1e12",
    '""',
    '"x"',
    f'"{"x" * 200}"',
    "true",
    "[]",
    "[1]",
    "[[]]",
    '["x"]',
    "{}",
    "{ a = 1 }",
)
LIBRARY_WORDS = re.compile(r"input|value|should|field|string", re.IGNORECASE)
EVERY_KEY = [
    (name, key)
    for name, section in {**Settings.model_fields, "partners": None}.items()
    for model in [PartnerSection if section is None else section.annotation]
    for key in getattr(next(iter(get_args(model)), model), "model_fields", {})
]


@pytest.mark.parametrize(("section", "key"), EVERY_KEY)
def test_a_wrong_value_is_never_told_in_the_words_of_a_library(tmp_path: Path, section: str, key: str) -> None:
    """Whatever stands there: its kind is recognised, and said as the rest is."""
    place = f"[partners.cnas]\n{key}" if section == "partners" else f"[{section}]\n{key}"
    for value in WRONG:
        with pytest.raises(ConfigInvalid) as refused:
            load(write(tmp_path, f"{place} = {value}\n"))

        assert not LIBRARY_WORDS.search(str(refused.value.fields["faults"])), value


def test_xoauth2_demands_its_section(tmp_path: Path) -> None:
    """Without [oauth] there is no token; with it the file is good."""
    change = ('user = "soins"\npassword = { file = "secrets/imap" }', 'user = "soins"\nauth = "xoauth2"')
    assert "[oauth]" in faults(tmp_path, change)
    settings = read(tmp_path, change, more='[oauth]\nfile = "token"\n')
    assert settings.oauth is not None
    assert settings.oauth.file == tmp_path / "token"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"medical@cnse.test"', '"conv@cnas.test"'),
        ('"medical@cnse.test"', '"AUTRE@cnas.test"'),
    ],
)
def test_two_partners_never_have_the_same_address(tmp_path: Path, old: str, new: str) -> None:
    """The address says which pinned keys count, in any case of letters."""
    assert "la même adresse" in faults(tmp_path, (old, new))


def test_no_partner_has_our_own_address(tmp_path: Path) -> None:
    """We would verify ourselves."""
    assert "celle de la passerelle" in faults(tmp_path, ('"medical@cnse.test"', '"soins@hopital.test"'))


@pytest.mark.parametrize("grade", ["mdn", "dsn_delivered", "auto_reply"])
def test_recording_alone_on_weak_evidence_demands_the_written_agreement(tmp_path: Path, grade: str) -> None:
    """Below a signed reply the file must name the convention."""
    lowered = ('kind = "mail"', f'kind = "mail"\nrecords_alone_from = "{grade}"')
    assert "convention" in faults(tmp_path, lowered)
    assert "convention" in faults(tmp_path, (lowered[0], lowered[1] + '\nconvention = ""'))
    settings = read(tmp_path, (lowered[0], lowered[1] + '\nconvention = "accord du 1er mars 2026"'))
    policy = settings.directory.partners[0].policy
    assert policy.records_alone_from is Grade[grade.upper()]
    assert policy.convention == "accord du 1er mars 2026"


def test_raising_the_thresholds_needs_nothing(tmp_path: Path) -> None:
    """Stricter is always allowed."""
    strict = 'kind = "mail"\nrecords_alone_from = "signed_receipt"\nstarts_from = "signed_reply"'
    policy = read(tmp_path, ('kind = "mail"', strict)).directory.partners[0].policy
    assert (policy.starts_from, policy.records_alone_from) == (Grade.SIGNED_REPLY, Grade.SIGNED_RECEIPT)


def test_four_eyes_need_two_different_persons(tmp_path: Path) -> None:
    """Two accounts of one person are one pair of eyes."""
    assert not read(tmp_path, more='[people]\nalice = "Alice"\nalice-adm = "Alice"\n').four_eyes
    assert read(tmp_path, more='[people]\nalice = "Alice"\nbob = "Bob"\n').four_eyes


# --- secrets


def secret_file(folder: Path, text: str, mode: int = 0o600) -> Path:
    """A file with these rights."""
    path = folder / "secret"
    path.write_text(text, encoding="utf-8")
    path.chmod(mode)
    return path


def test_a_secret_in_a_private_file_is_read_without_its_line_end(tmp_path: Path) -> None:
    """Blanks inside belong to it."""
    assert Secret(file=secret_file(tmp_path, " pass word\r\n")).read() == " pass word"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644, 0o601])
def test_a_file_that_others_can_touch_is_refused(tmp_path: Path, mode: int) -> None:
    """0600 or less; the error tells the rights and nothing of the secret."""
    with pytest.raises(SecretUnreadable) as caught:
        Secret(file=secret_file(tmp_path, "tres-secret", mode)).read()
    assert f"{mode:o}" in str(caught.value.fields["reason"])
    assert "tres-secret" not in str(caught.value)


@pytest.mark.parametrize("text", ["", "\n", "  \n"])
def test_an_empty_secret_is_refused(tmp_path: Path, text: str) -> None:
    """An empty password would be sent as one."""
    with pytest.raises(SecretUnreadable):
        Secret(file=secret_file(tmp_path, text)).read()


def test_a_secret_that_is_not_text_is_refused(tmp_path: Path) -> None:
    """And the error does not repeat its bytes."""
    path = secret_file(tmp_path, "x")
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SecretUnreadable, match="texte"):
        Secret(file=path).read()


def test_an_absent_secret_is_refused(tmp_path: Path) -> None:
    """Named by its path."""
    with pytest.raises(SecretUnreadable, match="absent"):
        Secret(file=tmp_path / "absent").read()


def test_a_secret_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """The variable's value, refused when it is absent or empty."""
    monkeypatch.setenv("SECRET_OF_TEST", "value\n")
    assert Secret(env="SECRET_OF_TEST").read() == "value"
    monkeypatch.setenv("SECRET_OF_TEST", "")
    with pytest.raises(SecretUnreadable, match="SECRET_OF_TEST"):
        Secret(env="SECRET_OF_TEST").read()
    monkeypatch.delenv("SECRET_OF_TEST")
    with pytest.raises(SecretUnreadable, match="SECRET_OF_TEST"):
        Secret(env="SECRET_OF_TEST").read()


def test_a_secret_from_a_systemd_credential(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The folder is the service manager's own, whatever the file's rights; outside of a service there is none."""
    secret_file(tmp_path, "from systemd\n", 0o440)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    assert Secret(credential="secret").read() == "from systemd"
    monkeypatch.delenv("CREDENTIALS_DIRECTORY")
    with pytest.raises(SecretUnreadable, match="systemd"):
        Secret(credential="secret").read()


SMIME = '\n[smime]\ncertificate = "keys/smime.pem"\nkey = { file = "keys/smime.key" }\n'
IN_SMIME = ('address = "conv@cnas.test"\n', 'address = "conv@cnas.test"\nsuite = "smime"\nca = "ca.pem"\n')


def test_each_partner_has_its_own_suite(tmp_path: Path) -> None:
    """CNAS in S/MIME, CNSE in OpenPGP."""
    settings = read(tmp_path, IN_SMIME, more=SMIME)
    assert [partner.suite for partner in settings.directory.partners] == [Suite.SMIME, Suite.OPENPGP]
    assert settings.smime is not None
    assert settings.smime.certificate == tmp_path / "keys" / "smime.pem"
    assert settings.partners["cnas"].ca == tmp_path / "ca.pem"


@pytest.mark.parametrize(
    ("added", "more", "told"),
    [
        ('suite = "smime"', "", "[smime]"),
        ('ca = "ca.pem"', SMIME, "suite = « smime »"),
        ('cipher = "aes256-gcm"', SMIME, "suite = « smime »"),
        ('suite = "smime"\ncrl = "liste.crl"', SMIME, "crl demande ca"),
        ('suite = "smime"\ncipher = "des3"', SMIME, "aes256-cbc"),
        ('suite = "pgp"', SMIME, "openpgp"),
        ("", f'{SMIME}former_certificate = "keys/old.pem"\n', "vont ensemble"),
        ("", f'{SMIME}former_key = {{ file = "keys/old.key" }}\n', "vont ensemble"),
    ],
)
def test_a_suite_without_what_it_needs_is_refused(tmp_path: Path, added: str, more: str, told: str) -> None:
    """Our own section, the partner's suite, the authority that signs the list."""
    line = 'address = "conv@cnas.test"\n'
    assert told in faults(tmp_path, (line, f"{line}{added}\n"), more=more)
