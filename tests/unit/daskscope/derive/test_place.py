from __future__ import annotations

import pytest

from dask_otel import conventions as names
from daskscope.derive.place import natural_key, place, split_address


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("tcp://10.0.4.11:40101", ("10.0.4.11", ":40101")),
        ("tls://node-1.example:8786", ("node-1.example", ":8786")),
        ("tcp://[fe80::1]:40101", ("fe80::1", ":40101")),
        ("inproc://10.0.4.11/311/4", ("10.0.4.11", "/311/4")),
        ("somewhere", ("somewhere", "")),
        ("", ("", "")),
    ],
)
def test_addresses_split_into_host_and_port(address: str, expected: tuple[str, str]) -> None:
    assert split_address(address) == expected


def worker(name: str, host: str = "node-01") -> dict[str, str]:
    return {
        names.SERVICE_NAME: names.SERVICE_WORKER,
        names.HOST_NAME: host,
        names.WORKER_ADDRESS: "tcp://10.0.4.11:40101",
        names.WORKER_NAME: name,
    }


def test_a_named_worker_shows_its_name_and_port() -> None:
    shown = place(worker("w0"))
    assert (shown.host, shown.host_address, shown.name, shown.port) == (
        "node-01",
        "10.0.4.11",
        "w0",
        ":40101",
    )


def test_a_counted_worker_says_what_the_number_is() -> None:
    assert place(worker("3")).name == "worker 3"


def test_a_worker_named_by_its_address_shows_it_once() -> None:
    shown = place(worker("tcp://10.0.4.11:40101"))
    assert (shown.name, shown.port) == ("10.0.4.11:40101", "")


def test_without_a_host_name_the_address_is_the_host() -> None:
    shown = place(worker("w0", host=""))
    assert (shown.host, shown.host_address) == ("10.0.4.11", "")


def test_the_scheduler_is_no_worker() -> None:
    assert not place({names.SERVICE_NAME: names.SERVICE_SCHEDULER}).is_worker


def test_a_nanny_is_no_worker_though_it_has_the_name_of_one() -> None:
    found = place({names.SERVICE_NAME: names.SERVICE_NANNY, names.WORKER_NAME: "0"})
    assert (found.is_worker, found.name) == (False, names.SERVICE_NANNY)


def test_numbers_in_names_sort_by_value() -> None:
    shuffled = ["w10", "w2", "W1", "node-9-b", "9" * 5_000]
    assert sorted(shuffled, key=natural_key) == ["9" * 5_000, "node-9-b", "W1", "w2", "w10"]
