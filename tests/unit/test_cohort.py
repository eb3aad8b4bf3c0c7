"""A cohort as rows: drawn again byte for byte, in the import's words, about nobody; and margins that are refused."""

from __future__ import annotations

import json
import tomllib
from collections import Counter
from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from datetime import date
from functools import cache
from typing import Any

import pytest

from models.rules.cohort.draw import Cohort, draw_cohort, known_by, plain
from models.rules.cohort.margins import parse_margins
from models.rules.errors import Refused
from models.rules.intake.columns import COLUMNS, FileKind
from models.rules.policy import Policy
from tasks.store.programs import folder_of
from tests.building import program

MANAGER = "accreditation_manager"
LISTS = ("people", "roster", "facts", "seat_changes")


@cache
def document() -> dict[str, Any]:
    return tomllib.loads((folder_of("mexico") / "synthetic" / "cohort.toml").read_text(encoding="utf-8"))


def policy(name: str = "mexico") -> Policy:
    return program(name).policy


@cache
def cohort(seed: int = 1) -> Cohort:
    return draw_cohort(parse_margins(document(), policy()), policy(), seed)


def rows(drawn: Cohort) -> str:
    return json.dumps({name: [[str(on), row] for on, row in getattr(drawn, name)] for name in LISTS})


def test_the_same_seed_gives_the_same_rows_and_another_seed_others() -> None:
    again = draw_cohort(parse_margins(document(), policy()), policy(), 1)
    assert rows(again) == rows(cohort(1))
    for name in LISTS:
        assert getattr(cohort(1), name) != getattr(cohort(2), name)


@pytest.mark.parametrize(
    ("name", "kind"), [("people", FileKind.PEOPLE), ("roster", FileKind.ROSTER), ("facts", FileKind.FACTS)]
)
def test_rows_have_the_columns_of_the_import_and_what_it_needs(name: str, kind: FileKind) -> None:
    known = {column.name for column in COLUMNS[kind]}
    needed = {column.name for column in COLUMNS[kind] if column.needed}
    for row in plain(getattr(cohort(), name)):
        assert set(row) <= known
        assert all(row[column] for column in needed)


@pytest.mark.parametrize("name", LISTS)
def test_rows_come_in_the_order_in_which_they_become_known(name: str) -> None:
    days = [on for on, _ in getattr(cohort(), name)]
    assert days == sorted(days)
    assert len({json.dumps(row) for row in plain(getattr(cohort(), name))}) == len(days)


def test_a_fact_is_known_on_its_day_or_some_days_later() -> None:
    waits = Counter((on - date.fromisoformat(row["occurred_on"])).days for on, row in cohort().facts)
    assert min(waits) == 0
    assert max(waits) <= 9
    assert 0.05 < 1 - waits[0] / waits.total() < 0.2
    assert 3000 < waits.total() < 7000


def test_a_count_rises_and_no_two_facts_share_a_reference() -> None:
    counts = {code for code, milestone in policy().milestones.items() if milestone.count}
    seen: dict[tuple[str, ...], int] = {}
    for row in sorted(plain(cohort().facts), key=lambda row: (row["occurred_on"], int(row["value"] or 0))):
        assert bool(row["value"]) == (row["milestone"] in counts)
        if row["value"]:
            name = (row["agency_code"], row["track"], row["milestone"])
            assert int(row["value"]) >= seen.get(name, 0)
            seen[name] = int(row["value"])
    references = [row["reference"] for row in plain(cohort().facts)]
    assert len(set(references)) == len(references)


def initial_facts(drawn: Cohort) -> list[dict[str, str]]:
    """Return the facts of the first cycle that no change of people asked for."""
    asked = {duty.milestone for duty in policy().duties if duty.posts}
    return [row for row in plain(drawn.facts) if row["cycle"] == "1" and row["milestone"] not in asked]


