"""Methods of the service instance and the session manager."""

from __future__ import annotations

from eventd.simulator.calls import Call, Method
from eventd.simulator.world.faults import InvalidLogin

__all__ = ["METHODS"]


def retrieve_service_content(call: Call) -> str:
    """Say where everything begins."""
    content = call.world.objects.values(call.world.inventory.service_instance)["content"]
    return call.writer.returnval("ServiceContent", content)


def current_time(call: Call) -> str:
    """Say what time it is on the host."""
    return call.writer.returnval("xsd:dateTime", call.now + call.world.events.clock_ahead)


def login(call: Call) -> str:
    """Log in: any user, but one password."""
    user = call.text("userName")
    if not user or call.text("password") != call.password:
        raise InvalidLogin
    call.session.user = user
    call.session.login_time = call.now
    return call.writer.returnval("UserSession", call.session.describe(user))


def logout(call: Call) -> str:
    """End the session."""
    call.sessions.end(call.session)
    return ""


def session_is_active(call: Call) -> str:
    """Tell whether a session is that of the caller, who is logged in."""
    is_active = call.text("sessionID") == call.session.key
    return call.writer.returnval("xsd:boolean", is_active)


METHODS = {
    "RetrieveServiceContent": Method(retrieve_service_content, on="ServiceInstance", is_open=True),
    "CurrentTime": Method(current_time, on="ServiceInstance"),
    "Login": Method(login, on="SessionManager", is_open=True),
    "Logout": Method(logout, on="SessionManager"),
    "SessionIsActive": Method(session_is_active, on="SessionManager", since="2.5"),
}
