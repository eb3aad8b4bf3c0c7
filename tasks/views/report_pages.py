"""What reports say in Prefect's UI: a quarter's indicators, the week in pictures, and where the files of both are."""

from __future__ import annotations

from prefect import task
from prefect.artifacts import create_markdown_artifact
from prefect.cache_policies import NO_CACHE

from models.rules.words import Language
from tasks.plots.style import PAGE, Frame
from tasks.reports import naming
from tasks.reports.publishing import Published, PublishedWeek
from tasks.reports.weekly_page import about_course, pictures
from tasks.reports.wording import Wording
from tasks.views.artifacts import PORTFOLIO_KEY, WEEK_KEY
from tasks.views.charts import image
from tasks.views.links import artifact_url

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


@task(task_run_name="draw the week", cache_policy=NO_CACHE, persist_result=False)
def publish_week(done: PublishedWeek) -> None:
    """Draw the director's week as an artifact: awards against the target, stages, risk by region, windows."""
    say, found = Wording(Language.EN), done.found
    told = [
        f"**{found.sight.as_of}**", f"{len(found.seen.open)} open", f"{len(found.missing)} {say('tile_miss')}",
        *([f"{len(found.reaching)} can make the conference of {found.conference}"] if found.conference else []),
        f"{len(found.vacant)} {say('tile_vacant')}",
    ]
    label = [say("demo"), ""] if found.is_demo else []
    lines = [f"# {say('w_title')}", "", *label, " · ".join(told), "", about_course(found, say)]
    for title, picture in pictures(found, say):
        files = picture.drawn(Frame(PAGE, say), ["png"])
        lines += ["", f"## {title}", "", image(files["png"], picture.alternative) if files else picture.alternative]
    lines += [
        "", say("w_artifact", on=found.sight.as_of, folder=done.folder), *done.files.without, "",
        f"[The portfolio of the day]({artifact_url(PORTFOLIO_KEY)})",
    ]
    create_markdown_artifact(
        key=WEEK_KEY, markdown="\n".join(lines), description=f"{say('w_title')}, {found.sight.as_of}"
    )
