"""What every part of a policy is made of: codes, spans, names in every language."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from models.rules.words import Language

Code = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
Days = Annotated[int, Field(ge=0, le=3650)]
Months = Annotated[int, Field(ge=1, le=240)]


class Data(BaseModel):
    """A frozen table of a program's folder; a name that it does not know is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Label(Data):
    """A name in every language that mail is written in."""

    es_MX: Annotated[str, Field(min_length=1)]  # noqa: N815 - the locale's own spelling
    en: Annotated[str, Field(min_length=1)]

    def text(self, language: Language) -> str:
        """Return the name in one language."""
        return self.es_MX if language is Language.ES_MX else self.en
