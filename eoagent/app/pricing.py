"""Say what a call would take before it is made: bytes, scenes, time, and what goes outside.

No source is opened and no network is asked: all comes from what the store knows of the artifacts
among the arguments, and from what the tool states itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Final

from pydantic import JsonValue

from eoagent.app.each import check_count, filled, items_of
from eoagent.contracts.artifact import Artifact, FeaturesRef, handle_kind
from eoagent.contracts.errors import EoAgentError
from eoagent.contracts.price import Price
from eoagent.contracts.raster import RasterRef
from eoagent.contracts.record import canonical_json, digest
from eoagent.contracts.tool import Arguments, Services, Tool
from eoagent.io.href import redact_text
from eoagent.io.readprice import is_remote, reading_price
from eoagent.planner.execution import Call

__all__ = ["price_of"]

_MOST_SHOWN: Final = 160
_PLACES: Final = {"path": "writes", "file": "writes", "url": "sends to", "to": "sends to"}
"""Arguments that say where something goes."""

Check = Callable[[Mapping[str, JsonValue]], Arguments]
Look = Callable[[str], Artifact]


def price_of(call: Call, tool: Tool, services: Services, *, check: Check, max_items: int) -> Price:
    """Return the price of a call whose references are resolved.

    A tool that states its price is taken at its word. For any other, reading every raster among
    the arguments once is the upper bound. Scenes are images that an `http` address opens, and the
    items of a `scenes:` among the arguments that lie at one. Of a step over a list, the prices of
    all items are added up.

    Args:
        call: the call.
        tool: its tool.
        services: what the tool would be given.
        check: checks and reads the arguments of a call of the tool.
        max_items: most items that a step may run over.

    Raises:
        InputError: if the arguments do not fit, or the list cannot be run over.
        NotFound: if an artifact has gone.
    """
    look = cache(services.store.get)
    if call.each is None:
        return _price(tool, call.arguments, services, check, look=look)
    return Price.total(
        _price(tool, arguments, services, check, look=look).times(count)
        for arguments, count in _calls(call, call.each, services, max_items)
    )


def _calls(
    call: Call, each: str, services: Services, max_items: int
) -> Iterator[tuple[dict[str, JsonValue], int]]:
    """Yield the arguments of the calls that a step over a list makes, and how often each comes."""
    values: list[tuple[JsonValue, int]]
    if handle_kind(each) in {"features", "boxes", "aoi"}:  # one of them costs what another does
        count = FeaturesRef.model_validate(services.store.get(each).payload).count
        check_count(each, count, max_items)
        values = [(each, count)]
    else:
        labels, value_of = items_of(each, services.store)
        check_count(each, len(labels), max_items)
        values = [(value_of(n), 1) for n in range(len(labels))]
    for value, count in values:
        yield {key: filled(argument, value) for key, argument in call.arguments.items()}, count


def _price(
    tool: Tool,
    raw: Mapping[str, JsonValue],
    services: Services,
    check: Check,
    *,
    look: Look,
) -> Price:
    arguments = check(raw)
    state = getattr(tool, "price", None)
    price = _estimate(tool, raw, look) if state is None else _told(tool, state, arguments, services)
    if tool.card.outward and not price.outward:
        return price + Price(outward=(_outward(tool, raw),))
    return price


def _told(
    tool: Tool, state: Callable[..., object], arguments: Arguments, services: Services
) -> Price:
    """Return the price that a tool states.

    An error of ours says that the call will fail when it is run; of a tool that acts outside this
    must not be believed.
    """
    try:
        price = state(arguments, services)
    except EoAgentError as error:
        if not tool.card.outward:
            raise
        raise RuntimeError(f"the price function of {tool.card.name} failed") from error
    if not isinstance(price, Price):
        raise TypeError(f"the price of {tool.card.name} is {type(price).__name__}, not a Price")
    return price


def _estimate(tool: Tool, raw: Mapping[str, JsonValue], look: Look) -> Price:
    texts = list(dict.fromkeys(_texts(list(raw.values()))))
    artifacts = [look(text) for text in texts if handle_kind(text) is not None]
    prices = [
        reading_price(RasterRef.model_validate(artifact.payload))
        for artifact in artifacts
        if artifact.kind == "raster"
    ]
    listed = [
        item
        for artifact in artifacts
        if artifact.kind == "scenes"
        for item in artifact.payload.get("items", [])
        if is_remote(str(item["href"]))
    ]
    opens = any(output.kind == "raster" for output in tool.card.outputs)
    is_opened = opens and any(is_remote(text) for text in (*texts, *_of_tiles(artifacts)))
    return Price.total([*prices, Price(scenes=len(listed) + is_opened)])


def _of_tiles(artifacts: list[Artifact]) -> Iterator[str]:
    """Yield the files behind tiles, one of which an opening call reads."""
    for artifact in artifacts:
        if artifact.kind == "tiles":
            yield from (str(item["href"]) for item in artifact.payload.get("items", []))


def _texts(value: JsonValue) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
    elif isinstance(value, dict):
        yield from _texts(list(value.values()))


def _outward(tool: Tool, raw: Mapping[str, JsonValue]) -> str:
    """Return what a call does outside, in words: the tool, and where if an argument says so."""
    for key, verb in _PLACES.items():
        place = raw.get(key)
        if isinstance(place, str):
            return f"{tool.card.name} {verb} {redact_text(place)[:150]!r}"
    told = redact_text(canonical_json(dict(raw)))
    shown = told if len(told) <= _MOST_SHOWN else f"{told[:_MOST_SHOWN]}… {digest(raw)[:8]}"
    return f"{tool.card.name} writes or sends outside the store: {shown}"
