"""Requests: what is wrong with one is said before anything is opened."""

from __future__ import annotations

import pytest

from eoagent.app.request import Request
from eoagent.contracts.errors import InputError


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"question": None}, "is no text"),
        ({"question": "x" * 100_001}, "100001 characters"),
        ({"images": "scene.tif"}, "images is str, and a list is wanted"),
        ({"images": None}, "images is NoneType"),
        ({"images": [1]}, "images holds something that is no text"),
        ({"features": b"x"}, "features is bytes"),
        ({"bands": {"red"}}, "bands is set"),
        ({"gsd_m": 0.0}, "a pixel of 0.0 m"),
        ({"gsd_m": float("nan")}, "a pixel of nan m"),
        ({"gsd_m": float("inf")}, "a pixel of inf m"),
        ({"thread": "  "}, "the thread has an empty name"),
    ],
)
def test_a_part_of_the_wrong_kind_is_named(given, said):
    with pytest.raises(InputError) as error:
        Request(**({"question": "q?"} | given))
    assert said in str(error.value)
    assert error.value.hint


def test_a_plain_request_has_quiet_defaults():
    request = Request(question="q?")
    assert (request.images, request.thread, request.use_cache) == ((), None, True)
