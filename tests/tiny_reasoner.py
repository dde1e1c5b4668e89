"""A tiny Qwen2.5-VL in the layout in which real ones are published, made on the spot.

`make_reasoner(folder)` writes one with random weights: what it says is noise, but always the same
noise. `make_reasoner(folder, reply=TEXT)` writes one that says TEXT whatever it is shown and asked:
its layers add nothing, so the last token alone says which one follows, and each piece of the text
is a token of its own that knows its successor. Both take the whole way of a real one: template,
picture processor, vision tower, cache, `generate`.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from tokenizers import pre_tokenizers
from transformers import (
    GenerationConfig,
    Qwen2_5_VLConfig,
    Qwen2_5_VLForConditionalGeneration,
    Qwen2Tokenizer,
)

from eoagent.contracts.card import ModelCard

__all__ = ["REPLY", "make_reasoner", "reasoner_card"]

REPLY = (
    "<think>Two quays lie at the shore.</think>\n<answer>[[56,28,140,112],[10,20,30,40]]</answer>"
)
"""What the scripted one says unless told otherwise."""
_SPECIALS = (
    "<|endoftext|>",
    "<|im_start|>",
    "<|im_end|>",
    "<|vision_start|>",
    "<|vision_end|>",
    "<|image_pad|>",
    "<|video_pad|>",
)
_HIDDEN = 64
_TEMPLATE = (
    "{% for message in messages %}"
    "{% if loop.first and message['role'] != 'system' %}"
    "<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n{% endif %}"
    "<|im_start|>{{ message['role'] }}\n"
    "{% if message['content'] is string %}{{ message['content'] }}{% else %}"
    "{% for part in message['content'] %}"
    "{% if part['type'] == 'image' %}<|vision_start|><|image_pad|><|vision_end|>"
    "{% else %}{{ part['text'] }}{% endif %}{% endfor %}{% endif %}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
_START = "\n"
"""Last token of every prompt, with which the script begins."""


def make_reasoner(
    folder: Path,
    *,
    reply: str | None = None,
    seed: int = 0,
    positions: int = 8192,
    shard_size: str = "400KB",
    **generation: Any,
) -> Path:
    """Write a tiny model into a folder, and return the folder; takes well under a second.

    Args:
        folder: where it goes; it is made.
        reply: what it is to say; None leaves its weights random.
        seed: of the weights.
        positions: most tokens of a dialogue.
        shard_size: most of a weights file.
        generation: more entries of its generation config (`repetition_penalty`).
    """
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer, script = _tokenizer(reply)
    ids = {name: tokenizer.convert_tokens_to_ids(name) for name in _SPECIALS}
    torch.manual_seed(seed)
    model = Qwen2_5_VLForConditionalGeneration(_config(len(tokenizer), ids, positions)).eval()
    if reply is not None:
        chain = [*script, ids["<|im_end|>"]]
        _teach(model, dict(zip([tokenizer(_START).input_ids[0], *script], chain, strict=True)))
    model.generation_config = GenerationConfig(
        do_sample=True,
        temperature=1e-6,
        eos_token_id=[ids["<|im_end|>"], ids["<|endoftext|>"]],
        pad_token_id=ids["<|endoftext|>"],
        **{"repetition_penalty": 1.05, **generation},
    )
    model.save_pretrained(folder, max_shard_size=shard_size)
    tokenizer.save_pretrained(folder)
    _write(folder / "chat_template.json", {"chat_template": _TEMPLATE})
    _write(
        folder / "preprocessor_config.json",
        {
            "min_pixels": 3136,
            "max_pixels": 12845056,
            "patch_size": 14,
            "temporal_patch_size": 2,
            "merge_size": 2,
            "image_mean": [0.48145466, 0.4578275, 0.40821073],
            "image_std": [0.26862954, 0.26130258, 0.27577711],
            "image_processor_type": "Qwen2VLImageProcessor",
            "processor_class": "Qwen2_5_VLProcessor",
        },
    )
    return folder


def reasoner_card(**changes: Any) -> ModelCard:
    """Return the card of a tiny model."""
    about: dict[str, Any] = {
        "id": "tiny-reasoner",
        "kind": "qwenvl",
        "title": "Tiny reasoner",
        "summary": "A small model for tests.",
        "licence": "none",
        "homepage": "https://example.com/tiny-reasoner",
        "weights": {
            "repository": "someone/tiny-reasoner",
            "file": "model.safetensors.index.json",
        },
        "architecture": "Qwen2.5-VL",
        "input_px": 896,
        "memory_mb": 4,
        "tasks": ["reason"],
        "options": {
            "layout": "folder",
            "other_files": ["model.safetensors"],
            "beside": ["config.json", "preprocessor_config.json", "tokenizer_config.json"],
            "beside_if_there": [
                "generation_config.json",
                "tokenizer.json",
                "chat_template.json",
                "chat_template.jinja",
            ],
            "profile": "remotereasoner",
        },
    }
    return ModelCard.model_validate(about | changes)


def _tokenizer(reply: str | None) -> tuple[Qwen2Tokenizer, list[int]]:
    """Return a tokenizer of bytes, and the tokens of its own that the reply is made of."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {one: number for number, one in enumerate([*alphabet, *_SPECIALS])}
    script = []
    for piece in _pieces(reply or ""):
        ((spelt, _),) = pre_tokenizers.ByteLevel(
            add_prefix_space=False, use_regex=False
        ).pre_tokenize_str(piece)
        script.append(vocabulary.setdefault(spelt, len(vocabulary)))
    tokenizer = Qwen2Tokenizer(
        vocab=vocabulary,
        merges=[],  # so a prompt is read byte by byte, and never as pieces of the reply
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        unk_token=None,
        additional_special_tokens=list(_SPECIALS[1:]),
    )
    return tokenizer, script


