"""Made-up mails of the week, to be looked at before anybody gets one. Nobody in them is real; the words are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta

from models.rules.letter import Bar, Letter, Part, Row, reference_of, report_because, weekly_because
from models.rules.reporting.quarters import quarter_of
from models.rules.reporting.weeks import LED_DAYS
from models.rules.words import Cause, Closing, EmailKind, Language, Risk
from tasks.mail.rendering import spell_day, spell_days
from tasks.mail.samples import sample_forms
from tasks.reports.wording import Wording
from tasks.weekly.owed import TEMPLATE, owed
from tasks.weekly.words import WORDS

ABOUT = {
    "portfolio": "what an expert gets every week of the cases that they hold",
    "portfolio_unchanged": "the same after weeks in which nothing changed",
    "region": "what a regional manager gets every week",
    "program": "what the director gets every week",
    "report_due": "who owes the sponsor a report is reminded of it",
}
"""Each sample, and what it is."""

_NAMES: dict[Language, dict[str, str]] = {
    Language.ES_MX: {
        "program_name": "Programa de Ejemplo", "track": "Modalidad de ejemplo", "expert": "primer experto",
        "manager": "gerente regional", "director": "director del programa", "stage": "preparación",
        "late": "Agencia Municipal de Ejemplo", "slow": "Agencia del Norte de Ejemplo",
        "calm": "Agencia Estatal de Ejemplo", "visit": "visita de ejemplo", "step": "plan de trabajo aceptado",
        "region": "Región de Ejemplo", "government": "Ciudad de Ejemplo", "kind": "academia",
        "portfolio": "Portafolio de la semana", "region_title": "Región de la semana",
        "program": "Programa de la semana", "rule": "inactividad",
    },
    Language.EN: {
        "program_name": "Example Program", "track": "Example track", "expert": "first subject matter expert",
        "manager": "regional manager", "director": "program director", "stage": "preparation",
        "late": "Example Municipal Agency", "slow": "Example Northern Agency", "calm": "Example State Agency",
        "visit": "example visit", "step": "work plan accepted", "region": "Example Region",
        "government": "Example City", "kind": "academy", "portfolio": "Portfolio of the week",
        "region_title": "Region of the week", "program": "Program of the week", "rule": "nothing happens",
    },
}


def sample_weekly(name: str, language: Language, today: date) -> Letter:
    """Return one of the samples, to a made-up person."""
    if name == "report_due":
        return _report(language, today)
    sample, names = _Sample(language, today), _NAMES[language]
    post, title, parts = {
        "portfolio": (names["expert"], names["portfolio"], sample.portfolio),
        "portfolio_unchanged": (names["expert"], names["portfolio"], sample.unchanged),
        "region": (names["manager"], names["region_title"], sample.portfolio),
        "program": (names["director"], names["program"], sample.program),
    }[name]
    monday = spell_day(today - timedelta(days=today.weekday()), language)
    found = replace(
        _letter(name, language, today), post_name=post, title=title, parts=tuple(parts()),
        because=weekly_because(name.removesuffix("_unchanged"), post, 4, language=language, monday=monday),
    )
    if name != "portfolio_unchanged":
        return found
    target = WORDS[language]["target"].format(stage=names["stage"], on=sample.day(12))
    return replace(found, unchanged_since=today - timedelta(weeks=4), next_step=f"EX-02/example: {target}")


def _letter(name: str, language: Language, today: date) -> Letter:
    return Letter(
        given_names="María Fernanda", surname="López", second_surname="Hernández", post_name="", language=language,
        kind=EmailKind.WEEKLY, items=(), reference=reference_of(f"preview/{name}/{today}"), today=today,
        program_name=_NAMES[language]["program_name"], is_demo=True,
    )


def _report(language: Language, today: date) -> Letter:
    quarter = quarter_of(today).before
    due_on = today + timedelta(days=7)
    title, part = owed(quarter, due_on, today=today, language=language)
    part = part._replace(rows=tuple(each._replace(forms=sample_forms("hand_in")) for each in part.rows))
    post = _NAMES[language]["director"]
    because = report_because("quarterly_report", post, spell_day(due_on, language), language=language)
    return replace(
        _letter("report_due", language, today), post_name=post, frame=TEMPLATE, title=title, parts=(part,),
        because=because,
    )


class _Sample:
    """Three made-up cases, one of each risk, in the words of one language."""

    def __init__(self, language: Language, today: date) -> None:
        self._language, self._today = language, today
        self._words, self._names, self._say = WORDS[language], _NAMES[language], Wording(language)

    def day(self, ahead: int) -> str:
        return spell_day(self._today + timedelta(days=ahead), self._language)

    def portfolio(self) -> Iterator[Part]:
        yield self._risk()
        yield self._changes()
        yield self._asked()

    def unchanged(self) -> Iterator[Part]:
        yield self._risk()
        title = self._words["changes"].format(since=self.day(-28))
        yield Part(title, self._words["no_changes"])
        yield self._asked()

    def program(self) -> Iterator[Part]:
        say, names = self._say, self._names
        by = self._today + timedelta(days=300)
        bars = (
            (say("m_reached"), 61, "reached"), (say("m_aim"), 66, "aim"),
            (say("m_likely", by=by), 72, "ahead"), (say("m_goal", by=by), 80, "aim"),
        )
        shown = tuple(Bar(label, value, round(100 * value / 80), mark) for label, value, mark in bars)
        yield Part(say("h_course"), "", shown, lines=(say("m_about", number=11, by=by),))
        yield self._risk()
        yield self._changes()
        step = self._words["do_by"].format(what=names["step"], by=self.day(20))
        title = self._words["conference"].format(on=self.day(75))
        yield Part(title, "", rows=(self._row("slow", Risk.AT_RISK, (step,)),))
        empty = self._words["empty_post"].format(post=names["expert"], since=self.day(-20))
        yield self._part("vacant", self._row("late", Risk.OVERDUE, (empty,)))
        became = f"{say('led_taken')}: 1; {say(f'closing_{Closing.ACTIVITY}')}: 2"
        led = Row(names["rule"], "", (say("m_led", opened=4, open=2, top=1), became), Risk.OVERDUE)
        yield Part(say("h_led"), "", rows=(led,), lines=(say("p_led", days=LED_DAYS),))
        load = say("m_load", open=18, at_risk=5, overdue=2, escalations=4)
        lines = (load, say("m_experts", experts=6, each=3.0))
        yield Part(say("h_load"), "", rows=(Row(names["region"], "", lines, Risk.OVERDUE),))
        lacks = say("m_lacks", kind=names["kind"], stands=say("arc_not_enrolled"))
        yield Part(say("h_arc"), "", rows=(Row(names["government"], "", (lacks,)),))
        asked = self._asked()
        late, *others = asked.rows
        yield asked._replace(rows=(late._replace(forms=sample_forms("take", "record", "show")), *others))

    def _risk(self) -> Part:
        words, names = self._words, self._names
        counted = ((Risk.OVERDUE, 1, 50), (Risk.AT_RISK, 1, 50), (Risk.ON_TRACK, 2, 100))
        bars = tuple(Bar(words[risk], number, share, risk) for risk, number, share in counted)
        rows = []
        for name, risk, end, last in (
            ("late", Risk.OVERDUE, -14, -61), ("slow", Risk.AT_RISK, 200, -9), ("calm", Risk.ON_TRACK, 410, -3),
        ):
            said = words["standing"].format(
                risk=words[risk], stage=names["stage"], end=self.day(end), activity=self.day(last),
            )
            more = (
                words["chance"].format(chance=self._say.chance(0.38)),
                words["reach"].format(on=self.day(75), by=self.day(34)),
            )
            rows.append(self._row(name, risk, (said, *(more if risk is Risk.AT_RISK else ()))))
        return self._part("risk", *rows, bars=bars, more=1)

    def _changes(self) -> Part:
        words, names = self._words, self._names
        lines = (
            words["fact"].format(what=names["visit"], on=self.day(-3)),
            words["step"].format(stage=names["stage"], on=self.day(-3)),
        )
        return self._part("changes", self._row("calm", Risk.ON_TRACK, lines))

    def _asked(self) -> Part:
        words, names = self._words, self._names
        what = words[f"cause_{Cause.INACTIVITY}"].format(on=self.day(-61))
        open_ = words["open"].format(days=spell_days(21, self._language), rung=2, of=3, what=what)
        target = words["target"].format(stage=names["stage"], on=self.day(12))
        return self._part(
            "asked", self._row("late", Risk.OVERDUE, (open_,)), self._row("slow", Risk.AT_RISK, (target,)),
        )

    def _part(self, name: str, *rows: Row, bars: tuple[Bar, ...] = (), more: int = 0) -> Part:
        return Part(self._words[name].format(since=self.day(-7)), self._words[f"no_{name}"], bars, rows, more)

    def _row(self, name: str, risk: Risk, lines: tuple[str, ...]) -> Row:
        number = ("late", "slow", "calm").index(name) + 1
        return Row(self._names[name], f"{self._names['track']} · EX-0{number}/example", lines, risk)
