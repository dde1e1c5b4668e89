"""What a process that died left half done in a conversation, made whole when it goes on."""

from __future__ import annotations

from typing import Any

from eoagent.app.threadstore import open_threads
from eoagent.app.workshop import Workshop
from eoagent.contracts.errors import NotFound
from eoagent.io.transcript import Said, Transcript

__all__ = ["mend_thread", "mend_transcript"]


def mend_thread(shop: Workshop, thread: str) -> None:
    """Add the last turn of a conversation to its transcript, if it was answered and is not there.

    Raises:
        SourceError: if conversations or ledger cannot be read.
    """
    is_shared = bool(shop.settings.threads_url.get_secret_value())
    if not is_shared and not (shop.home / "threads.sqlite").exists():
        return
    with open_threads(shop) as threads:
        kept = threads.saver.get({"configurable": {"thread_id": thread}})
    values: dict[str, Any] = {} if kept is None else kept["channel_values"]
    mend_transcript(shop, thread, values)


def mend_transcript(shop: Workshop, thread: str, state: Any) -> None:
    """Do so with the state that the last turn left.

    A run is finished in the ledger first and told in the transcript then; between the two a
    process may die.

    Raises:
        SourceError: if conversations or ledger cannot be read or written.
    """
    run = state.get("answer", {}).get("run", "")
    transcript = Transcript(shop.home / "threads.sqlite")
    if not run or transcript.has(thread, run):
        return
    try:
        found = shop.ledger.get_run(run)
    except NotFound:  # pruned
        return
    if found.answer is None:
        return
    said = Said(
        turn=0,
        run=run,
        created=found.answer["created"],
        question=found.summary.question,
        status=found.answer["status"],
        answer=found.answer["text"],
    )
    transcript.add(thread, said)
