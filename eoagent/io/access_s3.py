"""Sign requests to S3 with one's own keys, for buckets whose readers pay.

Signature Version 4 is written out here: it is one page, its documents publish worked examples that
the tests hold it to, and the libraries that know it bring a client of their own, which would go
past the guard.

Source: Amazon Simple Storage Service API Reference, "Authenticating Requests: Using the
Authorization Header (AWS Signature Version 4)" and "Using Requester Pays buckets".
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final
from urllib.parse import quote, unquote, urlsplit, urlunsplit

from eoagent.contracts.store import Outgoing
from eoagent.io.access_key import KeySource

__all__ = ["RequesterAccess", "S3Keys", "sign_s3"]

_PLAIN: Final = "-._~"
_METHOD: Final = "AWS4-HMAC-SHA256"


@dataclass(frozen=True, slots=True, kw_only=True)
class S3Keys:
    """The keys that a request is signed with; nothing of them is printed."""

    access_key: str = field(repr=False)
    """Id of the key; it is sent."""
    secret_key: str = field(repr=False)
    """The key; it is never sent."""


def sign_s3(asked: Outgoing, keys: S3Keys, *, region: str, now: datetime) -> Outgoing:
    """Return a request with its signature in the `Authorization` header.

    The host, the range and every `x-amz-` header are signed, and the address comes back in the
    spelling that S3 signs itself.

    Args:
        asked: the request.
        keys: whose request it is.
        region: region of the bucket.
        now: when it is sent, UTC; the signature holds for 15 minutes.
    """
    parts = urlsplit(asked.url)
    path = quote(unquote(parts.path or "/"), safe="/" + _PLAIN)
    pairs = [pair.partition("=") for pair in parts.query.split("&") if pair]
    spelled = sorted(
        (quote(unquote(name), safe=_PLAIN), quote(unquote(value), safe=_PLAIN))
        for name, _, value in pairs
    )
    query = "&".join(f"{name}={value}" for name, value in spelled)
    stamp = now.strftime("%Y%m%dT%H%M%SZ")
    body_hash = hashlib.sha256(asked.post or b"").hexdigest()
    headers = {**asked.headers, "x-amz-content-sha256": body_hash, "x-amz-date": stamp}
    signed = {name.lower(): " ".join(value.split()) for name, value in headers.items()}
    signed = {
        name: value
        for name, value in signed.items()
        if name == "range" or name.startswith("x-amz-")
    }
    signed["host"] = parts.netloc
    names = sorted(signed)
    canonical = "\n".join(
        [
            "GET" if asked.post is None else "POST",
            path,
            query,
            *(f"{name}:{signed[name]}" for name in names),
            "",
            ";".join(names),
            body_hash,
        ]
    )
    scope = f"{stamp[:8]}/{region}/s3/aws4_request"
    text = "\n".join([_METHOD, stamp, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    key = ("AWS4" + keys.secret_key).encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    signature = hmac.digest(key, text.encode(), "sha256").hex()
    headers["Authorization"] = (
        f"{_METHOD} Credential={keys.access_key}/{scope},"
        f"SignedHeaders={';'.join(names)},Signature={signature}"
    )
    url = urlunsplit(parts._replace(path=path, query=query, fragment=""))
    return Outgoing(url=url, headers=headers, post=asked.post)


class RequesterAccess:
    """Signs requests to one bucket, or to the buckets of one region, and agrees to pay for them."""

    def __init__(
        self,
        section: str,
        region: str,
        *,
        access_key: KeySource,
        secret_key: KeySource,
        session_token: KeySource,
        clock: Callable[[], datetime] | None = None,
    ) -> None:
        """Make the way in.

        Args:
            section: how the settings name the bucket or host.
            region: region of the bucket.
            access_key: id of the key.
            secret_key: the key.
            session_token: token of a session, which may be empty.
            clock: the time, UTC.
        """
        self._section = section
        self._region = region
        self._access_key = access_key
        self._secret_key = secret_key
        self._session_token = session_token
        self._clock = clock or _now

    def sign(self, asked: Outgoing, *, left_s: float) -> Outgoing:
        """Return the request, signed.

        Raises:
            SourceError: if a key is missing.
        """
        del left_s
        keys = S3Keys(
            access_key=self._access_key.take(asked.url),
            secret_key=self._secret_key.take(asked.url),
        )
        headers = {**asked.headers, "x-amz-request-payer": "requester"}
        session = self._session_token.find(asked.url)
        if session:
            headers["x-amz-security-token"] = session
        paying = Outgoing(url=asked.url, headers=headers, post=asked.post)
        return sign_s3(paying, keys, region=self._region, now=self._clock())

    def renew(self, url: str) -> bool:
        """Say that the same keys would be used again."""
        del url
        return False

    def advice(self, status: int, headers: Mapping[str, str]) -> str:
        """Return what to do about a signature that is not taken."""
        told = headers.get("x-amz-bucket-region", "")
        if told.replace("-", "").isalnum() and len(told) < 32 and told != self._region:
            return f'the bucket is in {told}: set region = "{told}" in [stac."{self._section}"]'
        if status not in (400, 401, 403):
            return ""
        return (
            f'the keys of [stac."{self._section}"] are not taken: check that they are whole, may '
            "read the bucket, and that this machine's clock is right"
        )


def _now() -> datetime:
    return datetime.now(tz=UTC)
