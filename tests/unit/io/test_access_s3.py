"""Signatures of S3: against the worked examples that its documents publish, and as a bucket asks."""

from __future__ import annotations

import hashlib
import hmac
from datetime import UTC, datetime
from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eoagent.contracts.errors import SourceError
from eoagent.contracts.store import Outgoing
from eoagent.io.access import AccessBook
from eoagent.io.access_rules import read_rules
from eoagent.io.access_s3 import S3Keys, sign_s3
from eoagent.io.origin import OriginGuard
from eoagent.io.remote import RemoteLimits, open_remote, read_bytes

EXAMPLE = S3Keys(
    access_key="AKIAIOSFODNN7EXAMPLE", secret_key="wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
)
THEN = datetime(2013, 5, 24, tzinfo=UTC)
HOST = "https://examplebucket.s3.amazonaws.com"
ENVIRON = {"AWS_ACCESS_KEY_ID": "AKcanary77id", "AWS_SECRET_ACCESS_KEY": "canary77secret/+x"}


@pytest.mark.parametrize(
    ("path", "headers", "signature"),
    [
        (
            "/test.txt",
            {"Range": "bytes=0-9"},
            "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
        ),
        ("?lifecycle", {}, "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"),
        (
            "?max-keys=2&prefix=J",
            {},
            "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
        ),
    ],
)
def test_the_published_examples_are_signed_as_published(path, headers, signature):
    """Source: S3 API Reference, "Examples: Signature Calculations in AWS Signature Version 4"."""
    signed = sign_s3(
        Outgoing(url=HOST + path, headers=headers), EXAMPLE, region="us-east-1", now=THEN
    )
    names = ";".join(
        sorted(["host", "x-amz-content-sha256", "x-amz-date", *map(str.lower, headers)])
    )
    assert signed.headers["Authorization"] == (
        "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,"
        f"SignedHeaders={names},Signature={signature}"
    )


@given(st.text(st.characters(min_codepoint=33, max_codepoint=0x2FF), min_size=1, max_size=40))
def test_a_path_keeps_its_meaning_when_it_is_spelled_for_the_signature(key):
    book = AccessBook(read_rules({"s3://naip": {"auth": "requester-pays", "region": "us-west-2"}}))
    url = book.plain(f"s3://naip/x{key}")
    signed = sign_s3(Outgoing(url=url), EXAMPLE, region="us-west-2", now=THEN)
    assert unquote(urlsplit(signed.url).path) == f"/x{key}"
    assert urlsplit(signed.url).path.isascii()


class Bucket:
    """A store that believes no signature but the one it computes itself, as S3 does."""

    def __init__(self, servers, body=b"pixels"):
        self.server = servers.Server(body, answer=self.answer)
        self.seen = []

    def answer(self, exchange):
        self.seen.append(exchange)
        if exchange.headers.get("authorization", "") != self._expected(exchange):
            exchange.reply(403, b"SignatureDoesNotMatch")
        elif exchange.headers.get("x-amz-request-payer") != "requester":
            exchange.reply(403, b"AccessDenied")
        else:
            exchange.right()

    @staticmethod
    def _expected(exchange):
        sent = exchange.headers
        date = sent.get("x-amz-date", "")
        named = sorted(n for n in sent if n in ("host", "range") or n.startswith("x-amz-"))
        lines = [f"{name}:{sent[name]}" for name in named]
        empty = hashlib.sha256(b"").hexdigest()
        path, _, query = exchange.path.partition("?")
        asked = "\n".join(["GET", path, query, *lines, "", ";".join(named), empty])
        scope = f"{date[:8]}/us-west-2/s3/aws4_request"
        text = f"AWS4-HMAC-SHA256\n{date}\n{scope}\n{hashlib.sha256(asked.encode()).hexdigest()}"
        key = f"AWS4{ENVIRON['AWS_SECRET_ACCESS_KEY']}".encode()
        for part in (*scope.split("/"), text):
            key = hmac.new(key, part.encode(), "sha256").digest()
        return (
            f"AWS4-HMAC-SHA256 Credential={ENVIRON['AWS_ACCESS_KEY_ID']}/{scope},"
            f"SignedHeaders={';'.join(named)},Signature={key.hex()}"
        )


@pytest.fixture
def bucket(servers):
    made = Bucket(servers, bytes(range(256)) * 40)
    with made.server:
        yield made


def guard_of(bucket, environ=ENVIRON):
    section = {"auth": "requester-pays", "region": "us-west-2", "endpoint": bucket.server.origin}
    return OriginGuard(
        ["s3://naip/a folder/scene+1.tif"] if environ else [],
        access=AccessBook(read_rules({"s3://naip": section}), environ=environ),
    )