def test_what_is_done_of_duties_is_drawn_apart_from_all_else_and_ends_with_the_program() -> None:
    changed = deepcopy(document())
    changed["afterwards"] |= {"never_share": 1.0, "late_share": 0.9}
    other = draw_cohort(parse_margins(changed, policy()), policy(), 1)
    assert replace(other, facts=()) == replace(cohort(), facts=())
    assert initial_facts(other) == initial_facts(cohort()) != []
    assert len(other.facts) < len(cohort().facts)
    assert {row["cycle"] for row in plain(cohort().facts)} == {"1", "2", "3"}
    assert max(on for on, _ in cohort().facts) <= date(2024, 5, 31)


def test_every_change_of_manager_is_followed_by_its_handover_but_for_a_few() -> None:
    takes = [row for row in plain(cohort().seat_changes) if (row["post"], row["change"]) == (MANAGER, "takes")]
    done = Counter(row["milestone"] for row in plain(cohort().facts))
    for name in ("contacts_confirmed", "calea_notified", "handover_done"):
        assert 0.7 * len(takes) < done[name] <= 1.1 * len(takes)


def test_nobody_can_be_reached() -> None:
    every = [row[name] for row in plain(cohort().roster) for name in ("head_email", "accreditation_manager_email")]
    every += [row["email"] for row in plain([*cohort().people, *cohort().seat_changes])]
    assert sum(map(bool, every)) > 200
    assert all(address.endswith("@example.org") for address in every if address)


def test_whoever_a_row_names_is_known_by_then() -> None:
    known = {row["code"]: on for on, row in reversed(cohort().people)}
    for on, row in cohort().roster:
        assert all(known[row[post]] <= on for post in ("sme1", "sme2") if row[post])
    for on, row in [*cohort().seat_changes, *cohort().facts]:
        who = row.get("person") or row.get("recorded_by")
        assert not who or known[who] <= on
    for on, row in cohort().people:
        assert not row["deputy"] or known[row["deputy"]] <= on


def test_people_are_five_managers_pairs_with_their_load_and_some_who_hand_over() -> None:
    first = {row["code"]: row for row in reversed(plain(cohort().people))}
    roles = Counter(row["role"] for row in first.values())
    assert (roles["director"], roles["operator"], roles["regional_manager"]) == (1, 1, 5 + 2)
    assert {row["language"] for row in first.values()} == {"es_MX", "en"}
    assert sum(bool(row["until"]) for row in plain(cohort().people)) == 5 + 2
    load = Counter(row["sme1"] for row in plain(cohort().roster) if row["sme1"])
    assert max(load.values()) <= 7
    changes = Counter((row["post"], row["change"]) for row in plain(cohort().seat_changes))
    assert set(changes) == {
        (post, change) for post in ("sme_1", "sme_2", "accreditation_manager") for change in ("leaves", "takes")
    }


def test_known_by_keeps_what_was_known_and_of_a_person_the_latest_row() -> None:
    day = date(2023, 4, 3)
    known = known_by(cohort(), day)
    for name in LISTS:
        assert all(dated.known_on <= day for dated in getattr(known, name))
        assert len(getattr(known, name)) <= sum(dated.known_on <= day for dated in getattr(cohort(), name))
    codes = [row["code"] for row in plain(known.people)]
    assert len(set(codes)) == len(codes)
    assert any(row["until"] for row in plain(known.people))
    assert known_by(known, day) == known


