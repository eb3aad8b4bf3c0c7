"""Which sender the settings choose, what a message looks like as mail, and the folder."""

from __future__ import annotations

import email
import email.policy
import errno
import os
import stat
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from models.rules.errors import Refused
from models.rules.words import Language
from models.settings import Settings
from tasks.mail.rendering import preview
from tasks.mail.senders.choice import sender_of
from tasks.mail.senders.folder import FolderSender
from tasks.mail.senders.message import mime
from tasks.mail.senders.protocol import Attachment, Finding, Outcome, Sought
from tasks.mail.senders.sendgrid import SendGridSender
from tests.mailing import BAD_ADDRESSES, NOW, OUTGOING, loopback


@pytest.fixture
def outbox(tmp_path: Path) -> Path:
    return tmp_path / "new" / "mail"


def test_a_message_in_the_folder_is_whole_mail(outbox: Path) -> None:
    assert FolderSender(outbox).send(replace(OUTGOING, label="2023-04-03"), NOW)[:2] == (Outcome.SENT, "")
    (path,) = outbox.iterdir()
    assert path.name == "2023-04-03-7F3K-2Q9D.eml"
    assert path.stat().st_mode & 0o777 == 0o600
    message = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
    assert message["Subject"] == OUTGOING.subject
    assert message["To"].addresses[0].display_name == "María López"
    assert message["To"].addresses[0].addr_spec == "maria@example.org"
    assert message["From"] == "acredita@example.org"
    assert message["Date"].datetime == NOW
    assert message["Message-ID"] == "<7F3K-2Q9D@acredita.example.org>"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in message.iter_parts()] == ["text/plain", "text/html"]
    assert [part.get_content().strip() for part in message.iter_parts()] == [OUTGOING.text.strip(), OUTGOING.html]
    assert not message.defects


def test_a_real_letter_survives_the_mail_and_its_lines_are_short(outbox: Path) -> None:
    letter = preview("limit_passed", Language.ES_MX, date(2023, 4, 3))
    outgoing = replace(OUTGOING, subject=letter.subject, text=letter.text, html=letter.html)
    FolderSender(outbox).send(outgoing, NOW)
    raw = (outbox / "7F3K-2Q9D.eml").read_bytes()
    assert max(map(len, raw.split(b"\r\n"))) <= 998
    assert raw.partition(b"\r\n\r\n")[0].isascii()  # the headers; the text stands as a person can read it
    parts = list(email.message_from_bytes(raw, policy=email.policy.default).iter_parts())
    assert parts[0].get_content().replace("\r\n", "\n").strip() == letter.text.strip()
    assert parts[1].get_content().replace("\r\n", "\n").strip() == letter.html.strip()


def test_sending_twice_leaves_one_file_and_the_first_one(outbox: Path) -> None:
    sender = FolderSender(outbox)
    for text in ("first", "second"):
        assert sender.send(replace(OUTGOING, text=text), NOW).outcome is Outcome.SENT
    (path,) = outbox.iterdir()
    assert b"first" in path.read_bytes()


def test_a_folder_that_cannot_be_made_safe_leaves_a_doubt_that_its_log_clears(
    outbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.fsync

    def fails_on_folders(handle: int) -> None:
        if stat.S_ISDIR(os.fstat(handle).st_mode):
            raise OSError(errno.EIO, "")
        real(handle)

    monkeypatch.setattr(os, "fsync", fails_on_folders)
    sender = FolderSender(outbox)
    assert sender.send(OUTGOING, NOW)[:2] == (Outcome.UNKNOWN, "EIO")
    assert sender.log is not None
    sought = Sought(OUTGOING.reference, OUTGOING.to_address, OUTGOING.subject, OUTGOING.label, NOW)
    assert sender.log.find(sought) is Finding.TAKEN


def test_many_at_once_leave_whole_files_and_no_drafts(outbox: Path) -> None:
    sender = FolderSender(outbox)
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda n: sender.send(replace(OUTGOING, reference=f"REF-{n % 10}"), NOW), range(80)))
    assert {result.outcome for result in results} == {Outcome.SENT}
    assert sorted(path.name for path in outbox.iterdir()) == [f"REF-{n}.eml" for n in range(10)]


def test_a_reference_or_label_cannot_leave_the_folder(outbox: Path) -> None:
    FolderSender(outbox).send(replace(OUTGOING, reference="../../X", label="/etc/.."), NOW)
    assert [path.name for path in outbox.iterdir()] == ["etc-X.eml"]


