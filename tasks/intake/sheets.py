"""Files of rows as spreadsheets write them, read into rows of cells; whatever is wrong with a file is said, not raised.

CSV: a byte order mark decides, then strict UTF-8, then Windows-1252, which is what Excel writes in Spanish; the
separator is the one that makes most sense of the header. XLSX: the first sheet, as its cells were last calculated.
"""

from __future__ import annotations

import codecs
import csv
import io
import warnings
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any, NamedTuple

from models.rules.errors import Problem, Refused
from models.rules.intake.columns import recognised
from models.rules.intake.roster import Found, RawRow

SEPARATORS = (",", ";", "\t")
LARGEST = 100_000_000
"""Bytes of a file: a roster of a hundred thousand rows is a quarter of it."""
LARGEST_UNPACKED = 1_000_000_000
"""Bytes of a workbook's parts together: more is not a roster but an attempt on the memory."""
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"),
)
_OLD_EXCEL = b"\xd0\xcf\x11\xe0"
_ZIP = b"PK\x03\x04"


class Sheet(NamedTuple):
    """A header and the rows under it, each as wide as the header; blank rows are left out and counted."""

    name: str
    titles: tuple[str, ...]
    rows: list[RawRow]
    misfits: list[Found]
    """The rows that are too short or too long."""


def read_sheet(path: Path) -> Sheet:
    """Read a file of rows.

    Raises:
        Refused: it is missing, no file, too large, of no readable kind or encoding, or empty.
    """
    data = _bytes(path)
    if data.startswith(_OLD_EXCEL):
        raise Refused.one(path.name, "is a workbook of the old format or has a password.", "Save it as .xlsx or CSV.")
    lines = _workbook_lines(data, path.name) if data.startswith(_ZIP) else _text_lines(data, path.name)
    return _sheet(path.name, lines)


def _bytes(path: Path) -> bytes:
    try:
        if path.stat().st_size > LARGEST:
            raise Refused.one(path.name, f"is larger than {LARGEST // 1_000_000} MB.", "Import it in parts.")
        data = path.read_bytes()
    except FileNotFoundError:
        raise Refused.one(str(path), "does not exist.", "Correct the path.") from None
    except (OSError, ValueError) as error:
        reason = "it is a folder" if isinstance(error, IsADirectoryError) else getattr(error, "strerror", None) or error
        raise Refused.one(str(path), f"cannot be read: {reason}.", "Name a CSV or XLSX file.") from None
    if not data.strip(b"\x00\r\n\t ;,\xef\xbb\xbf"):
        raise Refused.one(path.name, "is empty.", "Export it again; `acredita import --template` writes an example.")
    return data


Line = tuple[int, list[str | date], bool]
"""A row's number, its cells, and whether a wrong width is a fault: a spreadsheet leaves out empty cells at the end."""


def _sheet(name: str, lines: Iterable[Line]) -> Sheet:
    found = iter(lines)
    header = next(found, None)
    if header is None:
        raise Refused.one(name, "has no row.", "Export it again; `acredita import --template` writes an example.")
    titles = [str(cell).replace("\x00", "") for cell in header[1]]
    while titles and not titles[-1].strip() and not header[2]:
        titles.pop()
    rows: list[RawRow] = []
    misfits: list[Found] = []
    for number, cells, strict in found:
        fitted = _fitted(cells, len(titles), strict=strict)
        if fitted is None:
            what = f"has {len(cells)} cells, the header {len(titles)}."
            remedy = "Put a cell with the separator in it between quotes, or fill the row up."
            misfits.append((number, Problem(f"{name} row {number}", what, remedy)))
            continue
        rows.append((number, fitted))
    return Sheet(name, tuple(titles), rows, misfits)


def _fitted(cells: list[str | date], width: int, *, strict: bool) -> Sequence[str | date] | None:
    if len(cells) == width:
        return cells
    if strict or any(cells[width:]):
        return None
    return [*cells[:width], *[""] * (width - len(cells))]


def _text_lines(data: bytes, name: str) -> Iterator[Line]:
    text = _decoded(data, name).replace("\x00", "")
    first, _, rest = text.partition("\n")
    if first.strip().lower().startswith("sep=") and len(first.strip()) <= len("sep=,"):
        # Excel's own hint, which it does not count as a row.
        text = rest
    separator = max(SEPARATORS, key=lambda each: _sense(text, each))
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    number = 0
    try:
        for number, cells in enumerate(reader, 1):
            if any(cell.strip() for cell in cells):
                yield number, list(cells), True
    except csv.Error as error:
        place = f"{name} row {number + 1}"
        remedy = 'Close every quote, and write a quote inside a cell as "".'
        raise Refused.one(place, f"is no CSV: {error}.", remedy) from None


def _decoded(data: bytes, name: str) -> str:
    mark = next((encoding for mark, encoding in _MARKS if data.startswith(mark)), None)
    for encoding in (mark,) if mark else ("utf-8", "cp1252"):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError as error:
            place, found = error.start, data[error.start]
    what = f"is no text in {mark or 'UTF-8 or Windows-1252'}: byte {found:#04x} at {place}."
    raise Refused.one(name, what, "Save it as CSV UTF-8 or XLSX.")


def _sense(text: str, separator: str) -> tuple[int, int]:
    try:
        titles = next(csv.reader(io.StringIO(text, newline=""), delimiter=separator), [])
    except csv.Error:
        return 0, 0
    return recognised(titles), len(titles)


def _workbook_lines(data: bytes, name: str) -> list[Line]:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as parts:
            size = sum(part.file_size for part in parts.infolist())
        if size <= LARGEST_UNPACKED:
            return _cells(data)
    except Exception as error:  # noqa: BLE001 - a broken workbook fails in a hundred ways inside the reader
        what = f"is no readable workbook ({type(error).__name__})."
        raise Refused.one(name, what, "Open it in a spreadsheet and save it as .xlsx or CSV.") from None
    raise Refused.one(name, f"unpacks to more than {LARGEST_UNPACKED // 1_000_000} MB.", "Import it in parts.")


def _cells(data: bytes) -> list[Line]:
    import openpyxl

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # styles and extensions that it does not know, and we do not read
        book = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=True)
        try:
            sheet = book.worksheets[0]
            sheet.reset_dimensions()
            lines = ([_cell(value) for value in values] for values in sheet.iter_rows(values_only=True))
            return [(number, cells, False) for number, cells in enumerate(lines, 1) if any(map(_filled, cells))]
        finally:
            book.close()


def _filled(cell: str | date) -> bool:
    return bool(cell.strip()) if isinstance(cell, str) else True


def _cell(value: Any) -> str | date:
    """Return a workbook's cell as text, or as the date that it is."""
    match value:
        case None:
            return ""
        case datetime():
            return value.date()
        case date():
            return value
        case float() if value.is_integer():
            return str(int(value))
        case _:
            return str(value)
