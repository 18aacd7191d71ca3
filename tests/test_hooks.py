"""The sections [[webhooks]]: where messages may go, and the secrets that sign them."""

import base64
from types import SimpleNamespace
from typing import Any, cast

import pytest
from pydantic import ValidationError

from gateway.announcements import webhooks
from gateway.domain.errors import SecretUnreadable
from gateway.hooks import WebhookSection, webhooks_faults


def section(**changes: Any) -> WebhookSection:
    """One of them."""
    told = {"name": "dpi", "address": "https://dpi.test/h", "secret": {"env": "WEBHOOK"}} | changes
    return WebhookSection.model_validate(told)


@pytest.mark.parametrize(
    "address", ["https://dpi.test", "https://dpi.test:8443/a?b=c", "http://127.0.0.1:9000/", "http://[::1]/x"]
)
def test_messages_leave_by_tls_or_stay_here(address: str) -> None:
    """In clear only to this machine."""
    assert section(address=address).address == address


@pytest.mark.parametrize(
    "address",
    [
        "http://dpi.test/",
        "http://127.0.0.1.evil.test/",
        "http://localhost@evil.test/",
        "http://127.0.0.1:80@evil.test/",
        "https://user:word@dpi.test/",
        "ftp://dpi.test/",
        "https://dpi.test/a b",
        "https://dpi.test/\r\nX: y",
        "//dpi.test",
        "",
    ],
)
def test_no_message_leaves_in_clear(address: str) -> None:
    """Nor to an address that looks like this machine, or that hides another one."""
    with pytest.raises(ValidationError):
        section(address=address)


@pytest.mark.parametrize("event", ["*", "request", "Request.*", "request.*.x", "request.submitted; x"])
def test_what_is_no_event_is_refused(event: str) -> None:
    """A name, or a family."""
    with pytest.raises(ValidationError):
        section(events=(event,))


def test_two_targets_have_two_names() -> None:
    """The mark of how far one was told is its name's."""
    assert [str(fault) for fault in webhooks_faults((section(), section()))] == [
        "webhooks : deux cibles s'appellent dpi"
    ]
    assert list(webhooks_faults((section(), section(name="pmsi")))) == []


def test_a_secret_that_is_none_stops_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rather than to sign with it; it is not quoted."""
    base = cast("Any", SimpleNamespace(settings=SimpleNamespace(webhooks=(section(),), party=None, web=None)))
    base.store = base.clock = None
    monkeypatch.setenv("WEBHOOK", "trop-court")
    with pytest.raises(SecretUnreadable) as refused:
        webhooks(base)
    monkeypatch.setenv("WEBHOOK", "whsec_" + base64.b64encode(b"k" * 32).decode())

    assert "trop-court" not in str(refused.value)
    assert webhooks(base) is not None


def test_without_targets_nobody_is_told() -> None:
    """And nothing is read."""
    assert webhooks(cast("Any", SimpleNamespace(settings=SimpleNamespace(webhooks=())))) is None
