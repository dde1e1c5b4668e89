"""The doctor: everything that is broken is a finding, nothing raises."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from eoagent import plugins
from eoagent.app import doctor
from eoagent.contracts.errors import InputError
from eoagent.contracts.runner import Counters
from eoagent.io.modeluse import add_use


@pytest.fixture
def findings(tmp_path, monkeypatch):
    monkeypatch.setenv("EOAGENT_HOME", str(tmp_path / "home"))

    def examine():
        return {f.what: f for f in doctor.examine()}

    return examine


def test_a_good_installation_is_found_good(findings):
    found = findings()
    assert found["home"].state == found["rasters"].state == found["tools"].state == "ok"
    assert "open_image" in found["tools"].detail
    for finding in found.values():
        assert finding.state == "ok" or finding.remedy


def test_a_plugin_that_does_not_import_is_named(findings, monkeypatch):
    real = plugins.load_entry

    def load(entry):
        if entry.name == "measure":
            raise InputError("plugin 'measure' does not import: no torch", hint="reinstall it")
        return real(entry)

    monkeypatch.setattr(plugins, "load_entry", load)
    found = findings()
    assert found["tool measure"].state == "broken"
    assert found["tool measure"].remedy == "reinstall it"
    assert found["tools"].state == "ok"


def test_two_plugins_of_one_name_are_named(findings, monkeypatch):
    def find(_group):
        raise InputError("two plugins are named 'x'", hint="uninstall one of them")

    monkeypatch.setattr(plugins, "find", find)
    found = findings()
    for room in ("tools", "runners", "indexes"):
        assert (found[room].state, found[room].remedy) == ("broken", "uninstall one of them")


def test_a_missing_server_is_named_with_its_command(findings, monkeypatch):
    monkeypatch.setattr(doctor.importlib.util, "find_spec", lambda _name: None)
    found = findings()["mcp"]
    assert found.state == "missing"
    assert found.remedy == "pip install 'eoagent[mcp]'"


def test_a_missing_gazetteer_is_named_with_its_command(findings, monkeypatch):
    assert findings()["places"].state == "ok"
    monkeypatch.setattr(doctor.importlib.util, "find_spec", lambda _name: None)
    found = findings()["places"]
    assert (found.state, found.remedy) == ("missing", "pip install 'eoagent[places]'")


def test_a_full_disk_is_found(findings, monkeypatch):
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda _path: SimpleNamespace(free=1e6))
    found = findings()
    assert found["home"].state == "broken"
    assert "runs prune" in found["home"].remedy


def test_a_gdal_without_drivers_is_found(findings, monkeypatch):
    monkeypatch.setattr(doctor, "raster_driver_extensions", lambda: {"tif": "GTiff"})
    found = findings()
    assert found["rasters"].state == "broken"
    assert "JP2OpenJPEG" in found["rasters"].detail


def test_a_damaged_ledger_is_found(findings, tmp_path):
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "ledger.sqlite").write_bytes(b"not a ledger" * 100)
    found = findings()
    assert found["home"].state == "broken"
    assert "ledger.sqlite" in found["home"].detail


@pytest.mark.parametrize(
    ("variables", "state", "detail"),
    [
        ({}, "ok", "offline: a grammar reads the questions"),
        ({"EOAGENT_PLANNER": "openai:x"}, "broken", "no key for openai"),
        ({"EOAGENT_PLANNER": "nobody:x"}, "broken", "planner 'nobody:x' is not known"),
        (
            {"EOAGENT_PLANNER": "anthropic:x", "ANTHROPIC_API_KEY": "k"},
            "missing",
            "langchain_anthropic",
        ),
        (
            {
                "EOAGENT_PLANNER": "openai:x",
                "EOAGENT_BASE_URL": "http://127.0.0.1:8000/v1?key=canary",
            },
            "ok",
            "openai:x at http://127.0.0.1:8000/v1?..., without a price",
        ),
    ],
)
def test_the_planner_of_the_settings_is_looked_at_and_nothing_is_sent(
    findings, monkeypatch, variables, state, detail
):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    found = findings()["planner"]
    assert found.state == state
    assert detail in found.detail
    assert "canary" not in found.detail
    assert (state == "ok") == (found.remedy == "")


def test_what_models_did_is_told(findings, tmp_path):
    assert not any(what.startswith("used") for what in findings())
    add_use(
        tmp_path / "home",
        {
            "remotesam-v1 cpu float32 fast": Counters(
                requests=1200, batches=1100, busy_s=9876.54, failures=2
            )
        },
    )
    assert findings()["used remotesam-v1"].detail == (
        "cpu float32 fast: 1,200 requests in 1,100 passes, 9,876.5 s busy, 2 failed"
    )
