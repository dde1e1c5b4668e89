"""Small networks of CLIP with random weights, and the files that they are published as."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from eoagent.contracts.card import ModelCard, WeightsSource

torch = pytest.importorskip("torch")
open_clip = pytest.importorskip("open_clip")

VISION = {"image_size": 64, "layers": 2, "width": 64, "head_width": 16, "patch_size": 16}
TEXT = {"context_length": 77, "vocab_size": 49408, "width": 32, "heads": 4, "layers": 2}
ARCHITECTURES = {
    "tiny": {"embed_dim": 24, "vision_cfg": VISION, "text_cfg": TEXT},
    "tiny-quickgelu": {"embed_dim": 24, "quick_gelu": True, "vision_cfg": VISION, "text_cfg": TEXT},
    "tiny-wide": {"embed_dim": 24, "vision_cfg": {**VISION, "width": 96}, "text_cfg": TEXT},
}


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> Iterator[None]:
    """Leave the other processors to whoever shares the machine."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session", autouse=True)
def _architectures(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Tell open_clip of the small architectures."""
    folder = tmp_path_factory.mktemp("architectures")
    for name, settings in ARCHITECTURES.items():
        (folder / f"{name}.json").write_text(json.dumps(settings))
    open_clip.add_model_config(folder)


def tiny_card(**changes: Any) -> ModelCard:
    """Return the card of the small network."""
    about: dict[str, Any] = {
        "id": "tiny",
        "kind": "clip",
        "title": "Tiny",
        "summary": "A small network for tests.",
        "licence": "none",
        "homepage": "https://example.com/tiny",
        "weights": WeightsSource(repository="someone/tiny", file="tiny.pt"),
        "architecture": "tiny",
        "activation": "quickgelu",
        "dimensions": 24,
        "input_px": 64,
        "gsd_max_m": 30.0,
        "memory_mb": 8,
    }
    return ModelCard.model_validate(about | changes)


def random_model(architecture: str, *, seed: int = 0, gain: float = 8.0) -> Any:
    """Return a network with weights large enough for its activation to show."""
    torch.manual_seed(seed)
    model = open_clip.create_model(architecture)
    with torch.no_grad():
        for name, value in model.named_parameters():
            if name.endswith("mlp.c_proj.weight"):
                value.mul_(gain)
    return model.eval()


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    """The small network, its published file, and the same weights as tensors."""
    path = tmp_path_factory.mktemp("tiny") / "tiny.pt"
    model = random_model("tiny-quickgelu")
    torch.save(model.state_dict(), path)
    return SimpleNamespace(model=model, path=path, tensors=dict(model.state_dict()))


@pytest.fixture(scope="session")
def make_card() -> Callable[..., ModelCard]:
    """The function that makes the card of the small network."""
    return tiny_card


@pytest.fixture(scope="session")
def make_model() -> Callable[..., Any]:
    """The function that makes a network with random weights."""
    return random_model


@pytest.fixture(scope="session")
def photos() -> list[np.ndarray]:
    """Smooth pictures of several shapes, with an edge and some noise in each."""
    rng = np.random.default_rng(7)
    found = []
    for height, width in [(64, 64), (90, 64), (64, 130), (200, 160), (40, 40), (65, 67)]:
        rows, columns = np.mgrid[0:height, 0:width]
        waves = np.sin(rows / 9.0)[..., None] * np.cos(
            columns / np.array([5.0, 8.0, 13.0])[:, None, None]
        ).transpose(1, 2, 0)
        picture = 128 + 90 * waves + rng.normal(0, 12, (height, width, 3))
        picture[: height // 3, : width // 2] = rng.integers(0, 255, 3)
        found.append(np.clip(picture, 0, 255).astype(np.uint8))
    return found
