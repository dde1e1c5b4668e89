"""What looks like a key goes; what only looks a little like one stays."""

from __future__ import annotations

import pytest

from eoagent.io.keys import key_remover, remove_keys

_KEY = "Zq9canaryZq9canary"


@pytest.mark.parametrize(
    ("text", "left"),
    [
        (f"https://user:{_KEY}@a.example/x.tif", "https://...@a.example/x.tif"),
        (
            f"https://a.example/x?X-Amz-Signature={_KEY}&y=2020",
            "https://a.example/x?X-Amz-Signature=...&y=2020",
        ),
        (f"https://a.example/x?y=2020&sig={_KEY}.", "https://a.example/x?y=2020&sig=..."),
        (f"Authorization: Bearer {_KEY}", "Authorization: ..."),
        (f"authorization={_KEY}", "authorization=..."),
        (f"{{'x-api-key': '{_KEY}', 'a': 1}}", "{'x-api-key': '...', 'a': 1}"),
        (f"the API key: {_KEY} is wrong", "the API key: ... is wrong"),
        (f"sent bearer {_KEY} there", "sent bearer ... there"),
        (f"provided: sk-{_KEY}.", "provided: sk-...."),
    ],
)
def test_keys_go_by_the_sign_they_carry(text, left):
    assert remove_keys(text) == left


@pytest.mark.parametrize(
    "text",
    [
        "https://a.example/x.tif?year=2020&bands=red,nir",
        "https://a.example/x.tif?...0f3c",
        "/data/a@b/scene.tif",
        "the key of the map: blue is water",
        "a bearer of news",
        "basic facts about it",
        "mask:0123456789ab",
        "write to user@a.example",
    ],
)
def test_other_texts_stay(text):
    assert remove_keys(text) == text


def test_the_values_of_secret_variables_go_wherever_they_stand():
    environ = {"MY_API_KEY": _KEY, "SHORT_KEY": "ab", "HOME": "/srv/user"}
    remove = key_remover(environ)
    value = {"a": [f"x{_KEY}y", "ab", "/srv/user"], _KEY: 1, "n": None, "f": 1.5}
    assert remove(value) == {
        "a": ["x[MY_API_KEY]y", "ab", "/srv/user"],
        "[MY_API_KEY]": 1,
        "n": None,
        "f": 1.5,
    }