def test_a_folder_that_cannot_be_written_refuses_by_name_and_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    assert FolderSender(tmp_path / "file").send(OUTGOING, NOW)[:2] == (Outcome.DEFERRED, "EEXIST")
    full = FolderSender(tmp_path / "mail")
    limited = replace(OUTGOING, reference="R" * 300)
    assert full.send(limited, NOW)[:2] == (Outcome.DEFERRED, "ENAMETOOLONG")
    assert list((tmp_path / "mail").iterdir()) == []


@pytest.mark.parametrize("address", BAD_ADDRESSES)
def test_an_address_that_plain_mail_cannot_carry_is_refused_for_good(address: str, outbox: Path) -> None:
    assert FolderSender(outbox).send(replace(OUTGOING, to_address=address), NOW)[:2] == (Outcome.REFUSED, "400")
    assert not outbox.exists()
    sender = SendGridSender(loopback("http://127.0.0.1:1"))
    assert sender.send(replace(OUTGOING, to_address=address), NOW)[:2] == (Outcome.REFUSED, "400")


@pytest.mark.parametrize(
    "name", ["", 'A "B" C', "López, Ana; Bcc", "x\r\nBcc: all@example.org", "<script>", "\u202eevil", "ñ" * 300, "a\\b"]
)
def test_a_hostile_name_stays_a_name(name: str) -> None:
    raw = mime(replace(OUTGOING, to_name=name), NOW).as_bytes()
    parsed = email.message_from_bytes(raw, policy=email.policy.default)
    assert [address.addr_spec for address in parsed["To"].addresses] == ["maria@example.org"]
    assert parsed["Bcc"] is None
    assert {key.lower() for key in parsed} == {
        "from", "to", "subject", "date", "message-id", "auto-submitted", "mime-version", "content-type",
    }


def test_a_subject_cannot_add_a_header() -> None:
    parsed = email.message_from_bytes(mime(replace(OUTGOING, subject="a\r\nBcc: x@example.org"), NOW).as_bytes())
    assert parsed["Bcc"] is None


def test_an_attachment_goes_as_a_file_beside_the_words(outbox: Path) -> None:
    attached = Attachment("acredita.ics", "text/calendar", "BEGIN:VCALENDAR\r\nSUMMARY:Límite\r\nEND:VCALENDAR\r\n")
    FolderSender(outbox).send(replace(OUTGOING, attachments=(attached,)), NOW)
    message = email.message_from_bytes(next(outbox.iterdir()).read_bytes(), policy=email.policy.default)
    words, file = message.iter_parts()
    assert [part.get_content_type() for part in words.iter_parts()] == ["text/plain", "text/html"]
    assert (file.get_content_type(), file.get_filename()) == ("text/calendar", "acredita.ics")
    assert file.get_content().splitlines() == attached.content.splitlines()
    assert message["Subject"] == OUTGOING.subject
    assert not message.defects


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"sendgrid_api_key": ""}, "ACREDITA_SENDGRID_API_KEY: is not set"),
        ({"sendgrid_api_key": " \n"}, "ACREDITA_SENDGRID_API_KEY: is not set"),
        ({"sendgrid_api_key": "two words"}, "ACREDITA_SENDGRID_API_KEY: holds blanks"),
        ({"sendgrid_api_key": "two\nwords"}, "ACREDITA_SENDGRID_API_KEY: holds blanks"),
        ({"sendgrid_host": "https://api.sendgrid.com.example.org"}, "ACREDITA_SENDGRID_HOST"),
        ({"sendgrid_host": "http://api.sendgrid.com"}, "ACREDITA_SENDGRID_HOST"),
        ({"sendgrid_host": "https://user@example.org"}, "ACREDITA_SENDGRID_HOST"),
        ({"sendgrid_host": ""}, "ACREDITA_SENDGRID_HOST"),
        ({"mail_from": "nobody"}, "ACREDITA_MAIL_FROM"),
    ],
)
def test_settings_that_cannot_work_are_refused_before_anything_is_sent(given: dict[str, str], said: str) -> None:
    good = {"mail": "sendgrid", "sendgrid_api_key": "SG.loopback"}
    with pytest.raises(Refused, match=said) as refused:
        sender_of(Settings.model_validate(good | given))
    assert "two" not in str(refused.value)


def test_the_settings_choose_the_sender(tmp_path: Path) -> None:
    assert isinstance(sender_of(Settings(mail="folder", mail_folder=tmp_path)), FolderSender)
    assert isinstance(sender_of(loopback("https://api.eu.sendgrid.com")), SendGridSender)
    assert isinstance(sender_of(Settings(mail="folder", mail_from="Acredita <acredita@example.org>")), FolderSender)
