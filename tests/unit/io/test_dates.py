"""Dates and intervals, against the standard library's calendar."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eoagent.contracts.errors import InputError
from eoagent.io.dates import day_of, parse_instant, parse_time, time_in_name

LAST = timedelta(microseconds=1)


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "first", "after"),
    [
        ("2019", utc(2019, 1, 1), utc(2020, 1, 1)),
        ("2020-02", utc(2020, 2, 1), utc(2020, 3, 1)),
        ("2019-02", utc(2019, 2, 1), utc(2019, 3, 1)),
        ("2019-4-6", utc(2019, 4, 6), utc(2019, 4, 7)),
        ("20190416", utc(2019, 4, 16), utc(2019, 4, 17)),
        ("2019-04/2019-09", utc(2019, 4, 1), utc(2019, 10, 1)),
        ("2019-04-16T10:30Z", utc(2019, 4, 16, 10, 30), utc(2019, 4, 16, 10, 31)),
    ],
)
def test_a_date_covers_all_of_its_calendar_unit(text, first, after):
    span = parse_time(text)
    assert span.start == first
    assert span.end == after - LAST


def test_an_instant_has_equal_ends_and_is_brought_to_utc():
    span = parse_time("2019-04-16T10:00:00+02:00")
    assert span.start == span.end == datetime(2019, 4, 16, 8, tzinfo=UTC)


@pytest.mark.parametrize("text", ["../2019-09", "/2019-09"])
def test_an_open_start_stays_open(text):
    span = parse_time(text)
    assert span.start is None
    assert span.end == datetime(2019, 10, 1, tzinfo=UTC) - LAST


def test_an_open_end_stays_open():
    assert parse_time("2019-04-16/..").end is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "..",
        "/",
        "../..",
        "2019/2020/2021",
        "2019-13",
        "2019-02-30",
        "0000",
        "spring",
        "20191301",
        "2019-04-16T25:00:00Z",
        "9999-12-31T23:59:59-01:00",
    ],
)
def test_what_is_no_date_is_refused_with_the_forms_that_are(text):
    with pytest.raises(InputError) as caught:
        parse_time(text)
    assert "2019-04" in caught.value.hint


def test_an_interval_that_runs_backward_says_so():
    with pytest.raises(InputError, match="ends before it starts"):
        parse_time("2020/2019")


def test_a_very_long_text_is_refused_without_being_repeated():
    with pytest.raises(InputError, match="5000 characters") as caught:
        parse_time("2" * 5000)
    assert len(str(caught.value)) < 200


@given(st.dates(date(1900, 1, 1), date(2039, 12, 31)), st.sampled_from(["", "-", "_", "."]))
def test_any_day_is_found_in_a_name(day, mark):
    stamp = f"{day.year:04d}{mark}{day.month:02d}{mark}{day.day:02d}"
    assert time_in_name(f"S2A_{stamp}T100031_N0211.tif") == day_of(day)
    assert parse_time(day.isoformat()) == day_of(day)


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("m_3008501_ne_16_1_20110815.tif", "2011-08-15"),
        ("LC08_L2SP_008059_20191201_20200825_02_T1_SR_B4.TIF", "2019-12-01"),
        ("1985.tif", "1985"),
        ("pucallpa_1985-composite.tif", "1985"),
        ("scene_20191399_2003.tif", "2003"),
    ],
)
def test_the_first_date_in_a_file_name_counts(name, label):
    found = time_in_name(name)
    assert found is not None
    assert found.label == label


@pytest.mark.parametrize("name", ["scene.tif", "tile_2000x2000.tif", "id_320190416.tif", "B8A.tif"])
def test_numbers_that_are_no_dates_are_left_alone(name):
    assert time_in_name(name) is None


def test_an_instant_without_a_zone_is_utc():
    assert parse_instant("2024-04-19 04:59:04.22") == datetime(
        2024, 4, 19, 4, 59, 4, 220000, tzinfo=UTC
    )
