"""The loopback provider: what it checks, takes, journals, shows in its log and lists, as the API documents it."""

from __future__ import annotations

import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from models.rules.errors import Refused
from tasks.mail.fake_sendgrid.answers import Script, answer_of
from tasks.mail.fake_sendgrid.certificate import self_signed
from tasks.mail.fake_sendgrid.journal import read
from tasks.mail.fake_sendgrid.provider import KEY, Options
from tasks.mail.fake_sendgrid.server import FakeSendGrid, serving

AUTH = {"Authorization": f"Bearer {KEY}"}
HTTP = httpx.Client(timeout=30)
"""One for all: each of its own would read the machine's list of authorities anew."""


@pytest.fixture
def fake(tmp_path: Path) -> Iterator[FakeSendGrid]:
    with serving(Options(journal=tmp_path / "journal")) as fake:
        yield fake


def mail(reference: str = "AAAA-0001", to: str = "ana@example.org", **more: Any) -> dict[str, Any]:
    return {
        "personalizations": [{"to": [{"email": to, "name": "Ana"}], "custom_args": {"reference": reference}}],
        "from": {"email": "acredita@example.org"}, "subject": f"Plazo [Ref {reference}]",
        "content": [{"type": "text/plain", "value": "Hola"}, {"type": "text/html", "value": "<p>Hola</p>"}],
    } | more


def post(fake: FakeSendGrid, document: Any, path: str = "/v3/mail/send") -> httpx.Response:
    return HTTP.post(f"{fake.url}{path}", json=document, headers=AUTH)


def get(fake: FakeSendGrid, path: str, **params: Any) -> httpx.Response:
    return HTTP.get(f"{fake.url}{path}", params=params, headers=AUTH)


def search(fake: FakeSendGrid, query: str, **more: Any) -> Any:
    answer = post(fake, {"query": query} | more, "/v3/logs")
    return answer.json()["messages"] if answer.status_code == 200 else answer.status_code


def test_what_it_took_is_on_disk_before_it_answers(fake: FakeSendGrid, tmp_path: Path) -> None:
    answer = post(fake, mail())
    assert (answer.status_code, answer.content) == (202, b"")
    (taken,) = read(tmp_path / "journal")
    assert taken.id.startswith(f"{answer.headers['X-Message-Id']}.")
    assert (taken.reference, taken.to_email, taken.answer) == ("AAAA-0001", "ana@example.org", "202")
    assert (tmp_path / "journal").stat().st_mode & 0o777 == 0o600


def test_a_journal_goes_on_where_a_killed_provider_left_it(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    with serving(Options(journal=path)) as fake:
        post(fake, mail("AAAA-0001"))
    with path.open("ab") as file:
        file.write(b'{"id": "half')
    with serving(Options(journal=path)) as fake:
        post(fake, mail("AAAA-0002"))
        assert [row["subject"][-10:-1] for row in search(fake, "to_email = 'ana@example.org'")] == [
            "AAAA-0002", "AAAA-0001"
        ]
    assert [taken.reference for taken in read(path)] == ["AAAA-0001", "AAAA-0002"]


@pytest.mark.parametrize("key", ["", "Bearer", f"Bearer {KEY}x", f"Basic {KEY}"])
def test_a_wrong_key_is_let_in_nowhere(fake: FakeSendGrid, key: str) -> None:
    for method, path in (("POST", "/v3/mail/send"), ("POST", "/v3/logs"), ("GET", "/v3/suppression/bounces")):
        answer = HTTP.request(method, f"{fake.url}{path}", json=mail(), headers={"Authorization": key})
        assert answer.status_code == 401
        assert "authorization grant" in answer.json()["errors"][0]["message"]
    assert fake.taken == []


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"personalizations": []}, "personalizations"),
        ({"personalizations": [{"to": []}]}, "personalizations.0.to"),
        ({"personalizations": [{"to": [{"email": "a,b@example.org"}]}]}, None),
        ({"personalizations": [{"to": [{"email": "nobody"}]}]}, "personalizations.0.to.0.email"),
        ({"personalizations": [{"to": [{"email": "a@b.org", "name": "A, B"}]}]}, "personalizations.0.to.0.name"),
        ({"personalizations": [{"to": [{"email": "a@b.org"}], "custom_args": {"a": "x" * 10_001}}]},
         "personalizations.0.custom_args"),
        ({"from": {"email": "ñ@example.org"}}, "from.email"), ({"from": None}, "from.email"),
        ({"subject": " "}, "subject"), ({"content": []}, "content"),
        ({"content": [{"type": "text/html", "value": "x"}, {"type": "text/plain", "value": "x"}]}, "content"),
        ({"content": [{"type": "text/plain", "value": ""}]}, "content.0.value"),
        ({"categories": list("abcdefghijk")}, "categories"),
    ],
)
def test_a_document_that_the_api_refuses_is_refused_by_field(
    fake: FakeSendGrid, wrong: dict[str, Any], field: str | None
) -> None:
    answer = post(fake, mail(**wrong))
    if field is None:  # a comma is a legal character of a local part
        assert answer.status_code == 202
        return
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"] == field
    assert fake.taken == []


