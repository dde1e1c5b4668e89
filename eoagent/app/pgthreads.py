"""Conversations in a PostgreSQL database, for servers that share them; extra `postgres`."""

from __future__ import annotations

import importlib
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

from eoagent.app.threadnames import PATIENCE_S, answered_elsewhere, lock_key
from eoagent.contracts.errors import InputError, ModelMissing, SourceError

if TYPE_CHECKING:  # an extra
    from langgraph.checkpoint.postgres import PostgresSaver

__all__ = ["hold_shared", "keep_latest", "postgres_checkpoints"]

_LOOK_EVERY_S: Final = 0.02
_PLACE: Final = "the database of threads_url"
_OLDER: Final = (
    "WHERE thread_id = %(thread)s AND checkpoint_id < "
    "(SELECT MAX(checkpoint_id) FROM checkpoints WHERE thread_id = %(thread)s)"
)
_UNUSED_BLOBS: Final = """
DELETE FROM checkpoint_blobs b WHERE b.thread_id = %(thread)s AND NOT EXISTS (
  SELECT 1 FROM checkpoints c, jsonb_each_text(c.checkpoint -> 'channel_versions') v
  WHERE c.thread_id = b.thread_id AND v.key = b.channel AND v.value = b.version)
"""


@contextmanager
def postgres_checkpoints(url: str) -> Iterator[PostgresSaver]:
    """Open the database; its tables are made if they are not there.

    Only plain data is ever read back from it. The address, which holds a password, is in no error.

    Raises:
        ModelMissing: if the extra is not installed.
        InputError: if the address cannot be read as one.
        SourceError: if the database cannot be reached, read or written, inside the block too.
    """
    try:
        psycopg: Any = importlib.import_module("psycopg")
        saver_module: Any = importlib.import_module("langgraph.checkpoint.postgres")
    except ImportError as error:
        raise ModelMissing(
            "conversations in PostgreSQL need an extra", command="pip install 'eoagent[postgres]'"
        ) from error
    rows: Any = importlib.import_module("psycopg.rows")
    try:
        psycopg.conninfo.conninfo_to_dict(url)
    except psycopg.ProgrammingError:
        raise InputError(
            "threads_url is no address of a database",
            hint="write postgresql://USER:PASSWORD@HOST/NAME",
        ) from None
    try:
        with psycopg.Connection.connect(
            url, autocommit=True, prepare_threshold=0, row_factory=rows.dict_row
        ) as connection:
            saver = saver_module.PostgresSaver(
                connection, serde=JsonPlusSerializer(allowed_msgpack_modules=None)
            )
            saver.setup()
            yield saver
    except psycopg.Error as error:
        raise SourceError(
            f"the conversations cannot be read or kept: {type(error).__name__}",
            href=_PLACE,
            hint="check that the database runs, and threads_url",
        ) from None


@contextmanager
def hold_shared(saver: PostgresSaver, thread: str) -> Iterator[None]:
    """Answer in a conversation alone, among all servers of the database.

    The database itself gives the lock back when the connection ends, however that comes.

    Raises:
        InputError: if another question in it is still being answered after a short wait.
    """
    connection: Any = saver.conn
    key = int.from_bytes(lock_key(thread), signed=True)
    ends = time.monotonic() + PATIENCE_S
    while not _is_true(connection, "SELECT pg_try_advisory_lock(%s) AS yes", key):
        if time.monotonic() >= ends:
            raise answered_elsewhere(thread)
        time.sleep(_LOOK_EVERY_S)
    try:
        yield
    finally:
        if not connection.closed:
            _is_true(connection, "SELECT pg_advisory_unlock(%s) AS yes", key)


def _is_true(connection: Any, query: str, key: int) -> bool:
    return bool(connection.execute(query, (key,)).fetchone()["yes"])


def keep_latest(saver: PostgresSaver, thread: str, *, is_named: bool) -> None:
    """Keep one checkpoint of a finished turn of a conversation, and none of a single question."""
    if not is_named:
        saver.delete_thread(thread)
        return
    connection: Any = saver.conn
    with connection.transaction(), connection.cursor() as cursor:
        for table in ("checkpoint_writes", "checkpoints"):
            cursor.execute(f"DELETE FROM {table} {_OLDER}", {"thread": thread})  # noqa: S608 - fixed names
        cursor.execute(_UNUSED_BLOBS, {"thread": thread})
