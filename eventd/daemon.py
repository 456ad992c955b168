"""The composition root: where the parts meet, and the only module that knows them all.

Owns the tasks, the signals and the order of start and stop. Parts get plain arguments, never the
configuration.
"""

from __future__ import annotations

import asyncio
import signal
import ssl
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import (
    AsyncExitStack,
    ExitStack,
    asynccontextmanager,
    closing,
    contextmanager,
)
from datetime import UTC, datetime
from functools import partial
from itertools import product
from pathlib import Path

import structlog

from eventd.bus.delivery import Delivery
from eventd.bus.registry import Registry
from eventd.config import Configuration, ConnectionSettings
from eventd.connections import credentials, tls
from eventd.connections.connection import Connection, Publish
from eventd.connections.credentials import CredentialSource
from eventd.connections.transport import Transport
from eventd.errors import (
    EventdError,
    InvalidArgument,
    InvalidConfiguration,
    JournalUnusable,
    OperationDenied,
)
from eventd.http_api import HttpApi
from eventd.journal.durable import DurableJournal
from eventd.journal.journal import Journal
from eventd.journal.place import look_at
from eventd.journal.upkeep import Upkeep
from eventd.libvirt_rpc.server import LibvirtRpc
from eventd.model.configuration import DomainConfiguration
from eventd.model.directory import find_domain
from eventd.model.domain import ConnectionState, ConnectionStatus, Domain, DomainStatus
from eventd.model.events import ConnectionEvent, Event
from eventd.model.hardware import DomainDescription, HostHardware
from eventd.model.inspector import DomainFigures, HostFigures
from eventd.model.operations import Answered, DomainOperation, OperationResult
from eventd.model.operator import Report
from eventd.model.picture import PictureChange
from eventd.model.questions import PendingQuestion, Requester, find_question
from eventd.model.record import EventRecord
from eventd.model.snapshots import Snapshot
from eventd.systemd import Notifier
from eventd.tracking.tracker import Tracker

__all__ = ["Daemon", "check", "run"]

_log = structlog.get_logger(__name__)

_DESCRIPTORS = 32
"""What the daemon itself has open, the journal included, with some to spare."""

