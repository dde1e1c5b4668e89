"""Whatever features are written come back the same, in every format that keeps the CRS."""

from __future__ import annotations

import string
import tempfile
from pathlib import Path

import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from eoagent.contracts.store import Admitted
from eoagent.io.features import load_features, read_features
from eoagent.io.features_write import write_features
from eoagent.io.featureset import feature_set

LON = st.floats(-179, 179, allow_subnormal=False).map(lambda v: round(v, 9) + 0.0)
LAT = st.floats(-89, 89, allow_subnormal=False).map(lambda v: round(v, 9) + 0.0)
POINTS = st.builds(shapely.Point, LON, LAT)
BOXES = st.builds(
    lambda x, y, w, h: shapely.box(x, y, x + w, y + h),
    LON,
    LAT,
    st.floats(0.001, 0.5),
    st.floats(0.001, 0.5),
)
GEOMETRIES = st.lists(st.one_of(POINTS, BOXES), max_size=8)
TEXTS = st.text(string.ascii_letters + "äß水,;\"' ", min_size=1, max_size=12).filter(
    lambda text: text.strip() == text and text.replace(" ", "") != ""
)


@st.composite
def feature_sets(draw):
    geometries = draw(GEOMETRIES)
    n = len(geometries)
    columns = {
        "t": draw(st.lists(st.one_of(st.none(), TEXTS), min_size=n, max_size=n)),
        "i": draw(hnp.arrays(np.int64, n, elements=st.integers(-(2**53), 2**53))).tolist(),
        "f": draw(hnp.arrays(np.float64, n, elements=st.floats(-1e12, 1e12))).tolist(),
    }
    return feature_set(geometries, columns, crs="EPSG:4326")


@settings(max_examples=40, deadline=None)
@given(features=feature_sets())
@pytest.mark.parametrize("ending", [".parquet", ".gpkg", ".geojson"])
def test_features_come_back_as_they_were(ending, features):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"f{ending}"
        write_features(path, features)
        again = read_features(Admitted(scheme="file", href=str(path), typed=True))
    assert len(again) == len(features)
    assert again.crs == features.crs
    assert shapely.equals_exact(again.geometries, features.geometries, normalize=True).all()
    if len(features):
        for name in features.column_names:
            assert again.values(name) == features.values(name)


@settings(max_examples=40, deadline=None)
@given(features=feature_sets(), crs=st.sampled_from(["EPSG:4326", "EPSG:3857", ""]))
def test_the_stored_form_loses_nothing(features, crs):
    features = feature_set(
        list(features.geometries),
        {name: features.values(name) for name in features.column_names},
        crs=crs,
    )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "f.parquet"
        write_features(path, features)
        again = load_features(path)
    assert again.crs == crs
    assert shapely.equals_identical(again.geometries, features.geometries).all()
    assert again.columns.equals(features.columns)
