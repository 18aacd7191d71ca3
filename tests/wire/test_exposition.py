"""The page of metrics: what is written is what a scraper reads."""

import math

import pytest
from prometheus_client.parser import text_string_to_metric_families

from gateway.wire.exposition import Family, Form, Sample, histogram, page


def read(families: list[Family]) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """What Prometheus's own reader finds."""
    text = page(families).decode()
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


@pytest.mark.parametrize("value", ['"', "\\", "\n", '\\n"}\nevil 1', "é 漢", ""])
def test_a_label_comes_back_as_it_was_given(value: str) -> None:
    """Whatever stands in it: no value ends its label, its line or its page."""
    found = read([Family("one", Form.GAUGE, "Told.", (Sample(1, {"of": value}),))])

    assert found == {("one", (("of", value),)): 1}


def test_a_sentence_stays_on_its_line() -> None:
    """The help of a family cannot begin another one."""
    found = read([Family("one", Form.GAUGE, "Told\nevil 1\\", (Sample(1),))])

    assert found == {("one", ()): 1}


@pytest.mark.parametrize("value", [0, 1, -3, 0.25, 1e-7, 12345678901234567, math.inf, -math.inf])
def test_a_number_comes_back_as_it_was_given(value: float) -> None:
    """Very large, very small and endless ones too."""
    assert read([Family("one", Form.GAUGE, "Told.", (Sample(value),))]) == {("one", ()): value}


@pytest.mark.parametrize("name", ["", "1st", "with space", "é", "a-b", "a{"])
def test_a_name_that_no_scraper_reads_is_refused(name: str) -> None:
    """It would cost the whole page."""
    with pytest.raises(ValueError, match="not a name"):
        page([Family(name, Form.GAUGE, "Told.", (Sample(1),))])
    with pytest.raises(ValueError, match="not a name"):
        page([Family("one", Form.GAUGE, "Told.", (Sample(1, {name: "x"}),))])


def test_a_family_without_samples_is_left_out() -> None:
    """Its name alone says nothing."""
    assert page([Family("one", Form.GAUGE, "Told.", ())]) == b""


def test_a_histogram_counts_all_that_lies_at_or_below_each_bound() -> None:
    """Its last bound is infinity, and holds as many as there were."""
    found = read([histogram("took", "Told.", counts={math.inf: 1, 0.1: 2, 1.0: 3}, total=4.5)])

    assert found == {
        ("took_bucket", (("le", "0.1"),)): 2,
        ("took_bucket", (("le", "1.0"),)): 5,
        ("took_bucket", (("le", "+Inf"),)): 6,
        ("took_sum", ()): 4.5,
        ("took_count", ()): 6,
    }
