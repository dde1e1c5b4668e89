"""Shared pieces of the tests of tools: small rasters in files, and tools by name."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
import pyogrio.raw
import pytest
import rasterio
import shapely
from affine import Affine
from pydantic import ValidationError
from pyproj import CRS, Geod, Transformer
from rasterio.errors import NotGeoreferencedWarning

from eoagent import plugins
from eoagent.contracts.figure import Figure
from eoagent.contracts.tool import Services
from eoagent.io.features import load_features
from eoagent.testing import check_call

SINUSOIDAL = "+proj=sinu +lon_0=0 +R=6371007.181 +units=m +no_defs"
WGS84 = Geod(ellps="WGS84")


@dataclass
class Bench:
    """Runs tools by name on services, and checks each result against the card."""

    services: Services
    folder: Path

    def __call__(self, tool, **arguments):
        """Return the result of a call; options such as `max_vertices` are set with `using`."""
        return check_call(plugins.load("eoagent.tools", tool), arguments, self.services)

    def figures(self, tool, **arguments):
        """Return {name: (value, unit, error)} of a call."""
        found = self(tool, **arguments).figures
        return {f.name: (f.value, f.unit, f.error) for f in found}

    def values(self, tool, **arguments):
        """Return {name: value} of a call."""
        return {name: found[0] for name, found in self.figures(tool, **arguments).items()}

    def refused(self, tool, **arguments):
        """Return why validation refuses arguments."""
        with pytest.raises(ValidationError) as caught:
            plugins.load("eoagent.tools", tool).arguments.model_validate(arguments)
        return str(caught.value)

    def using(self, **changes):
        """Return a bench with other options, figures or parts of the services."""
        own = {k: v for k, v in changes.items() if k in Services.__dataclass_fields__}
        rest = {k: v for k, v in changes.items() if k not in own}
        options = replace(self.services.options, **rest)
        return Bench(replace(self.services, options=options, **own), self.folder)

    def image(self, array, place=None, *, name="image.tif", nodata=None, **opening):
        """Write (bands, h, w) or (h, w) as a GeoTIFF and open it; place is (crs, Affine)."""
        path = self.write(array, place, name=name, nodata=nodata)
        return self.handle("open_image", hrefs=[str(path)], **opening)

    def write(self, array, place=None, *, name="image.tif", nodata=None):
        """Write an array as a GeoTIFF and return its path."""
        bands = array if array.ndim == 3 else array[None]
        crs, transform = place or (None, None)
        path = self.folder / name
        shape = {"count": bands.shape[0], "height": bands.shape[1], "width": bands.shape[2]}
        where = {} if crs is None else {"crs": crs, "transform": transform}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            with rasterio.open(
                path, "w", driver="GTiff", dtype=bands.dtype, nodata=nodata, **shape, **where
            ) as file:
                file.write(bands)
        return path

    def mask(self, yes, place=None, *, valid=None, name="mask.tif", label="yes", **opening):
        """Return a mask handle with these yes pixels, made by `threshold` on a byte image."""
        stored = np.where(True if valid is None else valid, yes.astype(np.uint8), 255)
        raster = self.image(stored.astype(np.uint8), place, name=name, nodata=255, **opening)
        return self.handle("threshold", raster=raster, operator="gt", value=0.5, label=label)

    def features(self, geometries, crs="EPSG:4326", *, name="zones.gpkg", **columns):
        """Write geometries to a GeoPackage with pyogrio, and open them."""
        path = self.folder / name
        kinds = {g.geom_type for g in geometries}
        pyogrio.raw.write(
            path,
            geometry=np.array(shapely.to_wkb(geometries), dtype=object),
            field_data=[np.asarray(values) for values in columns.values()],
            fields=list(columns),
            crs=CRS(crs).to_wkt(),
            geometry_type=kinds.pop() if len(kinds) == 1 else "Unknown",
            driver="GPKG",
        )
        return self.handle("open_features", href=str(path))

    def handle(self, tool, **arguments):
        """Return the handle of a call's first artifact."""
        return next(iter(self(tool, **arguments).artifacts.values())).handle

    def pixels(self, handle):
        """Return (array, profile) of the file behind a raster or mask, read by rasterio."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            with rasterio.open(self.path(handle)) as file:
                return file.read(), file.profile

    def path(self, handle):
        """Return the file behind a handle."""
        return self.services.store.locate(self.services.store.get(handle).path)

    def read_features(self, handle):
        """Return the feature set behind a handle."""
        return load_features(self.path(handle))


@pytest.fixture
def bench(services, tmp_path):
    """Tools by name, on services in a temporary folder."""
    return Bench(services, tmp_path)


@dataclass(frozen=True)
class Place:
    """A coordinate system and an affine transform; iterates as a pair for `Bench.image`."""

    crs: str
    transform: Affine

    def __iter__(self):
        """Yield what rasterio wants."""
        return iter((CRS(self.crs).to_wkt(), self.transform))

    def lonlat(self, rows, cols):
        """Return where pixel coordinates lie, degrees."""
        x, y = self.transform @ (np.asarray(cols, float), np.asarray(rows, float))
        return transformer(self.crs).transform(x, y)

    def outline(self, row, col, height=1, width=1, steps=8):
        """Return a rectangle of pixels as a polygon in degrees, its sides cut into steps."""
        k = np.arange(steps) / steps
        rows = row + height * np.concatenate([0 * k, k, 0 * k + 1, 1 - k])
        cols = col + width * np.concatenate([k, 0 * k + 1, 1 - k, 0 * k])
        return shapely.Polygon(np.column_stack(self.lonlat(rows, cols)))

    def areas(self, height, width, steps=4):
        """Return the geodesic area of every pixel's polygon, m2."""
        return pixel_polygon_areas(self, height, width, steps)


