"""Agencies, people, and who is in which post from when until when."""

from datetime import date, datetime

from sqlalchemy import CheckConstraint, Index, text
from sqlmodel import Field, SQLModel

from models.rules.words import Language, Post, Undeliverable
from models.tables.columns import choice, key, now


class Agency(SQLModel, table=True):
    """Who is accredited, and where: its zone decides which day it is there."""

    id: int | None = Field(default=None, primary_key=True)
    code: str = Field(unique=True)
    name: str
    kind: str
    entity: str
    municipality: str | None = None
    government: str | None = None
    staff: int | None = None
    """How many work there, where that is known: fees are by it."""
    region: str = Field(index=True)
    time_zone: str
    recorded_at: datetime = Field(default_factory=now)


class Person(SQLModel, table=True):
    """Who is written to. Given names and two surnames are three fields and never split."""

    __table_args__ = (
        CheckConstraint("deputy_id <> id", name="not_own_deputy"),
        CheckConstraint("(undeliverable_since IS NULL) = (undeliverable_by IS NULL)", name="undeliverable_given"),
    )
    id: int | None = Field(default=None, primary_key=True)
    code: str = Field(unique=True)
    given_names: str
    surname: str
    second_surname: str | None = None
    email: str = Field(index=True)
    language: Language = choice(Language, "language")
    time_zone: str
    deputy_id: int | None = key("person.id", nullable=True)
    undeliverable_since: date | None = None
    """Since when the provider says that the address cannot be reached; a new address ends it."""
    undeliverable_by: Undeliverable | None = choice(Undeliverable, "undeliverable_by", nullable=True)
    recorded_at: datetime = Field(default_factory=now)


class Assignment(SQLModel, table=True):
    """Somebody in a post from a day, until a day or for good: of an enrollment, agency or region, or the program's."""

    __table_args__ = (
        CheckConstraint(
            "CASE WHEN post IN ('sme_1', 'sme_2')"
            " THEN enrollment_id IS NOT NULL AND agency_id IS NULL AND region IS NULL"
            " WHEN post IN ('accreditation_manager', 'head')"
            " THEN enrollment_id IS NULL AND agency_id IS NOT NULL AND region IS NULL"
            " WHEN post = 'regional_manager' THEN enrollment_id IS NULL AND agency_id IS NULL AND region IS NOT NULL"
            " ELSE enrollment_id IS NULL AND agency_id IS NULL AND region IS NULL END",
            name="scope",
        ),
        CheckConstraint("until IS NULL OR until >= since", name="order"),
        # Partial, so that none serves the search for another's: a region's few seats stand among millions of others.
        *(
            Index(f"ix_assignment_{name}", column, sqlite_where=text(where), postgresql_where=text(where))
            for name, column, where in (
                ("enrollment", "enrollment_id", "enrollment_id IS NOT NULL"),
                ("agency", "agency_id", "agency_id IS NOT NULL"),
                ("wide", "post", "enrollment_id IS NULL AND agency_id IS NULL"),
            )
        ),
    )
    id: int | None = Field(default=None, primary_key=True)
    person_id: int = key("person.id", index=True)
    post: Post = choice(Post, "post")
    enrollment_id: int | None = key("enrollment.id", nullable=True)
    agency_id: int | None = key("agency.id", nullable=True)
    region: str | None = None
    since: date
    until: date | None = None
    recorded_at: datetime = Field(default_factory=now)


class FormerTenure(SQLModel, table=True):
    """From when until when somebody was thought to be in a post, until it was recorded otherwise.

    A past day is rebuilt with what it knew: the first of these that was replaced after it.
    """

    __tablename__ = "former_tenure"
    id: int | None = Field(default=None, primary_key=True)
    assignment_id: int = key("assignment.id", index=True)
    since: date
    until: date | None = None
    replaced_at: datetime = Field(default_factory=now)
