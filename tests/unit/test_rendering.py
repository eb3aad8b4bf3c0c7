from __future__ import annotations

import itertools
import re
import shutil
from dataclasses import replace
from datetime import date, timedelta
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jinja2 import Environment, meta

from models.rules.errors import Refused
from models.rules.letter import Form, Item, Letter, Message, News, Part, Row, Taken, Told
from models.rules.words import EmailKind, Language, Post, Risk
from tasks.mail.gallery import write_gallery
from tasks.mail.rendering import PARTS, TEMPLATES, WIDTH, notices, preview, render, template_problems, wrapped
from tasks.mail.samples import sample_item, sample_letter, sample_several
from tasks.store.programs import SHIPPED, read_policy
from tasks.weekly.samples import ABOUT

TODAY = date(2023, 4, 3)
EVERY = [(notice, language) for notice in notices() for language in Language]
HOSTILE = (
    "<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "W" * 200, "\u202egpj.exe\u202c",
    "O'Hara & \"Sons\"; {{ 7*7 }}", "Bcc: all@example.org\r\nX: y", "{% for a in b %}", "]]>--><!--", "\0\ud800",
    "Etapa: falsa: doble", "ñandú 北京 العربية",
)


class _Shown(HTMLParser):
    """The words that a reader sees, and every element and attribute there is."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self.elements: set[str] = set()
        self.attributes: set[str] = set()
        self._hidden = 0
        self.feed(html)
        self.text = " ".join(" ".join(self.words).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self._hidden += tag in {"style", "title"}

    def handle_endtag(self, tag: str) -> None:
        self._hidden -= tag in {"style", "title"}

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.words.append(data)


def numbers(text: str) -> set[str]:
    return set(re.findall(r"\d[\d,]*", text))


def letter(language: Language, *items: Item) -> Letter:
    return replace(sample_letter(items, language, TODAY), is_demo=False)


def at(item: Item, days_left: int) -> Item:
    return replace(item, days_left=days_left, anchor_on=TODAY + timedelta(days=days_left))


def flat(text: str) -> str:
    return " ".join(text.split())


def test_every_notice_that_a_shipped_program_sends_has_templates() -> None:
    for place in SHIPPED.glob("*/program.toml"):
        policy = read_policy(place.parent)
        sent = {rule.notice for rule in policy.reminders} | {rule.notice for rule in policy.escalations}
        assert sent <= set(notices())


def test_the_shipped_templates_have_no_problem() -> None:
    assert template_problems() == []


@pytest.mark.parametrize(("notice", "language"), EVERY)
def test_a_notice_says_the_same_in_text_and_html(notice: str, language: Language) -> None:
    message = preview(notice, language, TODAY)
    shown = _Shown(message.html)
    assert numbers(message.text) == numbers(shown.text)
    for word in re.findall(r"[^\W\d_]{4,}", message.text):
        assert word in shown.text
    assert re.search(r" \[Ref [0-9A-Z]{4}(-[0-9A-Z]{4}){2}\]$", message.subject)


@pytest.mark.parametrize("hostile", HOSTILE)
def test_hostile_facts_stay_text(hostile: str) -> None:
    for notice, language in EVERY:
        item = replace(
            sample_item(notice, language, TODAY), agency=hostile, agency_code=hostile, enrollment=hostile,
            track_name=hostile, stage_name=hostile, post_name=hostile, rule=hostile, waiting_for=(hostile, hostile),
            vacant_post_name=hostile, told=(Told(hostile, hostile, TODAY),), news=(News(TODAY, hostile),),
            taken=Taken(hostile, TODAY, hostile), skipped=(hostile,),
        )
        given = replace(letter(language, item), given_names=hostile, surname=hostile, program_name=hostile)
        message = render(given)
        plain, shown = _Shown(preview(notice, language, TODAY).html), _Shown(message.html)
        assert shown.elements <= plain.elements
        assert shown.attributes <= plain.attributes
        assert len(message.subject.splitlines()) == 1
        assert message.subject.endswith(f"[Ref {given.reference}]")
        for part in (message.subject, message.text, message.html):
            part.encode()
            assert not set(part) & set("\u202e\u202c\0\r")


@pytest.mark.parametrize("notice", notices())
@pytest.mark.parametrize("part", PARTS)
def test_both_languages_use_the_same_facts(notice: str, part: str) -> None:
    def facts(language: Language) -> set[str]:
        source = (TEMPLATES / notice / language / part).read_text(encoding="utf-8")
        return meta.find_undeclared_variables(Environment(autoescape=True).parse(_without_filters(source)))

    macros = {"left", "when", "history"}
    assert facts(Language.ES_MX) - macros == facts(Language.EN) - macros


def _without_filters(source: str) -> str:
    return re.sub(r"\| (day|days)\b", "", source)


COUNTDOWNS = {
    ("limit", Language.ES_MX): {
        60: "Faltan 60 días para la fecha límite", 1: "Falta 1 día para la fecha límite", 0: "La fecha límite es hoy",
        -1: "La fecha límite venció ayer", -14: "La fecha límite venció hace 14 días",
        1200: "Faltan 1,200 días para la fecha límite",
    },
    ("limit", Language.EN): {
        60: "60 days to the limit", 1: "1 day to the limit", 0: "The limit is today", -1: "The limit passed yesterday",
        -14: "The limit passed 14 days ago",
    },
    ("window_closes", Language.ES_MX): {
        90: "Faltan 90 días para que cierre la ventana del programa", 0: "La ventana del programa cierra hoy",
        -2: "La ventana del programa cerró hace 2 días",
    },
    ("stall", Language.ES_MX): {
        -1: "Sin actividad registrada desde hace 1 día", -130: "desde hace 130 días", 0: "Sin actividad registrada",
    },
    ("stall", Language.EN): {-1: "No activity recorded for 1 day", -130: "for 130 days", 0: "No activity recorded"},
    ("vacant_post", Language.EN): {
        -20: "Vacant post: second subject matter expert (for 20 days)", 0: "Vacant post: second subject matter expert",
    },
    ("window_at_risk", Language.ES_MX): {
        200: "En riesgo: faltan 200 días para que cierre la ventana", 1: "En riesgo: falta 1 día",
        -3: "La ventana del programa cerró hace 3 días sin decisión",
    },
}


@pytest.mark.parametrize(
    ("notice", "language", "days_left", "said"),
    [(*key, days, said) for key, cases in COUNTDOWNS.items() for days, said in cases.items()],
)
def test_the_subject_tells_the_days_as_they_are(notice: str, language: Language, days_left: int, said: str) -> None:
    assert said in render(letter(language, at(sample_item(notice, language, TODAY), days_left))).subject


@pytest.mark.parametrize(("notice", "language"), EVERY)
@pytest.mark.parametrize("days_left", [-1000, -2, -1, 0, 1, 2, 1000])
def test_a_notice_is_in_words_on_any_day(notice: str, language: Language, days_left: int) -> None:
    message = render(letter(language, at(sample_item(notice, language, TODAY), days_left)))
    for part in (message.subject, message.text):
        assert not re.search(r"-\d+ d|\b1 días|\b1 days|\bNone\b|hace -|in -|\.\.|  +[.,]", flat(part))
    assert numbers(message.text) == numbers(_Shown(message.html).text)


RUNGS: list[tuple[int, int, date | None]] = [(1, 0, None), (1, 0, TODAY), (2, 0, TODAY), (3, 2, TODAY), (2, 1, None)]


@pytest.mark.parametrize(("notice", "language"), EVERY)
def test_a_notice_fits_any_post_and_rung(notice: str, language: Language) -> None:
    for post, (rung, repeat, opened_on) in itertools.product(Post, RUNGS):
        item = replace(
            sample_item(notice, language, TODAY), post=post, rung=rung, repeat=repeat, opened_on=opened_on,
            waiting_for=(), vacant_post_name=None, next_conferences=(),
        )
        assert "None" not in render(letter(language, item)).text


CHANCES = [
    (Language.EN, None, "At the expected length of the remaining stages"),
    (Language.EN, 0, "is less than 1%: without a change it is more likely to be missed than met."),
    (Language.EN, 38, "is about 38%: without a change it is more likely to be missed than met."),
    (Language.EN, 55, "is about 55%: it can be made, but not without attention."),
    (Language.EN, 100, "is more than 95%: it can be made"),
    (Language.ES_MX, None, "Con la duración prevista de las etapas que faltan"),
    (Language.ES_MX, 0, "es menor a 1%: sin un cambio, lo más probable es que no se logre a tiempo."),
    (Language.ES_MX, 38, "es de alrededor de 38%: sin un cambio, lo más probable es que no se logre a tiempo."),
    (Language.ES_MX, 55, "es de alrededor de 55%: puede lograrse, pero requiere atención."),
    (Language.ES_MX, 100, "es mayor a 95%: puede lograrse"),
]


@pytest.mark.parametrize(("language", "chance", "said"), CHANCES)
def test_a_window_at_risk_tells_the_forecasts_chance_in_both_parts(
    language: Language, chance: int | None, said: str
) -> None:
    item = replace(sample_item("window_at_risk", language, TODAY), chance=chance)
    message = render(letter(language, item))
    assert said in flat(message.text)
    assert said in flat(_Shown(message.html).text).replace(" :", ":")


def test_a_window_that_has_closed_tells_no_chance() -> None:
    for language in Language:
        item = replace(at(sample_item("window_at_risk", language, TODAY), -3), chance=40)
        assert "%" not in render(letter(language, item)).text


def digest(language: Language) -> Message:
    limit, target = sample_item("limit", language, TODAY), sample_item("stage_target", language, TODAY)
    other = replace(target, agency="Otra agencia", agency_code="EX-02", enrollment="EX-02/example")
    return render(letter(language, at(limit, 60), at(target, 7), at(other, -2), at(limit, 180)))


def test_several_items_make_a_digest_with_the_most_urgent_first() -> None:
    message = digest(Language.ES_MX)
    assert message.subject.startswith("4 asuntos por atender · 2 agencias [Ref ")
    assert digest(Language.EN).subject.startswith("4 matters need attention · 2 agencies [Ref ")
    heads = ("1. La fecha objetivo", "2. Faltan 7 días", "3. Faltan 60 días", "4. Faltan 180 días")
    places = [message.text.index(head) for head in heads]
    assert places == sorted(places)
    assert message.text.count("Usted recibe este aviso porque") == 4


@pytest.mark.parametrize(
    ("language", "said"),
    [
        (Language.ES_MX, "2 casos escalados requieren su atención · 1 agencia ["),
        (Language.EN, "2 escalated cases need your attention · 1 agency ["),
    ],
)
def test_escalations_say_so(language: Language, said: str) -> None:
    items = (sample_item("stall", language, TODAY), sample_item("overstay", language, TODAY))
    assert render(replace(letter(language, *items), kind=EmailKind.ESCALATION)).subject.startswith(said)


def test_an_escalation_tells_what_was_tried_and_since_when() -> None:
    item = replace(sample_item("stall", Language.ES_MX, TODAY), rung=3, opened_on=date(2023, 1, 9), risk=Risk.OVERDUE)
    text = flat(render(letter(Language.ES_MX, item)).text)
    assert "se escaló por primera vez el 9 de enero de 2023 y llega a usted en el nivel 3 porque" in text
    assert "Le pedimos" in text


@pytest.mark.parametrize(("language", "said"), [
    (Language.EN, (
        "New since March 20, 2023: example visit (March 29, 2023)",
        "Told so far: Ana Lucía Paredes (first subject matter expert) on March 20, 2023",
        "Taken on by: Ana Lucía Paredes on March 22, 2023 (a meeting is agreed); it is still open",
        "Decision asked of you: what is done, by whom and by which day",
        "Cost of missing it: 126 days more and an extension of USD 4,007.50",
    )),
    (Language.ES_MX, (
        "Novedades desde el 20 de marzo de 2023: visita de ejemplo (29 de marzo de 2023)",
        "Avisos anteriores: Ana Lucía Paredes (primer experto), el 20 de marzo de 2023",
        "Se hizo cargo: Ana Lucía Paredes, el 22 de marzo de 2023 (reunión acordada); sigue sin resolverse",
        "Decisión que se le pide: qué se hará, quién y en qué fecha",
        "Costo de perderla: 126 días más y prórroga de USD 4,007.50",
    )),
])
def test_what_has_climbed_tells_what_is_new_what_was_tried_and_what_is_asked(
    language: Language, said: tuple[str, ...]
) -> None:
    message = render(letter(language, sample_item("stall", language, TODAY)))
    shown = _Shown(message.html).text
    for each in said:
        assert each in flat(message.text)
        label, _, value = each.partition(": ")
        assert f"{label} {value}" in shown


@pytest.mark.parametrize(("notice", "language"), EVERY)
def test_each_repeat_reads_otherwise_than_the_one_before(notice: str, language: Language) -> None:
    item = sample_item(notice, language, TODAY)
    if item.rung:
        texts = {render(letter(language, replace(item, rung=3, repeat=repeat, news=()))).text for repeat in range(4)}
        assert len(texts) == 4


def test_the_first_word_of_an_escalation_tells_of_nothing_before_it() -> None:
    item = replace(sample_item("stall", Language.EN, TODAY), rung=1, told=(), since=None, news=(), taken=None)
    assert not re.search("Told so far|New since|Taken on|Decision asked", render(letter(Language.EN, item)).text)
    skipped = render(letter(Language.EN, replace(item, rung=2, skipped=("regional manager",)))).text
    assert "Nobody to tell before you: regional manager" in flat(skipped)


def test_one_person_in_two_posts_is_told_once_with_both_reasons() -> None:
    first = sample_item("limit", Language.EN, TODAY)
    message = render(letter(Language.EN, first, replace(first, post="head", post_name="agency head")))
    assert message.subject.startswith("60 days to the limit")
    assert message.text.count("Please confirm") == 1
    assert message.text.count("You receive this because") == 2


@pytest.mark.parametrize(
    ("language", "label"), [(Language.ES_MX, "Demostración sintética"), (Language.EN, "Synthetic demonstration")]
)
def test_a_demonstration_says_so_and_nothing_else_does(language: Language, label: str) -> None:
    made_up = sample_letter((sample_item("limit", language, TODAY),), language, TODAY)
    for part in (render(made_up).text, _Shown(render(made_up).html).text):
        assert part.count(label) == 2
    real = render(replace(made_up, is_demo=False))
    assert label not in real.text + real.html


def test_styles_are_inlined_and_nothing_is_fetched() -> None:
    html = preview("limit", Language.ES_MX, TODAY).html
    assert re.search(r'<table class="card ahead"[^>]* style="[^"]*border-left-color: #2b6cb0', html)
    assert 0 < html.index('<meta charset="utf-8">') < 1024
    assert '<meta name="viewport"' in html
    assert re.search(r"<h2 style=\"[^\"]*font-size: 19px", html)
    assert re.search(r"<style>\s*@media", html)
    assert not re.search(r"https?:|<img|<link|<script|url\(", html)
    assert "max-width: 600px" in html
    assert '<html lang="es-MX">' in html


def test_a_long_agency_leaves_the_reference_in_the_subject() -> None:
    message = render(letter(Language.EN, replace(sample_item("limit", Language.EN, TODAY), agency="x" * 500)))
    assert re.search(r"…\ \[Ref [0-9A-Z-]{14}\]$", message.subject)
    assert len(message.subject) < 170


def test_rendering_does_not_depend_on_where_one_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert TEMPLATES.is_absolute()
    assert preview("stall", Language.EN, TODAY).subject


def test_an_unknown_notice_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(Refused, match='Did you mean "limit_passed"'):
        preview("limit_pased", Language.EN, TODAY)
    with pytest.raises(Refused, match="has no folder"):
        render(letter(Language.EN, replace(sample_item("limit", Language.EN, TODAY), template="limt")))


PERSONAL = "Rosalía Secreta"
BROKEN = [
    ("limit/en/body.txt", "one\n{{ agnecy }}\n", ["limit: en/body.txt line 2", '"agnecy"', 'Did you mean "agency"?']),
    ("limit/en/body.html", "{% if false %}{{ surname }}{% endif %}", ["en/body.html line 1", '"surname"']),
    ("limit/en/subject.txt", "{{ agency.nick }}", ["en/subject.txt line 1", "has no attribute 'nick'"]),
    ("limit/en/subject.txt", "\n{{ agency", ["en/subject.txt line 2", "cannot be read"]),
    ("limit/en/subject.txt", "{{ agency | shout }}", ["en/subject.txt line 1", "shout"]),
    ("limit/en/subject.txt", "{{ agency.__class__.__mro__ }}", ["en/subject.txt line 1", "unsafe"]),
    ("limit/en/subject.txt", "{{ agency + days_left }}", ["en/subject.txt line 1", "TypeError"]),
    ("limit/en/subject.txt", "{{ 1 / 0 }}", ["en/subject.txt line 1", "ZeroDivisionError"]),
    ("limit/en/subject.txt", "{% include 'gone.txt' %}", ["gone.txt"]),
    ("limit/en/subject.txt", "{% include '../../../etc/passwd' %}", ["does not exist"]),
    ("limit/en/subject.txt", None, ["limit: en/subject.txt", "does not exist"]),
    ("limit/en/subject.txt", b"\xff\xfe", ["limit: en/subject.txt", "UTF-8"]),
    ("_base/en/letter.txt", "{{ address }}", ["_base: en/letter.txt line 1", '"address"']),
    ("_base/en/facts.txt", "A: {{ agnecy }}", ["_base: en/facts.txt line 1", '"agnecy"']),
    ("_base/en/words.html", "{% macro when(n) %}{{ m }}{% endmacro %}", ["_base: en/words.html line 1", '"m"']),
]


@pytest.mark.parametrize(("name", "source", "said"), BROKEN)
def test_a_broken_template_is_refused_by_its_place_and_tells_nothing_of_the_letter(
    tmp_path: Path, name: str, source: str | bytes | None, said: list[str]
) -> None:
    folder = shutil.copytree(TEMPLATES, tmp_path / "emails")
    (folder / name).unlink()
    if source is not None:
        (folder / name).write_bytes(source if isinstance(source, bytes) else source.encode())
    item = replace(sample_item("limit", Language.EN, TODAY), agency=PERSONAL)
    with pytest.raises(Refused) as refused:
        render(replace(letter(Language.EN, item), surname=PERSONAL), folder)
    for part in said:
        assert part in str(refused.value)
    assert PERSONAL not in str(refused.value)
    assert refused.value.__suppress_context__ or refused.value.__context__ is None


def test_a_broken_template_is_found_without_a_letter_and_stops_no_other(tmp_path: Path) -> None:
    folder = shutil.copytree(TEMPLATES, tmp_path / "emails")
    (folder / "limit/en/body.txt").write_text("{{ agnecy }}")
    (folder / "stall/es_MX/body.html").unlink()
    assert [problem.place for problem in template_problems(folder)] == [
        "templates/emails/stall: es_MX/body.html", "templates/emails/limit: en/body.txt line 1",
    ]
    assert render(letter(Language.EN, sample_item("stall", Language.EN, TODAY)), folder).subject


@settings(max_examples=200, deadline=None)
@given(st.text(st.sampled_from("ab ñ-\n"), max_size=400))
def test_wrapping_keeps_every_word_and_breaks_only_at_blanks(text: str) -> None:
    folded = wrapped(text)
    assert folded.split() == text.split()
    assert all(len(line) <= WIDTH or " " not in line.lstrip("- ") for line in folded.splitlines())
    assert "\n\n\n" not in folded


@pytest.mark.parametrize("language", Language)
def test_answers_are_the_same_in_text_and_html_and_lead_where_they_should(language: Language) -> None:
    for escalated in (True, False):
        message = render(sample_several(language, TODAY, escalated=escalated))
        links = re.findall(r"https://\S+", message.text)
        assert links == re.findall(r'href="(https://[^"]+)"', message.html)
        assert sum(link.startswith("https://desk.") for link in links) == (10 if escalated else 7)
        assert sum(link.startswith("https://prefect.") for link in links) == 12


@pytest.mark.parametrize("language", Language)
def test_what_a_weekly_mail_asks_leads_to_its_forms(language: Language) -> None:
    asked = Row("A", "B", ("C",), forms=(Form("hand_in", "https://prefect.example.org/v2/hand_in"),))
    weekly = replace(
        sample_letter((sample_item("stall", language, TODAY),), language, TODAY), kind=EmailKind.WEEKLY, items=(),
        frame="report_due", title="T", parts=(Part("P", "", rows=(asked,)),),
    )
    message = render(weekly)
    assert re.findall(r"https://prefect\S+", message.text) == ["https://prefect.example.org/v2/hand_in"]
    assert 'href="https://prefect.example.org/v2/hand_in"' in message.html


def test_the_gallery_shows_every_notice_in_every_language(tmp_path: Path) -> None:
    page = write_gallery(tmp_path / "gallery", TODAY)
    html = page.read_text(encoding="utf-8")
    for name in ("digest", "escalation", *ABOUT, *notices()):
        for language in Language:
            assert f'src="{name}.{language}.html"' in html
    for target in re.findall(r'(?:src|href)="([^"#]+)"', html):
        assert (page.parent / target).stat().st_size > 0
    with pytest.raises(Refused, match="cannot be written"):
        write_gallery(page / "below", TODAY)
