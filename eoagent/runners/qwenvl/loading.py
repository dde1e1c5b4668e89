"""Load a Qwen2.5-VL from its folder: the network empty, to compare shapes, or with its weights."""

from __future__ import annotations

import contextlib
import importlib.util
from collections import Counter
from collections.abc import Iterator
from typing import Any, Final

import torch
from huggingface_hub.errors import StrictDataclassError
from safetensors import SafetensorError, safe_open

from eoagent.contracts.errors import InputError, ModelError, ModelMissing
from eoagent.contracts.runner import Dtype, Placement
from eoagent.runners.devices import arithmetic
from eoagent.runners.failures import first_line, is_out_of_memory
from eoagent.runners.libraries import load_library
from eoagent.runners.qwenvl.layout import Layout

__all__ = ["check_shapes", "empty_network", "load_network", "load_processor"]

_TORCH_DTYPES: Final[dict[Dtype, torch.dtype]] = {
    "float32": torch.float32,
    "bfloat16": torch.bfloat16,
    "float16": torch.float16,
}
_ATTENTION: Final = "sdpa"
"""What torch itself has: a configuration may name compiled code instead, and is not asked."""
_STORED: Final = frozenset({"F32", "F16", "BF16"})
_QUANTISERS: Final = ("bitsandbytes", "accelerate")
_BROKEN: Final = (
    RuntimeError,
    SafetensorError,
    StrictDataclassError,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    OSError,
    ImportError,
)
"""What transformers raises on a folder whose files do not fit each other."""


def empty_network(layout: Layout) -> Any:
    """Return the network that a configuration describes, without any memory for its weights.

    Raises:
        ModelError: if the configuration cannot be built.
    """
    transformers = load_library("transformers")
    try:
        config = transformers.AutoConfig.from_pretrained(
            layout.folder, local_files_only=True, trust_remote_code=False
        )
        with torch.device("meta"), _quiet():
            return transformers.AutoModelForImageTextToText.from_config(
                config, trust_remote_code=False, attn_implementation=_ATTENTION
            )
    except _BROKEN as error:
        raise ModelError(
            f"the network that {layout.folder}/config.json describes cannot be built: "
            f"{first_line(error)}",
            hint="get the folder anew",
        ) from error


def check_shapes(layout: Layout) -> None:
    """Refuse weights files whose tensors are not those of the network of the configuration.

    Names are left to loading, for two spellings of them are published; only heads of files are
    read.

    Raises:
        ModelError: if a file is damaged, or there are more, fewer or other tensors.
    """
    held: Counter[tuple[int, ...]] = Counter()
    for name in layout.shards:
        path = layout.folder / name
        try:
            with safe_open(path, framework="pt") as file:
                for tensor in file.keys():  # noqa: SIM118  it is no mapping
                    view = file.get_slice(tensor)
                    if view.get_dtype() not in _STORED:
                        raise ModelError(f"{path} holds {tensor} as {view.get_dtype()}")
                    held[tuple(view.get_shape())] += 1
        except (SafetensorError, OSError, ValueError) as error:
            raise ModelError(
                f"{path} could not be read as weights: {first_line(error)}",
                hint="get the file anew",
            ) from error
    network = empty_network(layout)
    wanted = Counter(tuple(one.shape) for one in network.parameters())
    head = tuple(network.lm_head.weight.shape)
    if held in (wanted, wanted + Counter([head])):  # a tied head is kept once or twice
        return
    missing, extra = wanted - held, held - wanted
    raise ModelError(
        f"the weights in {layout.folder} are not those of its config.json: of "
        f"{wanted.total()} tensors {missing.total()} are missing, and {extra.total()} others are "
        f"there{_first('; the first missing is', missing)}{_first('; the first other is', extra)}",
        hint="get the folder anew: its files belong to different models",
    )


