"""Gateways for the tests of the law, made as those of the use cases."""

from tests.services.conftest import build, by_mail, cnas, cnse, hospital, where

__all__ = ["build", "by_mail", "cnas", "cnse", "hospital", "where"]
