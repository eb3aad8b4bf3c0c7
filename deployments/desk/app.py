"""The desk as a web application: a handful of routes, no user, no cookie, no script.

    GET  /            what this is
    GET  /a/{token}   what a link is about, and a form; changes nothing, so a mail scanner may open it
    POST /a           the answer; the token is in the body, so no other site can send one
    GET  /style.css

It is served on this machine only unless told otherwise; where it is reached from outside, a proxy with TLS stands
before it. Every page forbids scripts, frames, caches and referrers.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from fastapi import FastAPI, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse, PlainTextResponse
from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError
from starlette.middleware.trustedhost import TrustedHostMiddleware

from deployments.desk import pages
from deployments.desk.limits import Turnstile
from models.settings import LOOPBACK
from tasks.answers.desk import Answered, Page, answer, look
from tasks.answers.links import PATH

LARGEST_BODY = 8192
A_MINUTE, TEN_MINUTES = 60, 600
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none';"
    " frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()", "X-Robots-Tag": "noindex, nofollow",
    "Cache-Control": "no-store",
}
SECURE = {"Strict-Transport-Security": "max-age=31536000"}
STATUS = {Answered.DONE: 200, Answered.FAULTY: 422, Answered.MOOT: 409, Answered.GONE: 404}
_NAMES = {Answered.DONE: "thanks.html", Answered.FAULTY: "form.html", Answered.MOOT: "moot.html"}

CallNext = Callable[[Request], Awaitable[Response]]


def desk(engine: Engine, base_url: str = "") -> FastAPI:
    """Return the application over a database.

    Args:
        engine: the database.
        base_url: where readers reach it; requests to any other host than this one's and this machine's are refused.
    """
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False)
    _guard(app, {**HEADERS, **(SECURE if base_url.startswith("https") else {})})
    _open(app, engine)
    host = urlsplit(base_url).hostname
    here = [f"[{name}]" if ":" in name else name for name in sorted(LOOPBACK)]
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=[*here, *([host] if host else [])], www_redirect=False)
    return app


def _guard(app: FastAPI, headers: Mapping[str, str]) -> None:
    """Turn away who asks too often or too often in vain, and put the headers on whatever is answered."""
    asked, missed = Turnstile(60, A_MINUTE), Turnstile(20, TEN_MINUTES)

    @app.middleware("http")
    async def guarded(request: Request, call_next: CallNext) -> Response:
        client = request.client.host if request.client else ""
        if asked.is_open(client) and missed.is_open(client):
            asked.count(client)
            response = await _served(request, call_next)
            if response.status_code == STATUS[Answered.GONE]:
                missed.count(client)
        else:
            response = HTMLResponse(pages.for_anybody("busy"), 429, {"Retry-After": str(A_MINUTE)})
        response.headers.update(headers)
        return response


def _open(app: FastAPI, engine: Engine) -> None:
    """Add the routes."""

    @app.get("/")
    def home() -> HTMLResponse:
        return HTMLResponse(pages.for_anybody("home"))

    @app.get("/style.css")
    def style() -> PlainTextResponse:
        return PlainTextResponse(pages.style(), media_type="text/css")

    @app.get(f"{PATH}{{token}}")
    def explain(token: str) -> HTMLResponse:
        page = look(engine, token)
        return _gone() if page is None else _shown("form.html", (page, token), 200)

    @app.post("/a")
    async def act(request: Request) -> HTMLResponse:
        given = await _fields(request)
        token = given.pop("token", "")
        # Another thread: a database that somebody else writes to holds up nobody else's page.
        reply = await run_in_threadpool(answer, engine, token, given)
        if reply.page is None:
            return _gone()
        return _shown(_NAMES[reply.answered], (reply.page, token), STATUS[reply.answered])

    @app.exception_handler(404)
    @app.exception_handler(405)
    def nowhere(_request: Request, _error: Any) -> HTMLResponse:
        return _gone()


async def _served(request: Request, call_next: CallNext) -> Response:
    try:
        return await call_next(request)
    except OperationalError:
        return HTMLResponse(pages.for_anybody("busy"), 503, {"Retry-After": "30"})


async def _fields(request: Request) -> dict[str, str]:
    """Return a form's fields; a body that no form of ours could have sent is none at all."""
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > LARGEST_BODY:
            return {}
    try:
        return dict(parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=20, errors="strict"))
    except ValueError:
        return {}


def _shown(name: str, given: tuple[Page, str], status: int) -> HTMLResponse:
    page, token = given
    return HTMLResponse(pages.of_link(name, page, token), status)


def _gone() -> HTMLResponse:
    return HTMLResponse(pages.for_anybody("gone"), STATUS[Answered.GONE])
