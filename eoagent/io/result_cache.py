"""Remember the results of tool calls by content, so that the same call is not computed twice.

The caller makes the key from everything that decides the result: tool name and card version,
resolved arguments, fingerprints of the sources, versions of the libraries.
"""

from __future__ import annotations

from pydantic import ValidationError

from eoagent.contracts.errors import NotFound, SourceError
from eoagent.contracts.store import ArtifactStore
from eoagent.contracts.tool import ToolResult
from eoagent.io.ledger_file import LedgerFile
from eoagent.io.ledger_rows import as_json, check_of

__all__ = ["recall", "remember"]


def recall(file: LedgerFile, store: ArtifactStore, key: str) -> ToolResult | None:
    """Return the result under a key if its row is intact and the store has all its artifacts.

    Anything else is None: the call is then computed anew, and its result replaces the row.

    Raises:
        SourceError: if the ledger cannot be read.
    """
    with file.reading() as connection:
        row = connection.execute(
            "SELECT result_json, row_check FROM cache WHERE key = ?", (key,)
        ).fetchone()
    if row is None or row[1] != check_of(key, row[0]):
        return None
    try:
        result = ToolResult.model_validate_json(row[0])
    except ValidationError:  # written by another version
        return None
    try:
        for artifact in result.artifacts.values():
            store.get(artifact.handle)
    except (NotFound, SourceError):
        return None
    return result


def remember(file: LedgerFile, key: str, result: ToolResult, created: str) -> None:
    """Keep a result under a key, in place of an earlier one.

    Raises:
        SourceError: if the ledger cannot be written.
    """
    text = as_json(result.to_dict())
    handles = {artifact.handle for artifact in result.artifacts.values()}
    with file.writing() as connection:
        connection.execute("DELETE FROM cache WHERE key = ?", (key,))
        connection.execute(
            "INSERT INTO cache (key, result_json, row_check, created) VALUES (?, ?, ?, ?)",
            (key, text, check_of(key, text), created),
        )
        connection.executemany(
            "INSERT INTO cache_links (key, handle) VALUES (?, ?)",
            [(key, handle) for handle in sorted(handles)],
        )
