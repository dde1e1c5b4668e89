"""Small tables of texts and numbers as artifacts."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from eoagent.contracts.artifact import Artifact, TableRef
from eoagent.contracts.store import ArtifactStore

__all__ = ["store_table"]

_TITLE_CHARS = 120
_LABEL_CHARS = 200
_SHOWN = 3


def store_table(
    store: ArtifactStore,
    columns: Mapping[str, str],
    rows: Sequence[Sequence[str | float | int | None]],
    *,
    label: str,
) -> Artifact:
    """Keep a table, its first column being what the rows are of.

    Args:
        store: where.
        columns: names of the columns and their units; empty where a column has none.
        rows: cells in the order of the columns.
        label: what the table is, in words.

    Raises:
        SourceError: if the disk is full or cannot be written.
    """
    content = {
        "columns": list(columns),
        "units": {name: unit for name, unit in columns.items() if unit},
        "rows": [list(row) for row in rows],
    }
    file = store.scratch(".json")
    file.write_text(json.dumps(content, ensure_ascii=False, allow_nan=False), encoding="utf-8")
    ref = TableRef(path="", columns=tuple(columns), rows=len(rows), label=label[:_LABEL_CHARS])
    first = [str(row[0]) for row in rows[:_SHOWN]]
    return store.put(
        "table",
        title=label[:_TITLE_CHARS],
        payload=ref.to_dict(),
        preview={"columns": list(columns), "rows": len(rows), "first": first},
        file=file,
    )
