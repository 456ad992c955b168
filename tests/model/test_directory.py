"""How a domain is named: by its UUID, or else by its name; never by a part of either."""

from __future__ import annotations

import pytest

from eventd.errors import ErrorCode, NoSuchDomain
from eventd.model.directory import find_domain
from eventd.model.domain import Domain, DomainState, DomainStatus

WEB01 = "4215d4a2-0000-0000-0000-000000000001"
WEB02 = "4215d4a2-0000-0000-0000-000000000002"


def status(
    name: str, uuid: str, *, reference: str = "vm-1", connection: str = "esx01"
) -> DomainStatus:
    """Return a domain that is on."""
    domain = Domain(connection=connection, reference=reference, uuid=uuid, name=name, id=1)
    return DomainStatus(domain=domain, state=DomainState.RUNNING)


FIRST = status("web01", WEB01)
SECOND = status("web02", WEB02, reference="vm-2")


@pytest.mark.parametrize("text", [WEB02, WEB02.upper(), "web02"])
def test_a_domain_is_named_by_its_uuid_or_its_name(text: str) -> None:
    """The UUID in small or capital letters, as different tools print it."""
    assert find_domain([FIRST, SECOND], text) is SECOND


def test_a_uuid_goes_before_a_name() -> None:
    """Whoever calls a domain by the UUID of another one."""
    misleading = status(WEB02, WEB01)

    assert find_domain([misleading, SECOND], WEB02) is SECOND
    assert find_domain([misleading], WEB02) is misleading


@pytest.mark.parametrize("text", ["WEB01", "web", "web0", "web01 ", "vm-1", "1", "", WEB01[:8]])
def test_what_names_no_domain_is_refused(text: str) -> None:
    """Names are in full and as they are written; a reference is not a name."""
    with pytest.raises(NoSuchDomain) as caught:
        find_domain([FIRST, SECOND], text)

    assert caught.value.message == f"no domain has the UUID or the name {text!r}"
    assert caught.value.hint == "'eventd domains' lists the domains"
    assert caught.value.code is ErrorCode.NO_DOMAIN


def test_a_name_that_two_domains_have_is_refused_with_both() -> None:
    """What tells them apart is told, and what to do about it."""
    elsewhere = status("web01", WEB02, reference="vm-7", connection="esx02")

    with pytest.raises(NoSuchDomain) as caught:
        find_domain([FIRST, elsewhere, status("db01", "x")], "web01")

    matches = listed(caught.value.message, "several domains have the UUID or the name 'web01': ")
    assert [match.split()[0] for match in matches] == ["web01", "web01"]
    assert WEB01 in matches[0]
    assert matches[0].endswith("esx01")
    assert WEB02 in matches[1]
    assert matches[1].endswith("esx02")
    assert (caught.value.hint or "").startswith("name the UUID")
    assert caught.value.code is ErrorCode.NO_DOMAIN


def listed(message: str, before: str) -> list[str]:
    """Return the matches that stand behind these words."""
    assert message.startswith(before)
    return message.removeprefix(before).removesuffix(")").split("), ")


def test_a_uuid_that_two_domains_have_is_refused_with_both() -> None:
    """One is a copy of the other; a name that one of them has does not help."""
    copy = status(WEB01, WEB01, reference="vm-3")

    with pytest.raises(NoSuchDomain) as caught:
        find_domain([FIRST, copy], WEB01)

    matches = listed(caught.value.message, f"several domains have the UUID or the name {WEB01!r}: ")
    assert [match.split()[0] for match in matches] == ["web01", WEB01]


def test_a_connection_tells_two_domains_apart() -> None:
    """By its name, in full."""
    elsewhere = status("web01", WEB01, connection="esx02")

    assert find_domain([FIRST, elsewhere], "web01", connection="esx02") is elsewhere
    assert find_domain([FIRST, elsewhere], WEB01, connection="esx01") is FIRST


@pytest.mark.parametrize("connection", ["esx02", "ESX01", ""])
def test_a_domain_of_another_connection_is_not_found(connection: str) -> None:
    """Where it was looked for is said."""
    with pytest.raises(NoSuchDomain) as caught:
        find_domain([FIRST], "web01", connection=connection)

    assert caught.value.message == (
        f"no domain on the connection {connection!r} has the UUID or the name 'web01'"
    )


def test_two_domains_of_one_connection_are_told_with_it() -> None:
    """The others are not in question."""
    twins = [status("web01", WEB02, reference="vm-2"), FIRST]
    elsewhere = status("web01", WEB02, connection="esx02")

    with pytest.raises(NoSuchDomain) as caught:
        find_domain([*twins, elsewhere], "web01", connection="esx01")

    assert caught.value.message.startswith("several domains on the connection 'esx01' have ")
    assert "esx02" not in caught.value.message


def test_a_message_stays_short_whatever_was_asked_for() -> None:
    """It goes into a log and onto a terminal."""
    with pytest.raises(NoSuchDomain) as caught:
        find_domain([FIRST], "x" * 10_000, connection="y" * 10_000)

    assert len(caught.value.message) < 300
