"""Read pictures with a mask each: two folders, or one with `NAME` and `NAME_mask` side by side."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from eoagent.app.evaluation.benchmarks.files import need_folder, pictures_in
from eoagent.app.evaluation.benchmarks.maskfiles import mask_file
from eoagent.app.evaluation.benchmarks.truths import Benchmark, MaskedPicture
from eoagent.contracts.errors import InputError
from eoagent.contracts.store import Origins

__all__ = ["read_mask_folders"]

_PICTURES: Final = ("images", "image", "imgs", "img", "A")
_MASKS: Final = ("masks", "mask", "labels", "label", "gt")
_ENDINGS: Final = ("_mask", "_label", "_gt", "")


def read_mask_folders(
    data: Path, origins: Origins, *, phrase: str, value: float | None = None
) -> tuple[Benchmark, tuple[MaskedPicture, ...]]:
    """Return the pictures of a folder that have a mask.

    Args:
        data: folder with folders `images` and `masks`, or with both side by side.
        origins: the guard, which trusts it.
        phrase: what the masks are of.
        value: value of the object in them; None takes every value but 0.

    Raises:
        NotFound: if there is no such folder.
        InputError: if no phrase was given, or no picture has a mask.
    """
    need_folder(data)
    if not phrase.strip():
        raise InputError(
            "masks were named without what they are of", hint="say it with --phrase, such as "
            "--phrase building",
        )  # fmt: skip
    images = next((data / name for name in _PICTURES if (data / name).is_dir()), data)
    masks = next((data / name for name in _MASKS if (data / name).is_dir()), data)
    known = {path.stem: path for path in pictures_in(masks)}
    endings = _ENDINGS if masks != images else _ENDINGS[:-1]
    pairs = []
    for path in pictures_in(images):
        own = next((known[path.stem + end] for end in endings if path.stem + end in known), None)
        if own is not None and own != path:
            pairs.append((path, own))
    if not pairs:
        raise InputError(
            f"no picture of {images} has a mask in {masks}",
            hint="lay them out as images/NAME.tif and masks/NAME.tif, or NAME.tif and "
            "NAME_mask.tif in one folder",
        )
    said = "not 0" if value is None else f"{value:g}"
    return Benchmark(
        listing=data,
        classes=(phrase,),
        notes=(f"the object is where a mask is {said}",),
    ), tuple(
        MaskedPicture(
            name=path.name,
            file=path,
            label=phrase,
            is_class=False,
            mask=mask_file(own, origins, value=value),
        )
        for path, own in pairs
    )
