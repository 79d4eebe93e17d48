"""SLA instances of tickets: how soon the first reply and the solution were promised, and when they came."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from backend.demo.answering import Outcomes
from backend.demo.arrivals import SEGMENTS, Arrivals, Customers
from backend.demo.rhythm import HOUR, TICKET, Floats, Integers

METRICS = ("first_response", "resolution")
POLICIES = ("Standard", "Gold")  # the latter for VIP customers
_TARGETS = np.array(((4.0, 72.0), (2.0, 36.0))) * HOUR  # by policy and metric


@dataclass(slots=True)
class Promises:
    """SLA instances as parallel columns; `metric` and `policy` are indexes, `achieved` is NaN while it is not."""

    contact: Integers
    metric: Integers
    policy: Integers
    target: Floats
    applied: Floats
    due: Floats
    achieved: Floats


def draw_promises(customers: Customers, arrivals: Arrivals, outcomes: Outcomes) -> Promises:
    """Both promises for each ticket, from its start; what they come to was drawn with the ticket."""
    tickets = np.flatnonzero(arrivals.channel == TICKET)
    contact = np.repeat(tickets, len(METRICS))
    metric = np.tile(np.arange(len(METRICS)), tickets.size)
    is_vip = customers.segment[arrivals.customer[contact]] == SEGMENTS.index("vip")
    policy = is_vip.astype(np.int64)
    target = _TARGETS[policy, metric]
    applied = arrivals.started[contact]
    came = np.where(metric == 0, outcomes.first_response[contact], outcomes.resolved[contact])
    return Promises(contact, metric, policy, target, applied, applied + target, came)
