"""What must be in the repository, and what must not: licence, links, hosts, paths, words."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

import eoagent

ROOT = Path(__file__).resolve().parent.parent
MARKDOWN = sorted(
    path for path in ROOT.rglob("*.md") if not any(p.startswith(".") for p in path.parts)
)

REGISTRIES = [
    "py" + "pi.org",
    "python" + "hosted.org",
    "registry." + "npmjs",
    "npm" + "js.com",
    "deb." + "debian.org",
    "archive." + "ubuntu.com",
    "ana" + "conda.org",
    "proxy." + "golang",
    "crates" + ".io",
    "simple" + "/index",
]
MACHINE = re.compile(
    r"(?<![\w.])/(?:work|root|tmp/v|home/(?!someone)[a-z]+|Users/[A-Za-z]+)(?:/|\b)"
)
MAKING = re.compile(r"\b(?:issues?|sessions?|A\.?I\.?|LLM-written|co-?pilot|sub-?agents?|brief)\b")
PROMPTS = "eoagent/dialogue/profiles/"
"""Texts that published models were trained with, letter by letter."""
NUMBERED = re.compile(r"(?:\bissue|\bPR|\bpull request)\s*#?\d+|\(#\d+\)", re.IGNORECASE)


def _files():
    done = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    if done.returncode:
        pytest.skip("not a git checkout, so what belongs to it is not known")
    return [ROOT / name for name in done.stdout.split("\0") if name and (ROOT / name).is_file()]


def _texts():
    for path in _files():
        try:
            yield path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue


def test_no_file_names_a_package_registry_or_a_path_of_a_machine():
    found = []
    for name, text in _texts():
        found += [f"{name}: {host}" for host in REGISTRIES if host in text.lower()]
        if name != "tests/test_repository.py":
            found += [f"{name}: {m.group()}" for m in MACHINE.finditer(text)]
    assert not found, "\n".join(found)


def test_no_file_speaks_of_how_the_project_is_made():
    found = []
    for name, text in _texts():
        if name in {"LICENSE", "tests/test_repository.py"}:
            continue
        found += [f"{name}: {m.group()}" for m in NUMBERED.finditer(text)]
        is_told = not name.endswith(".py") or name.startswith(("examples/", "docs/"))
        if is_told and not name.startswith(PROMPTS):
            found += [f"{name}: {m.group()}" for m in MAKING.finditer(text)]
    assert not found, "\n".join(found)


def test_no_todo_is_left_behind():
    marks = ("TO" + "DO", "FIX" + "ME", "XX" + "X")
    found = [f"{name}: {mark}" for name, text in _texts() for mark in marks if mark in text]
    assert not found, "\n".join(found)


def test_the_licence_is_there_and_is_the_one_that_is_declared():
    text = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert "Apache License" in text
    assert "Version 2.0, January 2004" in text
    assert 'license = "Apache-2.0"' in (ROOT / "pyproject.toml").read_text(encoding="utf-8")


def test_the_changelog_keeps_its_form_and_ends_at_this_version():
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    headings = re.findall(r"^## (.+)$", text, re.MULTILINE)
    releases = [h for h in headings if h != "[Unreleased]"]
    assert all(re.fullmatch(r"\[\d+\.\d+\.\d+\] - \d{4}-\d{2}-\d{2}", h) for h in releases)
    assert releases[0].startswith(f"[{eoagent.__version__}]")
    kinds = set(re.findall(r"^### (.+)$", text, re.MULTILINE))
    assert kinds <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}


@pytest.mark.parametrize("path", MARKDOWN, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_links_inside_the_repository_lead_somewhere(path):
    targets = re.findall(r"\]\(([^)#:]+)\)", path.read_text(encoding="utf-8"))
    assert not [target for target in targets if not (path.parent / target).exists()]
