"""Checkpoints as transparency logs write them: an example of the specification, and everything that is not one."""

import base64
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.checkpoint import SIGNATURE_BYTES, Checkpoint, VerifierKey, note, notes_in, read_note
from gateway.domain.errors import CheckpointInvalid
from gateway.domain.merkle import EMPTY_ROOT, Head

KEY = VerifierKey(name="soins-passerelle/chu/principal", public=bytes(range(32)))
POINT = Checkpoint(
    origin=KEY.name, head=Head(size=57, root=bytes(range(32))), at=datetime(2026, 2, 4, 23, 0, 0, 999_999, tzinfo=UTC)
)
SIGNATURE = bytes(range(64))
NOTE = note(POINT, KEY, SIGNATURE)


def test_the_verifier_key_of_the_specification() -> None:
    """C2SP signed-note gives PeterNeumann's key: its id is that of its name and bytes."""
    text = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
    assert str(VerifierKey.parse(text)) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "PeterNeumann",
        "PeterNeumann+c74f20a4+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "PeterNeumann+c74f20a3+AhpC2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10",
        "Peter Neumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "PeterNeumann+c74f20a3+é",
    ],
)
def test_a_text_that_is_no_verifier_key_is_refused(text: str) -> None:
    """Empty, cut, another id, another algorithm, another length, a blank in the name, not base64."""
    with pytest.raises(CheckpointInvalid):
        VerifierKey.parse(text)


def test_a_note_is_five_lines_and_a_signature() -> None:
    """Origin, size, root, time; an empty line; the dash, the name, the key's id before the signature."""
    root, signed = base64.b64encode(bytes(range(32))).decode(), base64.b64encode(KEY.id + SIGNATURE).decode()
    assert f"{KEY.name}\n57\n{root}\ntime 2026-02-04T23:00:00Z\n\n\u2014 {KEY.name} {signed}\n" == NOTE


def test_a_note_reads_back_as_it_was_written() -> None:
    """To the second, which is all that is signed."""
    found = read_note(NOTE)
    assert found.checkpoint == replace(POINT, at=POINT.at.replace(microsecond=0))
    assert (found.name, found.key_id, found.signature) == (KEY.name, KEY.id, SIGNATURE)
    assert NOTE.startswith(found.text)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("\n57\n", "\n057\n"),
        ("\n57\n", "\n-1\n"),
        ("\n57\n", "\n99999999999999999\n"),
        ("time 2026-02-04T23:00:00Z", "time 2026-02-30T23:00:00Z"),
        ("time 2026-02-04T23:00:00Z", "time 2026-02-04 23:00:00"),
        ("time 2026-02-04T23:00:00Z\n", "time 2026-02-04T23:00:00Z\nmore\n"),
        ("\n\n", "\n"),
        ("\u2014", "-"),
        (f"{KEY.name}\n57", f"{KEY.name} \n57"),
        ("AAECAwQF", "AAECAwQ"),
        ("AAECAwQF", "éAECAwQF"),
    ],
)
def test_anything_else_is_refused(old: str, new: str) -> None:
    """A size written otherwise, no such day, a line more, no signature, another mark, a root that is no hash."""
    assert old in NOTE
    with pytest.raises(CheckpointInvalid):
        read_note(NOTE.replace(old, new, 1))


@pytest.mark.parametrize("text", ["", "\n\n", NOTE[:-1], f"{NOTE}x", f"{NOTE}\u2014 b AAAA\n", "x" * 5000])
def test_a_note_that_is_cut_or_longer_is_refused(text: str) -> None:
    """Exactly one signature, and the last line end."""
    with pytest.raises(CheckpointInvalid):
        read_note(text)


@given(st.integers(0, 2**53 - 1), st.binary(min_size=32, max_size=32), st.binary(min_size=64, max_size=64))
def test_every_note_reads_back(size: int, root: bytes, signature: bytes) -> None:
    """Whatever it says."""
    point = replace(POINT, head=Head(size=size, root=root))
    found = read_note(note(point, KEY, signature))
    assert (found.checkpoint.head, found.signature) == (point.head, signature)


@given(st.text(max_size=300))
def test_no_text_makes_it_fail_otherwise(text: str) -> None:
    """A fault of the note, never of ours."""
    for data in (text, NOTE[:40] + text, NOTE[:-20] + text):
        try:
            read_note(data)
        except CheckpointInvalid:
            continue
        assert data == NOTE


def test_the_notes_of_a_file_are_found_around_what_was_cut() -> None:
    """A write that the power ended leaves lines; the same note may stand twice."""
    other = note(replace(POINT, head=Head(size=58, root=EMPTY_ROOT), at=POINT.at + timedelta(hours=1)), KEY, SIGNATURE)
    found, torn = notes_in(NOTE + other[:90] + "\n" + other + other)
    assert found == (NOTE, other, other)
    assert torn == len([line for line in other[:90].split("\n") if line])
    assert notes_in("") == ((), 0)
    assert len(SIGNATURE) == SIGNATURE_BYTES
