"""A logged-in session with one host: typed calls in, typed answers out."""

from __future__ import annotations

from typing import TypeVar

from eventd.connections.credentials import Credentials
from eventd.connections.transport import Transport
from eventd.errors import Fault, HostNotSupported, LoginRefused
from eventd.vi import calls
from eventd.vi.calls import Call
from eventd.vi.types import ManagedObjectReference, ServiceContent
from eventd.vi.uri import ConnectionURI, Scheme
from eventd.vi.versions import SUPPORTED_SINCE, ApiVersion

__all__ = ["CALL_SECONDS", "READING_SECONDS", "Session"]

T = TypeVar("T")

CALL_SECONDS = 60.0
"""Deadline of a call that the host answers at once. A full vCenter was seen to need seconds."""

READING_SECONDS = 10.0
"""How long it may take to read what only explains changes: their events and tasks.

As long as the daemon lets a change wait for its cause; the change itself is known by then, and
everything else on the connection waits behind the reading.
"""

_SCHEMES = {
    "esx": Scheme.ESX,
    "embeddedEsx": Scheme.ESX,
    "gsx": Scheme.GSX,
    "vpx": Scheme.VPX,
}
"""How to reach each product that libvirt's ESX driver knows: src/esx/esx_vi.c."""


class Session:
    """One session, from login to logout. Lost with `SessionExpired`: open a new one then."""

    def __init__(
        self, transport: Transport, content: ServiceContent, api_version: ApiVersion
    ) -> None:
        self._transport = transport
        self.content = content
        self.api_version = api_version

    @classmethod
    async def open(
        cls, transport: Transport, uri: ConnectionURI, credentials: Credentials
    ) -> Session:
        """Look who answers, and log in.

        Raises:
            HostNotSupported: it is not the product that the URI names, or too old.
            LoginRefused: the user name or the password is wrong.
            HostError: the host cannot be reached or does not answer properly.
        """
        transport.forget_session()
        content = await _make(transport, calls.retrieve_service_content(), SUPPORTED_SINCE)
        session = cls(transport, content, _supported_version(uri, content))
        await session._log_in(uri, credentials)
        return session

    async def _log_in(self, uri: ConnectionURI, credentials: Credentials) -> None:
        try:
            await self.call(
                calls.login(
                    self._session_manager,
                    user_name=credentials.user,
                    password=credentials.password,
                )
            )
        except Fault as fault:
            if fault.name not in ("InvalidLogin", "NoPermission"):
                raise
            raise LoginRefused(
                f"{uri.source} refused the login of user {credentials.user!r}: "
                f"{fault.reason.rstrip('.')}; check the user name and the password "
                f"(tried again after 15 minutes, or by a restart of eventd)"
            ) from fault

    @property
    def _session_manager(self) -> ManagedObjectReference:
        manager = self.content.session_manager
        if manager is None:
            raise HostNotSupported("the host has no session manager, so nobody can log in")
        return manager

    async def call(self, call: Call[T], *, deadline: float = CALL_SECONDS) -> T:
        """Make one call and return what it answers.

        Raises:
            Fault: the host refused it.
            HostError: the host cannot be reached or does not answer properly.
        """
        return await _make(self._transport, call, self.api_version, deadline=deadline)

    async def get(self, path: str, *, deadline: float = CALL_SECONDS) -> bytes:
        """Fetch a file that the host serves to those who are logged in; see `Transport.get`."""
        return await self._transport.get(path, deadline=deadline)

    async def close(self, *, deadline: float) -> None:
        """Log out; the host lets go of all that belongs to the session."""
        await self.call(calls.logout(self._session_manager), deadline=deadline)


async def _make(
    transport: Transport, call: Call[T], version: ApiVersion, *, deadline: float = CALL_SECONDS
) -> T:
    answer = await transport.post(call.body, soap_action=version.soap_action, deadline=deadline)
    return call.parse(answer)


def _supported_version(uri: ConnectionURI, content: ServiceContent) -> ApiVersion:
    about = content.about
    if about.product_line_id not in uri.expected_product_lines:
        scheme = _SCHEMES.get(about.product_line_id)
        advice = f"is reached with {scheme}://" if scheme else "eventd does not support"
        raise HostNotSupported(
            f"{uri.source} is {about.full_name!r} (product line {about.product_line_id!r}), which "
            f"{advice}"
        )
    version = ApiVersion.parse(about.api_version)
    if not version.is_supported:
        raise HostNotSupported(
            f"{uri.source} speaks VI API {version}; {SUPPORTED_SINCE} or later is needed"
        )
    return version
