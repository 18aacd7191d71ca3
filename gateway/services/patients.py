"""Whose case it is: the identity that is sealed under the case's key, opened for who may know it.

Who asks has seen to that right, and to the record that a name was shown.
"""

import json

from gateway.services.cabinet import Cabinet, wrapped
from gateway.storage import Case, Rows, VaultKey


def identity_of(cabinet: Cabinet, case: Case, key: VaultKey) -> dict[str, str] | None:
    """Every field of the patient; None when the case was forgotten, or never had them."""
    if case.identity is None or key.destroyed_at is not None:
        return None
    known: dict[str, str] = json.loads(cabinet.vault.open_text(case.identity, wrapped(key)))
    return known


async def name_of(cabinet: Cabinet, view: Rows, case: Case) -> str | None:
    """The patient's name as lists show it."""
    known = identity_of(cabinet, case, await cabinet.case_key(view, case))
    return None if known is None else f"{known['patient_name']} {known['patient_first_name']}".strip()
