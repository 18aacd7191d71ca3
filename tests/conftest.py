"""Fixtures that several rooms share."""

import os
from collections.abc import Iterator

import pytest

from tests import mailserver

# Whatever the developer's own language is, the programs that tests start speak French.
os.environ["LC_ALL"] = "C.UTF-8"


@pytest.fixture(scope="session")
def mail_machine() -> Iterator[mailserver.Machine]:
    """A real Postfix and Dovecot for the whole session; skips where they cannot run, fails there in CI."""
    mailserver.require()
    with mailserver.running() as machine:
        yield machine
