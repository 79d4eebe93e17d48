"""Settings come from the environment, are checked, and are all written down in README."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from backend.core.errors import Invalid
from backend.core.settings import PREFIX, Settings

README = Path(__file__).resolve().parents[3] / "README.md"


def test_unset_and_empty_variables_leave_the_default() -> None:
    assert Settings.from_environment({}) == Settings.from_environment({"SCOREDESK_PORT": " "}) == Settings()


def test_text_becomes_the_field_s_type() -> None:
    settings = Settings.from_environment(
        {"SCOREDESK_PORT": "9001", "SCOREDESK_DEV": "1", "SCOREDESK_HOME": "~/x"}
    )
    assert (settings.port, settings.dev) == (9001, True)
    assert settings.home_path == Path("~/x").expanduser().resolve()


@pytest.mark.parametrize(
    ("name", "value"), [("PORT", "seventy"), ("PORT", "70000"), ("JWT_ALGORITHM", "none"), ("POOL_SIZE", "0")]
)
def test_a_wrong_value_names_its_variable(name: str, value: str) -> None:
    with pytest.raises(Invalid, match=PREFIX + name):
        Settings.from_environment({PREFIX + name: value})


def test_every_setting_is_a_row_of_the_readme() -> None:
    text = README.read_text(encoding="utf-8")
    missing = [f.name for f in msgspec.structs.fields(Settings) if f"`{PREFIX}{f.name.upper()}`" not in text]
    assert missing == []


@pytest.mark.parametrize("name", ["DATABASE_URL", "ADMIN_DATABASE_URL", "LISTEN_DATABASE_URL"])
@pytest.mark.parametrize(
    "address",
    [
        "mysql://ann:sesame@here/x",
        "postgresql://ann:sesame@127.0.0.1:abc/x",
        "postgresql://ann:sesame@here:70000/x",
        "postgresql://ann:sesame@[::1]:x/x",
        "postgresql://ann:sesame@one:5432,two:b/x",
        "postgresql://ann:sesame@/x?host=/tmp&port=abc",
        "postgresql://ann:[sesame@here/x",
    ],
)
def test_an_address_that_is_none_names_its_variable_and_no_password(name: str, address: str) -> None:
    with pytest.raises(Invalid, match=f"^{PREFIX}{name} ") as refusal:
        Settings.from_environment({PREFIX + name: address})
    assert refusal.value.code == "SETTING_INVALID"
    assert "sesame" not in refusal.value.message


@pytest.mark.parametrize(
    "address",
    [
        "postgresql:///x",
        "postgres://ann@here/x",
        "postgresql+asyncpg://ann:p:1@here:5432/x?sslmode=require",
        "postgresql://ann@[::1]:5432/x",
        "postgresql://ann@one:5432,two:5433/x",
        "postgresql://ann@%2Ftmp%2Fsocket/x",
        "postgresql://ann@/x?host=/tmp&port=5432",
    ],
)
def test_every_address_that_the_driver_takes_is_taken(address: str) -> None:
    assert Settings.from_environment({"SCOREDESK_DATABASE_URL": address}).database_url == address
