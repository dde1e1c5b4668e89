"""Reports in a real browser: they load without a network, log no error, and show what was found."""

from __future__ import annotations

import shutil
import subprocess
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from eoagent import Agent
from eoagent.io.sampleworld.world import write_world

_BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


@pytest.fixture(scope="module")
def browser():
    found = next((path for name in _BROWSERS if (path := shutil.which(name))), None)
    if found is None:
        pytest.skip(f"no browser on this machine: looked for {', '.join(_BROWSERS)}")
    return found


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    folder = tmp_path_factory.mktemp("world")
    truth = write_world(folder, size=180)
    clear = [s for s in truth.scenes if s.gsd_m == 10 and s.cloud_pct == 0 and "0129" not in s.id]
    return folder, [(folder / scene.href).with_suffix(".json") for scene in clear]


def _airports(folder):
    """A file of airports beside the world, for a question of relations."""
    path = folder / "airports.geojson"
    path.write_text(
        '{"type": "FeatureCollection", "features": [{"type": "Feature", "properties": '
        '{"name": "Campo Serin"}, "geometry": {"type": "Point", "coordinates": [13.2, 44.9]}}]}'
    )
    return path


@pytest.fixture(scope="module", params=["change", "series", "relation"])
def answer(request, world, tmp_path_factory):
    folder, scenes = world
    agent = Agent(home=tmp_path_factory.mktemp("home"))
    if request.param == "change":
        question = "How much water was lost between the first and the second image?"
        return agent.ask(question, images=[scenes[0], scenes[-1]])
    if request.param == "series":
        question = "What is the trend of the water area in ha per year?"
        return agent.ask(question, images=[scenes[0], *scenes[2:]])
    question = "Which airport is nearest to the centre of this scene, and how far is it?"
    return agent.ask(question, images=[scenes[0]], features=[_airports(folder)])


def _run(browser, page, profile, *options):
    return subprocess.run(
        [
            browser,
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--host-resolver-rules=MAP * ~NOTFOUND",
            "--enable-logging=stderr",
            "--log-level=0",
            "--window-size=1100,1600",
            f"--user-data-dir={profile}",
            *options,
            page.as_uri(),
        ],
        capture_output=True,
        check=True,
        timeout=120,
    )


def test_a_report_loads_alone_and_shows_text_maps_and_tables(browser, answer, tmp_path):
    assert answer.status == "answered", answer.text
    answer.save(tmp_path / "out")
    page, picture = tmp_path / "out" / "report.html", tmp_path / "page.png"
    shown = _run(browser, page, tmp_path / "profile", "--dump-dom")
    dom, log = shown.stdout.decode(), shown.stderr.decode()
    assert answer.text.partition(".")[0] in dom
    assert "CONSOLE" not in log
    assert 'src="http' not in dom
    assert "<img" in dom
    _run(browser, page, tmp_path / "profile", f"--screenshot={picture}")
    pixels = np.asarray(Image.open(BytesIO(picture.read_bytes())).convert("RGB"), dtype=int)
    colours = len(np.unique(pixels.reshape(-1, 3), axis=0))
    assert colours > 1000, "the maps are not drawn"


def test_a_series_is_drawn_at_its_dates(browser, world, tmp_path):
    _, scenes = world
    question = "What is the trend of the water area in ha per year?"
    answer = Agent(home=tmp_path / "home").ask(question, images=[scenes[0], *scenes[2:]])
    answer.save(tmp_path / "out")
    dom = _run(browser, tmp_path / "out/report.html", tmp_path / "p", "--dump-dom").stdout.decode()
    assert dom.count("<circle") == len(scenes) - 1