_DESCRIPTORS_OF_A_HOST = 8
"""The long poll, what is read beside it, and what clients ask for."""


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Daemon:
    """The parts of one daemon, composed; `serve` runs them.

    Raises:
        InvalidConfiguration: a password or certificate cannot be read.
        JournalUnusable: the journal cannot be opened.
    """

    def __init__(
        self, configuration: Configuration, *, clock: Callable[[], datetime] = _utc_now
    ) -> None:
        self._runtime_directory = configuration.daemon.runtime_directory
        self._allows_operations = configuration.daemon.operations
        self._libvirt_directory = configuration.libvirt.well_known_directory
        self._clock = clock
        self.registry = Registry(limit_per_client=configuration.daemon.callbacks_per_client)
        self.delivery = Delivery(self.registry)
        with ExitStack() as stack:
            self.journal = stack.enter_context(closing(self._open_journal(configuration)))
            self._upkeep = Upkeep(
                self.journal,
                keep=configuration.journal.retention,
                clock=clock,
                problem_changed=lambda: self.status_changed(),
            )
            self._connections = [
                _connection(
                    settings,
                    journal=self.journal,
                    publish=self._publish,
                    elsewhere=partial(self._elsewhere, settings.name),
                    clock=clock,
                )
                for settings in configuration.connections
            ]
            self._closing = stack.pop_all()
        self.status_changed: Callable[[], None] = lambda: None
        """Called when `summary` may be another one, for a reason that no event tells."""

    def _open_journal(self, configuration: Configuration) -> DurableJournal:
        return DurableJournal(
            configuration.daemon.state_directory,
            clock=self._clock,
            durability=configuration.journal.durability,
            announce=self.delivery.publish,
        )

    def close(self) -> None:
        """Close the journal of a daemon that is not to `serve` any more."""
        self._closing.close()

    def _publish(
        self, events: Sequence[Event], picture: PictureChange | None = None
    ) -> Sequence[EventRecord]:
        """Write events to the journal, then let everybody have them; return their records."""
        records = self.journal.append(events, now=self._clock(), picture=picture)
        self.delivery.publish(records)
        return records

    def _elsewhere(self, name: str, instance_uuid: str) -> str | None:
        """Return the host on which a domain runs that another connection than ``name`` follows."""
        others = (each for each in self._connections if each.name != name)
        hosts = (connection.whereabouts(instance_uuid) for connection in others)
        return next((host for host in hosts if host is not None), None)

    def domains(self) -> list[DomainStatus]:
        """Return every known domain, by connection in configured order, then by name."""
        return [status for connection in self._connections for status in connection.domains()]

    def connections(self) -> list[ConnectionStatus]:
        """Return every connection in configured order."""
        return [connection.status() for connection in self._connections]

    # -- what clients ask for

    def questions(self) -> list[PendingQuestion]:
        """Return the pending questions, by connection in configured order, then by domain."""
        return [each for connection in self._connections for each in connection.questions()]

    async def answer(self, question_id: str, choice: str, *, by: Requester) -> Answered:
        """Answer a question; raises what `Operator.answer` raises."""
        pending = find_question(self.questions(), question_id)
        return await self._connection(pending.domain.connection).answer(pending, choice, by=by)

    async def operate(
        self,
        domain: str,
        operation: DomainOperation,
        *,
        connection: str | None = None,
        by: Requester,
        report: Report | None = None,
    ) -> OperationResult:
        """Do something to a domain; raises what `Operator.operate` raises."""
        if not self._allows_operations:
            raise OperationDenied(
                "operations on domains are turned off",
                hint="set operations = true under [daemon] in the configuration, and restart",
            )
        found = self._find(domain, connection)
        following = self._connection(found.connection)
        return await following.operate(found, operation, by=by, report=report)

    async def configuration(
        self, domain: str, *, connection: str | None = None
    ) -> DomainConfiguration:
        """Read a domain's configuration; raises what `Operator.configuration` raises."""
        found = self._find(domain, connection)
        return await self._connection(found.connection).configuration(found)

    async def figures(self, domain: Domain) -> DomainFigures:
        """Read figures of a domain; raises what `Inspector.figures` raises."""
        return await self._connection(domain.connection).inspection.figures(domain)

    async def describe(self, domain: Domain) -> DomainDescription:
        """Read what a domain is made of; raises what `Inspector.describe` raises."""
        return await self._connection(domain.connection).inspection.describe(domain)

    def product_version(self, connection: str) -> str:
        """Return the version of a product; raises what `Inspector.product_version` raises."""
        return self._connection(connection).inspection.product_version()

    async def host_hardware(self, connection: str) -> HostHardware:
        """Read what a host is made of; raises what `Inspector.host_hardware` raises."""
        return await self._connection(connection).inspection.host_hardware()

    async def snapshots(self, domain: Domain) -> Sequence[Snapshot]:
        """Read the snapshots of a domain; raises what the `Inspector` raises."""
        return await self._connection(domain.connection).inspection.snapshots(domain)

    async def with_snapshots(self, connection: str) -> frozenset[str]:
        """Read which domains have snapshots; raises what the `Inspector` raises."""
        return await self._connection(connection).inspection.with_snapshots()

    async def autostarted(self, connection: str) -> frozenset[str]:
        """Read which domains start with their host; raises what the `Inspector` raises."""
        return await self._connection(connection).inspection.autostarted()

    async def all_figures(self, connection: str) -> Mapping[str, DomainFigures]:
        """Read figures of all domains; raises what `Inspector.all_figures` raises."""
        return await self._connection(connection).inspection.all_figures()

    async def host_figures(self, connection: str) -> HostFigures:
        """Read figures of hosts; raises what `Inspector.host_figures` raises."""
        return await self._connection(connection).inspection.host_figures()

    def _find(self, domain: str, connection: str | None) -> Domain:
        names = [each.name for each in self._connections]
        if connection is not None and connection not in names:
            raise InvalidArgument(
                f"no connection has the name {connection[:80]!r}; there are {', '.join(names)}"
            )
        return find_domain(self.domains(), domain, connection=connection).domain

    def _connection(self, name: str) -> Connection:
        return next(connection for connection in self._connections if connection.name == name)

    @property
    def summary(self) -> str:
        """How the daemon is, in one sentence."""
        statuses = self.connections()
        in_sync = sum(status.state is ConnectionState.CONNECTED for status in statuses)
        how = f"{in_sync} of {len(statuses)} connections in sync"
        problem = self.journal.problem
        return how if problem is None else f"{how}; events are not written to the disk: {problem}"

    @asynccontextmanager
    async def serve(self) -> AsyncIterator[None]:
        """Serve the sockets and follow all hosts until the context is left; once.

        The sockets come first and go last, so that nothing happens unheard.

        Raises:
            SocketInUse: another daemon serves there.
            EventdError: the runtime directory cannot be used.
        """
        with self._closing:
            async with self._serving():
                yield

    @asynccontextmanager
    async def _serving(self) -> AsyncIterator[None]:
        _make_directory(self._runtime_directory)
        api = HttpApi(
            journal=self.journal,
            delivery=self.delivery,
            registry=self.registry,
            directory=self,
            operator=self,
            clock=self._clock,
            kept_descriptors=_DESCRIPTORS + _DESCRIPTORS_OF_A_HOST * len(self._connections),
        )
        libvirt = LibvirtRpc(
            journal=self.journal,
            delivery=self.delivery,
            registry=self.registry,
            directory=self,
            operator=self,
            inspector=self,
            admission=api.admission,
        )
        async with AsyncExitStack() as stack:
            try:
                await stack.enter_async_context(api.serve(self._runtime_directory))
            except OSError as error:
                raise _unusable(self._runtime_directory, error) from error
            try:
                await stack.enter_async_context(
                    libvirt.serve(
                        self._runtime_directory, libvirt_directory=self._libvirt_directory
                    )
                )
            except OSError as error:
                directory = self._libvirt_directory or self._runtime_directory
                raise _unusable(directory, error, key="libvirt.directory") from error
            await stack.enter_async_context(self.delivery)
            tasks = await stack.enter_async_context(asyncio.TaskGroup())
            running = [
                tasks.create_task(self._upkeep.run(), name="upkeep of the journal"),
                *(
                    tasks.create_task(connection.run(), name=f"connection {connection.name}")
                    for connection in self._connections
                ),
            ]
            try:
                yield
            finally:
                for task in running:
                    task.cancel()


