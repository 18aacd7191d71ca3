"""Readers of header fields: what they read, what they refuse, and that hostile values end at once."""

import contextlib
from datetime import UTC, datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.domain.errors import MailMalformed
from gateway.wire import fields
from gateway.wire.compose import encoded_words, mailboxes_text
from gateway.wire.fields import Hop, Mailbox, addresses, date, date_text, decode_words, escaped, message_ids, received

# The values on which the standard library's modern parser is quadratic, recurses or crashes.
HOSTILE = (
    '"' * 60_000,
    "(" * 60_000,
    "<" * 60_000,
    "=?" * 30_000,
    "=?utf-8?q?" * 6_000,
    "From (" * 500,
    '"\\' * 30_000,
    "a@b:" * 15_000,
)
READERS = (addresses, date, decode_words, message_ids, received)


@pytest.mark.parametrize("value", HOSTILE, ids=lambda value: value[:6])
@pytest.mark.parametrize("reader", READERS, ids=lambda reader: reader.__name__)
def test_hostile_values_end_with_a_value_or_mail_malformed(reader: object, value: str) -> None:
    """Each of them took seconds or crashed in the standard library; the run as a whole shows that they do not here."""
    if not callable(reader):
        raise TypeError
    with contextlib.suppress(MailMalformed):
        reader(value)


@given(st.text())
@example("<")
@example("a:;")
def test_arbitrary_text_raises_nothing_but_mail_malformed(value: str) -> None:
    """No reader leaks another exception."""
    for reader in READERS:
        try:
            reader(value)
        except MailMalformed:
            continue


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("plain", "plain"),
        ("=?utf-8?q?caf=C3=A9_noir?=", "café noir"),
        ("=?UTF-8?B?w6k=?= =?utf-8?b?w6g?=", "éè"),
        ("=?utf-8?b?w?= =?utf-8?q?=C3?= =?utf-8?q?=A9?=", "=?utf-8?b?w?= é"),
        ("=?windows-1256?q?=E3=D1=CD=C8=C7?=", "مرحبا"),
        ("=?iso-8859-1*fr?q?=E9t=E9?= 2024", "été 2024"),
        ("=?utf-7?q?+ADw-script+AD4-?=", "=?utf-7?q?+ADw-script+AD4-?="),
        ("caf\xc3\xa9", "café"),
        ("caf\xe9", "café"),
    ],
)
def test_encoded_words_are_read(value: str, expected: str) -> None:
    """Allowed charsets are decoded, others stay as written."""
    assert decode_words(value) == expected


def test_an_encoded_line_break_becomes_a_space() -> None:
    """What comes out can never start a second header field."""
    assert decode_words("=?utf-8?q?x=0d=0aBcc:=20evil?=") == "x  Bcc: evil"


@given(st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1))
def test_encoded_words_round_trip(text: str) -> None:
    """Writing and reading gives the same text."""
    assert decode_words(encoded_words(text)) == text


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("A.B@Example.ORG", ["a.b@example.org"]),
        ('"Dupont, Jean" <jd@h.fr>, (note) x@y.dz (Service)', ["jd@h.fr", "x@y.dz"]),
        ("Equipe: a@b.c, d@e.f;, g@h.i", ["a@b.c", "d@e.f", "g@h.i"]),
        ("undisclosed-recipients:;", []),
        ("", []),
    ],
)
def test_address_lists_are_read(value: str, expected: list[str]) -> None:
    """Comments vanish, groups give their members, case is lowered."""
    assert [mailbox.address for mailbox in addresses(value)] == expected


@pytest.mark.parametrize(
    "value",
    [
        "a@b.c <evil@x.y> <d@e.f>",
        "<a@b:c@d.e>",
        "a@b@c.d",
        '"a@b.c"@evil.org',
        "a b@c.d",
        "MAILER-DAEMON <>",
        "jérôme@h.fr",
        "a@b.c x",
        "<a@b.c> d@e.f",
        '"open <a@b.c>',
        "(open a@b.c",
        f"{'a' * 65}@b.c",
    ],
)
def test_doubtful_addresses_are_refused(value: str) -> None:
    """Nothing that two readers could take for two addresses is read."""
    with pytest.raises(MailMalformed):
        addresses(value)


def test_a_display_name_keeps_no_control_or_bidirectional_character() -> None:
    """A name that only a person reads cannot reorder the line that it stands on."""
    (mailbox,) = addresses("=?utf-8?q?a=E2=80=AEb=0D=0Ac?= <x@y.z>")

    assert mailbox.display == "ab c"


