"""A provider on this machine, for people who try the system out."""

from __future__ import annotations

from pathlib import Path

from deployments.cli.base import app


@app.command
def fake_sendgrid(
    *,
    port: int = 8025,
    journal: Path | None = None,
    script: str = "",
    seed: int = 0,
    tls: Path | None = None,
    log_lag: float = 0.0,
    log_loss: float = 0.0,
) -> None:
    """Stand in for SendGrid on this machine until Ctrl-C: takes mail, journals it, fails as told. It delivers nothing.

    Args:
        port: where it listens, on 127.0.0.1 only; 0 takes a free one.
        journal: a file to append what it took to, a JSON object a line.
        script: what mail is answered: a list (500,reset+,202) or weights (202:92,500:3,reset+:5). A + means: taken all
            the same; `address` looks for a word in each address (p1.500+@example.org). Words: 2xx, 3xx, 4xx, 5xx,
            202nid, reset, hang, drip, status, headers, body, garbage.
        seed: what weights are drawn from.
        tls: a folder for a certificate of its own; it then speaks HTTPS.
        log_lag: seconds after which its log shows a message.
        log_loss: share of messages that its log never shows, 0 to 1.
    """
    from contextlib import suppress

    from tasks.mail.fake_sendgrid.certificate import self_signed
    from tasks.mail.fake_sendgrid.provider import Options
    from tasks.mail.fake_sendgrid.server import FakeSendGrid

    pair = self_signed(tls.resolve()) if tls is not None else None
    fake = FakeSendGrid(
        Options(script=script, seed=seed, journal=journal, tls=pair, log_lag=log_lag, log_loss=log_loss), port
    )
    print("A loopback SendGrid is listening. Elsewhere:\n", flush=True)
    lines = {"ACREDITA_MAIL": "sendgrid", "ACREDITA_SENDGRID_HOST": fake.url,
             "ACREDITA_SENDGRID_API_KEY": fake.options.key}
    if pair is not None:
        lines["SSL_CERT_FILE"] = str(pair.certificate)
    for name, value in lines.items():
        print(f"  export {name}={value}", flush=True)
    with suppress(KeyboardInterrupt):
        fake.serve()
    fake.stop()
    print(f"\n{len(fake.taken)} messages were taken")
