"""Addresses: what is public, and hosts in their one plain form."""

from __future__ import annotations

import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eoagent.io.address import canonical_host, is_public, resolve_host


@pytest.mark.parametrize(
    "address",
    [
        "8.8.8.8",
        "93.184.216.34",
        "2606:4700::1111",
        "::ffff:8.8.8.8",
        "64:ff9b::808:808",
        "2002:808:808::",
    ],
)
def test_a_public_address_is_public_also_inside_another(address):
    assert is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.0.1", "169.254.169.254",
        "0.0.0.0", "0.1.2.3", "100.64.0.1", "192.0.0.1", "192.0.2.1", "192.88.99.1", "198.18.0.1",
        "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.1.1.1", "240.0.0.1", "255.255.255.255",
        "::", "::1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "fe80::1", "fe80::1%eth0",
        "fec0::1", "fc00::1", "fd12::1", "ff02::1", "2001:db8::1", "2001::1", "2002:7f00:1::",
        "2002:a00:1::", "64:ff9b::7f00:1", "64:ff9b:1::1", "100::1", "4000::1", "localhost", "",
    ],
)  # fmt: skip
def test_a_special_address_is_not_public(address):
    assert not is_public(address)


@given(st.integers(0, 2**32 - 1), st.sampled_from(["plain", "mapped", "6to4", "nat64"]))
def test_an_address_in_an_address_is_as_public_as_itself(value, wrapping):
    inner = socket.inet_ntoa(value.to_bytes(4, "big"))
    high, low = divmod(value, 65536)
    outer = {
        "plain": inner,
        "mapped": f"::ffff:{inner}",
        "6to4": f"2002:{high:x}:{low:x}::1",
        "nat64": f"64:ff9b::{high:x}:{low:x}",
    }[wrapping]
    assert is_public(outer) == is_public(inner)


_PART = st.one_of(
    st.integers(0, 2**33).map(str),
    st.integers(0, 2**33).map(hex),
    st.integers(0, 2**33).map(lambda n: f"0{n:o}"),
    st.integers(0, 300).map(str),
)


@given(st.lists(_PART, min_size=1, max_size=5))
def test_a_numeric_host_is_read_as_the_c_library_reads_it(parts):
    host = ".".join(parts)
    try:
        expected = socket.inet_ntoa(socket.inet_aton(host))
    except OSError:
        with pytest.raises(ValueError, match="IPv4 address"):
            canonical_host(host)
        return
    assert canonical_host(host) == (expected, expected != host)


@pytest.mark.parametrize(
    ("host", "plain"),
    [
        ("example.org", "example.org"),
        ("example.org.", "example.org"),
        ("under_score.example", "under_score.example"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("ｅｘａｍｐｌｅ.org", "example.org"),
        ("2606:4700:0:0::1111", "2606:4700::1111"),
        ("1.2.3.4.example", "1.2.3.4.example"),
    ],
)
def test_a_host_comes_back_in_its_plain_form(host, plain):
    assert canonical_host(host) == (plain, False)


@pytest.mark.parametrize(
    ("host", "why"),
    [
        ("fe80::1%eth0", "zone id"),
        ("exam%70le.org", "encoded"),
        (":::", "not an IPv6 address"),
        ("a..b", "not a host name"),
        (".", "not a host name|empty"),
        ("a b", "characters"),
        ("-a.org", "characters"),
        ("a/b", "characters"),
        ("example.08", "IPv4"),
        ("999.1.1.1", "range of IPv4"),
        ("4294967296", "range of IPv4"),
        ("1.2.3.4.5", "not an IPv4 address"),
        ("a" * 64 + ".org", "not a host name"),
    ],
)
def test_text_that_is_no_host_is_refused_with_the_reason(host, why):
    with pytest.raises(ValueError, match=why):
        canonical_host(host)


def test_the_system_resolver_knows_a_literal_address():
    assert resolve_host("127.0.0.1", 80) == ("127.0.0.1",)
