from __future__ import annotations

import asyncio
import os
import socket
import stat
import sys
from asyncio.subprocess import PIPE
from pathlib import Path
from typing import Any

import pytest

from eventd.errors import SocketInUse
from eventd.listening.sockets import bound, locked
from tests.http_api.fake_daemon import MakeDaemon


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "test.sock"


def leave_stale(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))


def modes_in(directory: Path) -> dict[str, int]:
    return {path.name: stat.S_IMODE(path.stat().st_mode) for path in directory.iterdir()}


async def started_process(
    program: str, directory: Path
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter, asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, str(directory), stdin=PIPE, stdout=PIPE
    )
    assert process.stdin is not None
    assert process.stdout is not None
    return process.stdout, process.stdin, process


def test_a_bound_socket_listens_with_its_mode_and_is_removed(path: Path) -> None:
    """The mode is the authorisation; nothing is left behind."""
    with bound(path, mode=0o660):
        assert stat.S_IMODE(path.stat().st_mode) == 0o660
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(path))
    assert not path.exists()


def test_a_stale_socket_is_replaced(path: Path) -> None:
    """A daemon that was killed does not keep the next one from starting."""
    leave_stale(path)
    with bound(path, mode=0o666), socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))


def test_a_living_socket_is_left_alone(path: Path) -> None:
    """Two daemons cannot serve one path; the first goes on."""
    with bound(path, mode=0o666):
        with pytest.raises(SocketInUse, match=f"already serves {path}"), bound(path, mode=0o666):
            pass
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(path))


def test_a_file_that_is_no_socket_is_left_alone(path: Path) -> None:
    """Somebody's file is not ours to delete."""
    path.write_text("precious")
    with pytest.raises(SocketInUse, match="not a socket"), bound(path, mode=0o666):
        pass
    assert path.read_text() == "precious"


def test_a_symbolic_link_is_not_followed(path: Path, tmp_path: Path) -> None:
    """What it leads to is not ours, whatever it is."""
    aim = tmp_path / "aim.sock"
    leave_stale(aim)
    path.symlink_to(aim)
    with pytest.raises(SocketInUse, match="not a socket"), bound(path, mode=0o666):
        pass
    assert aim.is_socket()


def test_a_socket_of_another_type_is_left_alone(path: Path) -> None:
    """Somebody receives datagrams there."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as other:
        other.bind(str(path))
        with pytest.raises(SocketInUse, match="already serves"), bound(path, mode=0o666):
            pass
    assert path.is_socket()


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_the_mode_is_the_same_whatever_the_umask(path: Path, umask: int) -> None:
    """It is there when the file is, and the umask of the process is as before."""
    before = os.umask(umask)
    try:
        with bound(path, mode=0o660):
            assert stat.S_IMODE(path.stat().st_mode) == 0o660
        assert os.umask(umask) == umask
    finally:
        os.umask(before)


def test_a_directory_is_locked_for_one_daemon_at_a_time(tmp_path: Path) -> None:
    """A lock that was left is free; nothing stays behind."""
    for _ in range(2):
        with locked(tmp_path):
            with pytest.raises(SocketInUse, match="already serves"), locked(tmp_path):
                pass
            with pytest.raises(SocketInUse, match="already serves"), locked(tmp_path):
                pass
    assert modes_in(tmp_path) == {}
    (tmp_path / "eventd.lock").touch()  # of a daemon that was killed
    with locked(tmp_path):
        pass


def test_a_lock_whose_file_was_replaced_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who leaves removes the file: a lock on a file that is gone would keep nobody out."""
    path = tmp_path / "eventd.lock"
    really_open = os.open
    opened: list[int] = []

    def open_and_lose(*args: Any, **kwargs: Any) -> int:
        opened.append(really_open(*args, **kwargs))
        if len(opened) == 1:
            path.unlink()
        return opened[-1]

    monkeypatch.setattr(os, "open", open_and_lose)
    with locked(tmp_path):
        assert path.exists()
        with pytest.raises(SocketInUse), locked(tmp_path):
            pass
    assert len(opened) == 3


def test_a_successors_socket_is_not_removed(path: Path) -> None:
    """Who leaves late does not take the path from who came after."""
    with bound(path, mode=0o666):
        path.unlink()
        leave_stale(path)
    assert path.is_socket()


async def test_the_daemon_serves_two_sockets_and_removes_them(
    make_daemon: MakeDaemon, tmp_path: Path
) -> None:
    """Group only for reading and writing, everybody for reading."""
    async with make_daemon() as daemon:
        modes = modes_in(tmp_path)
        assert modes == {
            daemon.socket.name: 0o660,
            daemon.read_only_socket.name: 0o666,
            "eventd.lock": 0o600,
        }
    assert modes_in(tmp_path) == {}


async def test_a_second_daemon_is_refused_and_the_first_goes_on(
    make_daemon: MakeDaemon, tmp_path: Path
) -> None:
    """One clear sentence, and nothing of the first is touched."""
    async with make_daemon() as daemon:
        with pytest.raises(SocketInUse, match=str(daemon.socket.parent)):
            async with daemon.api.serve(tmp_path):
                pass
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(daemon.socket))


async def test_of_two_daemons_that_start_at_once_over_a_stale_socket_one_serves(
    tmp_path: Path,
) -> None:
    """Processes, at the same moment: one is refused, and the other can be reached."""
    program = (
        "import sys, pathlib\n"
        "from contextlib import ExitStack\n"
        "from eventd.errors import SocketInUse\n"
        "from eventd.listening.sockets import bound, locked\n"
        "directory = pathlib.Path(sys.argv[1])\n"
        "print('ready', flush=True)\n"
        "sys.stdin.readline()\n"
        "with ExitStack() as stack:\n"
        "    try:\n"
        "        stack.enter_context(locked(directory))\n"
        "        stack.enter_context(bound(directory / 'eventd.sock', mode=0o660))\n"
        "        print('serves', flush=True)\n"
        "    except SocketInUse:\n"
        "        print('refused', flush=True)\n"
        "    sys.stdin.readline()\n"
    )
    leave_stale(tmp_path / "eventd.sock")
    starting = [await started_process(program, tmp_path) for _ in range(2)]
    for reader, _, _ in starting:
        assert await reader.readline() == b"ready\n"
    for _, writer, _ in starting:
        writer.write(b"\n")
    came_of_it = [await reader.readline() for reader, _, _ in starting]
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(tmp_path / "eventd.sock"))
    for _, writer, process in starting:
        writer.write(b"\n")
        writer.close()
        await process.wait()
    assert sorted(came_of_it) == [b"refused\n", b"serves\n"]
    assert modes_in(tmp_path) == {}
