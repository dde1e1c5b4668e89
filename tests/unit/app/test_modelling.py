"""The models of a home folder: made when asked, as the settings say, and closed."""

from __future__ import annotations

import pytest

from eoagent.app.modelling import HomeModels
from eoagent.contracts.errors import ModelMissing, NotFound
from eoagent.settings import Settings


@pytest.mark.parametrize("isolate", [False, True])
def test_the_settings_say_whether_a_model_has_a_process_of_its_own(tmp_path, isolate):
    models = HomeModels(tmp_path, Settings(isolate=isolate))
    assert models.pool._queues._isolate is isolate
    models.close()


def test_one_pool_is_shared_until_it_is_closed(tmp_path):
    models = HomeModels(tmp_path, Settings())
    first = models.pool
    assert models.pool is first
    models.close()
    models.close()
    assert models.pool is not first
    models.close()


def test_what_is_not_installed_is_told_with_its_command(tmp_path):
    models = HomeModels(tmp_path, Settings())
    with pytest.raises(ModelMissing, match="remoteclip-vit-b-32") as missing:
        models.encoder()
    assert missing.value.command == "eoagent models pull remoteclip-vit-b-32"
    with pytest.raises(ModelMissing, match="remotesam-v1") as missing:
        models.segmenter()
    assert missing.value.command == "eoagent models pull remotesam-v1"
    with pytest.raises(NotFound, match="nope"):
        models.segmenter("nope")
    models.close()


def test_the_default_encoder_is_the_one_of_the_settings(tmp_path):
    models = HomeModels(tmp_path, Settings(encoder="remoteclip-rn50"))
    with pytest.raises(ModelMissing, match="remoteclip-rn50"):
        models.encoder()
    models.close()
