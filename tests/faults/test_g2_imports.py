"""G2: heavy libraries absent or broken; the core imports fast without them, the doctor says what.

A module is absent when a finder in front of all others refuses it, and broken when a package of
its name, first on the path, raises while it is imported.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter

import pytest

_HEAVY = ("torch", "torchvision", "faiss", "ray")
_DEADLINE_S = 1.5

_REFUSE = """
import sys

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {absent!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Refuse())
"""
_BREAK = "raise OSError('libcudart.so.13: cannot open shared object file')\n"

_IMPORT = """
import json, sys, time
began = time.perf_counter()
import eoagent
seconds = time.perf_counter() - began
print(json.dumps({"seconds": seconds, "modules": sorted(sys.modules)}))
"""
_IMPORT_ALL = """
import json, sys
from eoagent import Agent, Answer
print(json.dumps({"modules": sorted(sys.modules)}))
"""
_DEEP = ("numpy", "rasterio", "shapely", "pyarrow", "langgraph", "langchain_core", "scipy")

_PLUGIN = """
from {needs} import something
TOOL = something
"""


@pytest.fixture
def child(tmp_path):
    """Return a caller of Python in which some modules are absent or broken."""
    site = tmp_path / "site"
    site.mkdir()

    def call(*arguments, absent=(), broken=()):
        (site / "sitecustomize.py").write_text(_REFUSE.format(absent=set(absent)))
        for name in broken:
            (site / name).mkdir()
            (site / name / "__init__.py").write_text(_BREAK)
        own = {"PYTHONPATH": str(site), "EOAGENT_HOME": str(tmp_path / "home")}
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=tmp_path,
            env={**os.environ, **own},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    return call


@pytest.fixture
def stranger(tmp_path):
    """Return a maker of an installed distribution whose one tool needs a module."""

    def make(needs, extra=""):
        folder = tmp_path / "site"
        (folder / "stranger.py").write_text(_PLUGIN.format(needs=needs))
        info = folder / "eo_stranger-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: eo-stranger\nVersion: 1.0\n")
        entry = f"stranger:TOOL {extra}".rstrip()
        (info / "entry_points.txt").write_text(f"[eoagent.tools]\nstranger = {entry}\n")

    return make


def _all_heavy(state):
    return {state: _HEAVY}


def _roots(found):
    return {name.partition(".")[0] for name in found["modules"]}


@pytest.mark.parametrize(
    "state",
    [{how: (name,)} for how in ("absent", "broken") for name in _HEAVY]
    + [_all_heavy("absent"), _all_heavy("broken")],
    ids=lambda s: "-".join([*s, *next(iter(s.values()))]),
)
def test_the_core_imports_fast_and_takes_nothing_heavy_along(child, state):
    ended = child("-c", _IMPORT, **state)
    assert ended.returncode == 0, ended.stderr
    found = json.loads(ended.stdout)
    assert found["seconds"] < _DEADLINE_S
    assert _roots(found).isdisjoint({*_HEAVY, *_DEEP})


@pytest.mark.parametrize("state", ["absent", "broken"])
def test_the_agent_imports_without_any_of_them(child, state):
    ended = child("-c", _IMPORT_ALL, **_all_heavy(state))
    assert ended.returncode == 0, ended.stderr
    assert _roots(json.loads(ended.stdout)).isdisjoint(_HEAVY)


@pytest.mark.parametrize("state", ["absent", "broken"])
def test_the_doctor_finds_the_core_well_and_names_the_empty_rooms(child, state):
    ended = child("-m", "eoagent", "doctor", "--json", **_all_heavy(state))
    assert ended.returncode == 0, ended.stderr
    findings = {finding["what"]: finding for finding in json.loads(ended.stdout)}
    states = Counter(finding["state"] for finding in findings.values())
    assert states["broken"] == 0
    assert findings["tools"]["state"] == "ok"
    for room in ("runners", "indexes"):
        assert findings[room]["state"] == "ok" or findings[room]["remedy"]


@pytest.mark.parametrize(
    ("state", "extra", "said", "remedy"),
    [
        ("absent", "[models]", "No module named 'torch'", "pip install 'eo-stranger[models]'"),
        ("absent", "", "No module named 'torch'", "pip install --force-reinstall eo-stranger"),
        ("broken", "[models]", "libcudart", "pip install --force-reinstall eo-stranger"),
    ],
)
def test_a_plugin_that_misses_its_library_is_named_with_the_pip_command(
    child, stranger, state, extra, said, remedy
):
    stranger("torch", extra)
    ended = child("-m", "eoagent", "doctor", "--json", **{state: ("torch",)})
    assert ended.returncode == 1, ended.stderr
    findings = {finding["what"]: finding for finding in json.loads(ended.stdout)}
    assert findings["tools"]["state"] == "ok"
    assert findings["tool stranger"]["state"] == "broken"
    assert said in findings["tool stranger"]["detail"]
    assert "eo-stranger (stranger:TOOL" in findings["tool stranger"]["detail"]
    assert findings["tool stranger"]["remedy"] == remedy


def test_running_a_tool_that_misses_its_library_is_one_error_with_the_pip_command(child, stranger):
    stranger("faiss.contrib", "[faiss]")
    ended = child("-m", "eoagent", "tools", "run", "stranger", absent=("faiss",))
    assert ended.returncode == 3
    assert ended.stdout == ""
    assert len(ended.stderr.splitlines()) == 1
    assert "No module named 'faiss'" in ended.stderr
    assert ended.stderr.endswith("(pip install 'eo-stranger[faiss]')\n")
