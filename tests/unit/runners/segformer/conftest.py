"""A tiny contour model with weights drawn at random, laid out as the published one is."""

from __future__ import annotations

import json

import pytest
import torch

from eoagent.contracts.card import ModelCard, WeightsSource

SIDE = 64


@pytest.fixture(scope="session", autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory):
    """A folder with configuration, preparation and weights in half precision."""
    from transformers import SegformerConfig, SegformerForSemanticSegmentation

    torch.manual_seed(3)
    network = SegformerForSemanticSegmentation(
        SegformerConfig(
            num_labels=1,
            hidden_sizes=[8, 16, 24, 32],
            depths=[1, 1, 1, 1],
            num_attention_heads=[1, 2, 3, 4],
            decoder_hidden_size=16,
        )
    )
    for value in network.parameters():
        if value.ndim > 1:
            value.data.normal_(std=0.25)
    folder = tmp_path_factory.mktemp("directsam")
    network.half().save_pretrained(folder)
    prepared = {
        "do_normalize": True,
        "do_rescale": True,
        "do_resize": True,
        "image_mean": [0.485, 0.456, 0.406],
        "image_std": [0.229, 0.224, 0.225],
        "image_processor_type": "SegformerImageProcessor",
        "resample": 2,
        "rescale_factor": 1 / 255,
        "size": {"height": SIDE, "width": SIDE},
    }
    (folder / "preprocessor_config.json").write_text(json.dumps(prepared))
    return folder


@pytest.fixture(scope="session")
def card():
    return ModelCard(
        id="directsam-entityseg-1024",
        kind="segformer",
        title="Tiny",
        summary="Tiny.",
        licence="unknown",
        homepage="https://example.com",
        architecture="SegFormer",
        input_px=SIDE,
        classes=("contour",),
        tasks=("contours",),
        memory_mb=1,
        weights=WeightsSource(repository="owner/name", file="model.safetensors"),
        options={"beside": ["config.json", "preprocessor_config.json"]},
    )
