"""Plugins: found by entry point, loaded by name, and named with a remedy when they fail."""

from __future__ import annotations

from importlib.metadata import EntryPoint

import pytest

from eoagent import plugins
from eoagent.contracts.errors import InputError, NotFound


def _entry(value, name="tool"):
    return EntryPoint(name=name, value=value, group="eoagent.tools")


def test_the_installed_tools_are_found_in_order_of_name():
    names = list(plugins.find("eoagent.tools"))
    assert names == sorted(names)
    assert {"open_image", "measure"} <= set(names)
    assert plugins.load("eoagent.tools", "measure").card.name == "measure"


def test_a_name_that_nobody_offers_lists_the_ones_there_are():
    with pytest.raises(NotFound, match="no plugin 'fly' in eoagent.tools") as error:
        plugins.load("eoagent.tools", "fly")
    assert "measure" in error.value.hint


def test_one_name_for_two_plugins_is_refused(monkeypatch):
    pair = (_entry("a:TOOL"), _entry("b:TOOL"))
    monkeypatch.setattr(plugins, "entry_points", lambda group: pair)
    with pytest.raises(InputError, match="two plugins of eoagent.tools are named 'tool'") as error:
        plugins.find("eoagent.tools")
    assert error.value.hint == "uninstall one of them"


def test_one_plugin_listed_twice_is_one_plugin(monkeypatch):
    monkeypatch.setattr(plugins, "entry_points", lambda group: (_entry("a:T"), _entry("a:T")))
    assert list(plugins.find("eoagent.tools")) == ["tool"]


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("no_such_module_anywhere:TOOL", "ModuleNotFoundError: No module named"),
        ("eoagent.plugins:NO_SUCH_NAME", "AttributeError: "),
    ],
)
def test_what_does_not_import_says_why_and_what_to_do(value, said):
    with pytest.raises(InputError, match=said) as error:
        plugins.load_entry(_entry(value))
    assert "of an unknown distribution" in str(error.value)
    assert error.value.hint == "reinstall the distribution that it came with"
