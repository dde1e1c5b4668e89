"""Sizes of the network come from a mapping, and those that cannot be are refused."""

from __future__ import annotations

import pytest

from eoagent.contracts.errors import InputError
from eoagent.runners.remotesam.shape import PUBLISHED, NetworkShape


def test_nothing_given_means_the_published_sizes():
    assert NetworkShape.of(None) == NetworkShape.of({}) == NetworkShape.of({"bert": {}})
    assert NetworkShape.of(None) == PUBLISHED
    assert PUBLISHED.widths == (128, 256, 512, 1024)
    assert PUBLISHED.grids == (224, 112, 56, 28)
    assert PUBLISHED.decoder_width == 512


def test_sizes_survive_their_mapping(tiny_config):
    shape = NetworkShape.of(tiny_config)
    assert NetworkShape.of(shape.mapping()) == shape


@pytest.mark.parametrize("model", ["small", "full"])
def test_the_configurations_of_the_manifest_are_taken(manifest, model):
    config = manifest["models"][model]["config"]
    shape = NetworkShape.of(config)
    assert shape.side == config["side"]
    assert list(shape.depths) == config["depths"]


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"size": 3}, "no size of the network is called size"),
        ({"bert": {"layers": 3}}, "no size of its text encoder is called layers"),
        ({"bert": [3]}, r"are a mapping, got \[3\]"),
        ({"depths": [2, 2]}, r"one number for each of the 4 stages, got \[2, 2\]"),
        ({"depths": 2}, "one number for each of the 4 stages, got 2"),
        ({"depths": [2, 2, 0, 2]}, "depths is a whole number from 1 to 65536, got 0"),
        ({"side": 8.0}, "side is a whole number from 1 to 65536, got 8.0"),
        ({"window": True}, "window is a whole number from 1 to 65536, got True"),
        ({"side": 100}, "a multiple of 32 pixels, got 100"),
        ({"embed_dim": 130, "num_heads": [1, 1, 1, 1]}, "embed_dim is a multiple of 4, got 130"),
        ({"num_heads": [3, 3, 3, 3]}, "128 channels do not divide among 3 heads"),
        ({"bert": {"hidden_size": 100}}, "100 text channels do not divide among 12 heads"),
    ],
)
def test_sizes_that_cannot_be_are_refused(config, said):
    with pytest.raises(InputError, match=said):
        NetworkShape.of(config)
