"""Pictures in a data URI: the one form in which Prefect's UI draws them inside Markdown. Small charts are SVG."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from typing import NamedTuple
from xml.sax.saxutils import escape

from models.rules.words import Risk
from tasks.plots.palette import OF_RISK

_LABEL, _BARS, _DIGIT, _ROW, _TOP = 240, 420, 9, 26, 34
_LONGEST = 30
_FONT = 'font-family="system-ui, sans-serif" font-size="13"'


class Bar(NamedTuple):
    """One row of a chart: its name, and how many of each risk."""

    name: str
    risks: dict[Risk, int]


def bars_by_risk(bars: Sequence[Bar], title: str) -> str:
    """Draw stacked bars as a Markdown image; its alternative text says the same in numbers."""
    most = max((sum(bar.risks.values()) for bar in bars), default=0) or 1
    # The longest bar has the longest number behind it: one that is cut off reads as a smaller one.
    width, height = _LABEL + _BARS + 16 + _DIGIT * len(f"{most:,}"), _TOP + _ROW * len(bars) + 8
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}">',
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>', *_legend(),
    ]
    for place, bar in enumerate(bars):
        parts += _row(bar, _TOP + place * _ROW, most)
    said = "; ".join(f"{bar.name} {sum(bar.risks.values())}" for bar in bars)
    return image("".join([*parts, "</svg>"]), f"{title}: {said}")


def image(drawing: str | bytes, alternative: str) -> str:
    """Return a drawing as a Markdown image: SVG as text, PNG as bytes."""
    kind, content = ("png", drawing) if isinstance(drawing, bytes) else ("svg+xml", drawing.encode())
    safe = "".join(letter for letter in alternative if letter not in "[]()\n")
    return f"![{safe}](data:image/{kind};base64,{b64encode(content).decode()})"


def _legend() -> list[str]:
    parts, x = [], _LABEL
    for risk, colour in OF_RISK.items():
        parts.append(f'<rect x="{x}" y="8" width="12" height="12" fill="{colour}"/>')
        parts.append(f'<text x="{x + 18}" y="19" {_FONT} fill="#333333">{risk.replace("_", " ")}</text>')
        x += 100
    return parts


def _row(bar: Bar, top: int, most: int) -> list[str]:
    name = bar.name if len(bar.name) <= _LONGEST else f"{bar.name[: _LONGEST - 1]}…"
    middle = top + _ROW - 10
    parts = [f'<text x="{_LABEL - 10}" y="{middle}" text-anchor="end" {_FONT} fill="#333333">{escape(name)}</text>']
    x: float = _LABEL
    for risk, colour in OF_RISK.items():
        wide = _BARS * bar.risks.get(risk, 0) / most
        if wide:
            parts.append(f'<rect x="{x:.1f}" y="{top + 3}" width="{wide:.1f}" height="{_ROW - 8}" fill="{colour}"/>')
        x += wide
    total = f"{sum(bar.risks.values()):,}" if sum(bar.risks.values()) else "·"
    return [*parts, f'<text x="{x + 8:.1f}" y="{middle}" {_FONT} fill="#333333">{total}</text>']
