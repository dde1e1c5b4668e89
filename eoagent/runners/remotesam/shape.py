"""Sizes that a RemoteSAM network is built with, read from a mapping and checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final, Self

from eoagent.contracts.errors import InputError

__all__ = ["PUBLISHED", "NetworkShape", "TextShape"]

_PATCH_PX: Final = 4
_STAGES: Final = 4
_MOST: Final = 1 << 16


@dataclass(frozen=True, slots=True, kw_only=True)
class TextShape:
    """Sizes of the BERT encoder; the defaults are those of BERT base, uncased."""

    vocab_size: int = 30522
    """Entries of the vocabulary."""
    hidden_size: int = 768
    """Width of its states."""
    num_hidden_layers: int = 12
    """Layers."""
    num_attention_heads: int = 12
    """Heads of each layer."""
    intermediate_size: int = 3072
    """Width inside its feed-forward parts."""
    max_position_embeddings: int = 512
    """Most tokens of a text."""
    type_vocab_size: int = 2
    """Token types; only the first is used."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkShape:
    """Sizes of the whole network; the defaults are those of the published weights."""

    embed_dim: int = 128
    """Channels of the first stage; each later one has twice as many."""
    depths: tuple[int, ...] = (2, 2, 18, 2)
    """Swin blocks of each of the four stages."""
    num_heads: tuple[int, ...] = (4, 8, 16, 32)
    """Attention heads of the blocks of each stage."""
    window: int = 12
    """Edge of the attention windows, tokens."""
    side: int = 896
    """Edge of the picture, pixels; one tensor of the weights is made for it, so it is fixed."""
    bert: TextShape = field(default_factory=TextShape)
    """Sizes of the text encoder."""

    @classmethod
    def of(cls, config: Mapping[str, Any] | None) -> Self:
        """Return the sizes that a mapping gives; what it leaves out is as published.

        Raises:
            InputError: if it has a field that is not known, or a size that cannot be.
        """
        given = dict(config or {})
        text = given.pop("bert", None) or {}
        if not isinstance(text, Mapping):
            raise InputError(f"the sizes of the text encoder are a mapping, got {text!r}")
        _refuse_unknown(given, cls, "of the network")
        _refuse_unknown(text, TextShape, "of its text encoder")
        for name in ("depths", "num_heads"):
            if name in given:
                given[name] = _four(name, given[name])
        for name, value in {**given, **text}.items():
            for size in value if isinstance(value, tuple) else (value,):
                _check_size(name, size)
        shape = cls(bert=TextShape(**text), **given)
        shape.check()
        return shape

    def check(self) -> None:
        """Refuse sizes that do not go together.

        Raises:
            InputError: says which.
        """
        if self.side % (_PATCH_PX * 2 ** (_STAGES - 1)):
            raise InputError(f"the side of the picture is a multiple of 32 pixels, got {self.side}")
        for width, heads in zip(self.widths, self.num_heads, strict=True):
            if width % heads:
                raise InputError(f"{width} channels do not divide among {heads} heads")
        if self.embed_dim % 4:
            raise InputError(f"embed_dim is a multiple of 4, got {self.embed_dim}")
        if self.bert.hidden_size % self.bert.num_attention_heads:
            raise InputError(
                f"{self.bert.hidden_size} text channels do not divide among "
                f"{self.bert.num_attention_heads} heads"
            )

    @property
    def widths(self) -> tuple[int, ...]:
        """Channels of each stage."""
        return tuple(self.embed_dim << stage for stage in range(_STAGES))

    @property
    def grids(self) -> tuple[int, ...]:
        """Edge of the token grid of each stage."""
        return tuple(self.side // _PATCH_PX >> stage for stage in range(_STAGES))

    @property
    def decoder_width(self) -> int:
        """Channels inside the mask decoder."""
        return 4 * self.embed_dim

    def mapping(self) -> dict[str, Any]:
        """Return the mapping that gives these sizes again."""
        return asdict(self)


def _refuse_unknown(given: Mapping[str, Any], kind: type, whose: str) -> None:
    known = set(kind.__dataclass_fields__)  # type: ignore[attr-defined]  # both are dataclasses
    unknown = sorted(set(map(str, given)) - known)
    if unknown:
        raise InputError(
            f"no size {whose} is called {', '.join(unknown)}",
            hint=f"known are {', '.join(sorted(known))}",
        )


def _four(name: str, value: Any) -> tuple[int, ...]:
    if not isinstance(value, (list, tuple)) or len(value) != _STAGES:
        raise InputError(f"{name} has one number for each of the {_STAGES} stages, got {value!r}")
    return tuple(value)


def _check_size(name: str, size: Any) -> None:
    if isinstance(size, bool) or not isinstance(size, int) or not 0 < size <= _MOST:
        raise InputError(f"{name} is a whole number from 1 to {_MOST}, got {size!r}")


PUBLISHED: Final = NetworkShape()
"""Sizes of `RemoteSAMv1.pth`."""
