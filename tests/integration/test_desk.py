"""The desk as readers meet it: over HTTP on loopback, with the links of mail that was really sent."""

from __future__ import annotations

import hashlib
import re
import shutil
import tomllib
from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest
from sqlalchemy import Engine, select, update

from deployments.desk.limits import Turnstile
from deployments.desk.pages import FOLDER
from models.rules.words import EscalationState, Language, ProposalState, Proposed, Purpose
from models.schema import ANSWER_LINK, ASSIGNMENT, EMAIL, ENROLLMENT, ESCALATION, PROPOSAL, SNOOZE
from models.settings import Settings
from tasks.answers.links import forget_expired
from tasks.store.clock import now, set_clock
from tasks.store.database import transaction
from tasks.store.records import NewFact, record_facts
from tasks.sweep import sweep
from tests.conftest import engine_at
from tests.desk_server import CODE, STALLED, ahead, rows, served, stall, tokens_of
from tests.storing import everything

BASE = "https://desk.example.org"
REASON = "work_under_way"


class Desk(NamedTuple):
    """The engine, the open desk, and the first expert's tokens."""

    engine: Engine
    http: httpx.Client
    tokens: dict[Purpose, str]

    def post(self, purpose: Purpose, **given: str) -> httpx.Response:
        return self.http.post("/a", data={"token": self.tokens[purpose], **given})


