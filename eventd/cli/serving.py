"""The commands that serve: the daemon, the demo, the simulator, and the check before a start.

The parts are imported where they are called, so that ``eventd --help`` answers at once.
"""

from __future__ import annotations

import asyncio
import os
import re
import signal
import ssl
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

from eventd.cli.terminal import log_to_errors, wants_colour, write_error, write_line
from eventd.cli.words import Product
from eventd.errors import EventdError, InvalidArgument

if TYPE_CHECKING:
    from eventd.simulator import SimulatorServer, World

    Listening = Callable[[World, int], AbstractAsyncContextManager[SimulatorServer]]
    """Puts a world on a port."""

__all__ = ["check_config", "demo", "run", "simulate"]

_CONFIGURATION = Path("/etc/eventd/eventd.toml")

_DOMAINS = 4
"""How many a simulated host has, unless somebody says."""

_NAMES_SHOWN = 20
"""How many names a message lists; a simulated host may have thousands."""

_LISTEN = re.compile(r"(?:\[(?P<ipv6>[0-9A-Fa-f:.]+)\]|(?P<host>[^\s:\[\]]+)):(?P<port>\d{1,5})")


def run(
    config: Annotated[
        Path, typer.Option("--config", "-c", metavar="FILE", help="The configuration.")
    ] = _CONFIGURATION,
) -> None:
    """Follow the hosts of a configuration and serve subscribers.

    Ends in order on SIGTERM and SIGINT.

    \b
    Examples:
      eventd check-config eventd.toml
      eventd run --config eventd.toml
    """
    from eventd import daemon, logs
    from eventd.config import load

    configuration = load(config)
    logs.configure(
        level=configuration.daemon.log_level,
        format=configuration.daemon.log_format,
        stream=sys.stderr,
    )
    asyncio.run(daemon.run(configuration))


def demo(
    forever: Annotated[
        bool, typer.Option("--forever", help="Tell the story again and again, until interrupted.")
    ] = False,
) -> None:
    """Show a simulated host and its events, without any setup.

    Simulator, daemon and subscriber run in this process and talk over real sockets. The story takes
    less than half a minute: domains start, crash, move and ask a question.
    """
    # Warnings are a part of the story: a host is lost in it.
    log_to_errors(level="error")
    try:
        code = asyncio.run(_demonstrate(forever=forever))
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None
    raise typer.Exit(code)


async def _demonstrate(*, forever: bool) -> int:
    from eventd import demo as demonstration

    task = asyncio.current_task()
    assert task is not None  # noqa: S101 - a coroutine that runs is in a task
    for each in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(each, task.cancel)
    return await demonstration.run(
        forever=forever, write=write_line, colour=wants_colour(sys.stdout)
    )


def check_config(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="The configuration.")
    ] = _CONFIGURATION,
    no_secrets: Annotated[
        bool, typer.Option("--no-secrets", help="Read no passwords and no certificates.")
    ] = False,
) -> None:
    """Say everything that is wrong with a configuration.

    Nothing is started. The exit code is 0 if 'eventd run' would take the file, else 1: what this
    user may not read is a mistake too, and so are systemd's credentials, which only the service
    has. A state_directory that this user cannot use is a warning only: the daemon's user may. With
    --no-secrets the file alone is checked.

    \b
    Examples:
      eventd check-config eventd.toml && eventd run --config eventd.toml
      eventd check-config --no-secrets && systemctl restart eventd
    """
    from eventd.config import load

    configuration = load(file)
    warnings = configuration.warnings
    if not no_secrets:
        from eventd import daemon

        warnings += daemon.check(configuration)
    for warning in warnings:
        write_error(f"{file}: {warning}", kind="warning")
    names = ", ".join(connection.name for connection in configuration.connections)
    write_line(f"{file}: good; connections: {names}")


