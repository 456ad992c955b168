"""Versions of the VI API: their order, and what they are good for."""

from __future__ import annotations

import pytest

from eventd.errors import HostNotSupported
from eventd.vi.versions import (
    OWN_COLLECTOR_SINCE,
    SUPPORTED_SINCE,
    WAIT_FOR_UPDATES_EX_SINCE,
    ApiVersion,
)

IN_ORDER = ["2.0", "2.5", "2.6", "4.0", "4.1", "5.0", "5.5", "6.5", "6.7.3", "7.0.0.0", "7.0.3.0",
            "8.0.3.1", "9.0.0.0", "10.0"]  # fmt: skip


def test_versions_are_ordered_by_their_numbers() -> None:
    """Ten comes after nine, and 6.7.3 after 6.7."""
    versions = [ApiVersion.parse(text) for text in IN_ORDER]
    assert sorted(versions, reverse=True) == versions[::-1]


@pytest.mark.parametrize(
    ("one", "other"), [("4.1", "4.1.0"), ("7.0.0.0", "7"), ("2.5u2", "2.5"), ("0", "0.0")]
)
def test_versions_that_mean_the_same_are_equal(one: str, other: str) -> None:
    """Missing numbers are zeros; what follows the numbers is an update of the same API."""
    assert ApiVersion.parse(one) == ApiVersion.parse(other)


@pytest.mark.parametrize(
    ("text", "is_supported"),
    [("2.0", False), ("2.4.9", False), ("2.5", True), ("2.5u2", True), ("9.1.0.0", True)],
)
def test_api_2_5_and_all_later_ones_are_supported(text: str, is_supported: bool) -> None:
    """There is no upper bound: new versions only add."""
    assert ApiVersion.parse(text).is_supported is is_supported


def test_the_long_poll_with_a_limit_came_after_the_oldest_version() -> None:
    """Between 2.5 and 4.1 the older methods have to do."""
    assert ApiVersion.parse("4.0") < WAIT_FOR_UPDATES_EX_SINCE == OWN_COLLECTOR_SINCE
    assert ApiVersion.parse("4.0") > SUPPORTED_SINCE


@pytest.mark.parametrize("text", ["7.0.3.0", "2.5u2", "6.5"])
def test_the_soap_action_names_the_version_as_the_host_writes_it(text: str) -> None:
    """The host then answers as that version does, with the types of that version."""
    version = ApiVersion.parse(text)
    assert version.soap_action == f"urn:vim25/{text}"
    assert str(version) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "dev",
        "u2",
        ".5",
        "7..0",
        "7.0.",
        "-1",
        "7.0\r\nX: y",
        "7.0 beta",
        "\u0667.0",
        "9" * 5000,
    ],
)
def test_what_is_no_version_is_refused(text: str) -> None:
    """It would go back to the host in a header, and nothing could be told from it."""
    with pytest.raises(HostNotSupported, match="which is none; is it VMware's") as caught:
        ApiVersion.parse(text)
    assert "\n" not in caught.value.message
    assert len(caught.value.message) < 200
