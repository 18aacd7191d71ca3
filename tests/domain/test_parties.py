"""Partners: who is who, by address, by role; and the policies by default."""

from gateway.domain.parties import (
    Directory,
    Grade,
    Partner,
    PartnerKind,
    Role,
    Suite,
    default_policy,
)


def _partner(name: str, role: Role, *addresses: str) -> Partner:
    return Partner(
        id=name,
        role=role,
        kind=PartnerKind.MAIL,
        suite=Suite.OPENPGP,
        addresses=addresses,
        policy=default_policy(PartnerKind.MAIL),
        max_bytes=1,
    )


CNAS = _partner("cnas", Role.CNAS, "conv@cnas.test", "autre@mail.cnas.test")
CNSE = _partner("cnse", Role.CNSE, "medical@cnse.test")
DIRECTORY = Directory((CNAS, CNSE))


def test_grades_are_ordered_as_the_evidence_is_strong() -> None:
    """auto_reply < dsn_delivered < mdn < signed_reply < signed_receipt."""
    order = [Grade.NONE, Grade.AUTO_REPLY, Grade.DSN_DELIVERED, Grade.MDN, Grade.SIGNED_REPLY, Grade.SIGNED_RECEIPT]
    assert sorted(Grade) == order


def test_policies_by_default() -> None:
    """A gateway must send a signed receipt; a mail program's MDN starts, but does not record alone."""
    gateway, mail = default_policy(PartnerKind.GATEWAY), default_policy(PartnerKind.MAIL)
    assert (gateway.starts_from, gateway.records_alone_from) == (Grade.SIGNED_RECEIPT, Grade.SIGNED_REPLY)
    assert (mail.starts_from, mail.records_alone_from) == (Grade.MDN, Grade.SIGNED_REPLY)
    assert gateway.convention is None
    assert mail.convention is None


def test_a_partner_is_found_by_any_of_its_addresses() -> None:
    """In any case of letters, and by nothing that only looks like one."""
    assert DIRECTORY.at_address("CONV@cnas.TEST") is CNAS
    assert DIRECTORY.at_address("autre@mail.cnas.test") is CNAS
    assert DIRECTORY.at_address("conv@cnas.test.evil") is None
    assert DIRECTORY.at_address("xconv@cnas.test") is None
    assert DIRECTORY.at_address("") is None


def test_a_partner_is_found_by_id_and_role() -> None:
    """Unknown ids and roles give nothing."""
    assert DIRECTORY.find("cnse") is CNSE
    assert DIRECTORY.find("cpam") is None
    assert DIRECTORY.with_role(Role.CNAS) == (CNAS,)
    assert DIRECTORY.with_role(Role.CPAM) == ()


def test_the_first_address_is_where_mail_goes() -> None:
    """The other ones are only known senders."""
    assert CNAS.address == "conv@cnas.test"


def test_domains_are_those_of_all_addresses() -> None:
    """An unread mail from any of them holds a silence back."""
    assert CNAS.domains == {"cnas.test", "mail.cnas.test"}
    assert DIRECTORY.domains == {"cnas.test", "mail.cnas.test", "cnse.test"}