@given(st.lists(st.sampled_from(["Hôpital « A »", 'Jean "D" \\ x', "", "=?x?=", "Service, garde"]), max_size=5))
def test_address_lists_round_trip(names: list[str]) -> None:
    """Writing and reading gives the same mailboxes."""
    boxes = tuple(Mailbox(display=name, address=f"a{i}@h.fr") for i, name in enumerate(names))

    assert addresses(mailboxes_text(boxes)) == boxes


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("Fri, 21 Nov 1997 09:55:06 -0600", datetime(1997, 11, 21, 15, 55, 6, tzinfo=UTC)),
        ("1 jan 24 00:00 GMT (comment)", datetime(2024, 1, 1, tzinfo=UTC)),
        ("Sat, 31 Dec 2016 23:59:60 +0000", datetime(2017, 1, 1, tzinfo=UTC)),
        ("Mon, 3 Jun 2024 10:00:00 EDT", datetime(2024, 6, 3, 14, tzinfo=UTC)),
        ("Mon, 3 Jun 2024 10:00:00", None),
        ("Mon, 3 Jun 2024 10:00:00 JST", None),
        ("Mon, 3 Jun 2024 10:00:00 +9900", None),
        ("Mon, 31 Feb 2024 10:00:00 +0000", None),
        ("Mon, 3 Jun 2024 10:00:61 +0000", None),
        ("Fri, 31 Dec 9999 23:59:59 -1200", None),
        ("Whenever", None),
        (f"Mon, 3 Jun 2024 10:00:00 +0000 ({'x' * fields.MAX_DATE})", None),
    ],
)
def test_dates_are_read_only_when_certain(value: str, expected: datetime | None) -> None:
    """No zone, an unknown zone or an impossible day gives nothing."""
    assert date(value) == expected


@given(st.datetimes(datetime(1970, 1, 1), datetime(9999, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001 - bounds
def test_dates_round_trip_to_the_second(instant: datetime) -> None:
    """Writing and reading gives the same second."""
    assert date(date_text(instant)) == instant.replace(microsecond=0)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (
            "from by by.evil (evil [192.0.2.1] by x) by MX1.Hopital.fr (Postfix); Mon, 3 Jun 2024 12:00:00 +0200 (x)",
            Hop(by="mx1.hopital.fr", at=datetime(2024, 6, 3, 10, tzinfo=UTC)),
        ),
        (
            "from by (evil by x.y [192.0.2.1]) by MX1.Hopital.fr. with ESMTP; Mon, 3 Jun 2024 12:00:00 +0200",
            Hop(by="mx1.hopital.fr", at=datetime(2024, 6, 3, 10, tzinfo=UTC)),
        ),
        ("by mx.h.fr with LMTP id 7; nonsense", Hop(by="mx.h.fr", at=None)),
        ("(open by mx.h.fr; Mon, 3 Jun 2024 12:00:00 +0200", Hop(by=None, at=datetime(2024, 6, 3, 10, tzinfo=UTC))),
        ("", Hop(by=None, at=None)),
    ],
)
def test_received_fields_are_read(value: str, expected: Hop) -> None:
    """The host is the word after ``by``, never inside a comment nor in the place of the client's own name."""
    assert received(value) == expected


def test_message_ids_keep_their_brackets_and_order() -> None:
    """Text between identifiers is skipped."""
    assert message_ids("<a@b> junk <c@d>\t<<e@f>") == ("<a@b>", "<c@d>", "<e@f>")


def test_limits_of_field_readers_hold() -> None:
    """One more than each limit is refused."""
    with pytest.raises(MailMalformed, match="too-many-addresses"):
        addresses(",".join(["a@b.c"] * (fields.MAX_ADDRESSES + 1)))
    with pytest.raises(MailMalformed, match="too-many-message-ids"):
        message_ids("<a@b>" * (fields.MAX_MESSAGE_IDS + 1))
    with pytest.raises(MailMalformed, match="field-too-long"):
        decode_words("a" * (fields.MAX_VALUE + 1))
    with pytest.raises(MailMalformed, match="address"):
        addresses("a@" + "b" * fields.MAX_ADDRESS)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Accord\n\tpour Ça : مُوافَقَة\u200f", "Accord\n\tpour Ça : مُوافَقَة\u200f"),
        ("\x1b[2J\x1b[1;1HRefus", "\\u001b[2J\\u001b[1;1HRefus"),
        ("a\rb\x08\x7f\x9b", "a\\u000db\\u0008\\u007f\\u009b"),
        ("\u202eRefus\u202c \u2066x\u2069", "\\u202eRefus\\u202c \\u2066x\\u2069"),
        ("a\u2028b\0", "a\\u2028b\\u0000"),
    ],
)
def test_what_would_move_a_terminal_is_written_out(text: str, shown: str) -> None:
    """No cursor moves and no direction turns; lines, tabs and Arabic stay as they are."""
    assert escaped(text) == shown
