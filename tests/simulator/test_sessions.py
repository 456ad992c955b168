"""Who may do what, until when, and what ends with a session."""

from __future__ import annotations

import pytest

from eventd.errors import Fault, SessionExpired
from eventd.simulator.service import Wait
from eventd.simulator.sessions import Belongings
from eventd.vi import calls
from eventd.vi.property_collector import ObjectSpec, PropertyFilterSpec, PropertySpec
from tests.simulator.client import START, Client, connect, fault


def test_anonymous_callers_may_look_only_where_they_have_to() -> None:
    """They find the service's content, log in, and learn that they are not logged in."""
    client = connect(logged_in=False)
    inventory = client.world.inventory

    about = client.call(calls.retrieve_service_content()).about
    session = client.call(
        calls.current_session(inventory.property_collector, inventory.session_manager)
    )

    assert (about.api_type, session) == ("HostAgent", None)
    for refused in (
        calls.current_time(),
        calls.create_container_view(inventory.view_manager, inventory.root_folder, []),
        calls.retrieve_properties(
            inventory.property_collector,
            [
                PropertyFilterSpec(
                    (PropertySpec("Folder", ("name",)),), (ObjectSpec(inventory.root_folder),)
                )
            ],
        ),
    ):
        with pytest.raises(SessionExpired):
            client.call(refused)


@pytest.mark.parametrize(("user", "password"), [("root", "wrong"), ("", "pass")])
def test_a_wrong_login_is_refused(user: str, password: str) -> None:
    """Any user but none, and one password."""
    client = connect(logged_in=False)

    with pytest.raises(Fault) as refusal:
        client.call(
            calls.login(client.world.inventory.session_manager, user_name=user, password=password)
        )

    assert refusal.value.name == "InvalidLogin"


def test_the_current_session_is_the_caller_s() -> None:
    """Each session sees itself."""
    client = connect()
    other = Client(client.service, client.service.sessions.find(None, START))
    inventory = client.world.inventory
    question = calls.current_session(inventory.property_collector, inventory.session_manager)

    mine = client.call(question)

    assert mine is not None
    assert (mine.key, mine.user_name) == (client.session.key, "root")
    assert other.call(question) is None


def test_an_unknown_cookie_is_a_new_anonymous_session() -> None:
    """It is no error."""
    client = connect()
    sessions = client.service.sessions

    found = sessions.find("unknown", START)

    assert found.user is None
    assert found.cookie not in ("unknown", client.session.cookie)
    assert sessions.find(found.cookie, START) is found
    assert sessions.find(client.session.cookie, START) is client.session


def test_calls_without_a_cookie_leave_no_more_than_some_sessions() -> None:
    """Who asks once, as a probe does, never comes back; who is logged in stays."""
    client = connect()
    sessions = client.service.sessions

    anonymous = [sessions.find(None, START) for _ in range(1000)]

    assert sum(session.is_alive for session in anonymous) == 100
    assert sessions.find(anonymous[-100].cookie, START) is anonymous[-100]
    assert sessions.find(client.session.cookie, START) is client.session


def test_expiry_wakes_those_who_wait() -> None:
    """They are told that they are not authenticated."""
    client = connect()
    client.follow("name")
    version, _ = client.changes()
    waiting = client.ask(
        calls.wait_for_updates(client.world.inventory.property_collector, version=version)
    )
    assert isinstance(waiting, Wait)

    client.service.sessions.expire_all()
    reply = waiting.poll(client.now)

    assert reply is not None
    assert fault(reply) == "NotAuthenticated"


def test_what_belongs_to_a_session_ends_with_it() -> None:
    """Views and event collectors leave nothing behind."""
    client = connect()
    client.follow("name")
    client.raw("CreateCollectorForEvents", client.world.inventory.event_manager, "<filter/>")
    (view,) = client.session.views
    (collector,) = client.session.event_collectors

    client.call(calls.logout(client.world.inventory.session_manager))

    assert view not in client.world.objects
    assert collector not in client.world.objects
    assert client.world.events.posted == []


def test_a_session_can_ask_whether_it_is_active() -> None:
    """By its key."""
    client = connect()
    manager = client.world.inventory.session_manager

    replies = [
        client.raw("SessionIsActive", manager, f"<sessionID>{key}</sessionID>").body
        for key in (client.session.key, "another")
    ]

    assert [b"<returnval>true</returnval>" in reply for reply in replies] == [True, False]


def test_what_belongs_to_the_sessions_is_counted() -> None:
    """So that a test can tell whether an operation has left something behind."""
    client = connect()
    sessions = client.service.sessions
    inventory = client.world.inventory
    at_first = sessions.belongings()

    client.follow("name")
    client.raw("CreateListView", inventory.view_manager)
    client.raw("CreateCollectorForEvents", inventory.event_manager, "<filter/>")
    client.call(calls.create_property_collector(inventory.property_collector))
    other = Client(client.service, sessions.find(None, START))
    other.log_in()
    other.follow("name")

    assert at_first == Belongings(1, 0, 0, 0, 0)
    assert client.session.belongings() == Belongings(
        sessions=1, property_collectors=1, filters=1, views=2, event_collectors=1
    )
    assert sessions.belongings() == Belongings(
        sessions=2, property_collectors=1, filters=2, views=3, event_collectors=1
    )


def test_after_the_logout_nothing_belongs_to_anybody() -> None:
    """Anonymous sessions own nothing."""
    client = connect()
    sessions = client.service.sessions
    client.follow("name")
    sessions.find(None, START)

    client.call(calls.logout(client.world.inventory.session_manager))

    assert sessions.belongings() == Belongings(0, 0, 0, 0, 0)
    assert client.session.belongings() == Belongings(0, 0, 0, 0, 0)


def test_what_is_destroyed_one_by_one_is_counted_no_longer() -> None:
    """A program that cleans up after itself leaves the counts as they were."""
    client = connect()
    sessions = client.service.sessions
    before = sessions.belongings()

    followed = client.follow("name")
    [view] = client.session.views
    client.call(calls.destroy_property_filter(followed))
    client.raw("DestroyView", view)

    assert sessions.belongings() == before
