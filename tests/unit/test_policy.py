"""A policy that cannot be carried out is refused when it is loaded: the place, the reason, the remedy; all at once."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from models.rules.errors import Refused
from models.rules.policy.checks import parse_policy
from tasks.store.programs import folder_of, read_policy
from tests.building import document

Mutation = Callable[[dict[str, Any]], Any]
STAGES = (
    "onboarding",
    "gap_analysis",
    "directives",
    "proofs",
    "mock_assessment",
    "remote_review",
    "site_assessment",
    "commission_review",
    "accredited",
)


def stage(tables: dict[str, Any], code: str) -> dict[str, Any]:
    found: dict[str, Any] = tables["stages"][STAGES.index(code)]
    return found


def rule(tables: dict[str, Any], kind: str, name: str) -> dict[str, Any]:
    found: dict[str, Any] = next(r for r in tables[kind] if r["rule"] == name)
    return found


def _unknown_end(t: dict[str, Any]) -> None:
    t["endings"]["awarded"] = "withdrawn"


def _too_late_for_communications(t: dict[str, Any]) -> None:
    rule(t, "reminders", "limit")["days_before"] = [700]


# one thing changed in the shipped document -> place, words of the reason, words of the remedy
IMPOSSIBLE: dict[str, tuple[Mutation, str, str, str]] = {
    "unreachable stage": (
        lambda t: stage(t, "mock_assessment").update(next="site_assessment"),
        "stages[5]",
        '"remote_review" cannot be reached from "onboarding"',
        "Name it as `next`",
    ),
    "circle": (
        lambda t: stage(t, "commission_review").update(next="proofs"),
        "stages",
        "go round in a circle",
        "Leave `next` out",
    ),
    "unknown next": (
        lambda t: stage(t, "directives").update(next="profs"),
        "stages[2].next",
        'the unknown stage "profs"',
        'Did you mean "proofs"?',
    ),
    "a reason to answer with that is none": (
        lambda t: t["answers"]["reasons"].append("meeting_agred"),
        "answers.reasons",
        'the unknown reason "meeting_agred"',
        'Did you mean "meeting_agreed"?',
    ),
    "a verdict back to nowhere": (
        lambda t: stage(t, "commission_review")["verdicts"][0].update(reenter="remote_reveiw"),
        "stages[7].verdicts[0].reenter",
        'the unknown stage "remote_reveiw"',
        'Did you mean "remote_review"?',
    ),
    "a verdict that leads on": (
        lambda t: stage(t, "commission_review")["verdicts"][0].update(reenter="accredited"),
        "stages[7].verdicts[0].reenter",
        'leads from "commission_review" to "accredited"',
        "Name one of onboarding",
    ),
    "a verdict back to a stage that the later cycle does not have": (
        lambda t: stage(t, "commission_review")["verdicts"][1].update(reenter="remote_review"),
        "stages[7].verdicts[1].reenter",
        "in cycle 2 does not lie before it",
        "Name one of maintenance, site_assessment",
    ),
    "a verdict without effect": (
        lambda t: stage(t, "commission_review")["verdicts"][0].pop("reenter"),
        "stages[7].verdicts[0]",
        "neither or both",
        "Give `reenter` a stage",
    ),
    "a verdict that ends in an award": (
        lambda t: stage(t, "commission_review")["verdicts"][2].update(ends="awarded"),
        "stages[7].verdicts[2].ends",
        '"awarded" is not an ending',
        "not_awarded",
    ),
    "a verdict that its own gate asks for": (
        lambda t: stage(t, "commission_review")["verdicts"][0].update(milestone="decision_conditional"),
        "stages[7].verdicts[0]",
        "own gate asks for",
        "one of the two",
    ),
    "a verdict twice": (
        lambda t: stage(t, "commission_review")["verdicts"][2].update(milestone="decision_deferred"),
        "stages[7].verdicts",
        "two effects",
        "Keep one",
    ),
    "unknown start": (lambda t: t.update(start="onbording"), "start", '"onbording"', 'Did you mean "onboarding"?'),
    "a stage of no days": (
        lambda t: stage(t, "proofs").pop("expected_days"),
        "stages[3].expected_days",
        "is 0",
        "how many days",
    ),
    "reminder before its stage begins": (
        lambda t: rule(t, "reminders", "stage_target").update(days_before=[90, 7]),
        "reminders[0].days_before",
        'before the target of "onboarding"',
        "Use at most 61",
    ),
    "reminder before the agreement": (
        _too_late_for_communications,
        "reminders[2].days_before",
        "before the enrollment begins",
        "Use at most 672",
    ),
    "reminder in an unknown stage": (
        lambda t: rule(t, "reminders", "stage_target").update(stages=["gap_analisis"]),
        "reminders[0].stages",
        '"gap_analisis"',
        'Did you mean "gap_analysis"?',
    ),
    "gate names an unknown milestone": (
        lambda t: stage(t, "gap_analysis").update(gate={"milestones": ["gap_reprot_accepted"]}),
        "stages[1].gate",
        'the unknown milestone "gap_reprot_accepted"',
        'Did you mean "gap_report_accepted"?',
    ),
    "gate asks for nothing": (
        lambda t: stage(t, "gap_analysis").update(gate={}),
        "stages[1].gate",
        "asks for nothing",
        "Name what must be true",
    ),
    "share of a milestone without a number": (
        lambda t: stage(t, "proofs")["gate"]["shares"][0].update(count="kickoff_visit"),
        "stages[3].gate",
        '"kickoff_visit" carries no number',
        "`count = true`",
    ),
    "share of a number no track has": (
        lambda t: t["tracks"]["academy"].pop("other"),
        "tracks.academy.other",
        "a gate asks for a share",
        "Add the number",
    ),
    "conference gate without conferences": (
        lambda t: t.pop("conferences"),
        "stages[7].gate",
        "waits for a conference",
        "Add [[conferences]]",
    ),
    "unknown ending": (_unknown_end, "endings", '"awarded" is not an ending', "lapsed, removed, withdrawn"),
    "ending by an unknown milestone": (
        lambda t: t["endings"].update(withdrawn="widthdrawn"),
        "endings.withdrawn",
        '"widthdrawn"',
        'Did you mean "withdrawn"?',
    ),
    "a post without a name": (
        lambda t: t["posts"].pop("director"),
        "escalations[0].ladder",
        'the post "director", which has no name',
        "Add [posts.director]",
    ),
    "a gate that asks for a post without a name": (
        lambda t: t["posts"].pop("sme_2"),
        "stages[0].gate",
        'the post "sme_2", which has no name',
        "Add [posts.sme_2]",
    ),
    "a vacancy of a post without a name": (
        lambda t: t["posts"].pop("operator") and rule(t, "escalations", "vacant_expert").update(posts=["operator"]),
        "escalations[4].posts",
        'the post "operator", which has no name',
        "Add [posts.operator]",
    ),
    "a post told twice": (
        lambda t: rule(t, "reminders", "limit").update(to=["head", "head"]),
        "reminders[2]",
        'names "head" twice',
        "Keep one",
    ),
    "working hours that end before they begin": (
        lambda t: t["working_hours"].update(start="18:00", end="08:00"),
        "working_hours",
        "no mail would ever go out",
        "end after they begin",
    ),
    "working hours in a zone of their own": (
        lambda t: t["working_hours"].update(start="08:00-06:00"),
        "working_hours",
        "a zone of their own",
        "Leave it out",
    ),
    "a week without a working day": (
        lambda t: t["working_hours"].update(weekdays=[]),
        "working_hours.weekdays",
        "no mail would ever go out",
        "Name at least one",
    ),
    "a stall that no calendar can hold": (
        lambda t: stage(t, "proofs").update(stall_days=10**9),
        "stages[3].stall_days",
        "less than or equal to 3650",
        "Correct the value",
    ),
    "stages that would take centuries": (
        lambda t: [s.update(expected_days=3650) for s in t["stages"]] and t["tracks"]["academy"].update(pace=10),
        "tracks.academy.pace",
        "more than a century",
        "Correct it",
    ),
    "a rule twice": (
        lambda t: t["reminders"].append(rule(t, "reminders", "limit")),
        "reminders",
        '"limit" stands here twice',
        "Keep one",
    ),
    "a reminder named as an escalation": (
        lambda t: rule(t, "escalations", "stall").update(rule="limit"),
        "escalations",
        "also the name of a reminder",
        "Rename one",
    ),
    "rung after no days": (
        lambda t: rule(t, "escalations", "stall")["ladder"][1].update(after_working_days=0),
        "escalations[0].ladder[1].after_working_days",
        "no time to act",
        "at least 1",
    ),
    "repeat without repeats": (
        lambda t: rule(t, "escalations", "stall").update(repeat_days=45, repeat_working_days=[]),
        "escalations[0]",
        "go together",
        "both or neither",
    ),
    "repeats in the same step": (
        lambda t: rule(t, "escalations", "stall").update(repeat_working_days=[20, 20]),
        "escalations[0].repeat_working_days",
        "does not grow",
        "longer than the one before",
    ),
    "repeats said in two ways": (
        lambda t: rule(t, "escalations", "stall").update(repeat_days=45, repeats=2),
        "escalations[0].repeat_working_days",
        "both say when",
        "one of them",
    ),
    "a rung after days of two kinds": (
        lambda t: rule(t, "escalations", "stall")["ladder"][1].update(after_days=14),
        "escalations[0].ladder[1]",
        "either after_days or after_working_days",
        "",
    ),
    "pace without a clock": (
        lambda t: rule(t, "escalations", "window_at_risk").pop("clock"),
        "escalations[2].clock",
        "needs a clock",
        "pace and overdue",
    ),
    "overdue by a clock that is no end": (
        lambda t: rule(t, "escalations", "limit_passed").update(clock="window_from"),
        "escalations[3].clock",
        "no end to be late for",
        '"limit"',
    ),
    "stall with a clock": (
        lambda t: rule(t, "escalations", "stall").update(clock="limit"),
        "escalations[0].clock",
        "no use for a clock",
        "Only pace",
    ),
    "vacancy of no post": (
        lambda t: rule(t, "escalations", "vacant_expert").pop("posts"),
        "escalations[4].posts",
        "the cause vacancy",
        "`posts`",
    ),
    "unknown zone": (
        lambda t: t["entities"]["SON"].update(zone="America/Hermosilo"),
        "entities.SON.zone",
        "is no time zone",
        "IANA",
    ),
    "entity in two regions": (
        lambda t: t["regions"][0]["entities"].append("OAX"),
        "regions",
        '"OAX" belongs to two regions',
        "Leave it in one",
    ),
    "entity in no region": (
        lambda t: t["regions"][0]["entities"].remove("SON"),
        "regions",
        '"SON" belongs to no region',
        "nobody would supervise",
    ),
    "region with an unknown entity": (
        lambda t: t["regions"][0]["entities"].append("SNO"),
        "regions.northwest",
        'the unknown entity "SNO"',
        "Did you mean",
    ),
    "track of an unknown kind": (
        lambda t: t["tracks"]["academy"].update(kinds=["academi"]),
        "tracks.academy.kinds",
        '"academi"',
        'Did you mean "academy"?',
    ),
    "a window that closes before it opens": (
        lambda t: t.update(window={"from_month": 36, "until_month": 24}),
        "window",
        "after it closes",
        "Swap or correct",
    ),
    "unknown key": (
        lambda t: stage(t, "proofs").update(stal_days=3),
        "stages[3].stal_days",
        "Extra inputs",
        "correct its spelling",
    ),
    "wrong type": (
        lambda t: stage(t, "proofs").update(stall_days="soon"),
        "stages[3].stall_days",
        "valid integer",
        "Correct the value",
    ),
    "out of range": (
        lambda t: t["tracks"]["academy"].update(pace=0),
        "tracks.academy.pace",
        "greater than 0",
        "Correct",
    ),
    "unknown post": (
        lambda t: rule(t, "reminders", "limit").update(to=["manager"]),
        "reminders[2].to[0]",
        "accreditation_manager",
        "Correct",
    ),
    "missing table": (lambda t: t.pop("tracks"), "tracks", "Field required", "Add it"),
    "a government that changes twice on a day": (
        lambda t: t["governments"]["JAL"].update(state=["2018-12-06", "2018-12-06"]),
        "governments.JAL.state",
        "names 2018-12-06 twice",
        "Keep one",
    ),
    "governments out of order": (
        lambda t: t["governments"]["JAL"].update(municipal=["2021-10-01", "2018-10-01"]),
        "governments.JAL.municipal",
        "not in order",
        "earliest first",
    ),
    "a government of nowhere": (
        lambda t: t["governments"].update(JLA={"state": ["2018-12-06"]}),
        "governments.JLA",
        "is no entity",
        "Did you mean",
    ),
    "a duty of an unknown milestone": (
        lambda t: rule(t, "duties", "status_report").update(milestone="status_reprot_filed"),
        "duties[0].milestone",
        '"status_reprot_filed"',
        'Did you mean "status_report_filed"?',
    ),
    "a duty of a post without a name": (
        lambda t: t["posts"].pop("head"),
        "duties[3].posts",
        'the post "head", which has no name',
        "Add [posts.head]",
    ),
    "a duty of a clock that moves with the stages": (
        lambda t: rule(t, "duties", "status_report").update(clock="stage_target"),
        "duties[0].clock",
        "another date in every stage",
        "cycle_start",
    ),
    "a duty that counts from nothing": (
        lambda t: rule(t, "duties", "contacts").pop("posts"),
        "duties[3]",
        "counts from nothing",
        "Give `clock`",
    ),
    "a duty that counts from both": (
        lambda t: rule(t, "duties", "contacts").update(clock="limit"),
        "duties[3]",
        "both a clock and a post",
        "not both",
    ),
    "a duty after its cycle": (
        lambda t: rule(t, "duties", "reassessment_visit").update(due=[{"months": 49}]),
        "duties[2].due[0]",
        "outside a cycle of 48 months",
        "Correct the months",
    ),
    "a duty whose reminder lies before its cycle": (
        lambda t: rule(t, "duties", "reassessment_visit").update(due=[{"months": 5}]),
        "duties[2].due[0]",
        "its first reminder lies outside",
        "Correct the months",
    ),
    "a duty's dates out of order": (
        lambda t: rule(t, "duties", "annual_review").update(due=[{"months": 24}, {"months": 12}]),
        "duties[1].due",
        "not in the order",
        "earliest first",
    ),
    "a duty that is asked for before it counts": (
        lambda t: rule(t, "duties", "status_report").update(early_days=30),
        "duties[0].early_days",
        "asks for it 45 days ahead, and counts it 30",
        "Use at least 45",
    ),
    "a duty due before anybody new is there": (
        lambda t: rule(t, "duties", "handover").update(due=[{"days": -3}]),
        "duties[5].due",
        "before anybody new",
        "at least 1 day",
    ),
    "a duty with two dates after a change": (
        lambda t: rule(t, "duties", "handover").update(due=[{"days": 30}, {"days": 60}]),
        "duties[5].due",
        "several dates",
        "a duty of its own",
    ),
    "a duty reminded of before the change": (
        lambda t: rule(t, "duties", "handover").update(days_before=[31]),
        "duties[5].days_before",
        "31 days before a date 30 days after",
        "Use at most 30",
    ),
    "a duty of an unknown track": (
        lambda t: rule(t, "duties", "status_report").update(tracks=["acadmy"]),
        "duties[0].tracks",
        '"acadmy"',
        'Did you mean "academy"?',
    ),
    "a duty named as a reminder is": (
        lambda t: rule(t, "duties", "handover").update(rule="limit"),
        "duties",
        "also the name of a reminder",
        "Rename one",
    ),
    "an escalation of an unknown duty": (
        lambda t: rule(t, "escalations", "duty_missed").update(duties=["status_reprot"]),
        "escalations[7].duties",
        '"status_reprot"',
        'Did you mean "status_report"?',
    ),
    "an escalation for duties that names none": (
        lambda t: rule(t, "escalations", "duty_missed").pop("duties"),
        "escalations[7].duties",
        "belongs to the cause duty",
        "Add or remove",
    ),
    "a reminder of the day on which the cycle begins": (
        lambda t: rule(t, "reminders", "window_closes").update(clock="cycle_start"),
        "reminders[1].clock",
        "the day on which the cycle begins",
        "[[duties]]",
    ),
    "a next cycle that starts nowhere": (
        lambda t: t["reaccreditation"].update(start="maintainance"),
        "reaccreditation.start",
        '"maintainance"',
        'Did you mean "maintenance"?',
    ),
    "a next cycle that starts with its award": (
        lambda t: t["reaccreditation"].update(start="accredited"),
        "reaccreditation.start",
        "the award itself",
        "Name the stage",
    ),
    "a next cycle that closes before it opens": (
        lambda t: t["reaccreditation"].update(window={"from_month": 48, "until_month": 42}),
        "reaccreditation.window",
        "opens in month 48",
        "Swap",
    ),
    "a next cycle that keeps who stays anyway": (
        lambda t: t["reaccreditation"].update(keeps=["head"]),
        "reaccreditation.keeps",
        "who is of the agency",
        "experts of the enrollment",
    ),
    "a rule for cycles that there are not": (
        lambda t: t.pop("reaccreditation"),
        "reminders[3].cycle",
        "cycles that an award opens, and none does",
        "Add [reaccreditation]",
    ),
    "the whole program told to whoever holds a part of it": (
        lambda t: t["weekly"][0].update(sections=["risk", "target", "arc"]),
        "weekly[0].sections",
        'arc, target of the whole program to "sme_1"',
        "in a mail of their own",
    ),
}


@pytest.mark.parametrize(("mutation", "place", "reason", "remedy"), IMPOSSIBLE.values(), ids=IMPOSSIBLE)
def test_an_impossible_policy_is_refused(mutation: Mutation, place: str, reason: str, remedy: str) -> None:
    tables = deepcopy(document())
    mutation(tables)
    with pytest.raises(Refused) as refused:
        parse_policy(tables)
    found = [problem for problem in refused.value.problems if problem.place == place]
    assert [p for p in found if reason in p.what and remedy in p.remedy], str(refused.value)


def test_every_problem_is_told_at_once_with_the_file_it_stands_in() -> None:
    tables = deepcopy(document())
    stage(tables, "gap_analysis")["gate"]["milestones"] = ["gap_reprot_accepted"]
    tables["entities"]["SON"]["zone"] = "Sonora"
    rule(tables, "escalations", "stall")["ladder"][2]["after_working_days"] = 0
    with pytest.raises(Refused) as refused:
        parse_policy(tables, {"entities": "regions.toml", "stages": "policy.toml", "escalations": "policy.toml"})
    assert [problem.place for problem in refused.value.problems] == [
        "regions.toml: entities.SON.zone",
        "policy.toml: stages[1].gate",
        "policy.toml: escalations[0].ladder[2].after_working_days",
    ]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the second program, to be spoilt."""
    for path in folder_of("iso9001").glob("*.toml"):
        (tmp_path / path.name).write_text(path.read_text(encoding="utf-8"), encoding="utf-8")
    return tmp_path


