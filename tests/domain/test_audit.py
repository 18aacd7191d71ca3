"""Audit records and their final bytes."""

import json
import unicodedata
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.audit import (
    ACTOR_LENGTH,
    ENTRIES,
    RECORD_BYTES,
    TEXT_LENGTH,
    Record,
    canonical,
    fit,
    instant,
    parse,
)
from gateway.domain.errors import AuditBroken
from gateway.domain.merkle import INTEGER, leaf_hash

AT = datetime(2024, 4, 10, 23, tzinfo=UTC)
FIRST = Record(index=0, at=AT, site="chu-test", party="hospital", event="log.opened", actor="gateway", salt="00" * 16)
SECOND = Record(
    index=1,
    at=datetime(2024, 4, 11, 1, 2, 3, 456789, tzinfo=timezone(timedelta(hours=1))),
    site="chu-test",
    party="hospital",
    event="period.computed",
    actor="CHU\\ide\u0301e",
    case="2024-0007",
    request="ab" * 32,
    message="<m.1@gw.chu.example>",
    partner="cnas",
    outcome="recorded",
    details={
        "z": [1, -2, None, True],
        "feast": 'A\u0308 "Aïd"',
        "days": {"2024-04-10": False, "2024-04-09": "x"},
        "n": INTEGER,
    },
    salt="0123456789abcdef" * 2,
)
# Final: another implementation must produce these very bytes and hashes.
GOLDEN = [
    (
        FIRST,
        (
            '{"actor":"gateway","at":"2024-04-10T23:00:00.000000Z","case":null,"details":{},"event":"log.opened","index":0,'
            '"message":null,"outcome":null,"partner":null,"party":"hospital","request":null,'
            '"salt":"00000000000000000000000000000000","site":"chu-test","v":1}'
        ),
        "dc9a60e891963beff4def6a87fdd04951eec7318fad2b88f00ec2f546dd88002",
    ),
    (
        SECOND,
        (
            '{"actor":"CHU\\\\id\u00e9e","at":"2024-04-11T00:02:03.456789Z","case":"2024-0007","details":{"days":'
            '{"2024-04-09":"x","2024-04-10":false},"feast":"\u00c4 \\"A\u00efd\\"","n":9007199254740991,'
            '"z":[1,-2,null,true]},"event":"period.computed","index":1,"message":"<m.1@gw.chu.example>",'
            '"outcome":"recorded","partner":"cnas","party":"hospital",'
            '"request":"abababababababababababababababababababababababababababababababab",'
            '"salt":"0123456789abcdef0123456789abcdef","site":"chu-test","v":1}'
        ),
        "346875779d3f14ef9ffffe6863e5085e4673a9c8a2153968dfae729688ea5f21",
    ),
]


@pytest.mark.parametrize(("record", "text", "digest"), GOLDEN)
def test_golden_records_keep_their_bytes_and_hashes(record: Record, text: str, digest: str) -> None:
    """The bytes of version 1 are final."""
    data = text.encode()
    assert canonical(record) == data
    assert parse(data) == record
    assert leaf_hash(data).hex() == sha256(b"\x00" + data).hexdigest() == digest


WORDS = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._:/+=-]{0,20}", fullmatch=True)
SAFE = st.characters(codec="utf-8", exclude_characters="@").filter(
    lambda char: char == " " or unicodedata.ucd_3_2_0.category(char)[0] in "LMNPS"
)
TEXTS = st.text(SAFE, max_size=60)
SCALARS = st.none() | st.booleans() | st.integers(-INTEGER, INTEGER) | TEXTS
DETAILS = st.dictionaries(
    WORDS, SCALARS | st.lists(SCALARS, max_size=5) | st.dictionaries(WORDS, SCALARS, max_size=4), max_size=5
)


@given(
    index=st.integers(0, INTEGER),
    at=st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=st.just(UTC)),  # noqa: DTZ001 (bounds)
    actor=st.text(SAFE, min_size=1, max_size=40),
    case=st.none() | WORDS,
    details=DETAILS,
)
def test_every_record_survives_its_bytes(
    index: int, at: datetime, actor: str, case: str | None, details: dict[str, Any]
) -> None:
    """parse(canonical(record)) is the record, and an ordinary JSON reader sees the same facts."""
    record = replace(FIRST, index=index, at=at, actor=actor, case=case, details=details)
    data = canonical(record)
    assert parse(data) == record
    assert canonical(parse(data)) == data
    assert json.loads(data)["index"] == index


