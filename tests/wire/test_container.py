"""The file of a dossier: one form for one content, opened by any program; a hostile file does not get through."""

import io
import random
import struct
import subprocess
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.errors import DossierBroken
from gateway.wire import container
from gateway.wire.container import pack, unpack

ENTRIES = {"LISEZMOI.txt": b"lire", "cles/A.asc": b"", "journal/000000000001.json": bytes(range(256))}
NAMES = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,10}(/[A-Za-z0-9][A-Za-z0-9._-]{0,10}){0,2}", fullmatch=True)


@given(st.dictionaries(NAMES, st.binary(max_size=200), max_size=8))
def test_what_is_packed_is_unpacked(entries: dict[str, bytes]) -> None:
    """The order in which entries were given leaves no trace."""
    data = pack(entries)
    assert unpack(data) == entries
    assert pack(dict(reversed(entries.items()))) == data


def test_common_programs_open_it(tmp_path: Path) -> None:
    """Python's reader finds no fault, ``unzip`` neither."""
    data = pack(ENTRIES)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        assert {name: archive.read(name) for name in archive.namelist()} == ENTRIES
    (tmp_path / "d.zip").write_bytes(data)
    subprocess.run(["unzip", "-q", "d.zip"], cwd=tmp_path, check=True)
    assert (tmp_path / "journal" / "000000000001.json").read_bytes() == bytes(range(256))


def test_every_flipped_bit_is_seen() -> None:
    """All of them: headers, names, content, directory."""
    data = pack(ENTRIES)
    for bit in range(len(data) * 8):
        changed = bytearray(data)
        changed[bit // 8] ^= 1 << bit % 8
        with pytest.raises(DossierBroken):
            unpack(bytes(changed))


def test_nothing_may_be_cut_off_added_or_doubled() -> None:
    """Every prefix; bytes before, between and behind; the same file twice."""
    data = pack(ENTRIES)
    for end in range(len(data)):
        with pytest.raises(DossierBroken):
            unpack(data[:end])
    for bad in (b"x" + data, data + b"\0", data + data, data[:60] + b"x" + data[60:]):
        with pytest.raises(DossierBroken):
            unpack(bad)


@pytest.mark.parametrize(
    "name",
    ["../x", "/etc/passwd", "a/../b", "a//b", "a/", "", ".profile", "a/.b", "C:\\x", "a\\b", "é", "a\0b", "n" * 201],
)
def test_a_name_that_leads_elsewhere_is_neither_written_nor_read(name: str) -> None:
    """Also in a file that another program wrote."""
    with pytest.raises(DossierBroken):
        pack({name: b""})
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr(zipfile.ZipInfo(name or "x/"), b"")
    with pytest.raises(DossierBroken):
        unpack(made.getvalue())


def test_a_file_that_another_program_wrote_is_refused() -> None:
    """Compressed, in another order, doubled, dated, with a comment: it could say two things."""
    kinds = [(zipfile.ZIP_DEFLATED, ("a", "b")), (zipfile.ZIP_STORED, ("b", "a")), (zipfile.ZIP_STORED, ("a", "b"))]
    for method, names in kinds:
        made = io.BytesIO()
        with zipfile.ZipFile(made, "w", method) as archive:
            for name in names:
                archive.writestr(name, b"x" * 1000)
        with pytest.raises(DossierBroken):
            unpack(made.getvalue())
    one = pack({"a": b"x"})
    head = one[: one.index(b"PK\x01\x02")]
    with pytest.raises(DossierBroken, match="place"):
        unpack(head + head)


def test_lengths_that_lie_cost_nothing() -> None:
    """Four gigabytes announced in a file of a hundred bytes."""
    data = bytearray(pack({"a": b"x"}))
    struct.pack_into("<2I", data, 18, 2**32 - 1, 2**32 - 1)
    with pytest.raises(DossierBroken, match="longueur"):
        unpack(bytes(data))


def test_limits_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of entries and of bytes, in both directions."""
    data = pack({f"f{number:02}": b"x" for number in range(20)})
    monkeypatch.setattr(container, "MAX_ENTRIES", 19)
    with pytest.raises(DossierBroken, match="19"):
        pack({f"f{number:02}": b"x" for number in range(20)})
    with pytest.raises(DossierBroken):
        unpack(data)
    monkeypatch.setattr(container, "MAX_ENTRIES", 20)
    monkeypatch.setattr(container, "MAX_BYTES", 100)
    with pytest.raises(DossierBroken, match="100"):
        pack({f"f{number:02}": b"x" for number in range(20)})
    with pytest.raises(DossierBroken, match="100"):
        unpack(data)


def test_noise_is_refused_and_nothing_else_happens() -> None:
    """Also noise that begins like an archive."""
    noise = random.Random(7)  # noqa: S311  noise, no secret
    for length in range(200):
        for begins in (b"", b"PK\x03\x04"):
            with pytest.raises(DossierBroken):
                unpack(begins + noise.randbytes(length))
