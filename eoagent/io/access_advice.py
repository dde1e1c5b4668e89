"""Say which setting opens a host that refuses to be read; nothing is sent or looked up here."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import urlsplit

__all__ = ["advise", "is_login"]

_REFUSED: Final = frozenset({401, 403})
_BLOB_REFUSED: Final = frozenset({401, 403, 404, 409})
"""Azure hides a container that is not public behind 404 and 409 too."""
_LOGIN_HOSTS: Final = frozenset({"urs.earthdata.nasa.gov", "uat.urs.earthdata.nasa.gov"})
_EARTHDATA: Final = re.compile(r"(?:.+\.)?earthdata(?:cloud)?\.nasa\.gov")
_BLOB: Final = re.compile(r"[a-z0-9]+\.blob\.core\.windows\.net")
_S3: Final = re.compile(r"(?:.+\.)?s3(?:[.-][a-z0-9-]+)?\.amazonaws\.com")


def advise(url: str, status: int) -> str:
    """Return the setting to make for the host of an address that answered so, or ""."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    named = f'[stac."{parts.netloc.rpartition("@")[2]}"]'
    if _BLOB.fullmatch(host) and status in _BLOB_REFUSED:
        return (
            'data of the Planetary Computer are opened by [stac."planetarycomputer.microsoft.com"] '
            'auth = "planetary-computer" in eoagent.toml'
        )
    if status not in _REFUSED:
        return ""
    if _EARTHDATA.fullmatch(host):
        return (
            f'set {named} auth = "earthdata" in eoagent.toml, and put a token of '
            "https://urs.earthdata.nasa.gov into the variable EARTHDATA_TOKEN"
        )
    if _S3.fullmatch(host):
        return (
            f'if its readers pay, set {named} auth = "requester-pays" and region in eoagent.toml, '
            "and your keys as the variables AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
        )
    return (
        f'check the address; if you have a token for it, set {named} auth = "bearer" and '
        'token_env = "NAME OF A VARIABLE" in eoagent.toml'
    )


def is_login(location: str) -> bool:
    """Return whether a redirect leads to a login page, which is no data."""
    try:
        return (urlsplit(location).hostname or "") in _LOGIN_HOSTS
    except ValueError:
        return False