Edit = Callable[[dict[str, Any]], object]


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (lambda d: d["tracks"][0].update(track="acadmy"), 'cohort.toml: tracks[0].track: names "acadmy"'),
        (lambda d: d["tracks"][0].update(track="acadmy"), 'Did you mean "academy"?'),
        (lambda d: d["tracks"][0].update(accredited=30), "enrolment: sums up to 82, the tracks to 83"),
        (lambda d: d["left"].update(removed=6), "left: sums up to 13, the tracks to 12"),
        (lambda d: d["left"].update(awarded=0), 'names "awarded"'),
        (lambda d: d["activities"][0].update(milestone="vist"), 'Did you mean "visit"?'),
        (lambda d: d["activities"][0].update(counts_from="proof"), 'Did you mean "proofs"?'),
        (lambda d: d.update(mail_domain="gmail.com"), "must reach nobody"),
        (lambda d: d.update(mail_domain="notexample.org"), "must reach nobody"),
        (lambda d: d.update(accredited_entities=33), "more than the 32 there are"),
        (lambda d: d.update(complete_governments=20), 'more than the 19 accredited of "communications"'),
        (lambda d: d["enrolment"][-1].update(last=date(2023, 6, 1)), "too late for an award by 2023-11-30"),
        (lambda d: d.update(last_award={"first": date(2023, 9, 1), "last": date(2023, 9, 30)}), "has no conference"),
        (lambda d: d["slowdown"].update(last=date(2020, 1, 1)), "slowdown: ends on 2020-01-01, before it begins"),
        (lambda d: d["awarded_by"][0].update(at_least=20), "awarded_by[0]: asks for at least more than at most"),
        (lambda d: d["again"][0].update(agencies=23), "more than the 22 that have an award"),
        (lambda d: d["names"].pop("en"), "names.en: is missing"),
        (lambda d: d["kinds"].pop("academy"), "kinds.academy: is missing"),
        (lambda d: d.pop("pace"), "cohort.toml: pace: Field required. Add it."),
        (lambda d: d.update(pase={}), "Remove it, or correct its spelling."),
        (lambda d: d["pace"].update(award_months=[50, 13]), "begins after it ends"),
        (lambda d: d["afterwards"].update(late_days=[9, 2]), "afterwards.late_days"),
        (lambda d: d["afterwards"].update(never_share=1.5), "afterwards.never_share"),
        (lambda d: d["governments"].update(of_state="Gobierno"), "governments.of_state"),
    ],
)
def test_margins_that_cannot_be_met_are_refused_with_place_and_remedy(edit: Edit, said: str) -> None:
    changed = deepcopy(document())
    edit(changed)
    with pytest.raises(Refused) as refused:
        parse_margins(changed, policy())
    assert said in str(refused.value)


def test_a_second_award_needs_a_first_one_early_enough() -> None:
    changed = deepcopy(document())
    changed["again"][0]["agencies"] = 22
    with pytest.raises(Refused, match="early enough for another"):
        draw_cohort(parse_margins(changed, policy()), policy(), 1)


def test_a_course_that_no_draw_fits_is_constructed() -> None:
    """With one try for each course and a noise that fits nothing, the totals hold all the same."""
    changed = deepcopy(document())
    changed["pace"] |= {"tries": 1, "agency_sigma": 1.5, "stage_sigma": 1.5}
    changed |= {"awarded_by": [], "left_by": []}
    drawn = draw_cohort(parse_margins(changed, policy()), policy(), 1)
    first = [row for row in plain(drawn.facts) if row["cycle"] == "1"]
    decided = [row["occurred_on"] for row in first if row["milestone"] == "decision_favourable"]
    assert len(decided) == 71
    assert max(decided) == "2023-11-11"


def test_a_cohort_of_another_field_is_drawn_from_its_own_policy() -> None:
    """Certificates instead of awards: no conferences, no shares; nothing of the reference program is in code."""
    iso = policy("iso9001")
    track, kind = next(iter(iso.tracks)), next(iter(iso.kinds))
    changed = deepcopy(document()) | {
        "accredited_entities": 1, "complete_governments": 0, "again": [], "awarded_by": [], "left_by": [],
        "enrolment": [{"first": date(2016, 1, 4), "last": date(2018, 12, 14), "agencies": 10, "left": 2}],
        "tracks": [{"track": track, "kind": kind, "accredited": 8, "left": 2}],
        "left": {"withdrawn": 2},
        "activities": [{"milestone": next(iter(iso.milestones)), "every_days": 90, "spread_days": 5}],
        "kinds": {kind: document()["kinds"]["academy"]},
    }
    changed["staff"] |= {"regional_handovers": 0, "sme_handovers": 1}
    changed["pace"] |= {"award_months": [20, 90]}
    drawn = draw_cohort(parse_margins(changed, iso), iso, 1)
    gates = {name for stage in iso.path for name in stage.gate.milestones}
    assert gates <= {row["milestone"] for row in plain(drawn.facts)}
    assert {row["track"] for row in plain(drawn.roster)} == {track}
    assert len(drawn.roster) == 10
