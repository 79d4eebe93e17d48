from tenants.registry import find_tenant, get_tenant


async def test_a_tenant_is_made_with_its_settings_and_listed(cli, database):
    made = await cli(
        "tenant",
        "create",
        "tokyo",
        "--name",
        "東京",
        "--zone",
        "Asia/Tokyo",
        "--currency",
        "JPY",
        "--locale",
        "zh",
    )
    assert made.code == 0, made.err
    tenant = await get_tenant(database, "tokyo")
    assert (tenant.name, tenant.zone, tenant.currency, tenant.locale) == ("東京", "Asia/Tokyo", "JPY", "zh")
    listed = await cli("tenant", "list")
    assert "tokyo\tactive\tAsia/Tokyo\tJPY\tzh\t東京" in listed.out.splitlines()


async def test_a_tenant_starts_with_the_built_in_kpis(cli):
    await cli("tenant", "create", "fresh")
    listed = await cli("kpis", "--tenant", "fresh")
    keys = [line.split("\t")[0] for line in listed.out.splitlines()]
    assert {"contacts_offered", "csat", "csat_mean", "aht", "fcr", "abandonment_rate"} <= set(keys)
    assert keys == sorted(keys)


async def test_the_same_slug_twice_is_refused(cli):
    assert (await cli("tenant", "create", "twice")).code == 0
    again = await cli("tenant", "create", "twice", "--zone", "Asia/Tokyo")
    assert again.code == 1
    assert "TENANT_EXISTS" in again.err


async def test_what_cannot_be_is_refused_and_makes_nothing(cli, database):
    for arguments, code in [
        (("Bad Name",), "SLUG_INVALID"),
        (("nowhere", "--zone", "Mars/Olympus"), "ZONE_UNKNOWN"),
        (("poor", "--currency", "XXL"), "CURRENCY_UNKNOWN"),
        (("mute", "--locale", "fr"), "LOCALE_UNKNOWN"),
        (("loud", "--name", "Red\x1b[31m"), "TENANT_NAME_INVALID"),
        (("two-lines", "--name", "One\nTwo"), "TENANT_NAME_INVALID"),
        (("blank", "--name", "  "), "TENANT_NAME_INVALID"),
        (("long", "--name", "n" * 201), "TENANT_NAME_INVALID"),
    ]:
        refused = await cli("tenant", "create", *arguments)
        assert (refused.code, refused.out) == (1, "")
        assert code in refused.err
        assert await find_tenant(database, arguments[0]) is None


async def test_a_tenant_is_suspended_and_resumed(cli, database):
    assert (await cli("tenant", "suspend", "acme")).code == 0
    assert (await get_tenant(database, "acme")).status == "suspended"
    assert (await cli("tenant", "resume", "acme")).code == 0
    assert (await get_tenant(database, "acme")).status == "active"


async def test_dropping_asks_first_and_touches_nobody_else(cli, database):
    await cli("tenant", "create", "brief")
    unsure = await cli("tenant", "drop", "brief")
    assert unsure.code == 1
    assert "--yes" in unsure.err
    assert await find_tenant(database, "brief") is not None
    assert (await cli("tenant", "drop", "brief", "--yes")).code == 0
    assert await find_tenant(database, "brief") is None
    assert await find_tenant(database, "globex") is not None
    assert (await cli("tenant", "create", "brief")).code == 0


async def test_a_tenant_that_is_not_there_is_said_so(cli):
    for arguments in (("suspend", "nobody"), ("resume", "nobody"), ("drop", "nobody", "--yes")):
        refused = await cli("tenant", *arguments)
        assert refused.code == 1
        assert "TENANT_NOT_FOUND" in refused.err


async def test_migrating_again_changes_nothing(cli):
    done = await cli("migrate")
    assert done.code == 0
    assert "0 tenants migrated, 0 failed" in done.err


async def test_spares_are_kept_and_a_new_tenant_takes_one(cli, database):
    assert (await cli("tenant", "spares", "2")).code == 0
    again = await cli("tenant", "spares", "2")
    assert (again.code, "0 are new" in again.err) == (0, True)
    listed = (await cli("tenant", "list")).out
    made = await cli("tenant", "create", "quick", "--zone", "Asia/Tokyo")
    assert made.code == 0, made.err
    tenant = await get_tenant(database, "quick")
    assert (tenant.zone, tenant.status) == ("Asia/Tokyo", "active")
    assert len((await cli("kpis", "--tenant", "quick")).out.splitlines()) > 50
    assert len((await cli("tenant", "list")).out.splitlines()) == len(listed.splitlines()) + 1
    one_left = await cli("tenant", "spares", "2")
    assert "1 are new" in one_left.err
    assert (await cli("tenant", "spares", "-1")).code == 2
    assert (await cli("tenant", "spares", "0")).code == 0
