"""What a tool may ask of the installed models and of the indexes there are."""

from __future__ import annotations

from typing import Protocol

from eoagent.contracts.card import ModelCard
from eoagent.contracts.encoder import Encoder, EncoderFingerprint
from eoagent.contracts.errors import ModelMissing, NotFound
from eoagent.contracts.index import Index
from eoagent.contracts.outliner import Outliner
from eoagent.contracts.reasoner import Reasoner
from eoagent.contracts.segmenter import PhraseSegmenter

__all__ = ["Indexes", "Models", "NoIndexes", "NoModels"]


class Models(Protocol):
    """The models that are installed, loaded when they are first asked."""

    def cards(self) -> tuple[ModelCard, ...]:
        """Return the cards of all models, installed or not."""

    def encoder(
        self,
        card: str = "",
        *,
        gsd_m: float | None = None,
        like: EncoderFingerprint | None = None,
    ) -> Encoder:
        """Return an encoder of pictures and texts.

        Args:
            card: id of its card; empty takes the default for the ground sampling distance.
            gsd_m: ground sampling distance of the pictures, metres, which the card must allow.
            like: the encoder must give the vectors of this fingerprint.

        Raises:
            NotFound: if there is no such card.
            InputError: if the card does not allow the ground sampling distance.
            ModelMissing: if its weights or a library are not installed; says the command.
            ModelError: if the installed weights are others than those of `like`.
        """

    def segmenter(self, card: str = "", *, gsd_m: float | None = None) -> PhraseSegmenter:
        """Return a model that finds what phrases mean in pictures.

        Args:
            card: id of its card; empty takes the default.
            gsd_m: ground sampling distance of the pictures, metres, which the card must allow.

        Raises:
            NotFound: if there is no such card.
            InputError: if the card does not allow the ground sampling distance.
            ModelMissing: if its weights or a library are not installed; says the command.
        """

    def reasoner(self, card: str = "", *, gsd_m: float | None = None) -> Reasoner:
        """Return a model that answers implicit questions about pictures.

        Args:
            card: id of its card; empty takes the one of the settings, else the default.
            gsd_m: ground sampling distance of the pictures, metres, which the card must allow.

        Raises:
            NotFound: if there is no such card.
            InputError: if the card does not allow the ground sampling distance.
            ModelMissing: if its weights or a library are not installed and no server is named;
                says the command.
        """

    def outliner(self, card: str = "") -> Outliner:
        """Return a model that draws the outline of what a box frames.

        Raises:
            NotFound: if there is no such card.
            ModelMissing: if its weights or a library are not installed; says the command.
        """


class Indexes(Protocol):
    """The indexes that this run may search."""

    def names(self) -> tuple[str, ...]:
        """Return the names of all indexes, the one meant by default first."""

    def open(self, name: str = "") -> Index:
        """Return an index; an empty name means the default, or the only one there is.

        Raises:
            NotFound: if there is none of that name.
            InputError: if no name is given and there are several.
            SourceError: if it is damaged.
        """


class NoModels:
    """Stands where no model can be had."""

    def cards(self) -> tuple[ModelCard, ...]:
        """Return no card."""
        return ()

    def encoder(
        self,
        card: str = "",
        *,
        gsd_m: float | None = None,
        like: EncoderFingerprint | None = None,
    ) -> Encoder:
        """Refuse.

        Raises:
            ModelMissing: always.
        """
        del gsd_m, like
        raise ModelMissing(
            f"no model {card or 'for pictures and texts'} can be had here",
            command="eoagent models list",
        )

    def segmenter(self, card: str = "", *, gsd_m: float | None = None) -> PhraseSegmenter:
        """Refuse.

        Raises:
            ModelMissing: always.
        """
        del gsd_m
        raise ModelMissing(
            f"no model {card or 'that finds phrases in pictures'} can be had here",
            command="eoagent models list",
        )

    def reasoner(self, card: str = "", *, gsd_m: float | None = None) -> Reasoner:
        """Refuse.

        Raises:
            ModelMissing: always.
        """
        del gsd_m
        raise ModelMissing(
            f"no model {card or 'that reasons about pictures'} can be had here",
            command="eoagent models list",
        )

    def outliner(self, card: str = "") -> Outliner:
        """Refuse.

        Raises:
            ModelMissing: always.
        """
        raise ModelMissing(
            f"no model {card or 'that outlines what boxes frame'} can be had here",
            command="eoagent models list",
        )


class NoIndexes:
    """Stands where there is no index."""

    def names(self) -> tuple[str, ...]:
        """Return no name."""
        return ()

    def open(self, name: str = "") -> Index:
        """Refuse.

        Raises:
            NotFound: always.
        """
        raise NotFound(
            f"there is no index '{name}'" if name else "there is no index",
            hint="eoagent index build NAME --from CATALOG makes one",
        )
