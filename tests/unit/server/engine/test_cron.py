"""Cron expressions against the next five times that the OSS server 3.32.3 gave (`cron.json`; null: refused)."""

import json
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from cases import each

from conductor._internal.cron import Cron, CronError

RECORDED = json.loads(Path(__file__).with_name("cron.json").read_text(encoding="utf-8"))
RUNNING = [(text, times) for text, times in RECORDED if times]
NEVER = [text for text, times in RECORDED if times == []]
REFUSED = [text for text, times in RECORDED if times is None]


def utc(text):
    return datetime.fromisoformat(text).replace(tzinfo=timezone.utc)


def following(cron, moment, count):
    found = []
    for _ in range(count):
        moment = cron.next_after(moment)
        found.append(moment)
    return found


@each(("text", "times"), RUNNING)
def test_the_next_times_are_those_of_the_oss_server(text, times):
    start = utc(times[0]) - timedelta(milliseconds=1)

    assert following(Cron.parse(text), start, len(times)) == [utc(time) for time in times]


@each("text", NEVER)
def test_an_impossible_date_has_no_next_time(text):
    assert Cron.parse(text).next_after(utc("2026-11-21T08:00:00")) is None


@each("text", REFUSED)
def test_expressions_that_the_oss_server_refuses_are_errors(text):
    with pytest.raises(CronError):
        Cron.parse(text)


@each(
    ("text", "message"),
    [
        ("0 0 9 * *", "5 fields instead of six (second minute hour day-of-month month day-of-week)"),
        ("0 60 9 * * *", "minute: 60 is not within 0-59"),
        ("0 0 9 * * FUNDAY", "day of week: 'FUNDAY' is not a number, nor one of MON, TUE, WED, THU, FRI, SAT, SUN"),
        ("0 0 17-9 * * *", "hour: the range '17-9' ends before it starts"),
        ("*/0 0 9 * * *", "second: the step '0' is not a positive integer"),
        ("0 0 9 L-0 * *", "day of month: the number of days in 'L-0' must be 1 or more"),
    ],
)
def test_an_error_names_the_field_and_the_fault(text, message):
    with pytest.raises(CronError) as caught:
        Cron.parse(text)

    assert str(caught.value) == message


def test_the_moment_itself_is_not_next():
    cron = Cron.parse("0 0 9 * * *")

    assert cron.next_after(utc("2026-01-01T09:00:00")) == utc("2026-01-02T09:00:00")
    assert cron.next_after(utc("2026-01-01T08:59:59.999")) == utc("2026-01-01T09:00:00")


@each(
    ("text", "zone", "start", "times"),
    [
        # Summer time skips 02:00-03:00 on 28 March 2027 in Berlin; winter time repeats it on 31 October.
        ("0 30 2 * * *", "Europe/Berlin", "2027-03-27T23:30", ["03-29T02:30:00+02:00", "03-30T02:30:00+02:00"]),
        ("0 0 9 * * *", "Europe/Berlin", "2027-03-27T12:00", ["03-28T09:00:00+02:00", "03-29T09:00:00+02:00"]),
        ("0 30 2 * * *", "Europe/Berlin", "2027-10-30T22:30", ["10-31T02:30:00+02:00", "10-31T02:30:00+01:00"]),
        ("0 0 * * * *", "Europe/Berlin", "2027-10-30T23:30", ["10-31T02:00:00+02:00", "10-31T02:00:00+01:00"]),
        ("0 0 9 * * *", "Europe/Berlin", "2027-10-30T12:00", ["10-31T09:00:00+01:00", "11-01T09:00:00+01:00"]),
        # Midnight is skipped in Beirut; Lord Howe moves by half an hour.
        ("0 0 0 * * *", "Asia/Beirut", "2027-03-27T12:00", ["03-29T00:00:00+03:00", "03-30T00:00:00+03:00"]),
        ("0 15 2 * * *", "Australia/Lord_Howe", "2027-10-02T12:00", ["10-04T02:15:00+11:00", "10-05T02:15:00+11:00"]),
        ("0 45 2 * * *", "Australia/Lord_Howe", "2027-10-02T12:00", ["10-03T02:45:00+11:00", "10-04T02:45:00+11:00"]),
        ("0 0 9 * * *", "+05:30", "2027-01-01T00:00", ["01-01T09:00:00+05:30", "01-02T09:00:00+05:30"]),
        ("0 0 9 * * *", "GMT-3", "2027-01-01T00:00", ["01-01T09:00:00-03:00", "01-02T09:00:00-03:00"]),
    ],
)
def test_times_are_those_of_the_zone_through_summer_and_winter(text, zone, start, times):
    found = following(Cron.parse(text, zone), utc(start), len(times))

    assert [time.isoformat() for time in found] == [f"2027-{time}" for time in times]


def test_a_time_far_beyond_a_change_of_the_clock_is_found():
    cron = Cron.parse("0 0 12 29 2 *", "Europe/Berlin")

    assert cron.next_after(utc("2024-07-01T00:00")).isoformat() == "2028-02-29T12:00:00+01:00"


@each("zone", ["Europe/Nowhere", "", "../etc/passwd", "+5:3"])
def test_an_unknown_zone_is_an_error(zone):
    with pytest.raises(CronError, match="unknown time zone"):
        Cron.parse("@daily", zone)


def test_a_system_without_time_zone_data_names_the_package(monkeypatch):
    monkeypatch.setattr("zoneinfo.available_timezones", set)
    with pytest.raises(CronError, match="no time zone data; install the package tzdata"):
        Cron.parse("0 0 9 * * ?", "Europe/Nowhere")
    assert Cron.parse("0 0 9 * * ?", "UTC")
