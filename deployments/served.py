"""Every deployment, defined once: which flow, on which schedule, with which tags and choices."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from prefect import Flow
from prefect.client.schemas.objects import ConcurrencyLimitConfig, ConcurrencyLimitStrategy
from prefect.schedules import Cron
from prefect.types.entrypoint import EntrypointType

from flows.answers import hand_post_over, put_rule_off, settle_proposal
from flows.daily import daily_sweep
from flows.delivery import deliver_notices
from flows.operators import acknowledge_escalation, enroll_agency, record_milestone
from models.rules.case import Program

if TYPE_CHECKING:
    from prefect.deployments.runner import RunnerDeployment


class Deployed(NamedTuple):
    """One flow as it is deployed. `cron` is in the program's zone; None: started by people only."""

    flow: Flow[..., Any]
    name: str
    cron: str | None
    tags: tuple[str, ...]


DEPLOYED = (
    # After 03:00, so that no clock change skips or doubles it, and before anybody's working hours.
    Deployed(daily_sweep, "daily", "0 6 * * *", ("sweep",)),
    Deployed(deliver_notices, "every-10-minutes", "*/10 * * * *", ("mail",)),
    Deployed(record_milestone, "form", None, ("operator",)),
    Deployed(enroll_agency, "form", None, ("operator",)),
    Deployed(acknowledge_escalation, "form", None, ("operator",)),
    Deployed(put_rule_off, "form", None, ("operator",)),
    Deployed(hand_post_over, "form", None, ("operator",)),
    Deployed(settle_proposal, "form", None, ("operator",)),
)


def deployments(program: Program) -> list[RunnerDeployment]:
    """Return the deployments of a program, ready to be served."""
    return [_deployment(deployed, program) for deployed in DEPLOYED]


def _deployment(deployed: Deployed, program: Program) -> RunnerDeployment:
    schedules = []
    if deployed.cron is not None:
        schedules = [Cron(deployed.cron, timezone=program.policy.zone, slug=deployed.name)]
    deployment = deployed.flow.to_deployment(
        name=deployed.name,
        schedules=schedules,
        tags=["acredita", *deployed.tags],
        # A second run of the same tick has nothing to add: what it would find is being done.
        concurrency_limit=_one_at_a_time() if deployed.cron else None,
        entrypoint_type=EntrypointType.MODULE_PATH,
        enforce_parameter_schema=True,
    )
    assert not hasattr(deployment, "__await__"), "called outside an event loop"
    offer_choices(deployment, program)
    return deployment


def _one_at_a_time() -> ConcurrencyLimitConfig:
    return ConcurrencyLimitConfig(limit=1, collision_strategy=ConcurrencyLimitStrategy.CANCEL_NEW)


def offer_choices(deployment: RunnerDeployment, program: Program) -> None:
    """Turn the codes that the program defines into choices of the run form: a flow cannot know them."""
    policy = program.policy
    choices = {
        "milestone": sorted(policy.milestones),
        "track": sorted(policy.tracks),
        "rule": sorted(program.escalations),
        "about": sorted({**program.escalations, **program.reminders}),
        "reason": sorted(policy.answers.reasons),
    }
    properties = deployment._parameter_openapi_schema.properties  # noqa: SLF001 - Prefect has no public door to it
    for name, codes in choices.items():
        if name in properties:
            properties[name]["enum"] = codes
