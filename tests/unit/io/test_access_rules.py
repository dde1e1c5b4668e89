"""What `[stac."HOST"]` may say, and errors that repeat nothing which may be a key."""

from __future__ import annotations

import json

import pytest
from pydantic import SecretStr

from eoagent.contracts.errors import InputError
from eoagent.io.access_rules import BearerRule, RequesterRule, read_rules
from eoagent.settings import Settings, load_settings

CANARY = "canary-AbC123xyzZ"


@pytest.fixture
def said(tmp_path, monkeypatch):
    """Return a function that loads settings from a file text and variables."""

    def load(text="", **variables):
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        (tmp_path / "eoagent.toml").write_text(text, encoding="utf-8")
        return load_settings(tmp_path, folder=tmp_path)

    return load


def test_each_kind_of_key_is_read_from_the_file(said):
    rules = said(
        """
        [stac."api.example.com"]
        auth = "bearer"
        token_env = "EXAMPLE_TOKEN"
        [stac."*.earthdatacloud.nasa.gov"]
        auth = "earthdata"
        [stac."planetarycomputer.microsoft.com"]
        auth = "planetary-computer"
        [stac."s3://usgs-landsat"]
        auth = "requester-pays"
        region = "us-west-2"
        """
    ).stac
    assert [rule.auth for rule in rules.values()] == [
        "bearer",
        "earthdata",
        "planetary-computer",
        "requester-pays",
    ]
    assert rules["*.earthdatacloud.nasa.gov"].token_env == "EARTHDATA_TOKEN"
    assert rules["planetarycomputer.microsoft.com"].key_env == "PC_SDK_SUBSCRIPTION_KEY"


def test_a_variable_adds_the_key_to_a_section_of_the_file(said):
    settings = said(
        '[stac."api.example.com"]\nauth = "bearer"',
        **{"EOAGENT_STAC__api.example.com__TOKEN": CANARY},
    )
    rule = settings.stac["api.example.com"]
    assert rule.token == SecretStr(CANARY)
    assert CANARY not in repr(settings) + str(settings) + settings.model_dump_json() + repr(rule)


def test_all_sections_may_come_as_json_in_one_variable(said):
    sections = {"api.example.com": {"auth": "bearer", "token": CANARY}}
    settings = said(EOAGENT_STAC=json.dumps(sections))
    assert settings.stac["api.example.com"].token.get_secret_value() == CANARY


def test_the_region_is_taken_from_the_name_of_the_host():
    rules = read_rules({"naip.s3.eu-central-1.amazonaws.com": {"auth": "requester-pays"}})
    assert rules["naip.s3.eu-central-1.amazonaws.com"].region == "eu-central-1"
    assert read_rules(rules) == rules


@pytest.mark.parametrize(
    ("host", "section", "message"),
    [
        ("a.example", {"auth": CANARY}, "auth is none of those known: bearer, earthdata, planet"),
        ("a.example", {}, "auth is missing: bearer"),
        ("a.example", {"auth": 7}, "auth is none of those known"),
        ("a.example", CANARY, r'"a.example" is no section'),
        ("a.example", {"auth": "bearer"}, "wants one of token and token_env"),
        (
            "a.example",
            {"auth": "bearer", "token": CANARY, "token_env": "X"},
            "wants one of token and token_env",
        ),
        ("a.example", {"auth": "bearer", CANARY: "x"}, "a field that bearer does not have: it has"),
        ("a.example", {"auth": "bearer", "key": CANARY}, "does not have: it has auth, token, tok"),
        ("a.example", {"auth": "bearer", "token": ""}, "token: is empty, or holds spaces"),
        ("a.example", {"auth": "bearer", "token": CANARY + "\n"}, "token: is empty, or holds"),
        ("a.example", {"auth": "bearer", "token_env": CANARY}, "token_env: String should match"),
        ("a.example", {"auth": "bearer", "token": [CANARY]}, "token: Input should be a valid str"),
        (CANARY, {"auth": "bearer", "token": "x"}, "names a section by something else than HOST"),
        ("https://a.example", {"auth": "bearer", "token": "x"}, "names a section by something"),
        ("*.com", {"auth": "bearer", "token": "x"}, "names a section by something else"),
        ("s3://bucket", {"auth": "bearer", "token": "x"}, "buckets are opened by auth = "),
        ("s3://bucket", {"auth": "requester-pays"}, '"s3://bucket" wants region'),
        ("s3://bucket", {"auth": "requester-pays", "region": CANARY}, "region: String should"),
        ("a.example", {"auth": "requester-pays", "region": "us-west-2"}, "is no host of S3"),
        (
            "b.s3.us-west-2.amazonaws.com",
            {"auth": "requester-pays", "endpoint": "https://a.example"},
            'endpoint goes with a section "s3://BUCKET"',
        ),
        (
            "a.example",
            {"auth": "planetary-computer", "blobs": [CANARY]},
            "blobs: lists something that is no HOST",
        ),
        (
            "a.example",
            {"auth": "planetary-computer", "endpoint": f"https://{CANARY}@a.example"},
            "endpoint: String should match",
        ),
    ],
)
def test_a_wrong_section_is_refused_without_repeating_what_may_be_a_key(host, section, message):
    with pytest.raises(ValueError, match=message) as caught:
        read_rules({host: section})
    told = str(caught.value) + repr(caught.value) + repr(caught.value.__cause__)
    assert CANARY not in told


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (f'stac = "{CANARY}"', r'holds no sections; write \[stac."HOST"\]'),
        (
            f'[stac."a.example"]\nauth = "{CANARY}"',
            "setting 'stac': \"a.example\": auth is none of",
        ),
        (f'[stac."{CANARY}"]\nauth = "bearer"', "names a section by something else"),
    ],
)
def test_the_settings_say_what_is_wrong_and_chain_no_key(said, text, message):
    with pytest.raises(InputError, match=message) as caught:
        said(text)
    error: BaseException | None = caught.value
    while error is not None:
        assert CANARY not in str(error) + repr(error)
        error = error.__cause__ or error.__context__


def test_a_variable_that_is_no_json_is_refused_without_its_text(said):
    with pytest.raises(InputError) as caught:
        said(EOAGENT_STAC=CANARY)
    assert CANARY not in str(caught.value) + repr(caught.value.__cause__)


def test_rules_made_in_a_program_are_taken_as_they_are():
    rule = BearerRule(auth="bearer", token=SecretStr(CANARY))
    assert Settings(stac={"a.example": rule}).stac["a.example"] == rule
    bucket = RequesterRule(auth="requester-pays", region="us-west-2")
    assert Settings(stac={"s3://naip": bucket}).stac["s3://naip"] == bucket


def test_a_rule_that_a_program_makes_wrongly_does_not_repeat_its_key():
    with pytest.raises(ValueError, match="is empty, or holds spaces") as caught:
        BearerRule(auth="bearer", token=SecretStr(f"{CANARY} {CANARY}"))
    assert CANARY not in str(caught.value)