def test_too_large_a_document_is_413_and_no_json_is_400(fake: FakeSendGrid) -> None:
    url = f"{fake.url}/v3/mail/send"
    assert HTTP.post(url, content=b"x" * (30 * 1024 * 1024 + 1), headers=AUTH).status_code == 413
    assert HTTP.post(url, content=b"{", headers=AUTH).status_code == 400
    assert get(fake, "/v3/nowhere").status_code == 404


def test_too_many_requests_say_when_to_come_back(fake: FakeSendGrid) -> None:
    fake.change(script="429", reset_after=30)
    before = time.time()
    answer = post(fake, mail())
    assert answer.status_code == 429
    assert 30 <= int(answer.headers["X-RateLimit-Reset"]) - before <= 33
    assert answer.headers["X-RateLimit-Remaining"] == "0"


# The log


def test_the_log_finds_by_address_subject_status_and_time_and_then_tells_all(fake: FakeSendGrid) -> None:
    post(fake, mail("AAAA-0001"))
    post(fake, mail("AAAA-0002", "eva@example.org"))
    soon = (datetime.now(UTC) + timedelta(minutes=1)).isoformat().replace("+00:00", "Z")
    query = "to_email = 'eva@example.org' AND subject = \"Plazo [Ref AAAA-0002]\" AND status IN ('delivered', 'none')"
    (row,) = search(fake, f'{query} AND sg_message_id_created_at < TIMESTAMP "{soon}"')
    assert search(fake, f'{query} AND sg_message_id_created_at >= TIMESTAMP "{soon}"') == []
    whole = get(fake, f"/v3/logs/{row['sg_message_id']}").json()
    assert whole["custom_args"] == {"reference": "AAAA-0002"}
    assert len(search(fake, "status IN ('delivered')")) == 2
    assert len(search(fake, "status IN ('delivered')", limit=1)) == 1
    assert get(fake, "/v3/logs/none").status_code == 404


@pytest.mark.parametrize(
    "query",
    ["custom_args = 'x'", "to_email > 'x'", "to_email = x", "to_email = 'a' OR to_email = 'b'",
     "sg_message_id_created_at > '2020'", 'sg_message_id_created_at > TIMESTAMP "2020-01-01T00:00:00"'],
)
def test_a_query_that_is_not_documented_is_refused(fake: FakeSendGrid, query: str) -> None:
    assert search(fake, query) == 400
    assert search(fake, "to_email = 'a@b.org'", limit=1001) == 400
    assert post(fake, {}, "/v3/logs").status_code == 400


def test_the_log_lags_forgets_and_may_be_closed(fake: FakeSendGrid) -> None:
    everything = "status IN ('delivered')"
    fake.change(log_lag=0.15)
    post(fake, mail())
    assert search(fake, everything) == []
    time.sleep(0.2)
    assert len(search(fake, everything)) == 1
    fake.change(log_lag=0, log_loss=0.5)
    for number in range(40):
        post(fake, mail(f"AAAA-{number:04}"))
    seen = search(fake, everything, limit=1000)
    assert 5 < len(seen) < 35
    assert search(fake, everything, limit=1000) == seen
    fake.change(log_open=False)
    assert search(fake, everything) == 403
    fake.change(log_open=True, log_script="500,hang")
    assert search(fake, everything) == 500


# The lists


