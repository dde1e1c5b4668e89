"""A home opened for work."""

from __future__ import annotations

import sqlite3

import pytest

from eoagent.app.workshop import checkpoints, open_workshop
from eoagent.contracts.errors import InputError, SourceError
from eoagent.settings import Settings


def test_a_home_is_the_one_given_or_that_of_the_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("EOAGENT_HOME", str(tmp_path / "environment"))
    assert open_workshop(tmp_path / "given", Settings()).home == tmp_path / "given"
    assert open_workshop(None, Settings()).home == tmp_path / "environment"


def test_the_settings_of_a_home_hold_there(tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    (home / "eoagent.toml").write_text("max_steps = 7\n")
    assert open_workshop(home).settings.max_steps == 7
    (home / "eoagent.toml").write_text("max_stepz = 7\n")
    with pytest.raises(InputError, match="max_stepz"):
        open_workshop(home)


def test_conversations_that_cannot_be_kept_are_a_source_error(tmp_path):
    (tmp_path / "threads.sqlite").mkdir()
    with pytest.raises(SourceError, match="cannot be kept") as error, checkpoints(tmp_path):
        pass
    assert "EOAGENT_HOME" in error.value.hint


def test_a_database_error_inside_the_block_is_a_source_error(tmp_path):
    def work():
        with checkpoints(tmp_path):
            raise sqlite3.OperationalError("database or disk is full")

    with pytest.raises(SourceError, match="disk is full"):
        work()


def test_a_home_that_the_locale_cannot_name_is_refused_before_anything_is_written(tmp_path):
    with pytest.raises(InputError, match="cannot read"):
        open_workshop(tmp_path / "h\udcff", Settings())
    assert list(tmp_path.iterdir()) == []


def test_printed_settings_show_no_key_of_an_address():
    base, places = "https://u:canary@a.example/v1?token=canary", "https://b.example/?key=canary"
    settings = Settings(base_url=base, geocoder_url=places)
    assert "canary" not in f"{settings!r} {settings}"
    assert settings.base_url == base
    assert "geocoder_url='https://b.example/?...'" in repr(settings)
