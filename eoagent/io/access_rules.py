"""What the settings say of hosts that want a key: `[stac."HOST"] auth = ...`, read strictly.

A key in the wrong place is never echoed: messages name a host only where it looks like one, and
fields only where they are known.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Final, Literal

from pydantic import ConfigDict, Field, SecretStr, ValidationError, field_validator, model_validator

from eoagent.contracts.record import Record
from eoagent.io.access_key import is_sendable

__all__ = [
    "BLOBS",
    "BearerRule",
    "EarthdataRule",
    "HostRule",
    "PlanetaryRule",
    "RequesterRule",
    "read_rules",
]

BLOBS: Final = "*.blob.core.windows.net"
"""Where Azure keeps files, an account a host."""

_LABEL: Final = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_NAME: Final = rf"{_LABEL}(?:\.{_LABEL})+"
_HOST: Final = re.compile(rf"(?:(?:\*\.)?{_NAME}|localhost|\[[0-9a-f:.]+\])(?::\d{{1,5}})?")
_BUCKET: Final = re.compile(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_REGION: Final = re.compile(r"(?:.*\.)?s3[.-]([a-z0-9-]+)\.amazonaws\.com")
_VARIABLE: Final = r"^[A-Za-z_][A-Za-z0-9_]*$"
_HOST_FORM: Final = "HOST, HOST:PORT or *.HOST in lower case, or s3://BUCKET for requester-pays"

_Variable = Annotated[str, Field(pattern=_VARIABLE)]
_Address = Annotated[str, Field(pattern=r"^https?://[^\s?#@]+$")]


class _Rule(Record):
    """What all rules share: nothing of what stands in them is repeated in an error."""

    model_config = ConfigDict(hide_input_in_errors=True)

    @field_validator("token", "key", check_fields=False)
    @classmethod
    def _check_key(cls, secret: SecretStr | None) -> SecretStr | None:
        if secret is not None and not is_sendable(secret.get_secret_value()):
            raise ValueError("is empty, or holds spaces, line breaks or letters beyond ASCII")
        return secret


class BearerRule(_Rule):
    """A token in the `Authorization` header, to this host only."""

    auth: Literal["bearer"]
    """The kind of key."""
    token: SecretStr | None = None
    """The token."""
    token_env: _Variable | None = None
    """The variable that holds it."""

    @model_validator(mode="after")
    def _has_one(self) -> BearerRule:
        if (self.token is None) == (self.token_env is None):
            raise ValueError("wants one of token and token_env")
        return self


class EarthdataRule(_Rule):
    """A token of NASA's Earthdata Login, to this host only; not to where it redirects."""

    auth: Literal["earthdata"]
    """The kind of key."""
    token: SecretStr | None = None
    """The token."""
    token_env: _Variable = "EARTHDATA_TOKEN"  # noqa: S105 - a name, no key
    """The variable that holds it, unless it is stated itself."""


class PlanetaryRule(_Rule):
    """Tokens of Microsoft's Planetary Computer, asked for container by container."""

    auth: Literal["planetary-computer"]
    """The kind of key."""
    key: SecretStr | None = None
    """Subscription key, which lifts limits; tokens are given without one too."""
    key_env: _Variable = "PC_SDK_SUBSCRIPTION_KEY"
    """The variable that holds it, unless it is stated itself."""
    endpoint: _Address = "https://planetarycomputer.microsoft.com/api/sas/v1/token"
    """Service that gives the tokens, without account and container."""
    blobs: tuple[str, ...] = ()
    """Hosts that they are for; by default the host of this section if it is one of Azure's, else
    all of Azure's."""

    @field_validator("blobs")
    @classmethod
    def _check_blobs(cls, blobs: tuple[str, ...]) -> tuple[str, ...]:
        if not all(_HOST.fullmatch(host) for host in blobs):
            raise ValueError("lists something that is no HOST, HOST:PORT or *.HOST in lower case")
        return blobs


