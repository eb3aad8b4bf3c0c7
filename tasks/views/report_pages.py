"""A report's indicators in Prefect's UI, and where its files are."""

from __future__ import annotations

from prefect import task
from prefect.artifacts import create_markdown_artifact
from prefect.cache_policies import NO_CACHE

from models.rules.words import Language
from tasks.reports import naming
from tasks.reports.publishing import Published
from tasks.reports.wording import Wording

QUARTERLY_KEY = "quarterly-report"


@task(task_run_name="show the indicators", cache_policy=NO_CACHE, persist_result=False)
def publish_indicators(done: Published) -> None:
    """Draw a quarter's indicators as an artifact, in English as the UI is."""
    say, found = Wording(Language.EN), done.found
    about = say("q_about", as_of=found.sight.as_of, known_on=found.sight.known_on)
    lines = [
        f"# {say('q_title')} {done.name}", "", f"{about} {say('q_due', due=found.due_on)}", "",
        "| indicator | baseline | target | actual | difference | risk |", "| --- | ---: | ---: | ---: | ---: | --- |",
        *(
            f"| {each.indicator.name.en} | {naming.amount(each, each.indicator.baseline.value, say)} "
            f"| {naming.amount(each, each.target, say)} | {naming.amount(each, each.actual.value, say)} "
            f"| {naming.amount(each, each.variance, say, signed=True)} | {say(f'level_{each.level}')} |"
            for each in found.indicators
        ),
        "", f"`{done.folder}`", *done.files.without,
    ]
    create_markdown_artifact(
        key=QUARTERLY_KEY, markdown="\n".join(lines), description=f"{say('q_title')} {done.name}"
    )
