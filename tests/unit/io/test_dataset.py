"""Opening rasters: which are opened, by which driver, and what a hostile one does not get."""

from __future__ import annotations

import shutil
import warnings

import numpy as np
import pytest
import rasterio
from rasterio.errors import NotGeoreferencedWarning
from rasterio.transform import Affine

from eoagent.contracts.errors import InputError, NotFound, SourceError
from eoagent.contracts.geometry import Window
from eoagent.contracts.store import Admitted
from eoagent.io.dataset import open_dataset, sniff
from eoagent.io.declared import RasterLimits

GEO = {"crs": "EPSG:32633", "transform": Affine(10, 0, 5e5, 0, -10, 5e6)}


def local(path):
    return Admitted(scheme="file", href=str(path), typed=True)


def write(path, pixels, driver="GTiff", **profile):
    count, height, width = pixels.shape
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with rasterio.open(
            path,
            "w",
            driver=driver,
            width=width,
            height=height,
            count=count,
            dtype=pixels.dtype.name,
            **profile,
        ) as out:
            out.write(pixels)
    return path


@pytest.fixture
def pixels():
    return np.random.default_rng(0).integers(1, 255, (3, 60, 70), dtype=np.uint8)


@pytest.mark.parametrize(
    ("driver", "suffix", "options"),
    [
        ("GTiff", "tif", {"compress": "deflate", **GEO}),
        ("GTiff", "tif", {"compress": "lzw", "tiled": True, "BIGTIFF": "YES", **GEO}),
        ("COG", "tif", {"compress": "zstd", **GEO}),
        ("PNG", "png", {}),
        ("JP2OpenJPEG", "jp2", {"QUALITY": 100, "REVERSIBLE": "YES", **GEO}),
        ("JP2OpenJPEG", "j2k", {"QUALITY": 100, "REVERSIBLE": "YES"}),
    ],
)
def test_lossless_formats_read_as_they_were_written(tmp_path, pixels, driver, suffix, options):
    path = write(tmp_path / f"a.{suffix}", pixels, driver, **options)
    with open_dataset(local(path)) as file:
        np.testing.assert_array_equal(file.read([3, 1]), pixels[[2, 0]])
        part = file.read([2], Window(row=10, col=20, height=5, width=6))
    np.testing.assert_array_equal(part[0], pixels[1, 10:15, 20:26])


def test_jpeg_reads_as_rasterio_reads_it(tmp_path, pixels):
    path = write(tmp_path / "a.jpg", pixels, "JPEG")
    with open_dataset(local(path)) as file:
        found = file.read([1, 2, 3])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with rasterio.open(path) as truth:
            np.testing.assert_array_equal(found, truth.read())


def test_a_file_is_known_by_its_bytes_not_its_name(tmp_path, pixels):
    path = write(tmp_path / "a.png", pixels, "PNG").rename(tmp_path / "a.tif")
    with open_dataset(local(path)) as file:
        assert file.raw.driver == "PNG"


@pytest.mark.parametrize(
    "head",
    [
        b"<VRTDataset rasterXSize='1'>",
        b"GIF89a........",
        b"CDF\x01............",
        b"\x89HDF\r\n\x1a\n....",
        b"%PDF-1.7.......",
        b"BM..............",
        b"SIMPLE  =       ",
        b"",
        b"II*",
    ],
)
def test_other_formats_are_refused_with_what_was_found(tmp_path, head):
    path = tmp_path / "a.tif"
    path.write_bytes(head + b"\x00" * 100 if head else b"")
    assert sniff(head) is None or head == b"II*"
    with pytest.raises(SourceError) as caught:
        open_dataset(local(path))
    assert str(path) in str(caught.value)
    assert caught.value.href == str(path)


def test_a_refusal_says_what_is_read(tmp_path):
    path = tmp_path / "a.tif"
    path.write_bytes(b"<VRTDataset rasterXSize='1' rasterYSize='1'/>")
    with pytest.raises(SourceError, match=r"begins with b'<VRTDataset '") as caught:
        open_dataset(local(path))
    assert "GeoTIFF, JPEG 2000, PNG and JPEG are read" in caught.value.hint