def _make_directory(path: Path) -> None:
    try:
        path.mkdir(mode=0o755, parents=True, exist_ok=True)
    except OSError as error:
        raise _unusable(path, error) from error


def _unusable(
    directory: Path, error: OSError, *, key: str = "daemon.runtime_directory"
) -> EventdError:
    return EventdError(
        f"the sockets cannot be made in {directory}: {error.strerror or error}; give the user of "
        f"the daemon the right to it, or name another directory as {key}"
    )


def _connection(
    settings: ConnectionSettings,
    *,
    journal: Journal,
    publish: Publish,
    elsewhere: Callable[[str], str | None],
    clock: Callable[[], datetime],
) -> Connection:
    uri = settings.uri
    source = _password_source(settings)
    context = _ssl_context(settings)
    return Connection(
        settings.name,
        uri,
        transport=partial(
            Transport,
            uri.endpoint,
            ssl_context=context,
            proxy=uri.proxy.url if uri.proxy else None,
        ),
        credentials=source,
        tracker=Tracker(
            settings.name,
            source=uri.source,
            suspend=settings.suspend,
            grace=settings.grace,
            known=journal.pictures(settings.name),
            host=journal.host(settings.name),
            elsewhere=elsewhere,
            answer_after=settings.answer_after,
        ),
        publish=publish,
        clock=clock,
    )


