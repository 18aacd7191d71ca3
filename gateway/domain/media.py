"""What a file that a person brings may be, by its first bytes: never what its name, or who sends it, says."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Media:
    """A type of files that we take."""

    type: str
    extension: str
    begins: bytes

    @property
    def image(self) -> bool:
        """Whether a page can show it."""
        return self.type.startswith("image/")


TAKEN = (
    Media(type="application/pdf", extension="pdf", begins=b"%PDF-"),
    Media(type="image/jpeg", extension="jpg", begins=b"\xff\xd8\xff"),
    Media(type="image/png", extension="png", begins=b"\x89PNG\r\n\x1a\n"),
)


def media_of(data: bytes) -> Media | None:
    """What these bytes are; None for what we do not take."""
    return next((each for each in TAKEN if data.startswith(each.begins)), None)
