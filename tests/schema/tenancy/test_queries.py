"""Who am I, and where."""

from __future__ import annotations

from tests.schema.desk import Desk


async def test_a_viewer_learns_who_they_are_and_where(desk: Desk) -> None:
    data = await desk.data(
        "{ viewer { subject role agent scopes expiresAt } tenant { slug name zone currency locale } }"
    )
    assert data["viewer"] == {
        "subject": "manager@acme",
        "role": "MANAGER",
        "agent": None,
        "scopes": [],
        "expiresAt": "2026-03-03T00:00:00+00:00",
    }
    assert data["tenant"] == {
        "slug": "acme",
        "name": "Acme",
        "zone": "UTC",
        "currency": "USD",
        "locale": "en",
    }


async def test_a_partner_sees_its_scopes(desk: Desk) -> None:
    token = await desk.token("partner", scopes=("kpi:read",))
    data = await desk.data("{ viewer { role scopes } }", token=token)
    assert data["viewer"] == {"role": "PARTNER", "scopes": ["kpi:read"]}
