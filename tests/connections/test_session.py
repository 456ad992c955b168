"""Who is let in to whom: the look at the product, the login, and what is said of a refusal."""

from __future__ import annotations

import pytest

from eventd.connections.credentials import Credentials
from eventd.connections.session import CALL_SECONDS, Session
from eventd.errors import Fault, HostNotSupported, LoginRefused, MalformedAnswer, SessionExpired
from eventd.vi import calls
from eventd.vi.uri import ConnectionURI
from tests.connections.scripted_host import Host, content, fault

ROOT = Credentials("root", "hunter2")

FULL_NAMES = {
    "embeddedEsx": "VMware ESXi 7.0.3",
    "gsx": "VMware Server 2.0.2",
    "vpx": "VMware vCenter 7",
    "workstation": "VMware Workstation",
}


async def open_session(host: Host, uri: str = "esx://esx01.example/") -> Session:
    """Open a session with a host."""
    async with host.transport() as transport:
        return await Session.open(transport, ConnectionURI.parse(uri), ROOT)


@pytest.mark.parametrize(
    ("uri", "product_line"),
    [
        ("esx://h/", "embeddedEsx"),
        ("esx://h/", "esx"),
        ("gsx://h/", "gsx"),
        ("vpx://h/", "vpx"),
    ],
)
async def test_the_product_that_the_uri_names_is_logged_in_to(uri: str, product_line: str) -> None:
    """First without a session who it is, then the login, and nothing else."""
    host = Host(product_line=product_line)

    session = await open_session(host, uri)

    assert host.methods == ["RetrieveServiceContent", "Login"]
    assert host.forgotten == 1
    [login] = host.called("Login")
    user_name, password = login.call.first("userName"), login.call.first("password")
    assert user_name is not None
    assert user_name.text == "root"
    assert password is not None
    assert password.text == "hunter2"
    assert session.content.root_folder.value == "root"


async def test_the_login_speaks_the_version_of_the_host() -> None:
    """The look at the product is in the oldest version, since no other is known to be there."""
    host = Host(api_version="8.0.2.0")

    session = await open_session(host)

    assert host.soap_actions == ["urn:vim25/2.5", "urn:vim25/8.0.2.0"]
    assert str(session.api_version) == "8.0.2.0"


@pytest.mark.parametrize(
    ("uri", "product_line", "sentence"),
    [
        (
            "esx://vc.example/",
            "vpx",
            "esx://vc.example/ is 'VMware vCenter 7' (product line 'vpx'), which is reached with "
            "vpx://",
        ),
        (
            "vpx://esx01.example/dc",
            "embeddedEsx",
            "vpx://esx01.example/dc is 'VMware ESXi 7.0.3' (product line 'embeddedEsx'), which is "
            "reached with esx://",
        ),
        (
            "esx://server.example/",
            "gsx",
            "esx://server.example/ is 'VMware Server 2.0.2' (product line 'gsx'), which is reached "
            "with gsx://",
        ),
        (
            "esx://odd.example/",
            "workstation",
            "esx://odd.example/ is 'VMware Workstation' (product line 'workstation'), which eventd "
            "does not support",
        ),
    ],
)
async def test_another_product_is_named_and_gets_no_password(
    uri: str, product_line: str, sentence: str
) -> None:
    """The sentence says what it is, and with which scheme it is reached, if with any."""
    host = Host(product_line=product_line, name=FULL_NAMES[product_line])

    with pytest.raises(HostNotSupported) as caught:
        await open_session(host, uri)

    assert caught.value.message == sentence
    assert host.methods == ["RetrieveServiceContent"]


async def test_a_version_that_is_too_old_is_named() -> None:
    """VI API 2.0 is another protocol."""
    host = Host(api_version="2.0")

    with pytest.raises(HostNotSupported) as caught:
        await open_session(host)

    assert caught.value.message == (
        "esx://esx01.example/ speaks VI API 2.0; 2.5 or later is needed"
    )
    assert host.methods == ["RetrieveServiceContent"]


async def test_a_host_without_a_session_manager_is_not_supported() -> None:
    """It is unset only where nobody can log in."""
    host = Host()
    host.plan("RetrieveServiceContent", content(without="sessionManager"))

    with pytest.raises(HostNotSupported) as caught:
        await open_session(host)

    assert caught.value.message == "the host has no session manager, so nobody can log in"


@pytest.mark.parametrize("name", ["InvalidLogin", "NoPermission"])
async def test_a_wrong_password_is_a_refused_login(name: str) -> None:
    """The sentence names the user and never the password."""
    host = Host()
    host.plan("Login", fault(name, "Cannot complete login."))

    with pytest.raises(LoginRefused) as caught:
        await open_session(host)

    assert caught.value.message == (
        "esx://esx01.example/ refused the login of user 'root': Cannot complete login; check the "
        "user name and the password (tried again after 15 minutes, or by a restart of eventd)"
    )


async def test_another_fault_of_the_login_stays_what_it_is() -> None:
    """A host that is busy has not refused the password."""
    host = Host()
    host.plan("Login", fault("HostConnectFault", "Starting up."))

    with pytest.raises(Fault) as caught:
        await open_session(host)

    assert caught.value.name == "HostConnectFault"
    assert caught.value.message == "the host refused Login: HostConnectFault: Starting up."


async def test_a_call_of_a_lost_session_says_so() -> None:
    """The fault NotAuthenticated has a class of its own, since it asks for a new login."""
    host = Host()
    session = await open_session(host)
    host.plan("CurrentTime", fault("NotAuthenticated"))

    with pytest.raises(SessionExpired):
        await session.call(calls.current_time())


async def test_an_answer_to_another_call_is_malformed() -> None:
    """Errors of the layers below come through as they are."""
    host = Host()
    host.plan("Login", "<returnval>hello</returnval>")

    with pytest.raises(MalformedAnswer) as caught:
        await open_session(host)

    assert caught.value.message == "the answer to Login has no key"


async def test_each_call_has_a_deadline() -> None:
    """A minute unless told otherwise; a logout has what the daemon can spare."""
    host = Host()
    session = await open_session(host)

    await session.call(calls.current_time())
    await session.close(deadline=0.5)

    assert CALL_SECONDS == 60
    assert host.deadlines == {
        "RetrieveServiceContent": 60,
        "Login": 60,
        "CurrentTime": 60,
        "Logout": 0.5,
    }
