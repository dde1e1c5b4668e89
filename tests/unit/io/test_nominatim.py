"""A geocoding service played by a local server: asked politely, believed with care."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import pytest
import shapely

from eoagent.contracts.errors import InputError, NotFound, SourceError
from eoagent.io import gazetteer
from eoagent.io.nominatim import Nominatim
from eoagent.io.origin import OriginGuard
from eoagent.io.placesearch import find_named

SQUARE = {"type": "Polygon", "coordinates": [[[2, 48], [3, 48], [3, 49], [2, 49], [2, 48]]]}
PARIS = {
    "name": "Paris",
    "display_name": "Paris, Île-de-France, France",
    "lon": "2.35",
    "lat": "48.85",
    "addresstype": "city",
    "address": {
        "city": "Paris",
        "state": "Île-de-France",
        "country": "France",
        "country_code": "fr",
    },
    "extratags": {"population": "2145906"},
    "namedetails": {"name": "Paris", "name:zh": "巴黎"},
    "geojson": SQUARE,
}


class Clock:
    """A clock that only sleeping moves."""

    def __init__(self):
        self.now, self.slept = 1_700_000_000.0, []

    def __call__(self):
        return self.now

    def sleep(self, seconds):
        self.slept.append(seconds)
        self.now += seconds


@pytest.fixture
def serve(servers):
    """Start a server that answers every search with these places."""
    running = []

    def start(answer):
        body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        server = servers.Server(body, lambda exchange: exchange.reply(200, body))
        running.append(server)
        return server.__enter__()

    yield start
    for server in running:
        server.__exit__()


def service(server, folder, clock=None):
    clock = clock or Clock()
    origins = OriginGuard()
    return Nominatim(
        url=server.origin, folder=folder, origins=origins, clock=clock, sleep=clock.sleep
    )


def test_an_answer_gives_name_region_people_and_outline(serve, tmp_path):
    server = serve([PARIS])
    (place,) = service(server, tmp_path).find("巴黎")
    assert (place.name, place.region, place.population) == (
        "Paris",
        ("Île-de-France", "France"),
        2145906,
    )
    assert place.is_exact
    assert place.geometry.equals(shapely.box(2, 48, 3, 49))
    assert {"france", "fr"} <= place.terms
    assert place.sources[0].href == f"{server.origin}/search"


def test_the_request_names_its_agent_and_asks_for_few_places(serve, tmp_path):
    server = serve([PARIS])
    service(server, tmp_path).find("A&B=c/../?#")
    (request,) = server.requests
    asked = parse_qs(urlsplit(request.path).query)
    assert request.headers["user-agent"].startswith("eoagent")
    assert asked["q"] == ["A&B=c/../?#"]
    assert int(asked["limit"][0]) <= 10


def test_a_key_in_the_address_is_sent_and_not_written_down(serve, tmp_path):
    server = serve([PARIS])
    asked = replace(service(server, tmp_path), url=f"{server.origin}/geo/?key=canary")
    (place,) = asked.find("Paris")
    path, _, query = server.requests[0].path.partition("?")
    assert path == "/geo/search"
    assert (parse_qs(query)["key"], parse_qs(query)["q"]) == (["canary"], ["Paris"])
    assert place.sources[0].href == f"{server.origin}/geo/search"


def test_the_same_question_is_asked_once(serve, tmp_path):
    server = serve([PARIS])
    first = service(server, tmp_path).find("Paris")
    second = service(server, tmp_path).find("Paris")
    assert first == second
    assert len(server.requests) == 1


def test_two_questions_are_a_second_apart_in_whatever_process(serve, tmp_path):
    server, clock = serve([PARIS]), Clock()
    service(server, tmp_path, clock).find("Paris")
    clock.now += 0.25
    service(server, tmp_path, clock).find("London")
    assert clock.slept == [pytest.approx(0.75, abs=1e-3)]
    clock.now += 5
    service(server, tmp_path, clock).find("Rome")
    assert len(clock.slept) == 1


@pytest.mark.parametrize(
    "answer",
    [
        b"<html>busy</html>",
        {"error": "no"},
        [1],
        [{**PARIS, "lon": "x"}],
        [{**PARIS, "lon": "NaN", "geojson": None}],
        [
            {
                **PARIS,
                "geojson": {
                    "type": "Polygon",
                    "coordinates": [[[900, 0], [901, 0], [901, 1], [900, 0]]],
                },
            }
        ],
        [{**PARIS, "geojson": {"type": "Polygon", "coordinates": "none"}}],
        [{"lon": 1, "lat": 2}],
    ],
)
def test_an_answer_that_is_no_list_of_places_is_refused_and_not_kept(serve, tmp_path, answer):
    server = serve(answer)
    for _ in range(2):
        with pytest.raises(SourceError, match="cannot be read as places") as caught:
            service(server, tmp_path).find("Paris")
    assert "geocoder_url" in caught.value.hint
    assert len(server.requests) == 2


def test_a_server_that_is_down_is_a_source_error(servers, tmp_path):
    with servers.Server(b"", lambda exchange: exchange.reply(404)) as server:
        with pytest.raises(SourceError, match="404"):
            service(server, tmp_path).find("Paris")
        assert not list(tmp_path.glob("*.json"))


@pytest.fixture(autouse=True)
def few_towns(monkeypatch):
    """Leave the tables of towns empty: they take seconds to read."""
    read = gazetteer._table

    def given(name):
        rows, source = read("countries.json" if name.startswith("cities") else name)
        return ({} if name.startswith("cities") else rows), source

    monkeypatch.setattr(gazetteer, "_table", given)


@pytest.fixture
def asking(services, tmp_path):
    """Return services whose settings allow a geocoder."""

    def allow(server):
        options = replace(
            services.options,
            geocoder="nominatim",
            geocoder_url=server.origin,
            cache_dir=tmp_path / "answers",
        )
        return replace(services, options=options)

    return allow


def test_no_service_is_asked_unless_settings_say_so(serve, services, tmp_path):
    server = serve([PARIS])
    quiet = replace(
        services,
        options=replace(services.options, geocoder_url=server.origin, cache_dir=tmp_path / "a"),
    )
    with pytest.raises(NotFound):
        find_named(quiet, "Nowhere at all in the world")
    assert not server.requests


def test_a_country_without_outline_is_asked_for(serve, asking):
    italy = {**PARIS, "name": "Italy", "namedetails": {"name": "Italia", "name:en": "Italy"}}
    server = serve([italy])
    found = find_named(asking(server), "Italy")
    assert shapely.get_dimensions(found.place.geometry) == 2
    assert any("OpenStreetMap" in said for said in found.assumptions)


def test_an_answer_of_another_name_is_a_suggestion_only(serve, asking):
    other = {**PARIS, "name": "Qwertyville", "namedetails": {}}
    with pytest.raises(NotFound, match="no place named 'Qwertyx'") as caught:
        find_named(asking(serve([other])), "Qwertyx")
    assert "Qwertyville" in caught.value.hint


def test_several_answers_of_one_name_are_asked_back(serve, asking):
    far = {**PARIS, "lon": "-95", "lat": "33", "geojson": None, "extratags": {}}
    with pytest.raises(InputError, match="2 places"):
        find_named(asking(serve([PARIS, far])), "巴黎")


def test_without_a_home_nothing_is_asked(serve, asking):
    server = serve([PARIS])
    homeless = asking(server)
    homeless = replace(homeless, options=replace(homeless.options, cache_dir=None))
    with pytest.raises(InputError, match="home folder"):
        find_named(homeless, "Nowhere at all in the world")
    assert not server.requests
    assert math.isinf(homeless.deadline.remaining_s)
