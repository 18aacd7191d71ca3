"""Signatures of messages to programs, as another implementation makes and checks them."""

import base64

import pytest

from gateway.wire.webhook import key_of, signed

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
BODY = b'{"test": 2432232314}'


def test_the_signature_is_that_of_the_specifications_own_example() -> None:
    """Standard Webhooks 1.0, the example that its libraries test."""
    headers = signed("msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, BODY, [key_of(SECRET)])

    assert headers == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


def test_while_a_secret_changes_both_sign() -> None:
    """Each receiver finds the one that it knows."""
    other = b"x" * 32
    both = signed("m", 1, BODY, [other, key_of(SECRET)])["webhook-signature"].split(" ")

    assert both == [signed("m", 1, BODY, [key])["webhook-signature"] for key in (other, key_of(SECRET))]


@pytest.mark.parametrize("change", [("m2", 1, BODY), ("m", 2, BODY), ("m", 1, BODY + b" "), ("m", 1, b"")])
def test_nothing_that_is_signed_can_change(change: tuple[str, int, bytes]) -> None:
    """Neither the id, nor the instant, nor the body."""
    key = [key_of(SECRET)]

    assert signed(*change, key)["webhook-signature"] != signed("m", 1, BODY, key)["webhook-signature"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "whsec_",
        SECRET.removeprefix("whsec_"),
        "whsec_é",
        "whsec_AAAA",
        "whsec_" + base64.b64encode(b"x" * 65).decode(),
        "whsec_" + base64.b64encode(b"x" * 23).decode(),
    ],
)
def test_what_is_no_secret_is_refused(text: str) -> None:
    """Without its prefix, not base64, too short to be safe or too long; the text is not quoted."""
    with pytest.raises(ValueError, match=r"^not (base64|a key)$"):
        key_of(text)
