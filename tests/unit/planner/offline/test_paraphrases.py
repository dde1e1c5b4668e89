"""One question in many words: each group of wordings must be read as the same steps."""

from __future__ import annotations

import pytest

_WATER = "threshold(raster=$1, rule=water)"
_NDVI = "spectral_index(raster=$1, index=ndvi)"
_ABOVE = f"{_NDVI}; threshold(raster=$2, operator=gt, value=0.3)"

_SAME = {
    f"{_WATER}; measure(target=$2, quantities=area)": """
        What area is water?
        Area of water
        Water area
        WHAT IS THE AREA OF WATER IN THE PICTURE
        what's the water area
        How large is the water area?
        How big is the water area in this image?
        What is the area of the water?
        What is the total area covered by water?
        Tell me the area that is covered with water
        Please compute the area of water
        Calculate the water area of this scene.
        How much area does water cover?
        How much area does water occupy?
        What is the surface area of the water bodies?
        Which area is water?
        I would like to know the area of open water, thanks
        水体面积是多少？
        水域面积有多大？
        图中水的面积
    """,
    f"{_WATER}; measure(target=$2, quantities=share)": """
        What share is water?
        Water share
        Share of water in the scene
        What percentage of the image is water?
        Percentage of water cover
        Which fraction of the scene is covered by water?
        What proportion of the valid pixels is water?
        How many percent of the image is water?
        What percent of it is covered with water?
        What is the water coverage?
        water coverage in percent
        What percentage of the area is water?
        area share of water
        Water area in percent
        水体占比是多少？
        水体占影像的百分之几？
        水占多大比例？
    """,
    f"{_WATER}; measure(target=$2, quantities=area+share)": """
        How much water is there?
        How much of it is water?
        How much of this image is covered by water?
        Area and share of water
        What is the area of water, and what share of the image is that?
        图中有多少水？
    """,
    f"{_WATER}; combine(operation=not, first=$2); measure(target=$3, quantities=area)": """
        What area is not water?
        area of everything except water
        Which area has no water?
        Area without water
        the area outside the water
        非水体面积
        水体以外的面积
    """,
    f"{_ABOVE}; measure(target=$3, quantities=area)": """
        Area where NDVI is above 0.3
        Where NDVI exceeds 0.3, what is the area?
        What area has NDVI > 0.3?
        What area has NDVI>0.3?
        area with NDVI greater than 0.3
        Area of pixels with an NDVI higher than 0.3
        What area has an NDVI over .3?
        NDVI above 0.3: what area?
        NDVI > 3e-1 area
        Area with NDVI above 30 %
        Area with NDVI above zero point three
        Area with NDVI of more than 0.30
        area with vegetation index above 0.3
        Vegetation area, NDVI above 0.3
        NDVI 大于 0.3 的面积是多少？
        NDVI 超过零点三的区域面积
    """,
    f"{_NDVI}; threshold(raster=$2, operator=le, value=0.3); measure(target=$3, quantities=area)": """
        Area where NDVI is at most 0.3
        Area where NDVI is not above 0.3
        Area where NDVI does not exceed 0.3
        Area where NDVI is no more than 0.3
        Area with NDVI of 0.3 or less
        NDVI 不大于 0.3 的面积
    """,
    f"{_NDVI}; threshold(raster=$2, operator=between, value=0.2, upper=0.5); "
    "measure(target=$3, quantities=share)": """
        What fraction of pixels has an NDVI between 0.2 and 0.5?
        Share of pixels with NDVI from 0.2 to 0.5
        Share with NDVI in the range 0.2 to 0.5
        NDVI 介于 0.2 和 0.5 之间的占比
    """,
    f"{_NDVI}; zonal_stats(raster=$2, statistics=mean)": """
        What is the mean NDVI?
        Mean NDVI
        NDVI mean
        average NDVI of the image
        What is the average value of the NDVI over the scene?
        On average, what is the NDVI?
        What is NDVI on average?
        What does NDVI average?
        Compute the mean vegetation index.
        Mean of the normalized difference vegetation index
        mean normalised difference vegetation index (NDVI)
        Mean greenness
        NDVI 的平均值是多少？
        平均植被指数是多少？
    """,
    f"{_NDVI}; zonal_stats(raster=$2, statistics=minimum+maximum)": """
        What are the minimum and maximum NDVI?
        Lowest and highest NDVI
        min and max of NDVI
        The minimum value and the maximum value of NDVI, please
        NDVI 的最小值和最大值
    """,
    f"{_NDVI}; zonal_stats(raster=$2, statistics=std)": """
        Standard deviation of NDVI
        What is the std of NDVI?
        NDVI std dev
        NDVI 的标准差
    """,
    f"{_WATER}; {_NDVI}; zonal_stats(raster=$3, zones=$2, side=inside, statistics=mean)": """
        Mean NDVI of the water
        What is the average NDVI in the water?
        mean NDVI over water
        How green is the water?
    """,
    "measure(target=$1, quantities=diagonal)": """
        What is the diagonal of the image?
        How long is the diagonal of this scene?
        Diagonal length in km
        How far is it from corner to corner?
        影像对角线多长？
    """,
    "measure(target=$1, quantities=area)": """
        What is the ground area of the image?
        How large an area does the scene cover?
        What area does the image cover on the ground?
        How many square kilometres does the image cover?
        Area of the scene in ha
        How many hectares is the image?
        影像面积是多少平方公里？
    """,
    "measure(target=$1, quantities=width)": """
        How wide is the image?
        What is the width of the scene in km?
        影像有多宽？
    """,
}


@pytest.mark.parametrize(
    ("question", "steps"),
    [(line.strip(), steps) for steps, text in _SAME.items() for line in text.strip().splitlines()],
)
def test_wordings_of_one_question_give_the_same_steps(decide, question, steps):
    decision = decide(question, "scene")
    assert (decision.kind, decision.text) == ("plan", steps), decision.message


@pytest.mark.parametrize(
    ("question", "unit"),
    [
        ("Water area in km2", "km2"),
        ("In km², what is the area of water?", "km2"),
        ("How many square kilometers of water are there?", "km2"),
        ("Give me the area of open water in sq km.", "km2"),
        ("How many hectares of water are there?", "ha"),
        ("Area of water (ha)", "ha"),
        ("Water area in square metres", "m2"),
        ("水体面积是多少公顷？", "ha"),
        ("水体有多少平方公里？", "km2"),
    ],
)
def test_the_unit_asked_for_is_the_unit_of_the_answer(unit_of, question, unit):
    assert unit_of(question) == unit


def test_typing_errors_are_named_and_not_guessed_at(decide):
    decision = decide("waht is the aera of water", "scene")
    assert decision.kind == "refuse"
    assert "'waht', 'aera'" in decision.message
