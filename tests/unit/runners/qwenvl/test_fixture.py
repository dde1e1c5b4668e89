"""The tiny models that other tests rest on, loaded and run by transformers alone."""

from __future__ import annotations

import pytest
import torch
from PIL import Image
from transformers import AutoModelForImageTextToText, AutoProcessor


def _said(folder, picture, words):
    model = AutoModelForImageTextToText.from_pretrained(folder, local_files_only=True)
    processor = AutoProcessor.from_pretrained(folder, local_files_only=True)
    content = [{"type": "image"}, {"type": "text", "text": words}]
    text = processor.apply_chat_template(
        [{"role": "user", "content": content}], add_generation_prompt=True, tokenize=False
    )
    inputs = processor(text=[text], images=[Image.fromarray(picture)], return_tensors="pt")
    with torch.inference_mode():
        found = model.generate(**inputs, do_sample=False, temperature=None, max_new_tokens=80)
    new = found[0, inputs["input_ids"].shape[1] :]
    return processor.tokenizer.decode(new, skip_special_tokens=True)


@pytest.mark.parametrize(
    "reply",
    [
        "<think>a</think><answer>[]</answer>",
        "1, 1, 1, 1, 1, 1, 1, 1",
        "Drei Häuser – 三座房子\nand a line",
        "aaaaaaaaaaaaaaaaaaaa",
        "x",
    ],
)
def test_a_scripted_model_says_what_it_was_made_to_say(tiny_reasoner, tmp_path, picture, reply):
    folder = tiny_reasoner.make_reasoner(tmp_path / "made", reply=reply)
    assert _said(folder, picture(56, 84), f"say {reply[:4]}") == reply


def test_the_folder_is_laid_out_as_published_ones_are(scripted):
    names = {path.name for path in scripted.iterdir()}
    assert {
        "config.json",
        "generation_config.json",
        "preprocessor_config.json",
        "tokenizer.json",
        "tokenizer_config.json",
        "chat_template.json",
        "model.safetensors.index.json",
        "model-00001-of-00003.safetensors",
    } <= names
    assert sum(path.stat().st_size for path in scripted.iterdir()) < 1_000_000


def test_a_seed_gives_the_same_weights_again(tiny_reasoner, noisy, tmp_path):
    again = tiny_reasoner.make_reasoner(tmp_path / "again", positions=1024, repetition_penalty=1.3)
    for path in noisy.glob("*.safetensors"):
        assert (again / path.name).read_bytes() == path.read_bytes()
