"""What people type into a run form. Prefect keeps it in clear: codes, dates and numbers only, never a name."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

EnrollmentCode = Annotated[
    str, Field(pattern=r"^[^/\s]+(/[a-z0-9_]+(/[1-9])?)?$", max_length=100, examples=["JAL-ACA-01/academy"])
]
PersonCode = Annotated[str, Field(pattern=r"^\S+$", max_length=60, examples=["SME-01"])]
Reference = Annotated[str, Field(pattern=r"^[\w./:#-]*$", max_length=80, examples=["ACTA-2023-014"])]
Months = Annotated[int, Field(ge=1, le=120)]
Count = Annotated[int, Field(ge=0, le=10_000)]
FilePath = Annotated[
    str, Field(pattern=r"^/[^\x00-\x1f]*\.(csv|CSV|xlsx|XLSX)$", max_length=300, examples=["/srv/in/roster.csv"])
]