@pytest.fixture(scope="module")
def mailed(migrated: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[Purpose, str]]:
    """A database in which mail with links went out, to be copied, and the first expert's tokens."""
    folder = tmp_path_factory.mktemp("mailed")
    path = Path(shutil.copy(migrated, folder / "acredita.db"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ACREDITA_DESK_URL", BASE)
        with engine_at(f"sqlite:///{path}", patch) as engine:
            stall(engine, folder / "mail")
            return path, tokens_of(engine, "P2", "escalation")


@pytest.fixture(scope="module")
def leaving() -> Iterator[Executor]:
    """Where servers come to their end beside the next test: each looks around for some tenths of a second first."""
    with ThreadPoolExecutor() as pool:
        yield pool


@pytest.fixture
def desk(
    mailed: tuple[Path, dict[Purpose, str]], leaving: Executor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Desk]:
    path, tokens = mailed
    copied = shutil.copy(path, tmp_path / "desk.db")
    with engine_at(f"sqlite:///{copied}", monkeypatch) as engine, ExitStack() as serving:
        url = serving.enter_context(served(engine, BASE))
        with httpx.Client(base_url=url) as http:
            yield Desk(engine, http, tokens)
        leaving.submit(serving.pop_all().close)


def state(engine: Engine) -> dict[str, Any]:
    """Return everything that an answer could change."""
    return everything(engine) | {
        table.name: rows(engine, select(table)) for table in (ANSWER_LINK, SNOOZE, PROPOSAL, ASSIGNMENT)
    }


def test_mail_carries_links_and_the_database_no_token(desk: Desk) -> None:
    assert list(desk.tokens) == [Purpose.ACKNOWLEDGE, Purpose.DONE, Purpose.SNOOZE, Purpose.LEFT]
    (html,) = [html for html, text in rows(desk.engine, select(EMAIL.c.html, EMAIL.c.text)) if "Me hago cargo" in text]
    for token in desk.tokens.values():
        assert f'href="{BASE}/a/{token}"' in html
    stored = {digest for (digest,) in rows(desk.engine, select(ANSWER_LINK.c.digest))}
    assert {hashlib.sha256(token.encode()).hexdigest() for token in desk.tokens.values()} <= stored


@pytest.mark.parametrize("purpose", sorted(set(Purpose) - {Purpose.RESUME}))
def test_opening_a_link_explains_and_changes_nothing(desk: Desk, purpose: Purpose) -> None:
    before = state(desk.engine)
    for _ in range(3):
        shown = desk.http.get(f"/a/{desk.tokens[purpose]}")
        assert shown.status_code == 200
    desk.http.head(f"/a/{desk.tokens[purpose]}")
    desk.http.options(f"/a/{desk.tokens[purpose]}")
    for said in ("Eva Núñez de la O", CODE, 'lang="es-MX"', 'method="post"', "primer experto"):
        assert said in shown.text
    assert state(desk.engine) == before


def test_an_acknowledgement_stops_the_climb_and_names_the_reader(desk: Desk) -> None:
    answered = desk.post(Purpose.ACKNOWLEDGE, choice=REASON, day=str(ahead(20)))
    assert answered.status_code == 200
    assert "No se escalará antes del 23 de marzo de 2020" in answered.text
    x = ESCALATION.c
    kept = select(x.state, x.acknowledged_by, x.acknowledged_on, x.acknowledged_until, x.acknowledged_reason)
    assert rows(desk.engine, kept.where(x.enrollment_id == 1, x.rule == "stall")) == [
        (EscalationState.ACKNOWLEDGED, "P2", STALLED, ahead(20), REASON)
    ]


def test_a_rule_is_put_off_for_the_reader_alone_who_can_end_that_by_the_link_that_is_shown(desk: Desk) -> None:
    answered = desk.post(Purpose.SNOOZE, choice="absence", day=str(ahead(7)))
    assert answered.status_code == 200
    z = SNOOZE.c
    assert rows(desk.engine, select(z.enrollment_id, z.rule, z.since, z.until, z.reason, z.actor)) == [
        (1, "stall", STALLED, ahead(7), "absence", "P2")
    ]
    (token,) = re.findall(r'href="/a/([\w-]{43})"', answered.text)
    shown = desk.http.get(f"/a/{token}")
    assert "Usted pospuso los avisos de este asunto" in shown.text
    assert 'name="day"' not in shown.text
    assert rows(desk.engine, select(z.ended_on)) == [(None,)], "looking changes nothing"
    ended = desk.http.post("/a", data={"token": token})
    assert (ended.status_code, "Desde el 3 de marzo de 2020 recibe de nuevo" in ended.text) == (200, True)
    assert rows(desk.engine, select(z.ended_on, z.ended_by)) == [(STALLED, "P2")]
    assert desk.http.post("/a", data={"token": token}).status_code == 404, "once"


def test_a_report_is_a_proposal_until_an_operator_confirms_it(desk: Desk) -> None:
    given = {"choice": "kickoff_visit", "day": str(ahead(-3)), "note": "minutes\r\nin the <folder>", "value": ""}
    assert "El operador" in desk.post(Purpose.DONE, **given).text
    assert desk.post(Purpose.LEFT, day=str(ahead(5)), note="Luis").status_code == 200
    p = PROPOSAL.c
    kept = select(p.kind, p.person_id, p.enrollment_id, p.milestone, p.occurred_on, p.value, p.note, p.state)
    assert rows(desk.engine, kept.order_by(p.id)) == [
        (Proposed.FACT, 2, 1, "kickoff_visit", ahead(-3), None, "minutes in the <folder>", ProposalState.OPEN),
        (Proposed.LEFT, 2, None, None, ahead(5), None, "Luis", ProposalState.OPEN),
    ]


def test_a_link_answers_once(desk: Desk) -> None:
    given = {"choice": REASON, "day": str(ahead(20))}
    assert desk.post(Purpose.ACKNOWLEDGE, **given).status_code == 200
    before = state(desk.engine)
    assert desk.post(Purpose.ACKNOWLEDGE, **(given | {"day": str(ahead(60))})).status_code == 404
    assert desk.http.get(f"/a/{desk.tokens[Purpose.ACKNOWLEDGE]}").status_code == 404
    assert state(desk.engine) == before
    assert desk.http.get(f"/a/{desk.tokens[Purpose.SNOOZE]}").status_code == 200


def test_of_two_answers_at_once_one_counts(desk: Desk) -> None:
    def report(n: int) -> int:
        return desk.post(Purpose.DONE, choice="visit", day=str(ahead(-n))).status_code

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(report, range(4))) == [200, 404, 404, 404]
    assert len(rows(desk.engine, select(PROPOSAL.c.id))) == 1


WRONG = [
    (Purpose.ACKNOWLEDGE, {"choice": REASON, "day": str(ahead(0))}, "día entre"),
    (Purpose.ACKNOWLEDGE, {"choice": REASON, "day": str(ahead(91))}, "día entre"),
    (Purpose.ACKNOWLEDGE, {"choice": "because", "day": str(ahead(5))}, "Elija una opción"),
    (Purpose.ACKNOWLEDGE, {}, "Elija una opción"),
    (Purpose.SNOOZE, {"choice": REASON, "day": str(ahead(31))}, "día entre"),
    (Purpose.SNOOZE, {"choice": REASON, "day": "30/04/2020"}, "día entre"),
    (Purpose.DONE, {"choice": "visit", "day": str(ahead(1))}, "día entre"),
    (Purpose.DONE, {"choice": "withdrawn", "day": str(ahead(-1))}, "Elija una opción"),
    (Purpose.LEFT, {"day": str(ahead(400))}, "día entre"),
    (Purpose.LEFT, {"day": ""}, "día entre"),
]


@pytest.mark.parametrize(("purpose", "given", "said"), WRONG)
def test_what_cannot_be_taken_is_shown_again_and_spends_nothing(
    desk: Desk, purpose: Purpose, given: dict[str, str], said: str
) -> None:
    before = state(desk.engine)
    given = {"note": "<b>mi nota</b>", **given}
    shown = desk.post(purpose, **given)
    assert shown.status_code == 422
    assert 'role="alert"' in shown.text
    assert said in shown.text
    assert 'aria-invalid="true"' in shown.text
    assert "<b>mi nota</b>" not in shown.text
    assert state(desk.engine) == before
    assert desk.http.get(f"/a/{desk.tokens[purpose]}").status_code == 200


@pytest.mark.parametrize(
    ("choice", "value", "status"),
    [
        ("mandatory_in_compliance", "120", 200), ("mandatory_in_compliance", "", 422),
        ("mandatory_in_compliance", "-1", 422), ("mandatory_in_compliance", "10001", 422),
        ("mandatory_in_compliance", "١٢", 422), ("visit", "12", 422), ("visit", " ", 200),
    ],
)
def test_what_is_counted_needs_a_number_and_nothing_else_takes_one(
    desk: Desk, choice: str, value: str, status: int
) -> None:
    with transaction(desk.engine) as connection:
        connection.execute(update(ENROLLMENT).values(stage="proofs", stage_entered_on=ahead(-30)))
    assert desk.post(Purpose.DONE, choice=choice, value=value, day=str(ahead(-1))).status_code == status
    found = rows(desk.engine, select(PROPOSAL.c.milestone, PROPOSAL.c.value))
    assert found == ([(choice, int(value) if value.strip() else None)] if status == 200 else [])


def test_what_was_solved_meanwhile_needs_no_answer(desk: Desk) -> None:
    with transaction(desk.engine) as connection:
        record_facts(connection, [NewFact(CODE, "visit", STALLED)], STALLED)
    sweep(STALLED)
    before = state(desk.engine)
    shown = desk.post(Purpose.ACKNOWLEDGE, choice=REASON, day=str(ahead(20)))
    assert (shown.status_code, "Ya no hace falta" in shown.text) == (409, True)
    assert state(desk.engine) == before


def test_an_ended_case_needs_no_report(desk: Desk) -> None:
    with transaction(desk.engine) as connection:
        record_facts(connection, [NewFact(CODE, "withdrawn", STALLED)], STALLED)
    sweep(STALLED)
    assert rows(desk.engine, select(ENROLLMENT.c.status).where(ENROLLMENT.c.id == 1)) == [("withdrawn",)]
    assert desk.post(Purpose.DONE, choice="visit", day=str(ahead(-1))).status_code == 409


def _past(desk: Desk) -> None:
    with transaction(desk.engine) as connection:
        set_clock(connection, now(desk.engine).replace(year=2021))


def _left(desk: Desk) -> None:
    with transaction(desk.engine) as connection:
        connection.execute(update(ASSIGNMENT).where(ASSIGNMENT.c.person_id == 2).values(until=ahead(-1)))


@pytest.mark.parametrize("event", [_past, _left], ids=["expired", "left the post"])
def test_a_link_that_is_over_is_like_one_that_never_was(desk: Desk, event: Any) -> None:
    never = desk.http.get(f"/a/{'A' * 43}")
    event(desk)
    before = state(desk.engine)
    for purpose, token in desk.tokens.items():
        shown = desk.http.get(f"/a/{token}")
        assert (shown.status_code, shown.text) == (never.status_code, never.text) == (404, never.text)
        assert desk.post(purpose, choice=REASON, day=str(ahead(5))).status_code == 404
    assert state(desk.engine) == before


ELSEWHERE = (
    "/a/", "/a/x", "/a/" + "A" * 5000, "/a/..%2f..%2fetc", "/docs", "/openapi.json", "/a", "/admin", "/a/%00"
)
BODIES = (b"", b"\xff\xfe", b"token=" + b"A" * 9000, b"&" * 3000, b"token=%ff%fe", b"{}")


def test_there_is_nothing_else_to_see(desk: Desk) -> None:
    for path in ELSEWHERE:
        shown = desk.http.get(path)
        assert (shown.status_code, "This link cannot be used" in shown.text) == (404, True), path


def test_a_body_that_no_form_sends_does_nothing(desk: Desk) -> None:
    before = state(desk.engine)
    for body in BODIES:
        assert desk.http.post("/a", content=body).status_code == 404, body
    assert state(desk.engine) == before


def test_every_answer_forbids_scripts_frames_caches_and_referrers(desk: Desk) -> None:
    for path in ("/", "/style.css", "/a/nothing", f"/a/{desk.tokens[Purpose.DONE]}"):
        headers = desk.http.get(path).headers
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "script" not in headers["content-security-policy"]
        assert (headers["x-frame-options"], headers["referrer-policy"]) == ("DENY", "no-referrer")
        assert (headers["cache-control"], headers["x-content-type-options"]) == ("no-store", "nosniff")
        assert "max-age" in headers["strict-transport-security"]
        assert not {"server", "set-cookie"} & set(headers)


def test_no_page_loads_or_runs_anything(desk: Desk) -> None:
    for token in desk.tokens.values():
        html = desk.http.get(f"/a/{token}").text
        assert not re.search(r"<script|<img|<iframe|https?:|style=|\son\w+=", html)


def test_another_host_is_turned_away(desk: Desk) -> None:
    assert desk.http.get("/", headers={"Host": "evil.example"}).status_code == 400
    assert desk.http.get("/", headers={"Host": "desk.example.org"}).status_code == 200


def test_whoever_guesses_is_stopped(desk: Desk) -> None:
    statuses = [desk.http.get(f"/a/{n:043d}").status_code for n in range(25)]
    assert statuses == [404] * 20 + [429] * 5
    busy = desk.http.get(f"/a/{desk.tokens[Purpose.DONE]}")
    assert (busy.status_code, busy.headers["retry-after"]) == (429, "60")
    assert "default-src 'none'" in busy.headers["content-security-policy"]


def test_a_turnstile_opens_again_and_forgets_the_longest_silent() -> None:
    seconds = [0.0]
    gate = Turnstile(2, 60, lambda: seconds[0])
    for _ in range(2):
        assert gate.is_open("a")
        gate.count("a")
    assert (gate.is_open("a"), gate.is_open("b")) == (False, True)
    seconds[0] = 60.0
    assert gate.is_open("a")


def test_expired_links_are_forgotten_and_used_ones_kept(desk: Desk) -> None:
    desk.post(Purpose.DONE, choice="visit", day=str(ahead(-1)))
    _past(desk)
    with transaction(desk.engine) as connection:
        forget_expired(connection, now(desk.engine))
    assert [used is not None for (used,) in rows(desk.engine, select(ANSWER_LINK.c.used_at))] == [True]


def test_without_a_desk_mail_has_no_link_and_says_whom_to_write_to(lite: Engine, tmp_path: Path) -> None:
    stall(lite, tmp_path / "mail")
    assert rows(lite, select(ANSWER_LINK.c.id)) == []
    texts = [" ".join(text.split()) for (text,) in rows(lite, select(EMAIL.c.text))]
    assert texts
    for text in texts:
        assert "/a/" not in text
        assert "escriba al operador del programa" in text or "write to the program's operator" in text


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("https://desk.example.org/", "https://desk.example.org"), ("http://127.0.0.1:4280", "http://127.0.0.1:4280"),
        ("http://desk.example.org", None), ("https://desk.example.org/x", None), ("ftp://127.0.0.1", None),
        ("https://user@desk.example.org", None), ("https://desk.example.org?x=1", None), ("desk.example.org", None),
        ("https://desk.example.org#x", None), ('https://desk"onclick=', None), ("https://", None),
        ("https://desk.example.org:port", None),
    ],
)
def test_links_lead_to_a_safe_place_or_nowhere(url: str, kept: str | None) -> None:
    if kept is None:
        with pytest.raises(ValueError, match=r"must be https|Port"):
            Settings(desk_url=url)
    else:
        assert Settings(desk_url=url).desk_url == kept


def test_the_desk_says_the_same_things_in_every_language() -> None:
    one, other = (tomllib.loads((FOLDER / f"{each}.toml").read_text(encoding="utf-8")) for each in Language)
    assert one.keys() == other.keys()
    for key in one:
        assert set(re.findall(r"\{\w+\}", one[key])) == set(re.findall(r"\{\w+\}", other[key])), key
