from __future__ import annotations

import pytest

from service.contracts.timezone import check_timezone


@pytest.mark.parametrize("name", ["UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires", "Etc/GMT+5"])
def test_names_of_zones_are_taken(name: str) -> None:
    assert check_timezone(name) == name


@pytest.mark.parametrize(
    "name",
    [
        "localtime",
        "Factory",
        "posixrules",
        "posix/UTC",
        "right/UTC",
        "europe/berlin",
        "Mars/Base",
        "../UTC",
        "Europe",
        " ",
    ],
)
def test_other_names_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match=r"There is no time zone .* Use an IANA name, such as Europe/Berlin\."):
        check_timezone(name)
