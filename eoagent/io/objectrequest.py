"""What the tools that look for objects of some classes are asked for, and what that takes."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, JsonValue

from eoagent.contracts.artifact import RasterHandle
from eoagent.contracts.price import Price
from eoagent.contracts.segmenter import PhraseSegmenter
from eoagent.contracts.tool import Arguments, Services
from eoagent.io.askedscene import SceneToAsk, asking_price, scene_to_ask
from eoagent.io.modelstate import model_state
from eoagent.io.scenedetect import question_of

__all__ = ["ClassName", "ObjectRequest", "objects_price", "objects_state"]

ClassName = Annotated[str, Field(min_length=1, max_length=80)]
"""A kind of object, in a few words."""


class ObjectRequest(Arguments):
    """A scene and the classes whose objects are looked for."""

    raster: RasterHandle
    """The image, of any size."""
    classes: tuple[ClassName, ...] = Field(min_length=1, max_length=40)
    """Kinds of objects, in a few English words each (`ships`, `storage tanks`)."""
    model: str = Field(default="", max_length=61)
    """Id of the model; empty takes the default."""
    gsd_m: float | None = Field(default=None, gt=0, le=1000)
    """Metres per pixel: of an image without georeference its own, of any other those at which the
    model is to look at it; left out, the image's own."""
    min_score: float = Field(default=0.01, ge=0, le=1)
    """Objects of a lower score, the mean probability of their pixels, are dropped."""

    def opened(self, services: Services) -> tuple[SceneToAsk, PhraseSegmenter]:
        """Return the scene and the model, once it is known that the pixels can show the classes.

        Raises:
            NotFound: if there is no such image or model.
            InputError: if the pixels are too coarse for a class or for the model.
            ModelMissing: if the model is not installed; says the command.
        """
        scene = scene_to_ask(services, self.raster, gsd_m=self.gsd_m, names=self.classes)
        return scene, scene.segmenter(services, self.model)


def objects_price(arguments: ObjectRequest, services: Services) -> Price:
    """Return what looking for the objects takes; nothing is read.

    Raises:
        InputError: if the pixels are too coarse for a class or for the model.
        ModelMissing: if the model is not installed.
    """
    scene, segmenter = arguments.opened(services)
    question = question_of(services, segmenter, arguments.classes)
    return asking_price(services, scene, question.segmenter, question.phrases)


def objects_state(arguments: ObjectRequest, services: Services) -> JsonValue:
    """Return what the result hangs on besides arguments and image: the model.

    Raises:
        InputError: if the pixels are too coarse for a class or for the model.
        ModelMissing: if the model is not installed.
    """
    _, segmenter = arguments.opened(services)
    return model_state(question_of(services, segmenter, arguments.classes).segmenter)