def _listen_address(text: str) -> tuple[str, int]:
    """Return host and port of ``HOST:PORT``; an IPv6 address is in brackets."""
    match = _LISTEN.fullmatch(text)
    if match is None or int(match["port"]) > 65535:
        raise typer.BadParameter("expected HOST:PORT, such as 127.0.0.1:8080 or [::1]:8080")
    return match["ipv6"] or match["host"], int(match["port"])


def simulate(
    listen: Annotated[
        str,
        typer.Option("--listen", metavar="HOST:PORT", help="Where; port 0 takes a free one."),
    ] = "127.0.0.1:8989",
    domains: Annotated[
        int | None,
        typer.Option(
            "--domains", metavar="N", min=0, help=f"How many domains it has; default: {_DOMAINS}."
        ),
    ] = None,
    product: Annotated[
        Product | None,
        typer.Option("--product", help="A bare ESX host (default), or a vCenter with two."),
    ] = None,
    identity: Annotated[
        UUID | None,
        typer.Option(
            "--identity",
            metavar="UUID",
            help="The instance UUID of the vCenter, or that of the ESX host's hardware: with "
            "another one it is another host at the same address.",
        ),
    ] = None,
    asks: Annotated[
        list[str] | None,
        typer.Option(
            "--asks",
            metavar="NAME",
            help="Let this domain ask a question whenever it is started, and wait for the answer; "
            "may be given several times.",
        ),
    ] = None,
    tls: Annotated[
        tuple[Path, Path] | None,
        typer.Option("--tls", metavar="CERT KEY", help="Serve HTTPS with these two PEM files."),
    ] = None,
    password_file: Annotated[
        Path | None,
        typer.Option(
            "--password-file", metavar="FILE", help="The password to expect, instead of 'pass'."
        ),
    ] = None,
    scenario: Annotated[
        str | None,
        typer.Option(
            "--scenario",
            metavar="NAME|FILE",
            help="Play this again and again; it says product and domains.",
        ),
    ] = None,
    once: Annotated[bool, typer.Option("--once", help="Play the scenario once, and end.")] = False,
    list_scenarios: Annotated[
        bool, typer.Option("--list-scenarios", help="Say which scenarios there are, and end.")
    ] = False,
    list_operations: Annotated[
        bool, typer.Option("--list-operations", help="Say what a scenario can do, and end.")
    ] = False,
) -> None:
    """Pretend to be a VMware host, until interrupted.

    Any user name is welcome; the password is 'pass' unless a file says otherwise. Without --tls
    it speaks plain HTTP, so clients need transport=http in the URI. It prints its URIs: of a
    vCenter one for virsh, which wants the path of a host, and one of all of it for eventd.

    With --asks the start of a domain stops at the question whether to replace the file of its
    serial port or to append to it, until somebody answers.

    A scenario makes things happen, and begins when a client waits for changes. It prints what is
    done and what has to be told of it. Further hosts of a scenario listen on the next ports.

    \b
    Examples:
      eventd simulate --listen 127.0.0.1:8989 --domains 10
      virsh -c 'esx://root@127.0.0.1:8989/?transport=http' list --all
      eventd simulate --product vpx --tls cert.pem key.pem
      eventd simulate --domains 2 --asks web01 --asks db01
    """
    host, port = _listen_address(listen)
    if list_scenarios:
        _list_scenarios()
        return
    if list_operations:
        _list_operations()
        return
    if once and scenario is None:
        raise typer.BadParameter("only a scenario can be played once; add --scenario")
    if scenario is not None and (domains is not None or product is not None):
        raise typer.BadParameter(
            "a scenario says itself which product and domains there are; leave out --domains and "
            "--product, or --scenario"
        )
    if scenario is not None and identity is not None:
        raise typer.BadParameter(
            "a scenario says itself which hosts there are; leave out --identity, or --scenario"
        )
    if scenario is not None and asks:
        raise typer.BadParameter(
            "a scenario says itself what its domains ask; leave out --asks, or --scenario"
        )
    log_to_errors()
    listening = partial(
        _listening,
        host,
        ssl_context=_server_context(*tls) if tls else None,
        password=_password(password_file) if password_file else "pass",
    )
    if scenario is None:
        number = _DOMAINS if domains is None else domains
        world = _world(
            domains=number,
            product=product or Product.ESX,
            identity=str(identity) if identity else None,
            asks=asks or [],
        )
        asyncio.run(_simulate(listening, port, world))
        return
    with suppress(asyncio.CancelledError):
        asyncio.run(_play(listening, port, scenario, once=once))


