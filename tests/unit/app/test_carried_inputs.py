"""What was said of one image is not said of the next."""

from __future__ import annotations

import pytest

from eoagent import Agent


@pytest.fixture
def views(chatmodels, tmp_path):
    """Ask in a thread with a scripted model; return the last request's text about the inputs."""

    talking = chatmodels.ScriptedChat(script=[chatmodels.says("Noted.")], requests=[], bound=[])
    conversation = Agent(planner=talking, home=tmp_path / "home").thread("t")

    def ask(question, **given):
        conversation.ask(question, **given)
        return str(talking.requests[-1][1].text).partition("QUESTION:")[2]

    return ask


def test_bands_pixel_size_and_area_of_an_image_do_not_hold_for_another(
    views, write_scene, tmp_path
):
    first, second = write_scene(tmp_path / "a.tif"), write_scene(tmp_path / "b.tif")
    said = views("How large?", images=[first], bands=["red"], gsd_m=0.3, aoi="1,2,3,4")
    assert all(text in said for text in ("a.tif", "red", "0.3 m", "1,2,3,4"))
    again = views("And now?")
    assert all(text in again for text in ("a.tif", "red", "0.3 m", "1,2,3,4"))
    other = views("And this one?", images=[second])
    assert "b.tif" in other
    assert not any(text in other for text in ("a.tif", "red", "0.3 m", "1,2,3,4"))


def test_a_catalog_stays_at_hand_when_an_image_is_given(views, write_scene, tmp_path):
    catalog = tmp_path / "scenes"
    write_scene(catalog / "c.tif")
    views("Which scenes?", catalog=catalog)
    said = views("And this one?", images=[write_scene(tmp_path / "a.tif")])
    assert "scenes" in said
    assert "a.tif" in said
