"""Search a STAC API: page by page, bounded, each item checked against the conditions again.

What is missing in a result is said in it; what the server is asked is put together by
`stac_search.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from eoagent.contracts.errors import SourceError
from eoagent.contracts.store import Origins
from eoagent.io.fetch import Wires
from eoagent.io.scene import Scene, SceneCollection, SceneConditions, Scenes
from eoagent.io.stac_api_io import GuardedApiIO
from eoagent.io.stac_bands import clean_text
from eoagent.io.stac_item import scene_from_item
from eoagent.io.stac_limits import ApiLimits
from eoagent.io.stac_paging import Page, Pages, on_site
from eoagent.io.stac_search import SearchPlace, search_requests
from eoagent.io.wire import Deadline

__all__ = ["search_api"]

_MAX_WARNINGS: Final = 50


def search_api(
    place: SearchPlace,
    origins: Origins,
    conditions: SceneConditions,
    *,
    limits: ApiLimits | None = None,
    wires: Wires | None = None,
    deadline: Deadline | None = None,
) -> Scenes:
    """Return the scenes of an API that meet every condition.

    When a page after the first fails, repeats, lies elsewhere or a limit is reached, the result
    says in `missing` why it is partial. The page size and caps are those of `limits`.

    Args:
        place: where and how to ask.
        origins: the guard.
        conditions: what is wanted.
        limits: time, pages, items and bytes.
        wires: connections to use.
        deadline: when the search must be over; by default that of `limits`, from now.

    Raises:
        SourceError: if the first page cannot be had or holds no items.
    """
    limits = limits or ApiLimits()
    if place.collection:
        asked = conditions.collections or (place.collection,)
        both = tuple(name for name in asked if name == place.collection)
        if not both:
            return Scenes(scenes=(), title=place.title, source=place.source)
        conditions = conditions.model_copy(update={"collections": both})
    found = _Found(conditions, limits)
    with GuardedApiIO(origins, place.url, limits=limits, wires=wires, deadline=deadline) as io:
        for request in search_requests(place, io, conditions, limits.page_size):
            found.take(Pages(io, request, limits))
            if found.is_enough:
                break
    return found.scenes(place)


class _Found:
    """What the pages of one or two searches hold."""

    def __init__(self, conditions: SceneConditions, limits: ApiLimits) -> None:
        self._conditions = conditions
        self._max_items = limits.max_items
        self._scenes: dict[tuple[str, str], Scene] = {}
        self._fitting = 0
        self._twice = 0
        self._missing: list[str] = []

    @property
    def is_enough(self) -> bool:
        """Whether as many scenes were found as are wanted."""
        limit = self._conditions.limit
        return limit is not None and self._fitting >= limit

    def take(self, pages: Pages) -> None:
        """Keep the items of one search."""
        if len(self._scenes) >= self._max_items:
            self._missing.append(f"stopped at {self._max_items} items; half of the area is left")
            return
        seen: set[tuple[str, str]] = set()
        try:
            for page in pages:
                self._keep(page, seen)
                if self.is_enough:
                    return
        except SourceError as error:
            if not self._scenes:
                raise
            self._missing.append(f"half of the area could not be searched: {error}")
        self._missing += pages.missing

    def _keep(self, page: Page, seen: set[tuple[str, str]]) -> None:
        for number, item in enumerate(page.features):
            if len(self._scenes) >= self._max_items:
                left = len(page.features) - number
                self._missing.append(
                    f"stopped at {self._max_items} items; {left} of the page are not read"
                )
                return
            try:
                scene = scene_from_item(item, _item_href(item, page.url))
            except SourceError as error:
                self._missing.append(f"left out: {error}")
                continue
            key = (scene.collection, scene.id)
            self._twice += key in seen
            seen.add(key)
            if key not in self._scenes:
                self._scenes[key] = scene
                self._fitting += self._conditions.holds(scene)

    def scenes(self, place: SearchPlace) -> Scenes:
        """Return what was found, checked against the conditions."""
        missing = [clean_text(text, 400) for text in self._missing]
        if len(missing) > _MAX_WARNINGS:
            more = len(missing) - _MAX_WARNINGS
            missing = [*missing[:_MAX_WARNINGS], f"and {more} more reasons"]
        warnings = list(missing)
        undated = sum(scene.time is None for scene in self._scenes.values())
        if undated and self._conditions.time is None:
            warnings.append(f"items that state no time: {undated}")
        if self._twice:
            warnings.append(f"items that came more than once, kept once: {self._twice}")
        names = dict.fromkeys(scene.collection for scene in self._scenes.values())
        found = Scenes(
            scenes=tuple(self._scenes.values()),
            title=place.title,
            collections=tuple(SceneCollection(id=name) for name in names if name),
            source=place.source,
            looked_at=len(self._scenes),
            missing=tuple(missing),
            warnings=tuple(warnings),
        )
        unfit = len(self._scenes) - self._fitting
        picked = found.meeting(self._conditions)
        if unfit:
            said = f"items sent by the server that do not meet the conditions, left out: {unfit}"
            picked = picked.model_copy(update={"warnings": (*picked.warnings, said)})
        return picked


def _item_href(item: Mapping[str, Any], page_url: str) -> str:
    """Return the item's own address on the host of the page, else the page, without a query."""
    links = item.get("links")
    own = next(
        (
            url
            for link in (links if isinstance(links, list) else ())
            if isinstance(link, dict)
            and link.get("rel") == "self"
            and (url := on_site(link.get("href"), page_url))
        ),
        page_url,
    )
    return own.partition("?")[0]
