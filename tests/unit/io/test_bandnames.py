"""Names of bands, and who decides about them."""

from __future__ import annotations

import pytest

from eoagent.contracts.errors import InputError
from eoagent.io.bandnames import BandFacts, distinct, name_bands, slug
from eoagent.io.scene_bands import BandHint

RGB = ("red", "green", "blue")


def facts(href="scene.tif", descriptions=None, colours=("gray",), sensor=""):
    return BandFacts(
        href=href,
        descriptions=tuple(descriptions or [""] * len(colours)),
        colours=tuple(colours),
        sensor=sensor,
    )


def hint(index, name, common=""):
    return BandHint(key="data", href="scene.tif", index=index, name=name, common_name=common)


def test_the_item_names_come_first():
    found = name_bands(
        facts(descriptions=["a", "b"], colours=("gray", "undefined")),
        listed=[hint(1, "red", "red"), hint(2, "B08")],
        given=["x", "y"],
    )
    assert (found.names, found.origin) == (("red", "nir"), "item")


def test_bands_that_the_item_does_not_offer_are_left_out():
    found = name_bands(facts(colours=("gray",) * 3), listed=[hint(2, "nir", "nir")])
    assert found.names == ("", "nir", "")


def test_an_item_that_lists_more_bands_than_the_file_has_is_not_believed():
    found = name_bands(facts(colours=RGB), listed=[hint(4, "nir", "nir")])
    assert found.names == RGB
    assert "lists band 4 of scene.tif, which has 3" in found.notes[0]


def test_the_user_names_come_before_the_file():
    found = name_bands(
        facts(descriptions=["x", "y"], colours=("gray", "undefined")),
        given=["near infrared", "Old NDVI"],
    )
    assert (found.names, found.origin) == (("nir", "old_ndvi"), "user")


def test_descriptions_are_read_as_common_names():
    found = name_bands(
        facts(
            href="l7_chiapas_19991118.tif",
            descriptions=["band 4 reflectance", "band 7 reflectance", "band 6 temperature", ""],
            colours=("gray",) * 4,
            sensor="landsat-7",
        )
    )
    assert found.names == ("nir", "swir22", "lwir", "b4")


def test_empty_descriptions_leave_the_word_to_the_preset():
    found = name_bands(
        facts(
            descriptions=[f"Band {n}" for n in range(1, 7)],
            colours=("gray",) * 6,
        )
    )
    assert found.names == ("b1", "b2", "b3", "b4", "b5", "b6")


@pytest.mark.parametrize(
    ("href", "sensor", "name"),
    [
        ("LC08_L2SP_008059_20191201_20200825_02_T1_SR_B4.TIF", "landsat-8", "red"),
        ("LC08_L2SP_008059_20191201_20200825_02_T1_QA_PIXEL.TIF", "landsat-8", "qa_pixel"),
        ("T33TUL_20190416T100031_B08_10m.jp2", "sentinel-2", "nir"),
        ("T33TUL_20190416T100031_SCL_20m.jp2", "sentinel-2", "scl"),
        ("S1A_20150309_VV_norm_db.tif", "sentinel-1", "vv"),
        ("olinda_dem_utm25s.tif", "", "elevation"),
        ("water.tif", "", "b1"),
    ],
)
def test_a_single_band_is_named_by_its_file(href, sensor, name):
    assert name_bands(facts(href=href, sensor=sensor)).names == (name,)


def test_a_stack_is_named_by_the_sensor_with_a_note():
    found = name_bands(facts(href="l7_etm.tif", colours=("gray",) * 6, sensor="landsat-7"))
    assert found.names == ("blue", "green", "red", "nir", "swir16", "swir22")
    assert "usual order of Landsat 7" in found.notes[0]


def test_near_infrared_that_is_tagged_alpha_is_no_alpha():
    colours = (*RGB, "alpha")
    by_sensor = name_bands(facts(href="m_32_ne_11.tif", colours=colours, sensor="naip"))
    by_user = name_bands(facts(colours=colours), given=["r", "g", "b", "nir"])
    by_file = name_bands(facts(colours=colours, descriptions=["R", "G", "B", "NIR"]))
    for found in (by_sensor, by_user, by_file):
        assert found.names == (*RGB, "nir")


def test_alpha_is_no_band_where_nothing_says_otherwise():
    colours = (*RGB, "alpha")
    assert name_bands(facts(colours=colours)).names == (*RGB, "")
    assert name_bands(facts(colours=colours), given=RGB).names == (*RGB, "")
    assert name_bands(facts(colours=("gray", "alpha"))).names == ("b1", "")


def test_letters_in_the_file_name_give_the_order_with_a_note():
    found = name_bands(facts(href="s2like_groningen_rgbn.tif", colours=("gray",) * 4))
    assert found.names == (*RGB, "nir")
    assert "order of the file's name" in found.notes[0]


def test_letters_that_repeat_the_colours_are_no_choice():
    assert name_bands(facts(href="cog_rgb_mask.tif", colours=RGB)).notes == ()


def test_letters_of_another_number_of_bands_are_not_believed():
    assert name_bands(facts(href="x_rgb.tif", colours=("gray",) * 4)).names[0] == "b1"


def test_another_number_of_names_is_refused_with_the_order_wanted():
    with pytest.raises(InputError, match=r"3 band names were given .* for 4 bands") as caught:
        name_bands(facts(colours=("gray",) * 4), given=["a", "b", "c"])
    assert caught.value.hint == ("give 4 names in the order of the bands, for instance b1,b2,b3,b4")


@pytest.mark.parametrize("given", [["nir", "near infrared"], ["red", "!!"]])
def test_names_that_mean_the_same_or_nothing_are_refused(given):
    with pytest.raises(InputError, match="cannot be used"):
        name_bands(facts(colours=("gray", "undefined")), given=given)


def test_slugs_are_names_for_expressions():
    assert [slug(t) for t in ("Gamma0_VV", "2019 NDVI", "a-b c", "波段")] == [
        "gamma0_vv",
        "b2019_ndvi",
        "a_b_c",
        "",
    ]


def test_repeated_names_are_numbered():
    assert distinct(["a", "a", "a_2", "", ""]) == ("a", "a_3", "a_2", "", "")
