"""The text encoder: BERT without its pooler (https://arxiv.org/abs/1810.04805), for inference.

It is written out here, for the library that has it takes 200 MB and seconds to import.
"""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional

from eoagent.runners.remotesam.shape import TextShape

__all__ = ["TextEncoder"]

_EPS: Final = 1e-12


class Embeddings(nn.Module):
    """The states of tokens before the first layer: their meaning, place and kind."""

    def __init__(self, shape: TextShape) -> None:
        super().__init__()
        width = shape.hidden_size
        self.word_embeddings = nn.Embedding(shape.vocab_size, width)
        self.position_embeddings = nn.Embedding(shape.max_position_embeddings, width)
        self.token_type_embeddings = nn.Embedding(shape.type_vocab_size, width)
        self.norm = nn.LayerNorm(width, eps=_EPS)

    def forward(self, token_ids: Tensor) -> Tensor:
        """Return the states (B, L, T) of tokens (B, L), all of the first kind."""
        places = self.position_embeddings.weight[: token_ids.shape[1]]
        kind = self.token_type_embeddings.weight[0]
        out: Tensor = self.norm(self.word_embeddings(token_ids) + places + kind)
        return out


class Layer(nn.Module):
    """Attention among tokens, then a feed-forward part; each is added and then normalised."""

    def __init__(self, shape: TextShape) -> None:
        super().__init__()
        width = shape.hidden_size
        self.heads = shape.num_attention_heads
        self.query = nn.Linear(width, width)
        self.key = nn.Linear(width, width)
        self.value = nn.Linear(width, width)
        self.out = nn.Linear(width, width)
        self.out_norm = nn.LayerNorm(width, eps=_EPS)
        self.wide = nn.Linear(width, shape.intermediate_size)
        self.narrow = nn.Linear(shape.intermediate_size, width)
        self.narrow_norm = nn.LayerNorm(width, eps=_EPS)

    def forward(self, states: Tensor, is_read: Tensor) -> Tensor:
        """Return the states (B, L, T); tokens that are not read, (B, 1, 1, L), say nothing."""
        parts = (self.query(states), self.key(states), self.value(states))
        query, key, value = (part.unflatten(2, (self.heads, -1)).transpose(1, 2) for part in parts)
        said = functional.scaled_dot_product_attention(query, key, value, attn_mask=is_read)
        states = self.out_norm(states + self.out(said.transpose(1, 2).flatten(2)))
        out: Tensor = self.narrow_norm(states + self.narrow(functional.gelu(self.wide(states))))
        return out


class TextEncoder(nn.Module):
    """Turns tokens into states."""

    def __init__(self, shape: TextShape) -> None:
        super().__init__()
        self.embeddings = Embeddings(shape)
        self.layers = nn.ModuleList(Layer(shape) for _ in range(shape.num_hidden_layers))

    def forward(self, token_ids: Tensor, token_mask: Tensor) -> Tensor:
        """Return the states (B, L, T) of texts (B, L)."""
        is_read = token_mask[:, None, None, :].to(torch.bool)
        states: Tensor = self.embeddings(token_ids)
        for layer in self.layers:
            states = layer(states, is_read)
        return states
