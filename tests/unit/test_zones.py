"""Which day it is where an agency is, and when mail reaches a reader: across clock changes, borders and leap days."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployments.served import defined
from models.rules.calendars import Calendar
from models.rules.hours import Reader, at_work, day_begun, send_at
from tests.building import program

POLICY = program().policy
ZONES = sorted(POLICY.zones)
HOURS = POLICY.working_hours
INSTANTS = st.datetimes(datetime(2016, 1, 1), datetime(2040, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001 - UTC is given
# Days on which the clock or the law did something: the last summer time, a change of government, leap days.
EDGES = st.builds(
    lambda day, hours: datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(hours=hours),
    st.sampled_from([
        date(2022, 10, 30), date(2022, 11, 6), date(2024, 10, 1), date(2024, 2, 29), date(2016, 2, 29),
        date(2023, 3, 12), date(2022, 4, 3), date(2021, 10, 31),
    ]),
    st.integers(-36, 60),
)

# entity, municipality -> zone, hours from UTC in July 2022, after the last change in January 2023 and in July 2023
PLACES = [
    ("JAL", "Guadalajara", "America/Mexico_City", -5, -6, -6),
    ("CMX", None, "America/Mexico_City", -5, -6, -6),
    ("BCN", "Tijuana", "America/Tijuana", -7, -8, -7),
    ("CHH", "Chihuahua", "America/Chihuahua", -6, -6, -6),
    ("CHH", "Juárez", "America/Ciudad_Juarez", -6, -7, -6),
    ("CHH", "Ojinaga", "America/Ojinaga", -6, -6, -5),
    ("ROO", "Benito Juárez", "America/Cancun", -5, -5, -5),
    ("SON", "Hermosillo", "America/Hermosillo", -7, -7, -7),
    ("SIN", "Culiacán", "America/Mazatlan", -6, -7, -7),
    ("BCS", None, "America/Mazatlan", -6, -7, -7),
    ("NAY", "Tepic", "America/Mazatlan", -6, -7, -7),
    ("NAY", "Bahía de Banderas", "America/Bahia_Banderas", -5, -6, -6),
    ("COA", "Saltillo", "America/Monterrey", -5, -6, -6),
    ("COA", "Acuña", "America/Matamoros", -5, -6, -5),
    ("NLE", "Anáhuac", "America/Matamoros", -5, -6, -5),
    ("TAM", "Reynosa", "America/Matamoros", -5, -6, -5),
    ("DUR", None, "America/Monterrey", -5, -6, -6),
    ("YUC", "Mérida", "America/Merida", -5, -6, -6),
    ("CAM", None, "America/Merida", -5, -6, -6),
]


@pytest.mark.parametrize(("entity", "municipality", "zone", "july_22", "january_23", "july_23"), PLACES)
def test_every_place_has_the_clock_that_its_law_gives_it(
    entity: str, municipality: str | None, zone: str, july_22: int, january_23: int, july_23: int
) -> None:
    assert POLICY.zone_of(entity, municipality) == zone
    days = (datetime(2022, 7, 1, 12), datetime(2023, 1, 15, 12), datetime(2023, 7, 1, 12))  # noqa: DTZ001 - local noons
    hours = [day.replace(tzinfo=ZoneInfo(zone)).utcoffset() for day in days]
    assert hours == [timedelta(hours=hour) for hour in (july_22, january_23, july_23)]


# an instant in UTC -> the day in Tijuana, in Cancun, and the day that has begun in both
BEGUN = [
    ("2022-10-31 04:30", "2022-10-30", "2022-10-30", "2022-10-30"),
    ("2022-10-31 05:00", "2022-10-30", "2022-10-31", "2022-10-30"),
    ("2022-10-31 06:59", "2022-10-30", "2022-10-31", "2022-10-30"),
    ("2022-10-31 07:00", "2022-10-31", "2022-10-31", "2022-10-31"),
    ("2022-11-07 07:30", "2022-11-06", "2022-11-07", "2022-11-06"),  # Tijuana has winter time since the day before
    ("2024-03-01 05:30", "2024-02-29", "2024-03-01", "2024-02-29"),
    ("2024-10-01 06:30", "2024-09-30", "2024-10-01", "2024-09-30"),
]


@pytest.mark.parametrize(("instant", "tijuana", "cancun", "begun"), BEGUN)
def test_a_day_is_swept_once_it_has_begun_everywhere(instant: str, tijuana: str, cancun: str, begun: str) -> None:
    at = datetime.fromisoformat(instant).replace(tzinfo=UTC)
    here = [str(at.astimezone(ZoneInfo(zone)).date()) for zone in ("America/Tijuana", "America/Cancun")]
    assert [*here, str(day_begun(("America/Tijuana", "America/Cancun"), at))] == [tijuana, cancun, begun]


@given(st.lists(INSTANTS | EDGES, min_size=2, max_size=20))
def test_later_sweeps_are_of_later_days_and_no_agency_is_ahead_of_its_own_day(instants: list[datetime]) -> None:
    days = [day_begun(ZONES, instant) for instant in sorted(instants)]
    assert days == sorted(days)
    for instant, day in zip(sorted(instants), days, strict=True):
        assert all(day <= instant.astimezone(ZoneInfo(zone)).date() <= day + timedelta(days=1) for zone in ZONES)


@given(st.dates(date(2016, 1, 1), date(2040, 12, 31)))
def test_when_the_daily_sweep_runs_its_day_has_begun_everywhere(day: date) -> None:
    """By the program's own clock, whatever clocks did that night: so every day is swept as itself, in every zone."""
    (tick,) = [tick for each in defined() for tick in each.ticks if tick.slug == "daily"]
    minute, hour = (int(part) for part in tick.cron.split()[:2])
    at = datetime(day.year, day.month, day.day, hour, minute, tzinfo=ZoneInfo(POLICY.zone))
    assert day_begun(ZONES, at.astimezone(UTC)) == day