def test_broken_toml_names_the_file_and_the_line(folder: Path) -> None:
    (folder / "policy.toml").write_text('start = "application"\n[[stages\n', encoding="utf-8")
    with pytest.raises(Refused, match=r"policy\.toml: is not TOML: .*line 2"):
        read_policy(folder)


def test_a_file_that_is_not_text_is_refused(folder: Path) -> None:
    (folder / "policy.toml").write_bytes(b'start = "\xff"')
    with pytest.raises(Refused, match=r"policy\.toml: is not TOML"):
        read_policy(folder)


def test_a_table_in_two_files_is_refused(folder: Path) -> None:
    (folder / "zones.toml").write_text('zone = "Europe/Vienna"\n', encoding="utf-8")
    with pytest.raises(Refused, match=r'zones\.toml: "zone" stands in program\.toml too'):
        read_policy(folder)


def test_a_folder_that_is_no_program_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(Refused, match=r'iso9010: is no program.*Did you mean "iso9001"'):
        folder_of("iso9010")


@pytest.mark.parametrize("name", ["mexico", "iso9001"])
def test_the_shipped_programs_load_and_their_labels_are_whole(name: str) -> None:
    policy = read_policy(folder_of(name))
    assert policy.code == name
    assert policy.path[-1].next is None
    assert policy.digest == parse_policy(document(name)).digest


