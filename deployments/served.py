"""The deployments of prefect.yaml, with what only the program in force knows: its zone, and its codes as choices."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import yaml
from prefect import Flow
from prefect.client.schemas.objects import ConcurrencyLimitConfig
from prefect.schedules import Cron
from prefect.types.entrypoint import EntrypointType

from models.rules.case import Program

if TYPE_CHECKING:
    from prefect.deployments.runner import RunnerDeployment

PREFECT_FILE = Path(__file__).with_name("prefect.yaml")


class Tick(NamedTuple):
    """When a deployment looks at the data by itself."""

    slug: str
    cron: str
    timezone: str


class Deployed(NamedTuple):
    """One flow as it is deployed; without ticks it is started by people and alarms only."""

    flow: Flow[..., Any]
    name: str
    tags: tuple[str, ...]
    ticks: tuple[Tick, ...]
    concurrency_limit: dict[str, Any] | None
    pool: str

    @property
    def full_name(self) -> str:
        """Return the name by which Prefect knows it."""
        return f"{self.flow.name}/{self.name}"


@cache
def defined(file: Path = PREFECT_FILE) -> tuple[Deployed, ...]:
    """Return every deployment that prefect.yaml defines, in its order."""
    document = yaml.safe_load(file.read_text(encoding="utf-8"))
    return tuple(map(_deployed, document["deployments"]))


def _deployed(entry: dict[str, Any]) -> Deployed:
    module, _, name = entry["entrypoint"].rpartition(".")
    ticks = tuple(Tick(**schedule) for schedule in entry["schedules"])
    return Deployed(
        getattr(import_module(module), name), entry["name"], tuple(entry["tags"]), ticks,
        entry.get("concurrency_limit"), entry["work_pool"]["name"],
    )


def deployments(program: Program) -> list[RunnerDeployment]:
    """Return the deployments of a program, ready to be served by this process."""
    return [deployment_of(deployed, program) for deployed in defined()]


def deployment_of(deployed: Deployed, program: Program, *, for_workers: bool = False) -> RunnerDeployment:
    """Return one deployment of a program, to be served by this process or applied for the workers of its pool."""
    limit = deployed.concurrency_limit
    deployment = deployed.flow.to_deployment(
        name=deployed.name,
        schedules=[Cron(tick.cron, timezone=program.policy.zone, slug=tick.slug) for tick in deployed.ticks],
        tags=list(deployed.tags),
        concurrency_limit=ConcurrencyLimitConfig(**limit) if limit else None,
        work_pool_name=deployed.pool if for_workers else None,
        entrypoint_type=EntrypointType.MODULE_PATH,
        enforce_parameter_schema=True,
    )
    assert not hasattr(deployment, "__await__"), "called outside an event loop"
    offer_choices(deployment, program)
    return deployment


def offer_choices(deployment: RunnerDeployment, program: Program) -> None:
    """Turn the codes that the program defines into choices of the run form: a flow cannot know them."""
    policy = program.policy
    choices = {
        "milestone": sorted(policy.milestones),
        "right_milestone": sorted(policy.milestones),
        "track": sorted(policy.tracks),
        "rule": sorted(program.escalations),
        "about": sorted({**program.escalations, **program.reminding}),
        "reason": sorted(policy.answers.reasons),
        "because": sorted(policy.reasons),
    }
    properties = deployment._parameter_openapi_schema.properties  # noqa: SLF001 - Prefect has no public door to it
    for name, codes in choices.items():
        if name in properties:
            properties[name]["enum"] = codes