@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_arbitrary_bytes_are_refused_cleanly(data: bytes) -> None:
    """Nothing but AuditBroken comes out of the parser."""
    with pytest.raises(AuditBroken):
        parse(data)


def variants() -> list[bytes]:
    """The same record written in ways that are not canonical, and records that are none."""
    data = canonical(SECOND)
    fields = json.loads(data)

    def dump(change: Mapping[str, Any]) -> bytes:
        return json.dumps(fields | change, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()

    assert dump({}) == data
    return [
        b"",
        data + b"\n",
        b" " + data,
        b"\xef\xbb\xbf" + data,
        json.dumps(fields).encode(),
        json.dumps(fields, separators=(",", ":"), sort_keys=True).encode(),
        json.dumps(dict(reversed(fields.items())), separators=(",", ":"), ensure_ascii=False).encode(),
        data.replace(b'"index":1', b'"index":1,"index":1'),
        data.replace(b'"index":1', b'"index":1.0'),
        data.replace(b'"index":1', b'"index":1e0'),
        data.replace(b'"index":1', b'"index":-1'),
        data.replace(b'"index":1', b'"index":true'),
        data.replace(b'"v":1', b'"v":true'),
        data.replace(b'"v":1', b'"v":2'),
        data.replace(b'"v":1', b'"v":null'),
        data.replace(b"9007199254740991", b"9007199254740992"),
        data.replace(b"9007199254740991", b"0.5"),
        data.replace(b"9007199254740991", b"NaN"),
        data.replace(b"9007199254740991", b"9" * 5000),
        data.replace(b"9007199254740991", b"-0"),
        data.replace(b"9007199254740991", b'["a",["b"]]'),
        data.replace(b"9007199254740991", b'{"a":{"b":1}}'),
        data.replace(b"9007199254740991", b'"\\ud800"'),
        data.replace(b"9007199254740991", b"[" * 20000 + b"]" * 20000),
        data.replace(b"9007199254740991", b'"' + b"a" * RECORD_BYTES + b'"'),
        data.replace("é".encode(), "e\u0301".encode()),
        data.replace("é".encode(), "é".encode("latin-1")),
        data.replace(b".456789Z", b".456789+00:00"),
        data.replace(b".456789Z", b".45678Z"),
        data.replace(b"2024-04-11T", b"2024-02-30T"),
        data.replace(b"2024-04-11T", b"2024-04-11 "),
        dump({"extra": 1}),
        dump({"at": 5}),
        dump({"message": 5}),
        dump({"case": ["x"]}),
        dump({"actor": None}),
        dump({"details": []}),
        dump({"details": {"a": {"b": [1]}}}),
        dump({"salt": "AB" * 16}),
        json.dumps({name: value for name, value in fields.items() if name != "outcome"}).encode(),
        b"[]",
        b"null",
    ]


@pytest.mark.parametrize("number", range(len(variants())))
def test_what_is_not_canonical_is_refused(number: int) -> None:
    """One form only: spaces, escapes, orders, doubles, floats, other versions, other instants, too long, too deep."""
    data = variants()[number]
    assert data != canonical(SECOND)
    with pytest.raises(AuditBroken) as refusal:
        parse(data, position=7)
    assert refusal.value.fields["index"] == 7


BAD_FIELDS: list[tuple[dict[str, Any], str]] = [
    ({"index": -1}, "index"),
    ({"index": True}, "index"),
    ({"index": INTEGER + 1}, "index"),
    ({"at": datetime(2024, 1, 1)}, "at"),  # noqa: DTZ001 (the naive instant is the test)
    ({"event": "submitted"}, "event"),
    ({"event": "Request.submitted"}, "event"),
    ({"event": "request." + "x" * 60}, "event"),
    ({"event": "request.submitted\n"}, "event"),
    ({"outcome": "un texte libre"}, "outcome"),
    ({"outcome": "x" * 101}, "outcome"),
    ({"case": "a@b.example"}, "case"),
    ({"case": ""}, "case"),
    ({"case": "x" * 129}, "case"),
    ({"request": "nom du patient"}, "request"),
    ({"partner": "cnas\n"}, "partner"),
    ({"message": "dr.martin@chu.example"}, "message"),
    ({"message": "<a b@c>"}, "message"),
    ({"message": "<" + "x" * 251 + ">"}, "message"),
    ({"actor": ""}, "actor"),
    ({"actor": "x" * (ACTOR_LENGTH + 1)}, "actor"),
    ({"actor": "a\u202eb"}, "actor"),
    ({"salt": "0" * 31}, "salt"),
    ({"salt": "G" * 32}, "salt"),
    ({"details": {"note": "x" * (TEXT_LENGTH + 1)}}, "details.note"),
    ({"details": {"note": "ligne\nligne"}}, "details.note"),
    ({"details": {"note": "\ud800"}}, "details.note"),
    ({"details": {"note": "dr.martin@chu.example"}}, "details.note"),
    ({"details": {"note": 1.5}}, "details.note"),
    ({"details": {"note": INTEGER + 1}}, "details.note"),
    ({"details": {"note": b"x"}}, "details.note"),
    ({"details": {"note": AT}}, "details.note"),
    ({"details": {"note": [["x"]]}}, "details.note"),
    ({"details": {"note": {"a": ["x"]}}}, "details.note"),
    ({"details": {"note": {"a": "x" * (TEXT_LENGTH + 1)}}}, "details.note"),
    ({"details": {"note": [0] * (ENTRIES + 1)}}, "details.note"),
    ({"details": {"note": {str(n): 0 for n in range(ENTRIES + 1)}}}, "details.note"),
    ({"details": {str(n): 0 for n in range(ENTRIES + 1)}}, "details"),
    ({"details": {"une clé": 0}}, "details"),
    ({"details": {1: 0}}, "details"),
    ({"details": [1]}, "details"),
]


@pytest.mark.parametrize(("change", "name"), BAD_FIELDS)
def test_content_cannot_slip_into_a_record(change: dict[str, Any], name: str) -> None:
    """Each limit has its overrun; the error names the field and never repeats the value."""
    with pytest.raises(ValueError, match=name) as refusal:
        replace(FIRST, **change)
    assert "martin" not in str(refusal.value)


def test_a_record_longer_than_its_limit_is_not_written() -> None:
    """Each text is short enough, all together are not."""
    details = {f"k{n}": ["é" * TEXT_LENGTH] * 4 for n in range(ENTRIES)}
    with pytest.raises(ValueError, match="too long"):
        canonical(replace(FIRST, details=details))


def test_a_record_cannot_be_changed_through_what_was_given() -> None:
    """The caller's dictionary and list are copied."""
    days = ["2024-04-10"]
    details = {"days": days}
    record = replace(FIRST, details=details)
    data = canonical(record)
    days.append("x")
    details.clear()
    assert canonical(record) == data
    assert canonical(replace(record, index=0)) == data


def test_foreign_text_is_made_to_fit() -> None:
    """Addresses out, controls replaced, clipped; then a record takes it."""
    text = fit("550 5.1.1 <dr.martin@chu.example>: inconnu\r\n\u202e\U0001fae0 " + "e\u0301" * 500)
    assert text.startswith("550 5.1.1 [...] inconnu\ufffd\ufffd\ufffd\ufffd é")
    assert len(text) == TEXT_LENGTH
    assert replace(FIRST, details={"answer": text}).details["answer"] == text


@given(st.text(st.characters(), max_size=300))
def test_any_text_fits(text: str) -> None:
    """Whatever a server answers, the record is written, and fitting twice changes nothing."""
    fitted = fit(text)
    assert fit(fitted) == fitted
    assert parse(canonical(replace(FIRST, details={"answer": fitted}))).details["answer"] == fitted


def test_instants_have_one_form() -> None:
    """UTC, six digits, Z; a naive instant is refused."""
    assert instant(datetime(2024, 4, 11, 0, 0, tzinfo=timezone(timedelta(hours=1)))) == "2024-04-10T23:00:00.000000Z"
    with pytest.raises(ValueError, match="time zone"):
        instant(datetime(2024, 1, 1))  # noqa: DTZ001 (the naive instant is the test)
