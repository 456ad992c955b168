"""Throws damaged frames at the sockets of libvirt's clients, by hand and for as long as one likes.

``python -m tests.libvirt_rpc.fuzz [FRAMES [SEED]]`` serves a daemon, and sends it frames that are
cut, changed, too long, out of order and mixed up, over as many connections as it takes. It says how
many there were, what came of them, and by how much the daemon has grown. A neighbour asks all the
while, and has to be answered.

``python -m tests.libvirt_rpc.fuzz --atheris [SECONDS]`` lets atheris look for bytes that make a
session raise what it does not promise; it has to be installed.
"""

from __future__ import annotations

import asyncio
import gc
import random
import resource
import sys
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

from eventd import logs
from eventd.errors import UndecodableMessage
from eventd.libvirt_rpc import failures
from eventd.libvirt_rpc.events import RemoteDomain
from eventd.libvirt_rpc.messages import (
    KEEPALIVE_PROGRAM,
    PING,
    REMOTE_PROGRAM,
    VERSION,
    Header,
    Kind,
    message,
)
from eventd.libvirt_rpc.procedures import PROCEDURES
from eventd.libvirt_rpc.session import Session
from tests.http_api.fake_daemon import started
from tests.libvirt_rpc.served import Client, Daemon, serving
from tests.libvirt_rpc.talk import call

_WEB = RemoteDomain("web-1", bytes(16), 1)
_EXAMPLES = [
    call("auth_list"),
    call("open", "esx:///lab", 0),
    call("open", None, 0),
    call("supports_feature", 10),
    call("list_all_domains", 1, 0),
    call("lookup_by_name", "web-1"),
    call("register", 0, _WEB),
    call("register", 0, None),
    call("deregister", 0),
    call("start", _WEB),
    call("close"),
    message(Header(KEEPALIVE_PROGRAM, VERSION, PING, Kind.MESSAGE, 0)),
]
_AT_A_TIME = 20
"""Frames of a connection, unless one ends it before."""


def frame(chance: random.Random) -> bytes:
    """Return a frame, damaged or not."""
    number = chance.choice([*PROCEDURES, 9999])
    header = Header(REMOTE_PROGRAM, VERSION, number, Kind.CALL, chance.getrandbits(32))
    whole = chance.choice([*_EXAMPLES, message(header, chance.randbytes(chance.randrange(64)))])
    place = chance.randrange(len(whole))
    match chance.randrange(7):
        case 0:
            return whole[:place]
        case 1:
            return whole[:place] + chance.randbytes(1) + whole[place + 1 :]
        case 2:
            return whole[:place] + chance.randbytes(chance.randrange(1, 9)) + whole[place:]
        case 3:
            return chance.choice([0, 27, 28, 1 << 20, 0xFFFFFFFF]).to_bytes(4, "big") + whole[4:]
        case _:
            return whole


async def throw(daemon: Daemon, chance: random.Random) -> tuple[int, str]:
    """Send frames over one connection; return how many, and how it ended."""
    frames = b"".join(frame(chance) for _ in range(_AT_A_TIME))
    path = chance.choice([daemon.socket, daemon.read_only_socket])
    is_open = chance.random() < 0.7
    async with Client.connected(path, uri="esx:///lab" if is_open else None) as client:
        client.writer.write(frames)
        client.writer.write_eof()
        try:
            async with asyncio.timeout(20):
                answer = await client.reader.read()
        except ConnectionError:
            return _AT_A_TIME, "cut"
    return _AT_A_TIME, "answered and closed" if answer else "closed"


async def fuzz(frames: int, seed: int) -> None:
    """Do it, and report."""
    chance, ends, sent = random.Random(seed), Counter[str](), 0
    with TemporaryDirectory() as directory:
        async with serving(Path(directory)) as daemon:
            daemon.directory.add(1)
            daemon.publish(started(1))
            before = None
            async with Client.connected(daemon.socket) as neighbour:
                while sent < frames:
                    count, end = await throw(daemon, chance)
                    sent += count
                    ends[end] += 1
                    assert await neighbour.ask("get_type") == ["ESX"]
                    if sent >= frames // 10 and before is None:
                        before = _size()
            after = _size()
            left = len(daemon.registry.registrations())
    objects, kibibytes = after[0] - (before or after)[0], after[1] - (before or after)[1]
    how = ", ".join(f"{number} {end}" for end, number in sorted(ends.items()))
    print(
        f"{sent} frames (seed {seed}): connections {how}; the neighbour was answered each time; "
        f"{left} registrations left; after the first tenth {objects} objects and "
        f"{kibibytes / 1024:.1f} MiB have come to the process"
    )


def _size() -> tuple[int, int]:
    """Return how many objects there are, and how many KiB the process has in memory."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return len(gc.get_objects()), pages * resource.getpagesize() // 1024


def one_input(data: bytes) -> None:
    """Feed a session, which may refuse what it gets and nothing else."""
    session = Session(is_read_only=bool(data[:1] < b"\x80"))
    session.feed(data[1:])
    try:
        while (asking := session.next_call()) is not None:
            if asking.procedure.name == "open":
                session.answer(asking, [])
            else:
                session.refuse(asking, failures.unsupported(asking.procedure.function))
    except UndecodableMessage:
        pass
    assert session.unanswered == 0


def main() -> None:
    """Do what is asked for."""
    logs.configure(level="error", format="console", stream=sys.stderr)
    match sys.argv[1:]:
        case ["--atheris", *seconds]:
            import atheris

            atheris.instrument_all()
            limit = seconds[0] if seconds else "60"
            atheris.Setup([sys.argv[0], f"-max_total_time={limit}", "-max_len=400"], one_input)
            atheris.Fuzz()
        case [frames, seed]:
            asyncio.run(fuzz(int(frames), int(seed)))
        case [frames]:
            asyncio.run(fuzz(int(frames), 1))
        case _:
            asyncio.run(fuzz(10_000, 1))


if __name__ == "__main__":
    main()
