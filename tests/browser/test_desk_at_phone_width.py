"""The desk and the mail as they are seen: in a real Chromium, at a phone's width and at a desk's."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from playwright.sync_api import Browser, Page
from sqlalchemy import Engine, select

from models.rules.words import EscalationState, Proposed, Purpose
from models.schema import ESCALATION, PROPOSAL, SNOOZE
from tasks.mail.gallery import write_gallery
from tests.desk_server import STALLED, ahead, rows, served, stall, tokens_of

PHONE = {"width": 375, "height": 740}
TODAY = date(2023, 4, 3)
SMALLEST_TARGET = 44
"""Pixels that a thumb can hit."""


class Open(NamedTuple):
    """The open desk, the first expert's tokens, and a phone."""

    engine: Engine
    url: str
    tokens: dict[Purpose, str]
    phone: Page

    def go(self, purpose: Purpose) -> Page:
        self.phone.goto(f"{self.url}/a/{self.tokens[purpose]}")
        return self.phone


@pytest.fixture
def phone(chromium: Browser) -> Iterator[Page]:
    context = chromium.new_context(viewport=PHONE, locale="es-MX")  # type: ignore[arg-type]
    context.set_default_timeout(20_000)
    yield context.new_page()
    context.close()


@pytest.fixture
def desk(lite: Engine, tmp_path: Path, phone: Page, monkeypatch: pytest.MonkeyPatch) -> Iterator[Open]:
    with served(lite) as url:
        monkeypatch.setenv("ACREDITA_DESK_URL", url)
        stall(lite, tmp_path / "mail")
        yield Open(lite, url, tokens_of(lite, "P2", "escalation"), phone)


def fits(page: Page) -> bool:
    """Whether nothing sticks out at the side."""
    return bool(page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"))


def test_a_reader_takes_a_case_on_a_phone(desk: Open) -> None:
    complaints: list[str] = []
    desk.phone.on("console", lambda message: complaints.append(message.text))
    page = desk.go(Purpose.ACKNOWLEDGE)
    assert page.title().startswith("Me hago cargo")
    assert fits(page)
    page.get_by_label("¿Cómo se está atendiendo?").select_option("meeting_agreed")
    page.get_by_label("Esperar hasta el").fill(str(ahead(20)))
    page.get_by_role("button", name="Confirmar que me hago cargo").click()
    assert page.get_by_role("heading", name="Gracias").is_visible()
    assert fits(page)
    x = ESCALATION.c
    found = rows(desk.engine, select(x.state, x.acknowledged_by).where(x.enrollment_id == 1, x.rule == "stall"))
    assert found == [(EscalationState.ACKNOWLEDGED, "P2")]
    assert complaints == [], "the page asks for nothing that its own policy forbids"


def test_a_reader_puts_off_reports_and_leaves(desk: Open) -> None:
    page = desk.go(Purpose.SNOOZE)
    page.get_by_label("¿Por qué conviene esperar?").select_option("absence")
    page.get_by_role("button", name="Recordármelo después").click()
    assert page.get_by_role("heading", name="Gracias").is_visible()
    assert fits(page)
    page.get_by_role("link", name="Avisarme de nuevo").click()
    assert fits(page)
    page.get_by_role("button", name="Avisarme de nuevo").click()
    assert page.get_by_text("recibe de nuevo los avisos de este asunto").is_visible()
    page = desk.go(Purpose.DONE)
    page.get_by_label("¿Qué se hizo?").select_option(label="visita de arranque")
    page.get_by_label("Dónde está la evidencia").fill("ACTA-14")
    page.get_by_role("button", name="Enviar al operador").click()
    page = desk.go(Purpose.LEFT)
    page.get_by_role("button", name="Avisar al operador").click()
    assert page.get_by_role("heading", name="Gracias").is_visible()
    assert rows(desk.engine, select(SNOOZE.c.reason, SNOOZE.c.ended_by)) == [("absence", "P2")]
    p = PROPOSAL.c
    assert rows(desk.engine, select(p.kind, p.occurred_on, p.note).order_by(p.id)) == [
        (Proposed.FACT, STALLED, "ACTA-14"), (Proposed.LEFT, STALLED, ""),
    ]


def test_a_form_that_misses_something_says_what_before_it_is_sent(desk: Open) -> None:
    page = desk.go(Purpose.ACKNOWLEDGE)
    page.get_by_role("button", name="Confirmar que me hago cargo").click()
    assert page.evaluate("document.querySelector('#choice').validity.valueMissing")
    page.evaluate("document.querySelector('form').noValidate = true")
    page.get_by_role("button", name="Confirmar que me hago cargo").click()
    assert page.get_by_role("alert").is_visible()
    described = page.get_by_label("¿Cómo se está atendiendo?").get_attribute("aria-describedby")
    assert page.locator(f"#{described}").inner_text() == "Elija una opción de la lista."
    assert fits(page)


@pytest.mark.parametrize("purpose", sorted(set(Purpose) - {Purpose.RESUME}))
def test_every_field_has_a_label_and_is_large_enough(desk: Open, purpose: Purpose) -> None:
    page = desk.go(purpose)
    assert page.locator("html").get_attribute("lang") == "es-MX"
    assert page.locator("h1").count() == 1
    fields = page.locator("select, input:not([type=hidden]), textarea, button")
    for field in fields.all():
        box = field.bounding_box()
        assert box is not None
        assert box["height"] >= SMALLEST_TARGET
        name = field.get_attribute("id")
        assert name is None or page.locator(f"label[for={name}]").count() == 1
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.tagName") in {"SELECT", "INPUT"}


def test_a_link_that_leads_nowhere_says_so_in_both_languages(desk: Open) -> None:
    desk.phone.goto(f"{desk.url}/a/nothing")
    assert [each.inner_text() for each in desk.phone.locator("h1").all()] == [
        "Este enlace no puede usarse", "This link cannot be used",
    ]
    assert fits(desk.phone)


@pytest.mark.parametrize("width", [320, 375, 1280])
def test_every_mail_fits_a_phone_and_a_desk(chromium: Browser, tmp_path: Path, width: int) -> None:
    gallery = write_gallery(tmp_path / "gallery", TODAY)
    context = chromium.new_context(viewport={"width": width, "height": 900})
    page = context.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    pictures: dict[str, Any] = {}
    for mail in sorted(gallery.parent.glob("*.html")):
        page.goto(mail.as_uri())
        assert fits(page), mail.name
        pictures[mail.name] = page.screenshot(full_page=True)
    context.close()
    assert len(pictures) == len(set(pictures.values())), "two mails look the same"
    assert all(url.startswith("file://") for url in asked)
