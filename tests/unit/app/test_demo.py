"""The tour: what is asked of which scene, and whether its answers are held to the truth."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
import rasterio

from eoagent.app.answer import Answer
from eoagent.app.demo import run_demo
from eoagent.contracts.errors import NotFound


def _answer(stop) -> Answer:
    (answer,) = [event.data for event in stop.events if event.kind == "answer"]
    return answer


@pytest.fixture
def first(tmp_path):
    """The first stop of the tour through the sample world, and its answer."""
    stop = next(run_demo("sample", tmp_path / "tour"))
    return stop, _answer(stop)


def test_an_answer_holds_if_it_is_the_truth_and_not_if_it_is_another_number(first):
    stop, answer = first
    assert stop.holds(answer)
    area = stop.truths[0]
    wrong = replace(area, value=area.value + 2 * area.tolerance)
    assert not replace(stop, truths=(wrong, *stop.truths[1:])).holds(answer)
    assert not replace(stop, truths=(*stop.truths, area)).holds(answer)


def test_lines_put_the_answer_beside_the_truth_in_the_unit_of_the_truth(first):
    stop, answer = first
    about, water, _ = stop.truth_lines(answer)
    assert about.startswith("asked about: Coast of Ostavia")
    given, true = map(float, re.findall(r"\d+\.\d+", water))
    assert given == pytest.approx(answer.results[0].number / 1e6, abs=1e-4)
    assert true == pytest.approx(stop.truths[0].value, abs=1e-4)


def test_the_report_grows_with_every_stop(tmp_path):
    sections = []
    for stop in run_demo("sample", tmp_path):
        stop.finish(_answer(stop))
        assert (stop.out / "answer.json").is_file()
        sections.append((tmp_path / "report.html").read_text().count("<section>"))
    assert sections == [1, 2, 3, 4]


def test_a_folder_of_images_is_a_source_too(write_scene, tmp_path):
    for name in ("a.tif", "b.tif"):
        write_scene(tmp_path / "images" / name)
    stops = list(run_demo(str(tmp_path / "images"), tmp_path / "tour"))
    assert [stop.truths for stop in stops] == [(), (), ()]
    answers = [_answer(stop) for stop in stops]
    assert all(stop.holds(answer) for stop, answer in zip(stops, answers, strict=True))
    assert answers[0].results[0].number == pytest.approx(20 * 40 * 100, rel=0.001)


def test_a_source_without_the_bands_for_the_questions_is_refused(tmp_path):
    (tmp_path / "images").mkdir()
    with rasterio.open(
        tmp_path / "images/grey.tif", "w", driver="GTiff", width=4, height=4, count=1,
        dtype="uint8", crs="EPSG:32633", transform=rasterio.Affine(10, 0, 5e5, 0, -10, 51e5),
    ) as file:  # fmt: skip
        file.write(np.ones((1, 4, 4), "uint8"))
    with pytest.raises(NotFound, match="none of the 1 scenes of .* has green, red and") as caught:
        list(run_demo(str(tmp_path / "images"), tmp_path / "tour"))
    assert "--source sample" in caught.value.hint


def test_real_scenes_of_a_catalog_answer_water_greenness_and_statistics(shared_data, tmp_path):
    stops = []
    for stop in run_demo(str(shared_data / "catalog"), tmp_path):
        answer = _answer(stop)
        stop.finish(answer)
        stops.append((stop.question, answer))
    water, green, statistics = [answer for _, answer in stops]
    assert {answer.status for _, answer in stops} == {"answered"}
    assert [figure.unit for figure in water.results] == ["m2", "percent"]
    assert 0 < water.results[1].number < 100
    assert "NDVI" in green.text
    assert [figure.unit for figure in statistics.results] == ["1", "1"]
    assert all(figure.sources for _, answer in stops for figure in answer.results)
    report = (tmp_path / "report.html").read_text()
    assert report.count("<section>") == 3
    assert report.count('src="data:image/png;base64,') >= 6
    assert not re.search(r'(?:src|href)="(?!data:)', report)