def _list_scenarios() -> None:
    from eventd.simulator import scenarios

    names = scenarios.names()
    width = max(map(len, names))
    for name in names:
        write_line(f"{name:{width}}  {scenarios.load(name).title}")


def _list_operations() -> None:
    from eventd.simulator.operations import operations

    for operation in operations().values():
        write_line(f"{operation}\n    {operation.about}")


async def _play(listening: Listening, port: int, name: str, *, once: bool) -> None:
    from eventd.simulator import playing, scenarios

    task = asyncio.current_task()
    assert task is not None  # noqa: S101 - a coroutine that runs is in a task
    for each in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(each, task.cancel)
    scenario = scenarios.load(name)
    await playing.play(scenario, listening=listening, port=port, once=once, write=write_line)


def _server_context(certificate: Path, key: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        # Without a password of ours, OpenSSL asks for that of an encrypted key on the terminal.
        context.load_cert_chain(certificate, key, password=lambda: b"")
    except OSError as error:
        raise InvalidArgument(
            f"{certificate} and {key} cannot be used for TLS: {error.strerror or error}; expected "
            "a certificate and its key without a passphrase, both in PEM form"
        ) from error
    return context


def _password(path: Path) -> str:
    from eventd.connections.credentials import from_password_file

    return from_password_file(path, user="")().password


@asynccontextmanager
async def _listening(
    host: str, world: World, port: int, *, ssl_context: ssl.SSLContext | None, password: str
) -> AsyncIterator[SimulatorServer]:
    """Serve a world for as long as the block lasts.

    Raises:
        EventdError: the address cannot be listened on.
    """
    from eventd.simulator import serve

    async with AsyncExitStack() as serving:
        try:
            server = await serving.enter_async_context(
                serve(world, host=host, port=port, ssl_context=ssl_context, password=password)
            )
        except OSError as error:
            # The resolver has negative numbers; asyncio puts more than the reason into the text.
            reason = os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror
            raise EventdError(
                f"the simulator cannot listen on {host} port {port}: {reason}; "
                "choose another --listen"
            ) from error
        yield server


def _world(*, domains: int, product: Product, identity: str | None, asks: list[str]) -> World:
    """Make a simulated host of which some domains ask at each start.

    Raises:
        InvalidArgument: it has no domain of such a name.
    """
    from eventd.simulator import Question, World

    world = World(
        product=product.value,
        domains=domains,
        # A vCenter with less could not move a domain.
        hosts=1 if product is Product.ESX else 2,
        identity=identity,
        now=datetime.now(UTC),
    )
    for name in asks:
        _require_domain(world, name)
        world.script_questions_always(name, Question())
    return world


def _require_domain(world: World, name: str) -> None:
    names = world.domains.names
    if name in names:
        return
    more = f" and {len(names) - _NAMES_SHOWN} more" if len(names) > _NAMES_SHOWN else ""
    choice = f"choose one of: {', '.join(names[:_NAMES_SHOWN])}{more}" if names else "it has none"
    raise InvalidArgument(f"the simulated host has no domain {name!r} that could ask; {choice}")


async def _simulate(listening: Listening, port: int, world: World) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for each in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(each, stop.set)
    async with listening(world, port) as server:
        write_line(f"{server.uri} has {len(world.domains.names)} domains")
        if world.product == "vpx":
            write_line(f"{server.whole_uri} is all of it, for eventd; virsh wants one host")
        await stop.wait()