def test_ranges_of_an_s3_address_are_signed_and_paid_for(bucket):
    guard = guard_of(bucket)
    admitted = guard.admit("s3://naip/a folder/scene+1.tif")
    assert admitted.href == f"{bucket.server.origin}/naip/a%20folder/scene%2B1.tif"
    with open_remote(admitted, guard, limits=RemoteLimits(block_bytes=1024)) as file:
        file.seek(5000)
        assert file.read(600) == bucket.server.body[5000:5600]
    assert {exchange.headers["x-amz-request-payer"] for exchange in bucket.seen} == {"requester"}
    assert all("range" in exchange.headers for exchange in bucket.seen)


def test_the_token_of_a_session_is_sent_and_signed(bucket):
    guard = guard_of(bucket, ENVIRON | {"AWS_SESSION_TOKEN": "canary77session"})
    read_bytes(guard.admit("s3://naip/a folder/scene+1.tif"), guard)
    assert bucket.seen[-1].headers["x-amz-security-token"] == "canary77session"
    assert "x-amz-security-token" in bucket.seen[-1].headers["authorization"]


def test_another_bucket_of_the_same_store_gets_no_signature(bucket):
    guard = guard_of(bucket)
    url = bucket.server.url("/other/scene.tif")
    guard.type_in(url)
    with pytest.raises(SourceError, match="the server answers 403"):
        read_bytes(guard.admit(url), guard)
    assert "authorization" not in bucket.seen[-1].headers


@pytest.mark.parametrize("missing", ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"])
def test_a_missing_key_is_told_before_anything_is_sent(bucket, missing):
    guard = guard_of(bucket, {k: v for k, v in ENVIRON.items() if k != missing})
    with pytest.raises(SourceError, match="the variable that .*_key_env names is not set"):
        read_bytes(guard.admit("s3://naip/a folder/scene+1.tif"), guard)
    assert bucket.seen == []


def test_keys_that_are_not_taken_are_told_by_section(bucket):
    guard = guard_of(bucket, ENVIRON | {"AWS_SECRET_ACCESS_KEY": "canary77wrong"})
    with pytest.raises(SourceError, match="answers 403") as caught:
        read_bytes(guard.admit("s3://naip/a folder/scene+1.tif"), guard)
    assert 'the keys of [stac."s3://naip"] are not taken' in caught.value.hint
    assert "canary77" not in caught.value.explain()


@pytest.mark.parametrize("status", [301, 400, 403])
def test_a_bucket_in_another_region_says_which(servers, status):
    def elsewhere(exchange):
        exchange.reply(status, b"PermanentRedirect", x_amz_bucket_region="eu-west-1")

    with servers.Server(b"", elsewhere) as server:
        bucket = type("Made", (), {"server": server})
        guard = guard_of(bucket)
        with pytest.raises(SourceError) as caught:
            read_bytes(guard.admit("s3://naip/a folder/scene+1.tif"), guard)
    assert caught.value.hint == (
        'the bucket is in eu-west-1: set region = "eu-west-1" in [stac."s3://naip"]'
    )


def test_a_bucket_that_the_settings_do_not_know_names_the_setting_to_make():
    with pytest.raises(SourceError, match="buckets are read only where the settings") as caught:
        OriginGuard().admit("s3://usgs-landsat/x.tif", base="https://stac.example/item.json")
    assert '[stac."s3://usgs-landsat"] auth = "requester-pays"' in caught.value.hint


@pytest.mark.parametrize(
    ("section", "bucket", "url"),
    [
        ("s3://naip", "naip", "https://naip.s3.us-west-2.amazonaws.com/a/b.tif"),
        ("s3://my.own", "my.own", "https://s3.us-west-2.amazonaws.com/my.own/a/b.tif"),
        (
            "*.s3.us-west-2.amazonaws.com",
            "any",
            "https://any.s3.us-west-2.amazonaws.com/a/b.tif",
        ),
        (
            "one.s3.us-west-2.amazonaws.com",
            "one",
            "https://one.s3.us-west-2.amazonaws.com/a/b.tif",
        ),
    ],
)
def test_an_s3_address_becomes_that_of_its_bucket_in_its_region(section, bucket, url):
    rules = read_rules({section: {"auth": "requester-pays", "region": "us-west-2"}})
    guard = OriginGuard(access=AccessBook(rules), resolver=lambda *_: ["52.218.1.1"])
    admitted = guard.admit(f"s3://{bucket}/a/b.tif", base="https://stac.example/item.json")
    assert admitted.href == url
    assert admitted.access is not None
