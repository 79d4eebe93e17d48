"""Agents, customers and interactions of a story as rows, in the order of the generator's layouts."""

from __future__ import annotations

import json
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from backend.demo.arrivals import SEGMENTS
from backend.demo.labels import Labels, Row, whole, yes_or_no
from backend.demo.regard import MODELS
from backend.demo.rhythm import CHANNELS, Integers


def agent_rows(labels: Labels) -> list[Row]:
    teams = {team.key: team.name for team in labels.world.teams}
    return [(agent.key, agent.name, agent.team, teams[agent.team], True) for agent in labels.world.agents]


def customer_rows(labels: Labels) -> list[Row]:
    """Those who asked something; a name follows from the number, so that it needs no draw of its own."""
    customers, regard = labels.story.customers, labels.story.regard
    joined, lost = labels.days(regard.joined), labels.days(regard.lost)
    rows = []
    for number in np.unique(labels.story.arrivals.customer).tolist():
        language = labels.world.languages[customers.language[number]]
        name = language.pattern.format(
            family=language.family_names[number % len(language.family_names)],
            given=language.given_names[number // 7 % len(language.given_names)],
        )
        here = joined[number], lost[number], bool(regard.flagged[number])
        rows.append((labels.customers[number], name, SEGMENTS[customers.segment[number]], *here))
    return rows


def interaction_rows(labels: Labels) -> list[Row]:
    story, world, a, o = labels.story, labels.world, labels.story.arrivals, labels.story.outcomes
    everyone = np.arange(a.started.size)
    moments = [
        labels.moments(values, everyone)
        for values in (a.started, o.queued, o.accepted, o.first_response, o.resolved, o.closed)
    ]
    _, _, accepted, _, resolved_at, closed = moments
    call = a.channel == CHANNELS.index("call")
    talk = np.where(call, o.work, np.nan)
    handle = o.work + np.nan_to_num(o.hold) + np.nan_to_num(o.wrap_up)
    done = ~np.isnan(o.closed) & (o.closed < story.end)
    resolved = [
        True if at else False if hit else None
        for at, hit in zip(resolved_at, (o.failed & done).tolist(), strict=True)
    ]
    alone = (~story.returned & (story.first == everyone) & (o.transfers == 0) & (o.reopens == 0)).tolist()
    first_contact = [None if yes is None else yes and only for yes, only in zip(resolved, alone, strict=True)]
    bought = set(story.orders.contact[story.orders.advised].tolist())
    sells = np.array([issue.sells for issue in world.issues])[a.issue] > 0
    converted = [
        place in bought if hit else None for place, hit in enumerate((sells & (o.agent >= 0)).tolist())
    ]
    teams = [(team.key, team.name) for team in world.teams]
    issues = [(issue.key, issue.name) for issue in world.issues]
    products = [(product.key, product.name) for product in world.products]
    queues = [
        (f"{channel}_{team.key}", f"{team.name}: {channel}") for team in world.teams for channel in CHANNELS
    ]
    of_bot = (a.channel == CHANNELS.index("bot")).tolist()
    queue = [
        None if bot else queues[number]
        for bot, number in zip(of_bot, (a.team * len(CHANNELS) + a.channel).tolist(), strict=True)
    ]
    regions = [json.dumps({"region": name}) for name in world.regions]
    sentiment = whole(np.where(_present(accepted), story.regard.sentiment, np.nan))
    segment = [SEGMENTS[number] for number in story.customers.segment[a.customer].tolist()]
    return list(
        zip(
            labels.contacts,
            [CHANNELS[number] for number in a.channel.tolist()],
            *moments,
            whole(np.where(_present(accepted), handle, np.nan)),
            *[
                whole(np.where(_present(closed), values, np.nan))
                for values in (talk, o.hold, o.wrap_up, o.silence)
            ],
            _unless(call, o.customer_messages),
            _unless(call, o.agent_messages),
            _unless(call, o.bot_messages),
            o.reopens.tolist(),
            o.transfers.tolist(),
            [at is not None for at in accepted],
            (o.abandoned & done).tolist(),
            resolved,
            first_contact,
            o.escalated.tolist(),
            converted,
            [
                labels.agents[number] if at and number >= 0 else None
                for at, number in zip(accepted, o.agent.tolist(), strict=True)
            ],
            *_pairs(
                [None if bot else teams[number] for bot, number in zip(of_bot, a.team.tolist(), strict=True)]
            ),
            *_pairs(queue),
            [labels.customers[number] for number in a.customer.tolist()],
            *_pairs([issues[number] for number in a.issue.tolist()]),
            *_pairs([products[number] for number in a.product.tolist()]),
            a.version.tolist(),
            [
                "high" if name == "vip" or urgent else "normal"
                for name, urgent in zip(segment, o.escalated.tolist(), strict=True)
            ],
            [world.languages[number].key for number in story.customers.language[a.customer].tolist()],
            segment,
            [labels.contacts[place] for place in story.first.tolist()],
            sentiment,
            [
                None if judged is None else MODELS[channel]
                for judged, channel in zip(sentiment, a.channel.tolist(), strict=True)
            ],
            [
                yes_or_no(value) if at else None
                for at, value in zip(accepted, story.regard.at_risk.tolist(), strict=True)
            ],
            story.exclusion,
            [regions[number % len(regions)] for number in a.customer.tolist()],
            strict=True,
        )
    )


def _present(moments: list[datetime | None]) -> NDArray[np.bool_]:
    return np.array([moment is not None for moment in moments])


def _unless(hidden: NDArray[np.bool_], counts: Integers) -> list[int | None]:
    return [None if hide else count for hide, count in zip(hidden.tolist(), counts.tolist(), strict=True)]


def _pairs(
    named: list[tuple[str, str] | None] | list[tuple[str, str]],
) -> tuple[list[str | None], list[str | None]]:
    """Key and name columns of (key, name) pairs."""
    return [pair[0] if pair else None for pair in named], [pair[1] if pair else None for pair in named]