@cache
def transformer(crs):
    """Return what brings a CRS to degrees."""
    return Transformer.from_crs(crs, "EPSG:4326", always_xy=True)


@cache
def pixel_polygon_areas(place, height, width, steps):
    """Return the area of each pixel as a polygon with its sides cut into steps, by pyproj."""
    k = np.arange(steps) / steps
    rows, cols = (
        np.arange(n).reshape(shape) for n, shape in ((height, (-1, 1, 1)), (width, (1, -1, 1)))
    )
    around = np.broadcast_arrays(
        rows + np.concatenate([0 * k, k, 0 * k + 1, 1 - k]),
        cols + np.concatenate([k, 0 * k + 1, 1 - k, 0 * k]),
    )
    lon, lat = place.lonlat(*around)
    found = [
        abs(WGS84.polygon_area_perimeter(x, y)[0])
        for x, y in zip(lon.reshape(-1, 4 * steps), lat.reshape(-1, 4 * steps), strict=True)
    ]
    return np.array(found).reshape(height, width)


PLACES = {
    "utm": Place("EPSG:32633", Affine(30, 0, 400000, 0, -30, 5000000)),
    "degrees": Place("EPSG:4326", Affine(0.001, 0, 13, 0, -0.0007, 45.5)),
    "sinusoidal": Place(SINUSOIDAL, Affine(463.3, 0, 1e6, 0, -463.3, 5e6)),
    "rotated": Place(
        "EPSG:32633", Affine.translation(5e5, 4.9e6) @ Affine.rotation(30) @ Affine.scale(20, -25)
    ),
}


@pytest.fixture
def places():
    """Places by name: `utm`, `degrees`, `sinusoidal`, `rotated`."""
    return PLACES


@pytest.fixture(params=sorted(PLACES))
def place(request):
    """Each of the places in turn."""
    return PLACES[request.param]


@pytest.fixture
def blobs():
    """A mask of 40 x 50 pixels with several blobs, holes and corner contacts."""
    rng = np.random.default_rng(7)
    coarse = rng.random((10, 10)) > 0.55
    fine = rng.random((40, 50)) > 0.15
    return np.kron(coarse, np.ones((4, 5), bool)).astype(bool) & fine


@pytest.fixture
def figure():
    """Make a figure of a run from its id, value, unit and error."""

    def make(number, value, unit, error=None):
        return Figure(
            id=f"f{number}",
            step=number,
            name="value",
            value=value,
            unit=unit,
            error=error,
            label=f"quantity {number}",
            method="stated",
        )

    return make
