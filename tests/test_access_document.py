"""The settings that docs/access.md shows are settings, and its table lists their fields."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import get_args

from eoagent.io.access_rules import HostRule, read_rules

TEXT = (Path(__file__).resolve().parent.parent / "docs" / "access.md").read_text(encoding="utf-8")


def test_the_settings_of_the_document_are_read():
    shown = tomllib.loads(re.search(r"```toml\n(.*?)```", TEXT, re.DOTALL)[1])
    rules = read_rules(shown["stac"])
    assert {rule.auth for rule in rules.values()} == set(_fields())


def test_the_table_names_every_field_and_every_variable_that_is_meant():
    rows = {
        row.split("`")[1]: row
        for row in TEXT.splitlines()
        if row.startswith("| `") and "`auth`" not in row
    }
    assert set(rows) == set(_fields())
    for auth, model in _fields().items():
        for name, field in model.model_fields.items():
            assert name == "auth" or f"`{name}`" in rows[auth], (auth, name)
            if name.endswith("_env") and field.default is not None:
                assert f"`{field.default}`" in rows[auth], (auth, name)


def _fields():
    return {get_args(rule.model_fields["auth"].annotation)[0]: rule for rule in get_args(HostRule)}
