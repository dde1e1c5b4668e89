"""Artifacts as resources: the record of each, with what can be shown of it.

Only artifacts of this session are listed and read: the store holds those of other conversations
too, which are none of this client's business.
"""

from __future__ import annotations

import base64
import json
from typing import Any, Final

import mcp_types as types

from eoagent.app.session import Session
from eoagent.contracts.artifact import Artifact, FeaturesRef
from eoagent.contracts.errors import EoAgentError, InputError, NotFound
from eoagent.contracts.store import ArtifactStore
from eoagent.contracts.text import plain_text
from eoagent.io.features_write import write_features
from eoagent.io.previews import MapMaker
from eoagent.io.stored_features import load_stored
from eoagent.mcp.results import URI

__all__ = ["TEMPLATE", "list_artifacts", "read_artifact"]

TEMPLATE: Final = types.ResourceTemplate(
    name="artifact",
    uri_template=URI + "{handle}",
    title="An artifact of this session",
    description="The record of an artifact as JSON; then a PNG of a raster, mask or picture, "
    "GeoJSON of features in longitude and latitude, or the rows of a table.",
)
_PAGE: Final = 200
_MOST_FEATURES: Final = 1000
_MOST_BYTES: Final = 4_000_000

Content = types.TextResourceContents | types.BlobResourceContents


def list_artifacts(session: Session, cursor: str | None) -> types.ListResourcesResult:
    """Return a page of the artifacts that this session made, in order.

    Raises:
        InputError: if the cursor is none that an earlier page gave.
    """
    known = list(session.artifacts.values())
    start = 0 if cursor is None else _position(cursor, len(known))
    page = [
        types.Resource(
            name=artifact.handle,
            uri=URI + artifact.handle,
            title=plain_text(artifact.title),
            description=artifact.kind,
            mime_type="application/json",
        )
        for artifact in known[start : start + _PAGE]
    ]
    more = start + _PAGE < len(known)
    return types.ListResourcesResult(
        resources=page, next_cursor=str(start + _PAGE) if more else None
    )


def read_artifact(session: Session, uri: str) -> types.ReadResourceResult:
    """Return the record of an artifact, and behind it what can be shown; read-only.

    Where nothing can be shown, `not_shown` in the record says why.

    Raises:
        NotFound: if this session made no such artifact, or its record has gone.
        SourceError: if its record is damaged.
    """
    handle = uri.removeprefix(URI)
    if not uri.startswith(URI) or handle not in session.artifacts:
        raise NotFound(
            f"this session has no artifact at {plain_text(uri, 120)!r}",
            hint=f"addresses read {URI}HANDLE; make it again here: equal calls give equal handles",
        )
    artifact = session.shop.store.get(handle)
    record: dict[str, Any] = {"handle": handle, **artifact.to_dict()}
    shown: list[Content] = []
    try:
        shown = _shown(session, artifact, uri)
    except EoAgentError as error:
        record["not_shown"] = error.explain()
    text = json.dumps(record, ensure_ascii=False)
    head = types.TextResourceContents(uri=uri, mime_type="application/json", text=text)
    return types.ReadResourceResult(contents=[head, *shown])


def _shown(session: Session, artifact: Artifact, uri: str) -> list[Content]:
    store = session.shop.store
    if artifact.kind in {"features", "boxes", "aoi"}:
        return [_plain(uri, "application/geo+json", _geojson(artifact, store))]
    if artifact.kind == "table" and artifact.path is not None:
        return [_plain(uri, "application/json", store.locate(artifact.path).read_bytes())]
    if artifact.kind == "picture" and artifact.media_type == "text/html" and artifact.path:
        return [_plain(uri, "text/html", store.locate(artifact.path).read_bytes())]
    if artifact.kind in {"raster", "mask", "picture"}:
        maker = MapMaker(store, session.situation.origins, session.options)
        blob = base64.b64encode(_bounded(maker.picture(artifact.handle))).decode()
        return [types.BlobResourceContents(uri=uri, mime_type="image/png", blob=blob)]
    return []


def _geojson(artifact: Artifact, store: ArtifactStore) -> bytes:
    ref = FeaturesRef.model_validate(artifact.payload)
    if ref.count > _MOST_FEATURES:
        raise InputError(
            f"{artifact.handle} holds {ref.count} features, more than the {_MOST_FEATURES} that "
            "are shown as GeoJSON",
            hint="export it to a file, or draw it with render_map",
        )
    file = store.scratch(".geojson")
    try:
        write_features(file, load_stored(store, ref))
        return file.read_bytes()
    finally:
        file.unlink(missing_ok=True)


def _plain(uri: str, media_type: str, data: bytes) -> Content:
    text = _bounded(data).decode()
    return types.TextResourceContents(uri=uri, mime_type=media_type, text=text)


def _bounded(data: bytes) -> bytes:
    if len(data) > _MOST_BYTES:
        raise InputError(
            f"it takes {len(data)} bytes, more than the {_MOST_BYTES} that are shown",
            hint="export it to a file",
        )
    return data


def _position(cursor: str, count: int) -> int:
    if not (cursor.isascii() and cursor.isdigit()) or int(cursor[:9]) >= max(count, 1):
        raise InputError("the cursor is none of this list", hint="list from the beginning")
    return int(cursor[:9])
