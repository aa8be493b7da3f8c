"""Which versions of Dask are known to work."""

from __future__ import annotations

from importlib.metadata import requires

from packaging.requirements import Requirement

from dask_otel.compat import versions


def test_the_package_says_the_same() -> None:
    declared = [Requirement(line) for line in requires("daskscope") or ()]
    (instruments,) = (
        requirement
        for requirement in declared
        if requirement.marker
        and requirement.marker.evaluate({"extra": "instruments"})
        and not requirement.marker.evaluate({"extra": ""})
    )
    supported = Requirement(versions.SUPPORTED)
    assert (instruments.name, instruments.specifier) == (supported.name, supported.specifier)


def test_the_installed_one_is_supported() -> None:
    assert versions.is_supported()
