"""The names of conversations: which are fit for one, and the keys that are made of them.

A name is compared letter by letter and nothing else: names that look alike are different ones.
"""

from __future__ import annotations

import hashlib
from typing import Final

from eoagent.contracts.errors import InputError
from eoagent.contracts.text import plain_text

__all__ = ["PATIENCE_S", "answered_elsewhere", "check_thread_name", "lock_key", "single_key"]

PATIENCE_S: Final = 2.0
"""Seconds to wait for another answer in the same conversation."""
_MOST_CHARS: Final = 200
_SHOWN: Final = 60


def check_thread_name(name: str) -> None:
    """Refuse what cannot name a conversation.

    Raises:
        InputError: if it is no text, empty, too long, or holds characters that cannot be seen.
    """
    if not isinstance(name, str):
        raise InputError(
            f"the thread is {type(name).__name__}, and a name is wanted", hint="give a text"
        )
    if not name.strip():
        raise InputError("the thread has an empty name", hint="name it, or leave it out")
    if len(name) > _MOST_CHARS:
        raise InputError(
            f"the name of the thread has {len(name)} characters, more than {_MOST_CHARS}",
            hint="give it a shorter name",
        )
    if plain_text(name) != name:
        raise InputError(
            f"the name of the thread holds characters that cannot be seen: {ascii(name)[:_SHOWN]}",
            hint="leave out line breaks and control characters",
        )


def single_key(run: str) -> str:
    """Return what a single question is kept under while it runs: no conversation has this name."""
    return f"\t{run}"


def lock_key(thread: str) -> bytes:
    """Return the eight bytes that a conversation is locked under, the same in every process."""
    return hashlib.sha256(f"eoagent thread {thread}".encode()).digest()[:8]


def answered_elsewhere(thread: str) -> InputError:
    """Return the error for a conversation in which another question is being answered."""
    return InputError(
        f"the conversation '{plain_text(thread, _SHOWN)}' is being answered elsewhere",
        hint="wait for that answer, or ask in another conversation",
    )