@pytest.mark.parametrize("path", ["relative.tif", "/vsicurl/http://127.0.0.1:1/x.tif", "a\0.tif"])
def test_only_absolute_paths_of_files_are_opened(path):
    with pytest.raises(SourceError):
        open_dataset(local(path))


def test_a_raster_that_names_another_file_as_overviews_is_refused(tmp_path, pixels):
    secret = write(tmp_path / "secret.tif", np.full((1, 30, 35), 77, np.uint8))
    path = write(tmp_path / "evil.tif", pixels)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with rasterio.open(path, "r+") as evil:
            evil.update_tags(ns="OVERVIEWS", OVERVIEW_FILE=str(secret))
        with rasterio.open(path) as plain:  # what an unguarded reader gives away
            assert (plain.read(1, out_shape=(30, 35)) == 77).all()
    with pytest.raises(SourceError, match="names other files as its overviews"):
        open_dataset(local(path))


def test_files_beside_a_raster_are_not_looked_at(tmp_path, pixels):
    path = write(tmp_path / "a.tif", pixels)
    other = write(tmp_path / "o.tif", np.full((3, 30, 35), 77, np.uint8))
    shutil.copy(other, tmp_path / "a.tif.ovr")
    (tmp_path / "a.tif.aux.xml").write_text(
        "<PAMDataset><Metadata domain='OVERVIEWS'><MDI key='OVERVIEW_FILE'>"
        f"{other}</MDI></Metadata></PAMDataset>"
    )
    (tmp_path / "a.tfw").write_text("10\n0\n0\n-10\n500000\n5000000\n")
    with open_dataset(local(path)) as file:
        small = file.read([1], out_shape=(30, 35))
        assert file.raw.overviews(1) == []
        assert file.raw.transform == Affine.identity()
    assert (small != 77).any()


def test_a_missing_file_is_a_typed_error(tmp_path):
    with pytest.raises(SourceError, match=r"gone\.tif' could not be read: .*No such file"):
        open_dataset(local(tmp_path / "gone.tif"))


def test_complex_pixels_are_refused(tmp_path):
    path = write(tmp_path / "slc.tif", np.zeros((1, 8, 8), np.complex64), **GEO)
    with pytest.raises(SourceError, match=r"complex numbers \(complex64\)") as caught:
        open_dataset(local(path))
    assert "amplitude" in caught.value.hint


def test_limits_are_those_that_are_given(tmp_path, pixels):
    path = write(tmp_path / "a.tif", pixels, **GEO)
    with pytest.raises(SourceError, match="3 bands, more than 2"):
        open_dataset(local(path), limits=RasterLimits(max_bands=2))


def test_a_damaged_deflate_block_is_noticed_once_it_is_read(tmp_path):
    noise = np.random.default_rng(1).integers(0, 255, (1, 256, 256), dtype=np.uint8)
    path = write(
        tmp_path / "a.tif", noise, tiled=True, blockxsize=128, blockysize=128, compress="deflate"
    )
    with open_dataset(local(path)) as file:
        at = int(file.raw.get_tag_item("BLOCK_OFFSET_1_0", "TIFF", bidx=1)) + 9_000
    data = bytearray(path.read_bytes())
    data[at] ^= 0x10  # a literal of a stored or Huffman block: the stream still decodes
    path.write_bytes(data)
    with open_dataset(local(path)) as file:
        left = file.read([1], Window(row=0, col=0, height=256, width=128))
        np.testing.assert_array_equal(left[0], noise[0, :, :128])
        with pytest.raises(SourceError, match="block 1_0 is damaged"):
            file.read([1], Window(row=0, col=100, height=10, width=100))


def test_the_errors_are_no_input_errors():
    assert not issubclass(SourceError, (InputError, NotFound))
