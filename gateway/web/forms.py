"""What a person sent by a form, read from the request: fields, files, the version that they saw.

An upload stays in memory until the vault seals it: nothing of a patient lies on a disk in clear, not even for a second.
"""

from collections.abc import Mapping
from typing import Any

from fastapi import Request
from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import MultiPartParser

from gateway.services.draft_content import Upload
from gateway.services.drafts import Typed
from gateway.web.threshold import MAX_BODY
from gateway.web.typed import typed_number

FIELD, PIECE = "f-", "p-"


def keep_uploads_in_memory() -> None:
    """Never spool them to a temporary file."""
    MultiPartParser.spool_max_size = MAX_BODY + 1


async def form_of(request: Request) -> FormData:
    """The form of a request; a field may be as long as a body, so that its service says what is too long."""
    return await request.form(max_part_size=MAX_BODY)


async def texts_of(request: Request) -> FormData:
    """The form of a page that takes no file; what was sent all the same is let go."""
    form = await form_of(request)
    await _let_go(form)
    return form


async def _let_go(form: FormData) -> None:
    for _, value in form.multi_items():
        if isinstance(value, UploadFile):
            await value.close()


def text_of(form: Mapping[str, Any], name: str) -> str:
    """A field's text; empty when it is not there, or is a file."""
    value = form.get(name, "")
    return value if isinstance(value, str) else ""


def number_of(form: Mapping[str, Any], name: str) -> int:
    """A field's number; 0 when it is none."""
    return typed_number(text_of(form, name)) or 0


def fields_of(form: FormData) -> dict[str, str]:
    """The fields of the kind, by their id."""
    return {
        name.removeprefix(FIELD): value
        for name, value in form.multi_items()
        if name.startswith(FIELD) and isinstance(value, str)
    }


async def typed_in(form: FormData) -> Typed:
    """Everything that a person sent of a form under way."""
    uploads = [
        Upload(role=name.removeprefix(PIECE), name=value.filename or "", data=await value.read())
        for name, value in form.multi_items()
        if name.startswith(PIECE) and isinstance(value, UploadFile) and value.filename
    ]
    await _let_go(form)
    return Typed(
        version=number_of(form, "version"),
        values=fields_of(form),
        because=text_of(form, "parce_que"),
        hospital=text_of(form, "hopital"),
        uploads=tuple(uploads),
        removed=tuple(value for value in form.getlist("retirer") if isinstance(value, str)),
    )
