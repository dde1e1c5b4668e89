"""Turn texts into the token numbers that the text tower of a model takes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

from eoagent.contracts.card import ModelCard
from eoagent.contracts.errors import ModelError, ModelMissing
from eoagent.runners.clip.architecture import has_own_tokenizer, text_settings
from eoagent.runners.libraries import load_library

__all__ = ["TOKENIZER_FILE", "Tokenizer", "make_tokenizer"]

Tokenizer = Callable[[Sequence[str]], Any]
"""Turns texts into an int64 tensor (n, context length)."""

TOKENIZER_FILE: Final = "tokenizer.json"
"""File beside the weights that holds the tokenizer of a text tower that brings its own."""


def make_tokenizer(card: ModelCard, folder: Path) -> Tokenizer:
    """Return the tokenizer of a model; nothing is looked up in a network.

    Args:
        card: the model.
        folder: where its weights lie, and its tokenizer where it brings its own.

    Raises:
        ModelMissing: if the tokenizer of the model is not there, or a library.
        ModelError: if the file of the tokenizer is none.
    """
    settings = text_settings(card)
    length = int(settings.get("context_length", 77))
    if not has_own_tokenizer(card):
        open_clip = load_library("open_clip")
        tokenizer: Tokenizer = open_clip.SimpleTokenizer(context_length=length)
        return tokenizer
    file = folder / TOKENIZER_FILE
    if not file.is_file():
        raise ModelMissing(
            f"{card.id} has a tokenizer of its own, and there is no {file}",
            command=f"eoagent models pull {card.id}",
            hint=f"run: eoagent models pull {card.id}; or put {TOKENIZER_FILE} of "
            f"{card.weights.repository or card.homepage} beside the weights",
        )
    return _from_file(file, length)


def _from_file(file: Path, length: int) -> Tokenizer:
    """Read a tokenizer as data; no code and no configuration of its repository is looked at."""
    tokenizers = load_library("tokenizers")
    torch, open_clip = load_library("torch"), load_library("open_clip")
    # The library raises a bare Exception for what it cannot read; a future holds whatever it is.
    with ThreadPoolExecutor(max_workers=1) as pool:
        reading = pool.submit(tokenizers.Tokenizer.from_file, str(file))
    error = reading.exception()
    if error is not None:
        raise ModelError(f"{file} is no tokenizer: {str(error)[:200]}") from error
    inner = reading.result()
    pad = inner.token_to_id("<pad>")
    if pad is None:
        raise ModelError(f"{file} is no tokenizer of XLM-RoBERTa: it has no token <pad>")
    inner.enable_truncation(max_length=length)
    inner.enable_padding(length=length, pad_id=pad, pad_token="<pad>")  # noqa: S106  a token
    clean = open_clip.tokenizer.get_clean_fn("whitespace")

    def tokenize(texts: Sequence[str]) -> Any:
        found = inner.encode_batch([clean(text) for text in texts])
        return torch.tensor([one.ids for one in found], dtype=torch.long)

    return tokenize
