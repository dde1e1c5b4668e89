"""Features in the artifact store: kept as GeoParquet, read back with their CRS."""

from __future__ import annotations

from eoagent.contracts.artifact import Artifact, ArtifactKind, FeaturesRef
from eoagent.contracts.store import ArtifactStore
from eoagent.io.features import load_features
from eoagent.io.features_write import write_features
from eoagent.io.featureset import FeatureSet, features_ref

__all__ = ["load_stored", "store_features"]

_MEDIA_TYPE = "application/vnd.apache.parquet"


def store_features(
    store: ArtifactStore,
    features: FeatureSet,
    *,
    kind: ArtifactKind = "features",
    pixel_edge_m: float | None = None,
) -> Artifact:
    """Keep features as an artifact.

    Args:
        store: where to keep them.
        features: what to keep; their label becomes the title.
        kind: `features`, `boxes` or `aoi`.
        pixel_edge_m: pixel size of the mask that they were traced from, metres.

    Raises:
        SourceError: if the disk is full or cannot be written.
    """
    file = store.scratch(".parquet")
    write_features(file, features)
    ref = features_ref(features, pixel_edge_m=pixel_edge_m)
    preview = {
        "count": ref.count,
        "types": list(ref.geometry_types),
        "columns": list(ref.columns),
        "crs": ref.crs[:40],
    }
    return store.put(
        kind,
        title=ref.label or "features",
        payload=ref.to_dict(),
        preview=preview,
        file=file,
        media_type=_MEDIA_TYPE,
    )


def load_stored(store: ArtifactStore, ref: FeaturesRef) -> FeatureSet:
    """Return the features behind a reference.

    Raises:
        NotFound: if their file has gone.
        SourceError: if it is damaged.
    """
    return load_features(store.locate(ref.path), sources=ref.sources, label=ref.label)