class RequesterRule(_Rule):
    """A bucket of S3 whose readers pay; requests are signed with one's own keys."""

    auth: Literal["requester-pays"]
    """The kind of key."""
    region: str = Field(default="", pattern=r"^([a-z]{2,}(-[a-z]+)+-\d+)?$")
    """Region of the bucket (`us-west-2`); by default the one in the host's name."""
    endpoint: _Address | None = None
    """A store that speaks as S3 does, by paths (`https://HOST/BUCKET/KEY`); AWS by default."""
    access_key_env: _Variable = "AWS_ACCESS_KEY_ID"
    """The variable that holds the id of the key."""
    secret_key_env: _Variable = "AWS_SECRET_ACCESS_KEY"  # noqa: S105 - a name, no key
    """The variable that holds the key."""
    session_token_env: _Variable = "AWS_SESSION_TOKEN"  # noqa: S105 - a name, no key
    """The variable that holds the token of a session, if there is one."""


HostRule = BearerRule | EarthdataRule | PlanetaryRule | RequesterRule
"""What the settings say of one host."""

_KINDS: Final[Mapping[str, type[HostRule]]] = MappingProxyType(
    {
        "bearer": BearerRule,
        "earthdata": EarthdataRule,
        "planetary-computer": PlanetaryRule,
        "requester-pays": RequesterRule,
    }
)


def read_rules(sections: object) -> dict[str, HostRule]:
    """Return the rules by host, as the settings state them.

    Raises:
        ValueError: if one is wrong; the message repeats nothing that may be a key.
    """
    if not isinstance(sections, Mapping):
        raise ValueError('holds no sections; write [stac."HOST"]')  # noqa: TRY004 - pydantic's
    return {str(host): _read(host, section) for host, section in sections.items()}


def _read(host: object, section: object) -> HostRule:
    if not isinstance(host, str) or not (_HOST.fullmatch(host) or _BUCKET.fullmatch(host)):
        raise ValueError(f"names a section by something else than {_HOST_FORM}")
    if isinstance(section, BearerRule | EarthdataRule | PlanetaryRule | RequesterRule):
        rule = section
    elif isinstance(section, Mapping):
        rule = _parse(host, section)
    else:
        raise ValueError(f'"{host}" is no section; write [stac."{host}"]')  # noqa: TRY004 - pydantic's
    if isinstance(rule, RequesterRule):
        return _with_region(host, rule)
    if _BUCKET.fullmatch(host):
        raise ValueError(f'"{host}": buckets are opened by auth = "requester-pays"')
    return rule


def _parse(host: str, section: Mapping[object, object]) -> HostRule:
    kind = section.get("auth")
    model = _KINDS.get(kind) if isinstance(kind, str) else None
    if model is None:
        said = "auth is missing" if kind is None else "auth is none of those known"
        raise ValueError(f'"{host}": {said}: {", ".join(_KINDS)}')
    try:
        return model.model_validate(dict(section))
    except ValidationError as error:
        first = error.errors(include_input=False, include_context=False)[0]
    field = str(first["loc"][0]) if first["loc"] else ""
    fields = ", ".join(model.model_fields)
    if field and field not in model.model_fields:
        raise ValueError(f'"{host}" holds a field that {kind} does not have: it has {fields}')
    said = first["msg"].removeprefix("Value error, ")
    raise ValueError(f'"{host}" {field}: {said}' if field else f'"{host}" {said}')


def _with_region(host: str, rule: RequesterRule) -> RequesterRule:
    """Return the rule with the region of its host where it states none."""
    found = _REGION.fullmatch(host.partition(":")[0])
    is_bucket = _BUCKET.fullmatch(host) is not None
    if rule.endpoint is not None and not is_bucket:
        raise ValueError(f'"{host}": endpoint goes with a section "s3://BUCKET"')
    if not (found or is_bucket or host.endswith(".s3.amazonaws.com")):
        raise ValueError(f'"{host}" is no host of S3; name the section "s3://BUCKET"')
    region = rule.region or (found[1] if found else "")
    if not region:
        raise ValueError(f'"{host}" wants region, such as us-west-2')
    return rule.model_copy(update={"region": region})
