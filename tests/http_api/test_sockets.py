from __future__ import annotations

import socket
import stat
from pathlib import Path

import pytest

from eventd.errors import SocketInUse
from eventd.http_api.sockets import bound
from tests.http_api.fake_daemon import MakeDaemon


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "test.sock"


def leave_stale(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))


def modes_in(directory: Path) -> dict[str, int]:
    return {path.name: stat.S_IMODE(path.stat().st_mode) for path in directory.iterdir()}


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
        assert modes == {daemon.socket.name: 0o660, daemon.read_only_socket.name: 0o666}
    assert modes_in(tmp_path) == {}


async def test_a_second_daemon_is_refused_and_the_first_goes_on(
    make_daemon: MakeDaemon, tmp_path: Path
) -> None:
    """One clear sentence, and nothing of the first is touched."""
    async with make_daemon() as daemon:
        with pytest.raises(SocketInUse, match=str(daemon.socket)):
            async with daemon.api.serve(tmp_path):
                pass
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(daemon.socket))