READERS = st.builds(
    Reader, st.integers(1, 5000), st.sampled_from([*ZONES, "America/Chicago", "Europe/Vienna", "Asia/Tokyo"]),
    st.sampled_from([program().calendars.of_person(f"America/{city}") for city in ("Tijuana", "Chicago")]),
)


@given(READERS, INSTANTS | EDGES)
def test_mail_reaches_a_reader_at_work_and_at_the_first_chance(reader: Reader, earliest: datetime) -> None:
    at = send_at(HOURS, reader, earliest)
    local = at.astimezone(ZoneInfo(reader.zone))
    assert at >= earliest
    assert reader.calendar.works(local.date())
    assert HOURS.start <= local.time() < HOURS.end
    assert at_work(HOURS, reader, at)
    assert send_at(HOURS, reader, at) == at
    between = [earliest + (at - earliest) * part / 7 for part in range(7)] if at > earliest else []
    assert not any(at_work(HOURS, reader, instant) for instant in between)


# city -> the hour of UTC at which its working morning begins: around the last summer time of October 2022 and what the
# border did at the end of that November, after the holiday of 1 October 2024 (asked for on that day), on 29 February
DAYS = ("2022-10-28", "2022-10-31", "2022-11-07", "2022-12-01", "2024-10-01", "2024-02-29")
MORNINGS = [
    ("Tijuana", (15, 15, 16, 16, 15, 16)),
    ("Ciudad_Juarez", (14, 14, 14, 15, 14, 15)),
    ("Ojinaga", (14, 14, 14, 14, 13, 14)),
    ("Cancun", (13, 13, 13, 13, 13, 13)),
    ("Hermosillo", (15, 15, 15, 15, 15, 15)),
    ("Chihuahua", (14, 14, 14, 14, 14, 14)),
]


@pytest.mark.parametrize(("city", "hours"), MORNINGS)
def test_a_working_morning_begins_by_the_citys_own_clock(city: str, hours: tuple[int, ...]) -> None:
    at_once = HOURS.model_copy(update={"spread_minutes": 0})
    zone = f"America/{city}"
    reader = Reader(7, zone, program().calendars.of_person(zone))
    for asked, hour in zip(DAYS, hours, strict=True):
        midnight = datetime.fromisoformat(asked).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
        begins = "2024-10-02" if asked == "2024-10-01" else asked
        morning = datetime.fromisoformat(f"{begins} {hour:02}:00").replace(tzinfo=UTC)
        assert send_at(at_once, reader, midnight) == morning


def test_not_everybody_is_mailed_at_once_and_each_at_the_same_time_every_day() -> None:
    night = datetime(2023, 5, 3, 6, tzinfo=UTC)
    calendar = Calendar(frozenset(range(5)))
    readers = [Reader(person, "America/Mexico_City", calendar) for person in range(1, 400)]
    opens = night + timedelta(hours=8)  # 08:00 there
    minutes = [(send_at(HOURS, reader, night) - opens).total_seconds() / 60 for reader in readers]
    assert {*range(HOURS.spread_minutes + 1)} == set(minutes)
    assert max(map(minutes.count, set(minutes))) < 25
    tomorrow = [send_at(HOURS, reader, night + timedelta(days=1)) - opens for reader in readers]
    assert [(late - timedelta(days=1)).total_seconds() / 60 for late in tomorrow] == minutes


HOLIDAYS = [
    ("America/Tijuana", "2024-09-30 20:00", "2024-10-02"),  # a working evening at noon there; the 1st is a holiday
    ("America/Chicago", "2024-07-04 15:00", "2024-07-05"),
    ("America/Mexico_City", "2024-07-04 15:00", "2024-07-04"),
]


@pytest.mark.parametrize(("zone", "earliest", "day"), HOLIDAYS)
def test_nobody_is_mailed_on_a_holiday_of_their_own(zone: str, earliest: str, day: str) -> None:
    reader = Reader(7, zone, program().calendars.of_person(zone))
    evening = datetime.fromisoformat(earliest).replace(tzinfo=UTC)
    if zone == "America/Tijuana":
        evening += timedelta(hours=8)  # past the hours of the 30th
    assert str(send_at(HOURS, reader, evening).astimezone(ZoneInfo(zone)).date()) == day
