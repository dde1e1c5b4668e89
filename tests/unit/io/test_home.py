"""The data folder: stated, or the platform's, or a typed error."""

from __future__ import annotations

from pathlib import Path

import platformdirs
import pytest

from eoagent.contracts.errors import InputError
from eoagent.io.home import check_letters, home_folder


def test_the_stated_folder_is_taken(tmp_path):
    assert home_folder({"EOAGENT_HOME": str(tmp_path / "a b")}) == tmp_path / "a b"


def test_a_relative_folder_counts_from_the_working_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert home_folder({"EOAGENT_HOME": "data"}) == tmp_path / "data"


def test_the_tilde_is_the_home_directory(monkeypatch):
    monkeypatch.setenv("HOME", "/home/someone")
    assert home_folder({"EOAGENT_HOME": "~/eo"}) == Path("/home/someone/eo")


def test_the_default_is_the_platforms_data_folder(monkeypatch):
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    monkeypatch.setenv("HOME", "/home/someone")
    assert home_folder({}) == Path(platformdirs.user_data_dir("eoagent"))


def test_an_account_without_a_home_is_told_what_to_set(monkeypatch):
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.setattr("os.path.expanduser", lambda path: path)  # as without a passwd entry
    with pytest.raises(InputError, match="no home directory is known") as caught:
        home_folder({})
    assert caught.value.hint == "set EOAGENT_HOME to a folder that can be written"


@pytest.mark.parametrize("text", ["data", "Ostävia 水", ""])
def test_letters_of_every_script_pass(text):
    check_letters(text)


def test_bytes_that_are_no_letters_name_the_locale_and_what_to_set():
    with pytest.raises(InputError, match=r"holds bytes that this locale \(.+\) cannot read") as e:
        check_letters("a\udcff.tif")
    assert "PYTHONUTF8=1" in e.value.hint
