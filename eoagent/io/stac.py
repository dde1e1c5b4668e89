"""Open whatever lists scenes: a STAC API, a static catalog, items in one file, a folder of rasters.

Each is bounded in time and size, goes through the guard link by link, and says when it is partial.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from eoagent.contracts.store import Admitted, Origins
from eoagent.io.fetch import Wires
from eoagent.io.scene import SceneConditions, Scenes
from eoagent.io.scene_folder import scenes_of_folder
from eoagent.io.stac_api import search_api
from eoagent.io.stac_document import StacDocument, read_document
from eoagent.io.stac_limits import ApiLimits, CatalogLimits
from eoagent.io.stac_search import SearchPlace, find_search
from eoagent.io.stac_walk import Walk
from eoagent.io.wire import Deadline

__all__ = ["ApiLimits", "CatalogLimits", "open_catalog"]

_ENTRIES: Final = ("catalog.json", "collection.json")


def open_catalog(
    href: str,
    origins: Origins,
    limits: CatalogLimits | None = None,
    conditions: SceneConditions | None = None,
) -> Scenes:
    """Return the scenes of an API, catalog, collection, item, item collection or folder.

    A STAC API, or a collection of one, is searched by its server; in a static catalog collections
    whose stated extent rules the conditions out are passed over. Items also come from one file of
    GeoJSON or stac-geoparquet. A folder with a `catalog.json` or `collection.json` is that catalog;
    in any other, each raster below it is a scene. When a document or page fails or a limit is
    reached, the result says in `missing` what it lacks.

    Args:
        href: path or URL.
        origins: the guard.
        limits: bounds on documents, pages, scenes, depth, bytes and time.
        conditions: which scenes are wanted; all by default.

    Raises:
        NotFound: if there is no such file, or a folder holds no raster.
        SourceError: if the document is refused, cannot be had, or is no STAC.
    """
    limits, conditions = limits or CatalogLimits(), conditions or SceneConditions()
    admitted = origins.admit(href)
    if admitted.scheme == "file" and Path(admitted.href).is_dir():
        folder = Path(admitted.href)
        entry = next((folder / name for name in _ENTRIES if (folder / name).is_file()), None)
        if entry is None:
            scenes = scenes_of_folder(folder, origins, max_files=limits.max_files)
            return scenes.meeting(conditions)
        admitted = origins.admit(str(entry))
    walk_deadline, search_deadline = Deadline(limits.deadline_s), Deadline(limits.api.deadline_s)
    with Wires() as wires:
        first = read_document(
            admitted,
            origins,
            max_bytes=limits.max_document_bytes,
            deadline_s=min(limits.document_s, limits.deadline_s, limits.api.deadline_s),
            wires=wires,
            max_items=limits.max_scenes + 1,
        )
        place = _search_place(admitted, first)
        if place is not None:
            return search_api(
                place,
                origins,
                conditions,
                limits=limits.api,
                wires=wires,
                deadline=search_deadline,
            )
    return Walk(origins, limits, conditions, walk_deadline).run(admitted, first)


def _search_place(admitted: Admitted, document: StacDocument) -> SearchPlace | None:
    """Return where a document of the network is searched, or the first of its pages of items."""
    if admitted.scheme == "file":
        return None
    if document.kind == "container":
        return find_search(document)
    links = document.body.get("links")
    has_next = any(
        isinstance(link, dict) and link.get("rel") == "next"
        for link in (links if isinstance(links, list) else ())
    )
    if not has_next:
        return None
    url = admitted.url or admitted.href
    return SearchPlace(
        url=url, method="GET", takes="page", title=Path(url).name, source=document.source
    )
