"""The models of a home folder: made when asked, as the settings say, and closed."""

from __future__ import annotations

import gc

import pytest

from eoagent.app.modelling import HomeModels
from eoagent.contracts.errors import ModelMissing, NotFound
from eoagent.contracts.runner import Counters
from eoagent.io.modeluse import read_use
from eoagent.runners.pool import ModelPool
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


@pytest.mark.parametrize("way", ["closed", "forgotten"])
def test_what_models_did_is_written_down_once(tmp_path, monkeypatch, way):
    done = {"remotesam-v1 cpu float32 fast": Counters(requests=3, batches=2, busy_s=1.25)}
    monkeypatch.setattr(ModelPool, "counters", lambda self: done)
    models = HomeModels(tmp_path, Settings())
    assert models.counters() == {}  # none is made for a look
    assert models.pool is not None
    assert models.counters() == done
    if way == "closed":
        models.close()
        models.close()
    del models
    gc.collect()
    assert read_use(tmp_path) == done


def test_reasoners_and_outliners_say_how_to_get_them(tmp_path):
    models = HomeModels(tmp_path, Settings())
    with pytest.raises(ModelMissing, match="remotereasoner-7b") as missing:
        models.reasoner(gsd_m=0.3)
    assert missing.value.command == "eoagent models pull remotereasoner-7b"
    with pytest.raises(ModelMissing, match=r"sam2\.1-hiera-tiny") as missing:
        models.outliner()
    assert missing.value.command == "eoagent models pull sam2.1-hiera-tiny"
    with pytest.raises(NotFound, match="the reasoner 'remotesam-v1' does not reason"):
        models.reasoner("remotesam-v1")
    models.close()


def test_the_settings_say_which_reasoner_is_meant_and_how_it_keeps_its_weights(tmp_path):
    models = HomeModels(tmp_path, Settings(reasoner="qwen2.5-vl-7b", quantise="4bit"))
    with pytest.raises(ModelMissing, match=r"qwen2\.5-vl-7b"):
        models.reasoner()
    assert models.pool._reasoners._wish.quantise == "4bit"
    models.close()