def load_network(layout: Layout, placement: Placement, *, quantise: str = "") -> Any:
    """Return the network with its weights, ready to generate on its device.

    Args:
        layout: the folder, whose hashes were checked.
        placement: where and how it runs.
        quantise: `4bit` keeps most matrices in four bits; empty leaves the weights as they are.

    Raises:
        InputError: if that is no way to keep weights.
        ModelMissing: if a library for quantised weights is not installed.
        ModelError: if the weights are not those of the network.
    """
    transformers = load_library("transformers")
    dtype = _TORCH_DTYPES[arithmetic(placement)]
    more: dict[str, Any] = {}
    if quantise:
        more = _quantised(quantise, dtype, placement)
    elif placement.device != "cpu" and importlib.util.find_spec("accelerate") is not None:
        more = {"device_map": {"": placement.device}}  # straight to the device, shard by shard
    try:
        with _quiet():
            network, told = transformers.AutoModelForImageTextToText.from_pretrained(
                layout.folder,
                dtype=dtype,
                local_files_only=True,
                trust_remote_code=False,
                attn_implementation=_ATTENTION,
                use_safetensors=True,
                output_loading_info=True,
                **more,
            )
    except _BROKEN as error:
        if is_out_of_memory(error):
            raise
        raise ModelError(
            f"the weights in {layout.folder} cannot be loaded: {first_line(error)}",
            hint="get the folder anew",
        ) from error
    _check_told(layout, told)
    if not more:
        network = network.to(placement.device)
    network.requires_grad_(requires_grad=False)
    return network.eval()


def load_processor(layout: Layout) -> Any:
    """Return what turns words and pictures into the inputs of the network.

    Raises:
        ModelError: if its files are damaged or those of another model.
    """
    transformers = load_library("transformers")
    try:
        processor = transformers.AutoProcessor.from_pretrained(
            layout.folder, local_files_only=True, trust_remote_code=False
        )
    except _BROKEN as error:
        raise ModelError(
            f"the processor in {layout.folder} cannot be loaded: {first_line(error)}",
            hint="get the folder anew: it needs the files of its tokenizer and preprocessor",
        ) from error
    if not getattr(processor, "image_processor", None) or not processor.chat_template:
        raise ModelError(
            f"the processor in {layout.folder} reads no pictures or has no chat template",
            hint="get the folder anew: it needs preprocessor_config.json and chat_template.json",
        )
    # where the files of a tokenizer are not there, transformers makes one without any words
    due, found = layout.config.get("image_token_id"), processor.image_token_id
    if isinstance(due, int) and due != found:
        raise ModelError(
            f"the tokenizer in {layout.folder} reads '{processor.image_token}' as {found}, and its "
            f"config.json as {due}",
            hint="get the folder anew: it needs tokenizer.json, or vocab.json and merges.txt",
        )
    return processor


def _check_told(layout: Layout, told: Any) -> None:
    """Refuse a network of which anything was left as it was made."""
    wrong = {
        what: sorted(str(one) for one in told[key])
        for what, key in (
            ("missing", "missing_keys"),
            ("unexpected", "unexpected_keys"),
            ("of another shape", "mismatched_keys"),
        )
        if told[key]
    }
    if wrong:
        listed = "; ".join(f"{len(names)} {what} ({names[0]})" for what, names in wrong.items())
        raise ModelError(
            f"the weights in {layout.folder} are not those of its network: {listed}",
            hint="get the folder anew",
        )


def _quantised(quantise: str, dtype: torch.dtype, placement: Placement) -> dict[str, Any]:
    if quantise != "4bit":
        raise InputError(f"weights cannot be kept as '{quantise}'", hint="take 4bit, or leave it")
    missing = [name for name in _QUANTISERS if importlib.util.find_spec(name) is None]
    if missing:
        raise ModelMissing(
            f"weights in four bits need {' and '.join(missing)}",
            command=f"pip install {' '.join(_QUANTISERS)}",
        )
    kept = load_library("transformers").BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_compute_dtype=dtype,
    )
    return {"quantization_config": kept, "device_map": {"": placement.device}}


def _first(words: str, shapes: Counter[tuple[int, ...]]) -> str:
    return f"{words} {' x '.join(map(str, next(iter(shapes))))}" if shapes else ""


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep the progress bars of transformers off the terminal, which is not ours to write to."""
    logging = load_library("transformers").utils.logging
    was_on = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if was_on:
            logging.enable_progress_bar()
