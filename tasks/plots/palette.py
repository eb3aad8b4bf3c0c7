"""The colours of everything that is drawn: of the Okabe-Ito palette, told apart by every eye, and in grey on paper."""

from __future__ import annotations

from models.rules.words import Risk

INK, QUIET, PALE = "#222222", "#767676", "#e4e8ec"
BLUE, ORANGE, SKY = "#0072b2", "#d55e00", "#56b4e9"
OF_RISK = {Risk.ON_TRACK: BLUE, Risk.AT_RISK: "#e69f00", Risk.OVERDUE: "#b2182b"}
