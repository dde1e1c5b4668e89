"""Tokens per second, seconds per answer and peak memory of a reasoner: ours, and plain `generate`.

Weights are drawn at random, so only speed and memory mean anything; what is written is noise of a
fixed length. `ours` asks the runner for one dialogue at a time, `ours, 8 at once` for eight in one
pass, `plain` calls `generate` of transformers as its documentation does. Each answer is about a
picture of 896 x 896 pixels, 1,024 visual tokens, with a prompt of about 400 tokens.

Run as `reasoner.py --size tiny` (seconds, on a CPU) or `--size 7b --device cuda:0` (a GPU with
24 GB, or 40 GB for eight at once).
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

__all__ = ["main", "measure"]

_TINY: Final = Path(__file__).resolve().parents[1] / "tiny_reasoner.py"
_TEXT_7B: Final = {
    "hidden_size": 3584,
    "intermediate_size": 18944,
    "num_hidden_layers": 28,
    "num_attention_heads": 28,
    "num_key_value_heads": 4,
    "vocab_size": 152064,
    "max_position_embeddings": 128000,
    "rms_norm_eps": 1e-6,
    "rope_parameters": {
        "rope_type": "default",
        "rope_theta": 1e6,
        "mrope_section": [16, 24, 24],
    },
}
_VISION_7B: Final = {
    "depth": 32,
    "hidden_size": 1280,
    "intermediate_size": 3420,
    "num_heads": 16,
    "out_hidden_size": 3584,
    "fullatt_block_indexes": [7, 15, 23, 31],
    "window_size": 112,
}
_SIDE_PX: Final = 896
_PROMPT: Final = "Locate the target by the text and give its boxes as lists of four numbers. " * 5
_AT_ONCE: Final = 8


def measure(
    size: str, device: str, *, tokens: int, rounds: int, side_px: int = _SIDE_PX
) -> dict[str, Any]:
    """Return what each way took, seconds being the median over some rounds."""
    import numpy as np
    import torch

    runner = _runner(size, device)
    rng = np.random.default_rng(1)
    pictures = rng.integers(0, 256, (_AT_ONCE, side_px, side_px, 3), dtype=np.uint8)
    items = [
        {"messages": [("user", (_PROMPT, one, f"a quay {n}"))], "max_tokens": tokens}
        for n, one in enumerate(pictures)
    ]
    ways: dict[str, tuple[int, Callable[[], list[str]]]] = {
        "plain": (1, lambda: _plain(runner, items[0])),
        "ours": (1, lambda: _ours(runner, items[:1])),
        f"ours, {_AT_ONCE} at once": (_AT_ONCE, lambda: _ours(runner, items)),
    }
    (first,) = runner.run("chat", [items[0] | {"max_tokens": 1}])
    found: dict[str, Any] = {
        "size": size,
        "device": torch.cuda.get_device_name(device) if device != "cpu" else "cpu",
        "dtype": str(runner._network.dtype).removeprefix("torch."),
        "parameters": sum(one.numel() for one in runner._network.parameters()),
        "prompt_tokens": first["input_tokens"],
        "reply_tokens": tokens,
        "weights_mb": runner.memory_mb,
    }
    said: dict[str, list[str]] = {}
    for name, (answers, act) in ways.items():
        said[name] = act()  # warms up
        _forget_peak(device)
        seconds = statistics.median(_timed(act) for _ in range(rounds))
        found[name] = {
            "seconds_per_answer": round(seconds / answers, 3),
            "tokens_per_s": round(answers * tokens / seconds, 1),
            "peak_mb": _peak_mb(device),
        }
    found["same_words"] = len({texts[0] for texts in said.values()}) == 1
    return found


def _runner(size: str, device: str) -> Any:
    """Return a runner over random weights; the tokenizer is the tiny one's, which reads bytes."""
    import torch
    import transformers

    from eoagent.contracts.runner import Placement
    from eoagent.runners.qwenvl.layout import read_layout
    from eoagent.runners.qwenvl.loading import load_network, load_processor
    from eoagent.runners.qwenvl.runner import QwenVlRunner, decoding_of

    tiny = _tiny()
    with tempfile.TemporaryDirectory() as place:
        folder = tiny.make_reasoner(Path(place), positions=16_384)
        layout = read_layout(folder, sorted(path.name for path in folder.iterdir()))
        processor = load_processor(layout)
        placement = Placement(device=device, dtype="float32" if device == "cpu" else "bfloat16")
        if size == "tiny":
            network = load_network(layout, placement)
        else:
            own = transformers.AutoConfig.from_pretrained(folder).to_dict()
            del own["text_config"]["layer_types"]
            own["text_config"] |= _TEXT_7B
            own["vision_config"] |= _VISION_7B
            config = transformers.Qwen2_5_VLConfig.from_dict(own)
            with torch.device(device):
                network = transformers.AutoModelForImageTextToText.from_config(
                    config, dtype=torch.bfloat16
                ).eval()
        network.generation_config = transformers.GenerationConfig()
        decoding = decoding_of(tiny.reasoner_card(), layout, processor.tokenizer)
    return QwenVlRunner(
        tiny.reasoner_card(), network, processor, decoding=decoding, placement=placement
    )


def _ours(runner: Any, items: list[dict[str, Any]]) -> list[str]:
    return [reply["text"] for reply in runner.run("chat", items)]


def _plain(runner: Any, item: dict[str, Any]) -> list[str]:
    """Call transformers as its documentation does, with the settings that ours has."""
    import torch
    from PIL import Image

    ((role, parts),) = item["messages"]
    content = [
        {"type": "text", "text": part}
        if isinstance(part, str)
        else {"type": "image", "image": Image.fromarray(part)}
        for part in parts
    ]
    inputs = runner._processor.apply_chat_template(
        [{"role": role, "content": content}],
        add_generation_prompt=True,
        tokenize=True,
        return_dict=True,
        return_tensors="pt",
    ).to(runner._network.device)
    with torch.inference_mode():
        found = runner._network.generate(
            **inputs,
            do_sample=False,
            max_new_tokens=item["max_tokens"],
            eos_token_id=list(runner._decoding.stop_ids),
            pad_token_id=runner._decoding.pad_id,
            repetition_penalty=runner._decoding.repetition_penalty,
        )
    new = found[:, inputs["input_ids"].shape[1] :]
    return [str(text) for text in runner._processor.batch_decode(new, skip_special_tokens=True)]


def _tiny() -> Any:
    spec = importlib.util.spec_from_file_location("eoagent_bench_tiny_reasoner", _TINY)
    if spec is None or spec.loader is None:
        sys.exit(f"there is no {_TINY}")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _timed(act: Callable[[], Any]) -> float:
    began = time.perf_counter()
    act()  # texts come back, so the device is done
    return time.perf_counter() - began


def _forget_peak(device: str) -> None:
    import torch

    if device != "cpu":
        torch.cuda.reset_peak_memory_stats(device)


def _peak_mb(device: str) -> int:
    import torch

    if device != "cpu":
        return round(torch.cuda.max_memory_allocated(device) / 1e6)
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3)


def main() -> None:
    """Print what was measured as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", choices=["tiny", "7b"], default="tiny")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--tokens", type=int, default=128)
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    found = measure(asked.size, asked.device, tokens=asked.tokens, rounds=asked.rounds)
    sys.stdout.write(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
