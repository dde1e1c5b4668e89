"""Compare keys and shapes of a checkpoint with those of a network; say what it looks like."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

__all__ = ["Shapes", "key_problems", "looks_like"]

Shapes = Mapping[str, tuple[int, ...]]
"""Shape of each tensor, by key."""

_SHOWN: Final = 3
_LETTERS: Final = {768: "B", 1024: "L", 1280: "H", 1408: "g", 1664: "bigG"}
"""Width of a vision transformer to the letter of its size. Source: open_clip/model_configs."""


def key_problems(wanted: Shapes, found: Shapes) -> tuple[str, ...]:
    """Return what keeps tensors from being those of a network, each a clause; none if all fits."""
    missing = [key for key in wanted if key not in found]
    surplus = [key for key in found if key not in wanted]
    wrong = [
        f"{key} is {_by(found[key])} and should be {_by(wanted[key])}"
        for key in wanted
        if key in found and found[key] != wanted[key]
    ]
    problems = []
    if missing:
        problems.append(f"{len(missing)} of {len(wanted)} tensors are missing ({_some(missing)})")
    if surplus:
        problems.append(f"{len(surplus)} are not of this network ({_some(surplus)})")
    if wrong:
        problems.append(f"{len(wrong)} have another shape ({_some(wrong)})")
    return tuple(problems)


def looks_like(found: Shapes) -> str:
    """Say in a few words what network tensors seem to be of."""
    if not found:
        return "a file without tensors"
    if any(key.startswith(("vision_model.", "text_model.")) for key in found):
        return "a CLIP in the layout of the transformers library"
    if any(key.startswith(("image_backbone.", "text_backbone.")) for key in found):
        return "a checkpoint of ITRA that was not converted"
    picture, text = _picture_tower(found), _text_tower(found)
    if picture and text:
        return f"{picture} with {text}"
    return picture or text or f"no CLIP (its first tensor is {next(iter(found))})"


def _picture_tower(found: Shapes) -> str:
    if "visual.layer1.0.conv1.weight" in found:
        return "a ResNet CLIP (RN50 or larger)"
    patches = found.get("visual.conv1.weight", ())
    if len(patches) != 4:
        return ""
    width, patch = patches[0], patches[3]
    name = f"ViT-{_LETTERS.get(width, f'(width {width})')}-{patch}"
    positions = found.get("visual.positional_embedding", ())
    if positions and positions[0] > 1:
        name += f" for {round((positions[0] - 1) ** 0.5) * patch} px"
    out = found.get("visual.proj", ())
    return f"a {name}" + (f", vectors of {out[1]}" if len(out) == 2 else "")


def _text_tower(found: Shapes) -> str:
    if any(key.startswith("text.transformer.embeddings.") for key in found):
        return "a text tower of the transformers library"
    tokens, positions = found.get("token_embedding.weight", ()), found.get("positional_embedding")
    if len(tokens) == 2 and positions:
        return f"a text tower of width {tokens[1]} for {positions[0]} tokens"
    return ""


def _by(shape: tuple[int, ...]) -> str:
    return " x ".join(str(size) for size in shape) or "a single number"


def _some(names: Sequence[str]) -> str:
    shown = ", ".join(names[:_SHOWN])
    return f"{shown} ..." if len(names) > _SHOWN else shown
