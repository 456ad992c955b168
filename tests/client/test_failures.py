"""The way to the daemon: what is wrong with it, in our own errors."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from eventd.client import Client
from eventd.errors import DaemonError, DaemonUnreachable
from tests.client.things import take
from tests.http_api.fake_daemon import Daemon


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("", "the path of the socket is empty"),
        ("plain.txt", "plain.txt is not a socket; name the socket that eventd serves"),
        (".", "is not a socket"),
    ],
)
async def test_a_path_that_is_no_socket_is_named_as_such(
    tmp_path: Path, name: str, words: str
) -> None:
    """A slip in the path is not a daemon that has stopped."""
    (tmp_path / "plain.txt").touch()
    async with Client(str(tmp_path / name) if name else "") as client:
        with pytest.raises(DaemonUnreachable, match=words):
            await client.domains()


async def test_a_missing_socket_is_named_with_what_to_do(tmp_path: Path) -> None:
    """Whatever is asked for first."""
    path = tmp_path / "nowhere.sock"
    async with Client(path) as client:
        for asking in (
            client.domains(),
            take(client.events(), 1),
            client.register("lifecycle", lambda record: None),
        ):
            with pytest.raises(DaemonUnreachable, match=f"no socket at {path}; start eventd"):
                await asking


async def test_a_socket_that_nobody_serves_is_named_with_what_to_do(tmp_path: Path) -> None:
    """The file of a daemon that was killed."""
    path = tmp_path / "dead.sock"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    async with Client(path) as client:
        with pytest.raises(DaemonUnreachable, match=f"nobody serves {path} any more"):
            await client.domains()


@pytest.fixture
def nobody() -> Iterator[None]:
    """Be a user who has no rights: root may open every socket."""
    before = os.geteuid()
    if before == 0:
        os.seteuid(65_534)
    yield
    os.seteuid(before)


async def test_a_socket_that_may_not_be_opened_is_named_with_what_to_do(
    daemon: Daemon, nobody: None
) -> None:
    """The read-only socket is for everybody."""
    if os.getuid() != 0:
        daemon.socket.chmod(0)
    async with Client(daemon.socket) as client:
        with pytest.raises(DaemonUnreachable, match=r"may not open .*, or use eventd-ro\.sock"):
            await client.domains()


async def test_a_peer_that_is_not_eventd_is_an_error(tmp_path: Path) -> None:
    """An answer that is no problem document, and none at all."""
    answers = iter([b"HTTP/1.1 500 Oops\r\nContent-Length: 3\r\n\r\nno!", b""])

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(next(answers, b""))
        writer.close()

    path = tmp_path / "other.sock"
    async with await asyncio.start_unix_server(answer, path), Client(path) as client:
        with pytest.raises(DaemonError, match="500"):
            await client.domains()
        with pytest.raises(DaemonUnreachable, match=f"daemon at {path} ended the connection"):
            await client.domains()


async def test_an_error_inside_the_block_comes_out_as_it_is(daemon: Daemon) -> None:
    """The client's own tasks do not wrap it into a group."""

    async def fail() -> None:
        async with Client(daemon.socket) as client:
            await client.register("lifecycle", lambda record: None)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()


async def test_a_client_that_is_not_open_says_so(tmp_path: Path) -> None:
    """A mistake of the program, told in one sentence."""
    with pytest.raises(RuntimeError, match="async with"):
        await Client(tmp_path / "eventd.sock").domains()
