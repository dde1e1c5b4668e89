"""Find a file of a model hub: its address at one commit, its size and its hash."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

from eoagent.contracts.card import UNKNOWN
from eoagent.contracts.errors import NotFound, SourceError
from eoagent.runners.libraries import load_library

__all__ = ["HubFile", "hub_endpoint", "is_offline", "locate"]

_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_COMMIT: Final = re.compile(r"[0-9a-f]{40}")
_TIMEOUT_S: Final = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class HubFile:
    """A file at one commit of a repository."""

    url: str
    """Address at that commit."""
    revision: str
    """The commit."""
    sha256: str
    """sha256 that the hub knows it by; `unknown` for small files, of which it knows none."""
    size_bytes: int | None
    """Size that the hub states."""


def is_offline() -> bool:
    """Whether HF_HUB_OFFLINE asks to leave the network alone.

    Raises:
        ModelMissing: if huggingface_hub is not installed.
    """
    return bool(load_library("huggingface_hub.constants").HF_HUB_OFFLINE)


def hub_endpoint() -> str:
    """Return the hub that is used: HF_ENDPOINT, else the public one.

    Raises:
        ModelMissing: if huggingface_hub is not installed.
    """
    return str(load_library("huggingface_hub.constants").ENDPOINT)


def locate(repository: str, file: str, *, revision: str, endpoint: str) -> HubFile:
    """Ask the hub for a file of a repository.

    Args:
        repository: `owner/name`.
        file: path in the repository.
        revision: commit; `unknown` takes the newest, whose commit is in the answer.
        endpoint: address of the hub.

    Raises:
        ModelMissing: if huggingface_hub is not installed.
        NotFound: if the repository has no such file.
        SourceError: if the hub cannot be reached or refuses.
    """
    hub = load_library("huggingface_hub")
    errors = load_library("huggingface_hub.errors")
    wanted = None if revision == UNKNOWN else revision
    shown = f"{endpoint}/{repository}/{file}"
    url = hub.hf_hub_url(repository, file, revision=wanted, endpoint=endpoint)
    try:
        found = hub.get_hf_file_metadata(url, timeout=_TIMEOUT_S, endpoint=endpoint)
    except errors.EntryNotFoundError as error:
        raise NotFound(
            f"{repository} has no file {file} at revision {revision}",
            hint=f"look at {endpoint}/{repository}",
        ) from error
    except errors.HfHubHTTPError as error:
        raise _refused(shown, error) from error
    except (errors.HTTPError, OSError, RuntimeError, ValueError) as error:
        said = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
        raise SourceError(
            f"the hub could not be asked for {shown}: {said}",
            href=shown,
            hint="try again later, or import a file that you have: eoagent models import ID PATH",
        ) from error
    commit = str(found.commit_hash or "")
    if not _COMMIT.fullmatch(commit):
        raise SourceError(f"{shown} is served without a commit, so it cannot be pinned", href=shown)
    if wanted is not None and _COMMIT.fullmatch(wanted) and commit != wanted:
        raise SourceError(
            f"{shown} was asked for at commit {wanted} and is served at {commit}", href=shown
        )
    etag = str(found.etag or "")
    return HubFile(
        url=hub.hf_hub_url(repository, file, revision=commit, endpoint=endpoint),
        revision=commit,
        sha256=etag if _SHA256.fullmatch(etag) else UNKNOWN,
        size_bytes=found.size,
    )


def _refused(shown: str, error: Any) -> SourceError:
    status = int(getattr(getattr(error, "response", None), "status_code", 0))
    words = {
        401: "it wants a login, or there is no such repository",
        403: "it refuses access",
        404: "there is no such repository or revision",
        429: "it asks for fewer requests",
    }.get(status, "it failed")
    return SourceError(
        f"the hub answers {status or 'without a status'} to {shown}: {words}",
        href=shown,
        hint="download the file where you have access, then: eoagent models import ID PATH",
    )