def _pieces(text: str) -> list[str]:
    """Cut a text into pieces of two characters and more, no two alike."""
    pieces: list[str] = []
    start = end = 0
    while start < len(text):
        end = min(max(end + 1, start + 2), len(text))
        if end == len(text):
            # what is left may be a piece that was had, or a single byte: the last takes it too
            while pieces and (end - start < 2 or text[start:end] in pieces):
                start -= len(pieces.pop())
            pieces.append(text[start:])
            break
        if text[start:end] not in pieces:
            pieces.append(text[start:end])
            start = end
    return pieces


def _config(words: int, ids: dict[str, int], positions: int) -> Qwen2_5_VLConfig:
    return Qwen2_5_VLConfig(
        text_config={
            "vocab_size": words,
            "hidden_size": _HIDDEN,
            "intermediate_size": 128,
            "num_hidden_layers": 2,
            "num_attention_heads": 4,
            "num_key_value_heads": 2,
            "max_position_embeddings": positions,
            "rope_parameters": {
                "rope_type": "default",
                "rope_theta": 1e6,
                "mrope_section": [2, 3, 3],
            },
            "bos_token_id": None,
            "eos_token_id": ids["<|im_end|>"],
            "pad_token_id": ids["<|endoftext|>"],
        },
        vision_config={
            "depth": 2,
            "hidden_size": 32,
            "intermediate_size": 64,
            "num_heads": 2,
            "out_hidden_size": _HIDDEN,
            "fullatt_block_indexes": [1],
        },
        image_token_id=ids["<|image_pad|>"],
        video_token_id=ids["<|video_pad|>"],
        vision_start_token_id=ids["<|vision_start|>"],
        vision_end_token_id=ids["<|vision_end|>"],
        tie_word_embeddings=False,
    )


def _teach(model: Any, successors: dict[int, int]) -> None:
    """Let each token be followed by its successor, whatever came before it."""
    text = model.model.language_model
    with torch.no_grad():
        for layer in text.layers:  # what the layers add is nothing
            layer.self_attn.o_proj.weight.zero_()
            layer.mlp.down_proj.weight.zero_()
        words = text.embed_tokens.weight
        words.copy_(torch.nn.functional.normalize(torch.randn_like(words)))
        model.lm_head.weight.zero_()
        for word, successor in successors.items():
            model.lm_head.weight[successor] = words[word]


def _write(path: Path, document: dict[str, Any]) -> None:
    path.write_text(json.dumps(document, indent=2), encoding="utf-8")
