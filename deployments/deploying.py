"""`acredita deploy` and `acredita alarms`: what a Prefect server knows is brought to what the files here say.

Both are idempotent: as often as one likes, in any order, on a server that has an older version of everything.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

import yaml
from prefect.automations import AutomationCore
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterTags
from prefect.client.schemas.responses import DeploymentResponse
from prefect.events.schemas.automations import Automation
from prefect.exceptions import ObjectNotFound
from prefect.settings import PREFECT_API_URL

from deployments.served import PREFECT_FILE, Deployed, defined, deployment_of
from models.rules.alarms import WORDS, Alarm
from models.rules.case import Program
from models.rules.errors import Refused
from models.rules.words import Language
from models.settings import settings
from tasks.retention import TAG

ALARMS_FILE = Path(__file__).with_name("alarms.yaml")
PREFIX, RAISER = "acredita: ", "raise an alarm/alarm"
MOST_DEPLOYMENTS = 200


class Brought(NamedTuple):
    """What a deploy came to."""

    deployments: int
    schedules: int
    removed: int
    alarms: int

    def __str__(self) -> str:
        """Return it as a sentence."""
        return (
            f"{self.deployments} deployments with {self.schedules} schedules and {self.alarms} alarms are up to date; "
            f"{self.removed} that are no longer defined were removed"
        )


def deploy(program: Program, file: Path = PREFECT_FILE) -> Brought:
    """Register every deployment for the workers of its pool, with the program's zone and choices, and set the alarms.

    What the server has beyond the file (a deployment, a schedule) is removed: it would go on running.
    """
    wanted = defined(file)
    with server() as client:
        for pool in sorted({each.pool for each in wanted}):
            _make_pool(client, pool)
    for each in wanted:
        deployment_of(each, program, for_workers=True).apply()
    removed = forget_the_rest(wanted)
    return Brought(len(wanted), sum(len(each.ticks) for each in wanted), removed, set_alarms())


def server() -> SyncPrefectClient:
    """Return a client of the Prefect server that PREFECT_API_URL names.

    Raises:
        Refused: it names none.
    """
    if PREFECT_API_URL.value() is None:
        remedy = "Set it to the server's, such as http://127.0.0.1:4200/api."
        raise Refused.one("PREFECT_API_URL", "is not set: no Prefect server is named.", remedy)
    return get_client(sync_client=True)


def _make_pool(client: SyncPrefectClient, name: str) -> None:
    try:
        client.read_work_pool(name)
    except ObjectNotFound:
        client.create_work_pool(WorkPoolCreate(name=name, type="process"))


def forget_the_rest(defined: Collection[Deployed]) -> int:
    """Remove deployments and schedules that the server has and the file has not; return how many."""
    wanted = {(each.flow.name, each.name): {tick.slug for tick in each.ticks} for each in defined}
    removed = 0
    with server() as client:
        mine = DeploymentFilter(tags=DeploymentFilterTags(all_=[TAG]))
        for found in client.read_deployments(deployment_filter=mine, limit=MOST_DEPLOYMENTS):
            key = client.read_flow(found.flow_id).name, found.name
            if key not in wanted:
                client.delete_deployment(found.id)
                removed += 1
                continue
            for schedule_id in _surplus(found, wanted[key]):
                client.delete_deployment_schedule(found.id, schedule_id)
                removed += 1
    return removed


def _surplus(found: DeploymentResponse, slugs: Collection[str]) -> Iterator[UUID]:
    return (schedule.id for schedule in found.schedules if schedule.slug not in slugs)


def set_alarms(file: Path = ALARMS_FILE) -> int:
    """Create or update every automation of alarms.yaml, and remove those that it no longer has; return how many.

    Raises:
        Refused: the deployment that raises alarms is not there yet, or the notification block is none.
    """
    document = yaml.safe_load(file.read_text(encoding="utf-8"))
    with server() as client:
        wanted = [_automation(client, entry) for entry in document["automations"]]
        there = {found.name: found for found in client.read_automations() if found.name.startswith(PREFIX)}
        for automation in wanted:
            found = there.pop(automation.name, None)
            if found is None:
                client.create_automation(automation)
            elif not _says_the_same(found, automation):
                client.update_automation(found.id, automation)
        for surplus in there.values():
            client.delete_automation(surplus.id)
    return len(wanted)


def _says_the_same(found: Automation, wanted: AutomationCore) -> bool:
    """Whether an update can be left out. It must be: it forgets the runs whose silence is being waited for."""
    return found.model_dump(include=set(AutomationCore.model_fields)) == wanted.model_dump()


def _automation(client: SyncPrefectClient, entry: dict[str, Any]) -> AutomationCore:
    told = _told(client, Alarm(entry["alarm"])) if "alarm" in entry else Told(entry["description"], [])
    return AutomationCore.model_validate({
        "name": entry["name"], "description": told.description, "enabled": True, "trigger": entry["trigger"],
        "actions": [*entry.get("actions", []), *told.actions],
    })


class Told(NamedTuple):
    """What people are told of an automation, and the actions by which they are told when it rings."""

    description: str
    actions: list[dict[str, Any]]


def _told(client: SyncPrefectClient, alarm: Alarm) -> Told:
    words = WORDS[alarm][Language.EN]
    # Alarms of our own are about no run.
    run = "" if alarm in {Alarm.OLD_QUEUE, Alarm.OPEN_CIRCUIT} else "{{ flow_run.name }}"
    raised = {
        "type": "run-deployment", "source": "selected", "deployment_id": str(_raiser_id(client)),
        "parameters": {"alarm": str(alarm), "run": {"__prefect_kind": "jinja", "template": run} if run else ""},
    }
    actions: list[dict[str, Any]] = [raised]
    block = _block_id(client, settings().alarm_block)
    if block is not None:
        help_ = f"{settings().operations_url}#{alarm}"
        body = "\n\n".join(part for part in (words.what, run, words.remedy, help_) if part)
        notified = {"type": "send-notification", "block_document_id": str(block), "subject": f"[acredita] {alarm}"}
        actions.append(notified | {"body": body})
    return Told(f"{words.what} {words.remedy}", actions)


def _raiser_id(client: SyncPrefectClient) -> UUID:
    try:
        return client.read_deployment_by_name(RAISER).id
    except ObjectNotFound:
        raise Refused.one("alarms", f'"{RAISER}" is not deployed.', "Run `acredita deploy` or `acredita up`.") from None


def _block_id(client: SyncPrefectClient, slug: str) -> UUID | None:
    if not slug:
        return None
    kind, _, name = slug.partition("/")
    try:
        return client.read_block_document_by_name(name, kind).id
    except ObjectNotFound:
        remedy = "Create it under Blocks in the UI; the name is KIND/NAME, such as slack-webhook/operators."
        raise Refused.one("ACREDITA_ALARM_BLOCK", f'no block is called "{slug}".', remedy) from None
