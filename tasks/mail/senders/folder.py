"""Mail as files in a folder, for demonstrations and for another program to pick up."""

from __future__ import annotations

import errno
import os
import re
from datetime import datetime
from pathlib import Path

from tasks.mail.senders.message import mime
from tasks.mail.senders.protocol import BAD_MESSAGE, Finding, MailLog, Outcome, Outgoing, Result, Sought


class FolderSender:
    """Writes each message to a folder as `[<label>-]<reference>.eml`, readable by its owner alone.

    The name derives from the reference, and what stands there stays: sending twice leaves one file. `durable` waits
    until a power cut could not lose the file; a replay, which can be lived through again, does without.
    """

    name = "folder"

    def __init__(self, folder: Path, *, durable: bool = True) -> None:
        self._folder, self._durable = folder, durable
        self.log: MailLog | None = FolderLog(folder)

    def send(self, outgoing: Outgoing, now: datetime) -> Result:
        """Write the message whole or not at all; what did not work names the system's error, such as ENOSPC.

        It is UNKNOWN where the file is there, and only its name may be lost in a power cut: the folder can be asked.
        """
        try:
            content = mime(outgoing, now).as_bytes()
        except ValueError:
            return Result(Outcome.REFUSED, BAD_MESSAGE)
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            path = self._folder / _file_name(outgoing.label, outgoing.reference)
            _write_once(path, content, durable=self._durable)
        except OSError as error:
            return Result(Outcome.DEFERRED, _name_of(error))
        try:
            if self._durable:
                _sync_folder(self._folder)
        except OSError as error:
            return Result(Outcome.UNKNOWN, _name_of(error))
        return Result(Outcome.SENT)

    def close(self) -> None:
        """There is nothing to let go of."""


class FolderLog:
    """The folder read back: what stands in it was taken, and nothing else was."""

    exact = True

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def find(self, sought: Sought) -> Finding:
        """Look for the message's file."""
        try:
            (self._folder / _file_name(sought.label, sought.reference)).stat()
        except FileNotFoundError:
            return Finding.MISSING
        except OSError:
            return Finding.UNREADABLE
        return Finding.TAKEN


def _name_of(error: OSError) -> str:
    return errno.errorcode.get(error.errno or 0, "EIO")


def _file_name(label: str, reference: str) -> str:
    stem = "-".join(part for part in (label, reference) if part)
    return f"{re.sub(r'[^0-9A-Za-z_-]', '', stem)}.eml"


def _write_once(path: Path, content: bytes, *, durable: bool) -> None:
    if path.exists():
        return
    # One temporary name for each writer: two at once each write their own, and the last rename wins whole.
    draft = path.with_name(f".{path.stem}.{os.getpid()}.{id(content)}.part")
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(content)
            file.flush()
            if durable:
                os.fsync(file.fileno())
        draft.replace(path)
    except OSError:
        draft.unlink(missing_ok=True)
        raise


def _sync_folder(folder: Path) -> None:
    # Without this a power cut may lose the name of a file that was written. Not every system can.
    if not hasattr(os, "O_DIRECTORY"):
        return
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
