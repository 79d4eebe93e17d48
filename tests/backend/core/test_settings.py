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