def test_a_rule_reworded_is_another_policy_and_a_comment_is_not(folder: Path) -> None:
    before = read_policy(folder).digest
    text = (folder / "policy.toml").read_text(encoding="utf-8")
    (folder / "policy.toml").write_text("# a remark\n" + text, encoding="utf-8")
    assert read_policy(folder).digest == before
    (folder / "policy.toml").write_text(text.replace("stall_days = 45", "stall_days = 46"), encoding="utf-8")
    assert read_policy(folder).digest != before


ROOT = Path(__file__).parents[2]
# Which of the shipped programs the demo opens is the demo's own choice.
CHOSEN = 'program, seed = "mexico"'
FIELD = ("calea", "mexic", "police", "iso9001", "iso 9001", "commission_review", "law_enforcement")


@pytest.mark.parametrize("top", ["models", "tasks", "tasks.intake", "flows", "templates"])
def test_no_word_of_one_program_is_in_code(top: str) -> None:
    found = []
    for path in sorted((ROOT / top).rglob("*")):
        if path.suffix in {".py", ".txt", ".html", ".j2"}:
            found += _words_of_a_field(path)
    assert not found, "\n".join(found)


def _words_of_a_field(path: Path) -> list[str]:
    lines = path.read_text(encoding="utf-8").lower().splitlines()
    return [
        f"{path.relative_to(ROOT)}:{n}: {line.strip()}"
        for n, line in enumerate(lines, 1)
        if any(word in line for word in FIELD) and not line.startswith(CHOSEN)
    ]


def test_a_version_that_was_stored_with_two_lists_of_reasons_is_read_as_one() -> None:
    tables = deepcopy(document())
    own = {code: tables["reasons"].pop(code) for code in tables["answers"]["reasons"]}
    assert parse_policy(tables | {"answers": tables["answers"] | {"reasons": own}}) == parse_policy(document())