def test_the_lists_are_paged_and_cut_by_time(fake: FakeSendGrid) -> None:
    for number in range(7):
        fake.suppress("bounces", f"p{number}@example.org", created=1000 + number)
    emails = [row["email"] for row in get(fake, "/v3/suppression/bounces", start_time=1003, limit=2, offset=1).json()]
    assert emails == ["p5@example.org", "p4@example.org"]
    for kind in ("blocks", "invalid_emails", "spam_reports"):
        assert get(fake, f"/v3/suppression/{kind}").json() == []
    assert get(fake, "/v3/suppression/bounces", limit=501).status_code == 400
    assert get(fake, "/v3/suppression/bounces", start_time="x").status_code == 400


def test_it_is_driven_from_another_process(tmp_path: Path) -> None:
    acredita = Path(sys.executable).with_name("acredita")
    command = [str(acredita), "fake-sendgrid", "--port", "0", "--journal", str(tmp_path / "j"), "--script", "500"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = next(line for line in process.stdout if "ACREDITA_SENDGRID_HOST" in line).strip().partition("=")[2]
        try:
            def send() -> int:
                return HTTP.post(f"{url}/v3/mail/send", json=mail(), headers=AUTH).status_code

            assert [send(), send()] == [500, 202]
            given = {"script": "429", "suppress": {"blocks": "ana@example.org"}}
            assert HTTP.post(f"{url}/fake", json=given).json()["taken"] == 1
            assert send() == 429
            assert HTTP.get(f"{url}/v3/suppression/blocks", headers=AUTH).json()[0]["email"] == "ana@example.org"
            assert HTTP.post(f"{url}/fake", json={"script": "nonsense"}).status_code == 400
        finally:
            process.terminate()
    assert len((tmp_path / "j").read_text().splitlines()) == 1


# Scripts


def test_weights_draw_by_seed_and_message_and_not_by_who_comes_first() -> None:
    references = [f"R{number}" for number in range(500)]

    def drawn(script: Script, order: list[str]) -> dict[str, str]:
        return {reference: str(script.answer_to(reference)) for reference in order}

    there = drawn(Script.parse("202:9,500+:1", 7), references)
    assert there == drawn(Script.parse("202:9,500+:1", 7), references[::-1])
    assert there != drawn(Script.parse("202:9,500+:1", 8), references)
    assert 20 < list(there.values()).count("500+") < 90
    again = Script.parse("202:1,500:1", 7)
    assert len({str(again.answer_to("R1")) for _ in range(20)}) == 2


def test_a_list_is_used_up_and_then_all_is_well() -> None:
    script = Script.parse("500, reset+")
    assert [str(script.answer_to("")) for _ in range(3)] == ["500", "reset+", "202"]


def test_an_address_may_say_what_its_first_message_is_answered() -> None:
    script = Script.parse("address")
    for address, answers in (("p1.reset+@example.org", ["reset+", "202"]), ("p1.x@example.org", ["202", "202"])):
        assert [str(script.answer_to(address, address)) for _ in range(2)] == answers


@pytest.mark.parametrize("word", ["200", "202", "202nid", "500", "500+", "hang", "hang+", "302", "garbage+"])
def test_a_word_means_what_it_says(word: str) -> None:
    assert str(answer_of(word)) == word


@pytest.mark.parametrize(("text", "said"), [("505", "is no answer"), ("429+", "took nothing"), ("202:x", "no weight"),
                                            ("202:1,500", "no weight"), ("202:-1", "no weight")])
def test_a_script_that_means_nothing_is_refused(text: str, said: str) -> None:
    with pytest.raises(Refused, match=said):
        Script.parse(text)


def test_a_port_that_is_taken_is_refused_in_words(fake: FakeSendGrid) -> None:
    with pytest.raises(Refused, match="cannot be had"):
        FakeSendGrid(Options(), int(fake.url.rpartition(":")[2]))


def test_its_certificate_is_made_once_and_its_key_is_its_owners(tmp_path: Path) -> None:
    pair = self_signed(tmp_path)
    assert pair.key.stat().st_mode & 0o777 == 0o600
    made = pair.certificate.read_bytes()
    assert self_signed(tmp_path).certificate.read_bytes() == made
    with serving(Options(tls=pair)) as fake:
        assert fake.url.startswith("https://")
        with httpx.Client(verify=ssl.create_default_context(cafile=pair.certificate)) as trusting:
            assert trusting.post(f"{fake.url}/v3/mail/send", json=mail(), headers=AUTH).status_code == 202
            assert trusting.get(f"{fake.url}/fake").json()["taken"] == 1
