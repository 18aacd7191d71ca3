"""The text exposition format of Prometheus, version 0.0.4: families of samples to bytes.

Names and labels are checked, because a single bad line makes a scraper drop the whole page.
"""

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from types import MappingProxyType

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")


class Form(Enum):
    """What kind of numbers a family holds."""

    GAUGE = "gauge"
    COUNTER = "counter"
    HISTOGRAM = "histogram"


@dataclass(frozen=True, slots=True)
class Sample:
    """One number; ``suffix`` is what a histogram adds to its family's name."""

    value: float
    labels: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    suffix: str = ""


@dataclass(frozen=True, slots=True)
class Family:
    """Samples of one name, told by one sentence."""

    name: str
    form: Form
    told: str
    samples: tuple[Sample, ...]


def histogram(name: str, told: str, *, counts: Mapping[float, int], total: float) -> Family:
    """A histogram; ``counts`` says how many observations lie at or below each bound and above the one before.

    The last bound is infinity.
    """
    running, samples = 0, []
    for bound, count in sorted(counts.items()):
        running += count
        samples.append(Sample(running, {"le": "+Inf" if math.isinf(bound) else repr(float(bound))}, "_bucket"))
    return Family(
        name, Form.HISTOGRAM, told, (*samples, Sample(total, suffix="_sum"), Sample(running, suffix="_count"))
    )


def page(families: Iterable[Family]) -> bytes:
    """The whole page; families without a sample are left out.

    Raises:
        ValueError: a name that no scraper reads.
    """
    lines: list[str] = []
    for family in families:
        if not family.samples:
            continue
        told = family.told.replace("\\", r"\\").replace("\n", r"\n")
        lines += [f"# HELP {_checked(family.name)} {told}", f"# TYPE {family.name} {family.form.value}"]
        lines += [
            f"{family.name}{sample.suffix}{_labels(sample.labels)} {_number(sample.value)}" for sample in family.samples
        ]
    return "".join(f"{line}\n" for line in lines).encode()


def _labels(labels: Mapping[str, str]) -> str:
    if not labels:
        return ""
    return "{" + ",".join(f'{_checked(name)}="{_quoted(value)}"' for name, value in labels.items()) + "}"


def _quoted(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def _checked(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise ValueError(f"not a name of a metric: {name!r}")
    return name


def _number(value: float) -> str:
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    return repr(int(value)) if float(value).is_integer() else repr(float(value))
