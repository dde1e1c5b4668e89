"""Keys of hosts, as the settings state them: which host is asked how.

A key goes to the host that it is set for and to no other, whoever names the address and wherever
that redirects: each place that the guard admits is looked up here anew. Nothing is signed before a
request goes out (`fetch.py`), so that no record, log or error can hold what signs it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final
from urllib.parse import quote, urlsplit

from pydantic import SecretStr

from eoagent.contracts.store import Access
from eoagent.io.access_key import HeaderAccess, KeySource
from eoagent.io.access_planetary import PlanetaryAccess
from eoagent.io.access_rules import (
    BLOBS,
    BearerRule,
    EarthdataRule,
    HostRule,
    PlanetaryRule,
    RequesterRule,
)
from eoagent.io.access_s3 import RequesterAccess
from eoagent.io.address import is_public
from eoagent.io.href import UrlHref, refusal

__all__ = ["AccessBook"]

_S3: Final = re.compile(r"s3://([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])/(.+)", re.DOTALL)
_DEFAULT_PORTS: Final = MappingProxyType({"http": 80, "https": 443})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cover:
    """Addresses that one rule is for."""

    host: str
    """Host; `*.HOST` for all below it."""
    port: int | None = None
    """Port; None for the usual one."""
    folder: str = "/"
    """How the path begins."""

    def holds(self, place: UrlHref) -> bool:
        wanted = self.port or _DEFAULT_PORTS[place.scheme]
        is_host = (
            place.host.endswith(self.host[1:]) and place.host != self.host[2:]
            if self.host.startswith("*.")
            else place.host == self.host
        )
        return is_host and place.port == wanted and place.path.startswith(self.folder)

    @property
    def rank(self) -> tuple[bool, int, int]:
        """How exactly it names its addresses; the greatest goes first."""
        return not self.host.startswith("*."), len(self.folder), len(self.host)


class AccessBook:
    """The ways into hosts that want a key; may be shared by threads, and sent to a process.

    Args:
        rules: what the settings say, by host.
        environ: variables that hold keys; those of this process by default.
    """

    def __init__(
        self,
        rules: Mapping[str, HostRule] | None = None,
        *,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        self.rules: Mapping[str, HostRule] = MappingProxyType(dict(rules or {}))
        """What the settings say, by host."""
        self._environ = os.environ if environ is None else environ
        self._ways: list[tuple[_Cover, Access]] = []
        for section, rule in self.rules.items():
            access = self._open(section, rule)
            self._ways += [(cover, access) for cover in _covers(section, rule)]
        self._ways.sort(key=lambda way: way[0].rank, reverse=True)

    def __reduce__(self) -> tuple[type[AccessBook], tuple[dict[str, HostRule]]]:
        """Send the rules; variables are looked up, and tokens asked for, where they arrive."""
        return AccessBook, (dict(self.rules),)

    def of(self, place: UrlHref, addresses: Sequence[str]) -> Access | None:
        """Return what signs requests to a place, or None where no key is set for it.

        Raises:
            SourceError: if its key would go over the public internet in the clear.
        """
        access = next((access for cover, access in self._ways if cover.holds(place)), None)
        if access is not None and place.scheme == "http" and any(map(is_public, addresses)):
            raise refusal(
                place.url,
                "a key is set for its host, and plain http would show it on the way",
                hint="use https",
            )
        return access

    def plain(self, href: str) -> str:
        """Return an href; `s3://BUCKET/KEY` becomes the web address that the settings make of it.

        Raises:
            SourceError: if the settings do not know the bucket.
        """
        found = _S3.fullmatch(href)
        if found is None:
            return href
        bucket, key = found[1], quote(found[2], safe="/-._~")
        root = self._root_of(bucket)
        if not root:
            raise refusal(
                href,
                "buckets are read only where the settings state how",
                hint=f'set [stac."s3://{bucket}"] auth = "requester-pays" and region in '
                "eoagent.toml, or give an https address",
            )
        return root + key

    def _root_of(self, bucket: str) -> str:
        """Return the address of a bucket, with its last slash, or ""."""
        rule = self.rules.get(f"s3://{bucket}")
        if isinstance(rule, RequesterRule):
            return _roots(bucket, rule)[0]
        for section, other in self.rules.items():
            if not isinstance(other, RequesterRule) or section.startswith("s3://"):
                continue
            host = section.partition(":")[0]
            if host.startswith((f"{bucket}.s3", "*.s3")):
                return _roots(bucket, other)[0]
        return ""

    def _open(self, section: str, rule: HostRule) -> Access:
        if isinstance(rule, BearerRule | EarthdataRule):
            variable = rule.token_env or ""
            return HeaderAccess(self._key(section, "token_env", variable, rule.token))
        if isinstance(rule, PlanetaryRule):
            key = self._key(section, "key_env", rule.key_env, rule.key)
            return PlanetaryAccess(section, rule.endpoint, key=key)
        return RequesterAccess(
            section,
            rule.region,
            access_key=self._key(section, "access_key_env", rule.access_key_env),
            secret_key=self._key(section, "secret_key_env", rule.secret_key_env),
            session_token=self._key(section, "session_token_env", rule.session_token_env),
        )

    def _key(
        self, section: str, field: str, variable: str, secret: SecretStr | None = None
    ) -> KeySource:
        return KeySource(section, field, secret=secret, variable=variable, environ=self._environ)


def _covers(section: str, rule: HostRule) -> list[_Cover]:
    """Return the addresses that a section of the settings is for."""
    if isinstance(rule, PlanetaryRule):
        is_azure = section.endswith(BLOBS[1:])
        return [_cover(host) for host in rule.blobs or ((section,) if is_azure else (BLOBS,))]
    if not isinstance(rule, RequesterRule):
        return [_cover(section)]
    if not section.startswith("s3://"):
        return [_cover(section)]
    return [_cover_of_root(root) for root in _roots(section.removeprefix("s3://"), rule)]


def _roots(bucket: str, rule: RequesterRule) -> tuple[str, ...]:
    """Return the addresses under which a bucket is known, the one to use first.

    The certificates of S3 do not hold for the hosts of buckets with a dot in their name.
    """
    if rule.endpoint is not None:
        return (f"{rule.endpoint.rstrip('/')}/{bucket}/",)
    by_path = f"https://s3.{rule.region}.amazonaws.com/{bucket}/"
    by_host = f"https://{bucket}.s3.{rule.region}.amazonaws.com/"
    usual = (by_path, by_host) if "." in bucket else (by_host, by_path)
    return (*usual, f"https://{bucket}.s3.amazonaws.com/")


def _cover(section: str) -> _Cover:
    host, mark, port = section.rpartition(":")
    if not mark or section.endswith("]"):
        host, port = section, ""
    return _Cover(host=host.strip("[]"), port=int(port) if port else None)


def _cover_of_root(root: str) -> _Cover:
    parts = urlsplit(root)
    host = parts.hostname or ""
    port = parts.port or _DEFAULT_PORTS["http" if parts.scheme == "http" else "https"]
    return _Cover(host=host, port=port, folder=parts.path)
