"""The text encoder: BERT without its pooler, as transformers has it."""

from __future__ import annotations

from dataclasses import asdict

import torch
from torch import Tensor, nn
from transformers import BertConfig, BertModel

from eoagent.runners.remotesam.shape import TextShape

__all__ = ["TextEncoder"]


class TextEncoder(nn.Module):
    """Turns tokens into states; it is built without weights, and nothing is fetched for it."""

    def __init__(self, shape: TextShape) -> None:
        super().__init__()
        config = BertConfig(**asdict(shape), hidden_act="gelu", layer_norm_eps=1e-12)
        self.bert = BertModel(config, add_pooling_layer=False)

    def forward(self, token_ids: Tensor, token_mask: Tensor) -> Tensor:
        """Return the states (B, L, T) of texts (B, L)."""
        found = self.bert(input_ids=token_ids, attention_mask=token_mask)
        states: Tensor = found.last_hidden_state
        return states

    def settle(self) -> None:
        """Make the constants that no file holds; needed when it was built without memory."""
        most = self.bert.config.max_position_embeddings
        constants = {
            "position_ids": torch.arange(most)[None],
            "token_type_ids": torch.zeros(1, most, dtype=torch.long),
        }
        for name, value in constants.items():
            self.bert.embeddings.register_buffer(name, value, persistent=False)
