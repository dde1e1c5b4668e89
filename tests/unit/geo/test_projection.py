"""CRS texts, the way to WGS84, and the areal scale of maps."""

from __future__ import annotations

import numpy as np
import pytest
import rasterio.crs
from pyproj import CRS, Geod, Transformer

from eoagent.contracts.errors import InputError
from eoagent.geo.projection import (
    areal_scale,
    crs_of,
    crs_text,
    from_wgs84,
    is_lonlat,
    metres_per_unit,
    surface_point,
    to_wgs84,
    turn_of,
)


@pytest.mark.parametrize("code", [4326, 4258, 3857, 32633, 3035, 3413, 2154])
def test_a_crs_with_a_true_code_is_named_by_it(code):
    assert crs_text(rasterio.crs.CRS.from_epsg(code)) == f"EPSG:{code}"
    assert crs_text(CRS.from_epsg(code)) == f"EPSG:{code}"


def test_a_crs_without_a_code_stays_wkt_with_the_same_meaning():
    text = crs_text(CRS.from_user_input("+proj=sinu +R=6371007.181 +units=m +no_defs"))
    assert text.startswith("PROJCRS[")
    np.testing.assert_allclose(to_wgs84(text, 0, 6371007.181 * np.pi / 4), (0, 45), atol=1e-9)


def test_a_code_that_contradicts_its_definition_loses():
    wkt = (
        CRS.from_epsg(32633)
        .to_wkt()
        .replace('"Longitude of natural origin",15', '"Longitude of natural origin",16')
    )
    assert not crs_text(wkt).startswith("EPSG")


def test_a_file_with_a_code_that_does_not_exist_keeps_its_definition(shared_data):
    with rasterio.open(shared_data / "dem" / "olinda_dem_utm25s.tif") as source:
        text = crs_text(source.crs)
    assert not text.startswith("EPSG")
    lon, lat = to_wgs84(text, 288776.25, 9120760.75)
    utm = Transformer.from_crs("EPSG:32725", "EPSG:4326", always_xy=True)
    np.testing.assert_allclose((lon, lat), utm.transform(288776.25, 9120760.75), atol=1e-6)


def test_no_crs_is_refused_with_what_to_do():
    with pytest.raises(InputError, match="no georeference") as caught:
        crs_of("")
    assert "georeferenced file" in caught.value.hint


def test_nonsense_is_refused_with_what_it_was():
    with pytest.raises(InputError, match="'EPSG:99999999' cannot be read") as caught:
        crs_of("EPSG:99999999")
    assert "EPSG:n" in caught.value.hint


@pytest.mark.parametrize("text", ["IAU_2015:30100", "+proj=longlat +a=3396190 +b=3376200"])
def test_other_bodies_are_refused(text):
    with pytest.raises(InputError, match="not tied to the Earth"):
        crs_of(text)


def test_an_engineering_crs_is_refused():
    with pytest.raises(InputError, match="not tied to the Earth"):
        crs_of(
            'ENGCRS["site",EDATUM["site"],CS[Cartesian,2],AXIS["x",east],AXIS["y",north],LENGTHUNIT["metre",1]]'
        )


def test_longitude_latitude_is_told_from_a_turned_sphere():
    turned = "+proj=ob_tran +o_proj=longlat +o_lon_p=0 +o_lat_p=39 +lon_0=18 +R=6371229 +no_defs"
    assert is_lonlat("EPSG:4326")
    assert is_lonlat("EPSG:4807")
    assert not is_lonlat(turned)
    assert not is_lonlat("EPSG:32633")


def test_units_are_known():
    assert turn_of("EPSG:4326") == pytest.approx(360)
    assert turn_of("EPSG:4807") == pytest.approx(400)
    assert metres_per_unit("EPSG:32633") == 1
    assert metres_per_unit("EPSG:2263") == pytest.approx(0.3048006096)
    assert metres_per_unit("EPSG:4326") == pytest.approx(111319.49, rel=1e-6)


def test_points_agree_with_geocentric_coordinates_of_proj():
    lon, lat = np.array([0, 12.3, -179.9, 90]), np.array([0, 45.6, -89.9, 90])
    way = Transformer.from_crs("EPSG:4979", "EPSG:4978", always_xy=True)
    wanted = np.column_stack(way.transform(lon, lat, np.zeros(4)))
    np.testing.assert_allclose(surface_point(lon, lat), wanted, atol=1e-6)


def test_points_off_the_map_are_nan_and_the_others_stand():
    geostationary = "+proj=geos +h=35785831 +lon_0=0 +sweep=y"
    lon, lat = to_wgs84(geostationary, [0, 5.5e6], [0, 5.5e6])
    assert np.isnan([lon[1], lat[1]]).all()
    np.testing.assert_allclose([lon[0], lat[0]], 0, atol=1e-12)
    assert np.isnan(from_wgs84(geostationary, 179, 0)[0])
    assert np.isnan(areal_scale(geostationary, 5.5e6, 5.5e6))


@pytest.mark.parametrize(
    ("crs", "x", "y"),
    [
        ("EPSG:32633", 3e5, 6e6),
        ("EPSG:3413", 0, 0),
        ("EPSG:3413", -1e6, 2e6),
        ("EPSG:3857", 2.00375e7, 8e6),
        ("EPSG:2263", 1e6, 2e5),
        ("+proj=sinu +R=6371007.181", 8e6, 6e6),
    ],
)
def test_the_areal_scale_is_that_of_a_geodesic_square(crs, x, y):
    half = 5000 / metres_per_unit(crs)
    t = np.linspace(-half, half, 50, endpoint=False)
    end = np.full_like(t, half)
    ring = np.concatenate([t, end, -t, -end]), np.concatenate([-end, t, end, -t])
    lon, lat = Transformer.from_crs(crs, "EPSG:4326", always_xy=True).transform(
        x + ring[0], y + ring[1]
    )
    area = abs(Geod(ellps="WGS84").polygon_area_perimeter(lon, lat)[0])
    assert areal_scale(crs, x, y) == pytest.approx(area / (2 * half) ** 2, rel=2e-6)
