"""The documents are executed: blocks are run, tables and pictures made again, and compared."""

from __future__ import annotations

import importlib
import importlib.util
import io
import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest
import rasterio
from PIL import Image

from eoagent import Agent, InputError
from eoagent.app.bench import run_tool
from eoagent.contracts.errors import EXIT_ASKED_BACK, EXIT_CODES
from eoagent.io.sampleworld import write_world
from eoagent.testing import check_tool

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
REFERENCE = (ROOT / "docs" / "reference.md").read_text(encoding="utf-8")
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))
REGENERATE = "python docs/generate.py brings it up to date"


def _script(name):
    spec = importlib.util.spec_from_file_location(f"docs_{name}", ROOT / "docs" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def generate():
    return _script("generate")


@pytest.fixture(scope="session")
def world(tmp_path_factory):
    folder = tmp_path_factory.mktemp("world")
    return folder, write_world(folder, size=240)


def _blocks(text, kind):
    return re.findall(rf"^```{kind}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def _part(text, name):
    return text.partition(f"<!-- {name} -->\n")[2].partition(f"\n<!-- /{name} -->")[0]


def _rounded(text):
    """The text with long numbers cut to nine digits: the last ones differ between processors."""
    return re.sub(r"\d+\.\d{6,}", lambda m: f"{float(m.group()):.9g}", text)


def test_the_transcript_of_the_readme_is_what_its_commands_print(generate, tmp_path):
    assert len(_blocks(README, "console")) == 1
    assert len(_blocks(README, "python")) == len(_blocks(README, "text")) == 1
    assert _rounded(generate.run_blocks(README, tmp_path)) == _rounded(README), REGENERATE


def test_the_tables_of_the_reference_are_those_of_the_code(generate):
    assert _part(REFERENCE, "tools") == generate.tool_table(), REGENERATE
    assert _part(REFERENCE, "commands") == generate.command_table(), REGENERATE


def test_the_readme_names_every_command_and_fits_two_screens(generate):
    names = {line.split()[2].strip("`") for line in generate.command_table().splitlines()[2:]}
    said = README.partition("## Commands and tools")[2].partition("##")[0]
    assert all(f"`{name}`" in said for name in names)
    assert len(README.splitlines()) <= 170


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_prints_what_stands_below_it(generate, example):
    text = example.read_text(encoding="utf-8")
    assert "\n# Output:\n" in text
    assert len(text.splitlines()) < 60
    assert _rounded(generate.with_output(example)) == _rounded(text), REGENERATE


def test_every_example_is_run_and_they_are_as_many_as_the_readme_says(generate):
    assert generate.EXAMPLES == EXAMPLES
    words = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
    assert f"has {words[len(EXAMPLES)]} short programs" in README


@pytest.mark.parametrize("question", _part(README, "questions")[2:].split("\n- "))
def test_a_question_that_the_readme_offers_is_answered(question, world, tmp_path):
    folder, truth = world
    features = [folder / "vectors" / "places.geojson"] if "inside" in question else []
    images = [(folder / truth.scenes[0].href).with_suffix(".json")]
    answer = Agent(home=tmp_path).ask(question, images=images, features=features)
    assert answer.status == "answered", answer.text
    assert answer.results


@pytest.mark.parametrize("question", _part(README, "several")[2:].split("\n- "))
def test_a_question_over_several_that_the_readme_offers_is_answered(question, world, tmp_path):
    folder, truth = world
    days = [(folder / s.href).with_suffix(".json") for s in truth.scenes if s.cloud_pct == 0]
    given = {"images": days[:2]}
    if "scene of" in question:
        given = {"catalog": folder / "catalog.json"}
    if "airport" in question:
        named = {"type": "Feature", "properties": {"name": "Campo"}, "geometry": None}
        named["geometry"] = {"type": "Point", "coordinates": [13.2, 44.9]}
        airports = tmp_path / "airports.geojson"
        airports.write_text(json.dumps({"type": "FeatureCollection", "features": [named]}))
        given = {"images": days[:1], "features": [airports]}
    answer = Agent(home=tmp_path / "home").ask(question, **given)
    assert answer.status == "answered", answer.text
    assert len(answer.results) == 1


@pytest.mark.parametrize("text", [README, CONTRIBUTING], ids=["README", "CONTRIBUTING"])
def test_shell_blocks_call_targets_that_the_makefile_has(text):
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    lines = [line for block in _blocks(text, "(?:bash|sh)") for line in block.splitlines()]
    assert lines
    for line in lines:
        target = re.fullmatch(r"make ([a-z-]+)", line)
        assert target, f"'{line}' is neither run nor a make target"
        assert re.search(rf"^{target.group(1)}:", makefile, re.MULTILINE)


def test_scripts_that_the_makefile_runs_are_there():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    scripts = re.findall(r"\bpython (\S+\.py)", makefile)
    assert scripts
    assert all((ROOT / script).is_file() for script in scripts)


def test_the_picture_is_small_and_drawn_by_our_own_code(tmp_path):
    script = _script("make_picture")
    assert script.PICTURE.stat().st_size < 250_000
    fresh = Image.open(io.BytesIO(script.draw(tmp_path))).convert("RGB")
    with Image.open(script.PICTURE) as image:
        kept = image.convert("RGB")
    assert fresh.size == kept.size
    difference = np.abs(np.asarray(fresh, dtype=int) - np.asarray(kept, dtype=int))
    assert difference.mean() < 4, "python docs/make_picture.py draws it anew"


def test_the_tool_in_forty_lines_has_forty_lines_and_measures_what_it_says(
    world, tmp_path, monkeypatch
):
    code = _blocks((ROOT / "tools/README.md").read_text(encoding="utf-8"), "python")[0]
    assert sum(bool(line.strip()) for line in code.splitlines()) <= 40
    (tmp_path / "contrast.py").write_text(code, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    tool = importlib.import_module("contrast").TOOL
    monkeypatch.delitem(sys.modules, "contrast")
    check_tool(tool, name="contrast")
    folder, truth = world
    scene = folder / truth.scenes[0].href
    opened = run_tool("open_image", {"hrefs": [str(scene)]}, home=tmp_path).artifacts["raster"]
    asked = {"raster": opened.handle, "band": "nir"}
    result = run_tool("contrast", asked, home=tmp_path, tools=[tool])
    with rasterio.open(scene) as raw:
        index = list(raw.descriptions).index("nir") + 1
        stored = raw.read(index).astype(float)
        values = stored * raw.scales[index - 1] + raw.offsets[index - 1]
    assert result.figures[0].value == pytest.approx(values.std() / values.mean(), rel=1e-6)
    with pytest.raises(InputError, match=r"no band 'thermal'"):
        run_tool("contrast", asked | {"band": "thermal"}, home=tmp_path, tools=[tool])


@pytest.fixture
def guest(tmp_path, monkeypatch):
    """A folder with the tool of CONTRIBUTING and all its entry points, as if it were installed."""
    folder = tmp_path / "guest"
    info = folder / "guest-1.0.dist-info"
    info.mkdir(parents=True)
    (folder / "map_scale.py").write_text(_blocks(CONTRIBUTING, "python")[0], encoding="utf-8")
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: guest\nVersion: 1.0\n")
    named = [tomllib.loads(block) for block in _blocks(CONTRIBUTING, "toml")]
    groups = {k: v for one in named for k, v in one["project"]["entry-points"].items()}
    lines = [f"[{g}]\n" + "".join(f"{k} = {v}\n" for k, v in e.items()) for g, e in groups.items()]
    (info / "entry_points.txt").write_text("\n".join(lines))
    monkeypatch.syspath_prepend(folder)
    yield folder
    sys.modules.pop("map_scale", None)


def test_the_tool_of_contributing_passes_the_test_beside_it(guest, tmp_path):
    assert guest.is_dir()
    space = {}
    exec(compile(_blocks(CONTRIBUTING, "python")[1], "test_map_scale.py", "exec"), space)
    tests = [name for name in space if name.startswith("test_")]
    assert len(tests) == 2
    for name in tests:
        space[name](tmp_path)


def test_doctor_lists_plugins_of_all_three_groups_as_contributing_says(guest, tmp_path):
    path = {"PYTHONPATH": str(guest), "EOAGENT_HOME": str(tmp_path / "home")}
    done = subprocess.run(
        [sys.executable, "-m", "eoagent", "doctor"],
        env=os.environ | path,
        capture_output=True,
        encoding="utf-8",
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    lines = {line.split()[1]: line for line in done.stdout.splitlines() if ": " in line}
    assert "map_scale" in lines["tools:"]
    assert "my_model" in lines["runners:"]  # no module of that name exists: it is not imported
    assert "my_index" in lines["indexes:"]


def test_the_floors_of_contributing_are_those_that_are_checked():
    config = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    layers = config["tool"]["importlinter"]["contracts"][0]["layers"]
    floors = [
        re.sub(r" {2,}.*", "", line[3:]) for line in _blocks(CONTRIBUTING, "text")[0].splitlines()
    ]
    assert [set(re.findall(r"[\w.]+", floor)) for floor in floors] == [
        set(re.findall(r"[\w.]+", layer)) for layer in layers
    ]


def test_the_exit_codes_of_the_readme_are_those_of_the_errors():
    said = dict(re.findall(r"(\d+) ([a-z ]+)[,.]", README.partition("Exit codes: ")[2][:260]))
    codes = {cls.__name__: str(code) for cls, code in EXIT_CODES.items()}
    assert said[codes["InternalError"]] == "internal fault"
    assert said[codes["InputError"]] == "input"
    assert said[codes["SourceError"]] == "source or network"
    assert said[codes["ModelMissing"]] == "model missing"
    assert said[str(EXIT_ASKED_BACK)] == "asked back or cannot answer"
    assert said["130"] == "interrupted"


def test_what_the_readme_says_is_not_there_is_not_there(generate):
    missing = README.partition("## Not part of this version")[2]
    assert "A web page" in missing
    assert "eoagent serve" not in generate.command_table()
    assert "**Weights.** None is shipped" in missing
    packages = [ROOT / "eoagent", ROOT / "tools", ROOT / "indexes"]
    shipped = [path for package in packages for path in package.rglob("*")]
    assert not [p for p in shipped if p.suffix in {".pt", ".pth", ".safetensors", ".bin", ".onnx"}]
