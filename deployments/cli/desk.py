"""The desk that the links in mails lead to."""

from __future__ import annotations

from deployments.cli.base import app, ready


@app.command
def desk(*, host: str = "127.0.0.1", port: int = 4280) -> None:
    """Serve the page that the links in mails lead to, until Ctrl-C: acknowledge, put off, report done, left the post.

    `acredita up` serves it too; this is for installations that run each part by itself.

    On this machine only unless told otherwise; readers reach it through a proxy with TLS, at ACREDITA_DESK_URL.

    Args:
        host: the address to listen on.
        port: the port to listen on.
    """
    from models.rules.errors import Refused
    from models.settings import LOOPBACK, settings

    base = settings().desk_url
    if host not in LOOPBACK and not base.startswith("https://"):
        what = f'"{host}" is reached from other machines, and answers would travel in clear.'
        raise Refused.one("host", what, "Put a proxy with TLS before it and set ACREDITA_DESK_URL=https://HOST.")
    from deployments.desk.serving import server

    opened = server(ready(), host=host, port=port, base=base)
    print(f"the desk is open at http://{host}:{port} (links lead to {base or 'nowhere: set ACREDITA_DESK_URL'})")
    opened.run()
