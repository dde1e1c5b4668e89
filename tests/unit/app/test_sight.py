"""Models that see are shown small pictures of what was made; others get text alone."""

from __future__ import annotations

import base64
import io

import numpy as np
import pytest
import rasterio
from affine import Affine
from langchain_core.messages import HumanMessage
from PIL import Image

from eoagent import Agent
from eoagent.settings import Settings


@pytest.fixture
def scene(tmp_path):
    path = tmp_path / "scene.tif"
    profile = {"driver": "GTiff", "width": 800, "height": 400, "count": 2, "dtype": "uint16"}
    place = {"crs": "EPSG:32633", "transform": Affine(10, 0, 500_000, 0, -10, 5_000_000)}
    with rasterio.open(path, "w", **profile, **place) as file:
        bands = np.full((2, 400, 800), 1000, np.uint16)
        bands[1, :, :100] = 3000
        file.write(bands)
        file.descriptions = ("red", "nir")
    return path


def _requests(chatmodels, scene, home, *, sees, thread=None):
    plan = chatmodels.calls(
        ("open_image", {"hrefs": [str(scene)]}),
        ("spectral_index", {"raster": "$1", "index": "ndvi"}),
        ("threshold", {"raster": "$2", "operator": "gt", "value": 0.2}),
        ("measure", {"target": "$3", "quantities": ["area"]}),
    )
    talking = chatmodels.ScriptedChat(
        script=[plan, chatmodels.says("It is {f1}.\nRESULTS: f1")], requests=[], bound=[]
    )
    agent = Agent(planner=talking, home=home, settings=Settings(model_sees=sees))
    answer = agent.ask("How large is it?", images=[scene], thread=thread)
    assert answer.status == "answered"
    return talking.requests


def _pictures(message):
    if not isinstance(message.content, list):
        return []
    urls = [p["image_url"]["url"] for p in message.content if p["type"] == "image_url"]
    assert all(url.startswith("data:image/png;base64,") for url in urls)
    raw = (base64.b64decode(url.partition(",")[2]) for url in urls)
    return [Image.open(io.BytesIO(png)) for png in raw]


def test_the_newest_artifacts_are_shown_small_after_their_results(chatmodels, scene, tmp_path):
    first, second = _requests(chatmodels, scene, tmp_path / "home", sees=True)
    assert not any(_pictures(message) for message in first)
    assert isinstance(second[-1], HumanMessage)
    pictures = _pictures(second[-1])
    assert len(pictures) == 2  # the index and the mask, the last that were made
    assert all(picture.width <= 600 for picture in pictures)
    assert len(np.unique(np.asarray(pictures[1].convert("RGB")).reshape(-1, 3), axis=0)) > 1
    assert "<data>" in second[-1].content[0]["text"]
    assert "mask:" in second[-1].content[0]["text"]


def test_a_model_that_does_not_see_gets_no_picture(chatmodels, scene, tmp_path):
    requests = _requests(chatmodels, scene, tmp_path / "home", sees=False)
    assert not any(_pictures(message) for request in requests for message in request)


def test_no_picture_is_kept_in_the_conversation(chatmodels, scene, tmp_path):
    _requests(chatmodels, scene, tmp_path / "home", sees=True, thread="t")
    assert b"data:image" not in (tmp_path / "home" / "threads.sqlite").read_bytes()
