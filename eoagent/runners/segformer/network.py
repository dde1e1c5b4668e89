"""Give the network of transformers the tensors of a file, and nothing else that a file may hold."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from eoagent.contracts.card import UNKNOWN, ModelCard
from eoagent.contracts.errors import ModelError, NotFound
from eoagent.io.atomic import disk_errors, hash_file
from eoagent.runners.failures import first_line
from eoagent.runners.libraries import load_library

__all__ = ["build_network", "read_tensors"]

_NAMED: Final = 4


def read_tensors(card: ModelCard, path: Path) -> dict[str, Any]:
    """Return the tensors of a safetensors file by name, on the CPU.

    Raises:
        NotFound: if the file is not there.
        ModelMissing: if a library is not installed.
        ModelError: if it has another hash than the card says, is no safetensors file or damaged.
    """
    pull = f"eoagent models pull {card.id}"
    if not path.is_file():
        raise NotFound(f"there is no weights file {path} for {card.id}", hint=pull)
    with disk_errors(path):
        sha256, _ = hash_file(path)
    if card.weights.sha256 not in {UNKNOWN, sha256}:
        raise ModelError(
            f"{path} has the sha256 {sha256}, and {card.id} is known by {card.weights.sha256}",
            hint=f"take the published file: {pull}",
        )
    damaged = load_library("safetensors").SafetensorError
    try:
        held: dict[str, Any] = load_library("safetensors.torch").load_file(path)
    except (damaged, ValueError, KeyError, OSError) as error:
        raise ModelError(
            f"{path} is no safetensors file, or damaged: {first_line(error)}",
            hint=f"only tensors are read; take the published file: {pull}",
        ) from error
    return held


def build_network(tensors: Mapping[str, Any], sizes: Mapping[str, Any], *, name: str) -> Any:
    """Return the network with its weights as float32, ready to be asked, on the CPU.

    Args:
        tensors: by published name.
        sizes: the configuration.
        name: what the file is called in messages.

    Raises:
        ModelMissing: if a library is not installed.
        ModelError: if the sizes make no network, or names, shapes or values do not fit it.
    """
    torch, transformers = load_library("torch"), load_library("transformers")
    strict = load_library("huggingface_hub.errors").StrictDataclassError
    for key, value in tensors.items():
        if value.is_floating_point() and not torch.isfinite(value).all():
            raise ModelError(f"{name} holds values in {key} that are not finite")
    try:
        config = transformers.SegformerConfig.from_dict(dict(sizes))
        with _quiet(transformers.utils.logging):
            # names have changed between releases of transformers, which knows the old ones
            network, told = transformers.SegformerForSemanticSegmentation.from_pretrained(
                None,
                config=config,
                state_dict=dict(tensors),
                dtype=torch.float32,
                output_loading_info=True,
            )
    except (
        strict, TypeError, ValueError, LookupError, AttributeError, RuntimeError, ArithmeticError
    ) as error:  # fmt: skip
        raise ModelError(
            f"{name} and the configuration beside it make no SegFormer: {first_line(error)}",
            hint="take the published files",
        ) from error
    _refuse_strange(told, name)
    return network.requires_grad_(requires_grad=False).eval()


def _refuse_strange(told: Mapping[str, Any], name: str) -> None:
    """Refuse weights of which some are missing, or belong to another network."""
    for what, key in (("lacks", "missing_keys"), ("holds besides", "unexpected_keys")):
        strange = sorted(told[key])
        if strange:
            more = ", ..." if len(strange) > _NAMED else ""
            raise ModelError(
                f"{name} does not hold the weights of its network: it {what} "
                f"{', '.join(strange[:_NAMED])}{more}",
                hint="take the published file",
            )


@contextlib.contextmanager
def _quiet(logging: Any) -> Iterator[None]:
    """Keep transformers from drawing progress bars and tables; what is wrong is said by us."""
    level, has_bar = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity(logging.CRITICAL)
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if has_bar:
            logging.enable_progress_bar()
