from __future__ import annotations

import pytest

from daskscope.ingest.address import Address, AddressError, bound_name, bound_socket, parse_address


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1:4328", Address("127.0.0.1", 4328)),
        ("127.1.2.3:0", Address("127.1.2.3", 0)),
        ("localhost:80", Address("127.0.0.1", 80)),
        ("[::1]:4327", Address("::1", 4327)),
    ],
)
def test_loopback_addresses(text: str, address: Address) -> None:
    assert parse_address(text) == address
    assert parse_address(str(address)) == address


@pytest.mark.parametrize(
    "text", ["", "4318", "127.0.0.1", "127.0.0.1:", "127.0.0.1:x", "127.0.0.1:65536", "a.b:1", ":1"]
)
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(AddressError) as raised:
        parse_address(text)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("text", ["0.0.0.0:4318", "10.0.0.1:1", "[::]:4318"])
def test_others_may_not_reach_it(text: str) -> None:
    with pytest.raises(AddressError, match="other machines"):
        parse_address(text)


def test_a_taken_port_is_named() -> None:
    with bound_socket(Address("127.0.0.1", 0)) as bound:
        name = bound_name(bound)
        with pytest.raises(AddressError, match=name):
            bound_socket(parse_address(name))