def _password_source(settings: ConnectionSettings) -> CredentialSource:
    with _named(settings):
        source = _credential_source(settings)
        source()  # now, so that nothing starts half-configured
    return source


def _ssl_context(settings: ConnectionSettings) -> ssl.SSLContext:
    uri = settings.uri
    with _named(settings):
        return tls.ssl_context(
            no_verify=uri.no_verify, cacert=uri.cacert, thumbprint=settings.thumbprint
        )


@contextmanager
def _named(settings: ConnectionSettings) -> Iterator[None]:
    """Say which connection it is that something is wrong with."""
    try:
        yield
    except InvalidConfiguration as error:
        raise InvalidConfiguration(f"connection {settings.name!r}: {error.message}") from error


def _credential_source(settings: ConnectionSettings) -> CredentialSource:
    uri = settings.uri
    if settings.password_file is not None:
        return credentials.from_password_file(settings.password_file, user=uri.user)
    if settings.password_credential is not None:
        return credentials.from_systemd_credential(settings.password_credential, user=uri.user)
    if (file := settings.auth_file or credentials.libvirt_auth_file()) is not None:
        return credentials.from_auth_file(file, host=uri.host, user=uri.given_user)
    raise InvalidConfiguration(
        "there is no password; set password_file, password_credential or auth_file, or write "
        "libvirt's auth.conf"
    )


def check(configuration: Configuration) -> tuple[str, ...]:
    """Try all that a start would need of files, without starting anything; return warnings.

    Raises:
        InvalidConfiguration: a password or certificate cannot be read, or the journal has no
            place. The message has a line for each of them.
    """
    problems, warning = [], None
    directory = configuration.daemon.state_directory
    try:
        warning = look_at(directory)
    except JournalUnusable as error:
        problems.append(f"daemon.state_directory {directory}: {error.message}")
    for settings, read in product(configuration.connections, (_password_source, _ssl_context)):
        try:
            read(settings)
        except InvalidConfiguration as error:
            problems.append(error.message)
    if problems:
        raise InvalidConfiguration("\n".join(problems))
    return (f"daemon.state_directory {directory}: {warning}",) if warning else ()


async def run(configuration: Configuration) -> None:
    """Run the daemon until SIGTERM or SIGINT; tell systemd how it is doing.

    Raises:
        EventdError: it cannot start.
    """
    notifier = Notifier.from_environment()
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    loop.add_signal_handler(signal.SIGHUP, _log.warning, "nothing is reloaded; restart eventd")
    daemon = Daemon(configuration)
    for warning in configuration.warnings:
        _log.warning("configuration", warning=warning)
    async with daemon.serve(), asyncio.TaskGroup() as tasks:
        watchdog = tasks.create_task(_keep_alive(notifier), name="watchdog")
        daemon.delivery.add_reader(partial(_tell_status, notifier, daemon))
        daemon.status_changed = lambda: notifier.status(daemon.summary)
        notifier.ready(daemon.summary)
        _log.info("ready", sockets=str(configuration.daemon.runtime_directory))
        await stop.wait()
        notifier.stopping("told to stop")
        _log.info("stopping")
        watchdog.cancel()


def _tell_status(notifier: Notifier, daemon: Daemon, records: Sequence[EventRecord]) -> None:
    if any(isinstance(record.event, ConnectionEvent) for record in records):
        notifier.status(daemon.summary)


async def _keep_alive(notifier: Notifier) -> None:
    """Keep systemd's watchdog quiet for as long as the loop turns."""
    while notifier.watchdog_interval is not None:
        notifier.alive()
        await asyncio.sleep(notifier.watchdog_interval)
