"""The daemon of a trial: a process that can be killed, or in this process with a clock of its own.

Both keep their state directory from one start to the next.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import resource
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime
from multiprocessing.context import ForkServerContext
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Protocol

from eventd.config import load
from eventd.daemon import Daemon

__all__ = ["DaemonHere", "DaemonProcess", "EventdProcess", "TrialDaemon", "write_configuration"]


class TrialDaemon(Protocol):
    """What a trial does to its daemon."""

    socket: Path

    async def start(self) -> None:
        """Begin to serve and to follow the host."""
        ...

    async def stop(self) -> None:
        """End in order."""
        ...

    def kill(self) -> None:
        """End at once, in the middle of whatever it does."""
        ...

    async def ended(self) -> int | None:
        """Return when it has ended after `kill`."""
        ...


def write_configuration(directory: Path, *uris: str, more: str = "") -> Path:
    """Write the configuration of a daemon that has everything below one directory.

    ``more`` are further lines of ``[daemon]``.
    """
    password = directory / "password"
    password.write_text("pass", "utf-8")
    lines = [
        "[daemon]",
        f'runtime_directory = "{directory / "run"}"',
        f'state_directory = "{directory / "state"}"',
        'log_format = "logfmt"',
        more,
    ]
    for number, uri in enumerate(uris, 1):
        lines += ["[[connections]]", f'name = "host{number}"', f'uri = "{uri}"']
        lines += [f'password_file = "{password}"']
    path = directory / "eventd.toml"
    path.write_text("\n".join(lines), "utf-8")
    (directory / "state").mkdir(exist_ok=True)
    return path


def _nursery() -> ForkServerContext:
    """Return what starts processes by a fork of one that has imported everything already.

    An interpreter takes longer for its imports than a trial has for a whole life of the daemon.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(
        ["__main__", "tests.faults.daemons", "eventd.cli.watching", "eventd.client"]
    )
    return context


def _be(arguments: Sequence[str], log: Path, descriptors: int | None, output: Path | None) -> None:
    """Be ``eventd`` with arguments: what a process of the nursery does."""
    os.dup2(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), sys.stderr.fileno())
    if output is not None:
        os.dup2(os.open(output, os.O_WRONLY), sys.stdout.fileno())
    # Made anew: what they write to is of another kind now, such as a pipe.
    sys.stdout, sys.stderr = (open(number, "w", closefd=False) for number in (1, 2))  # noqa: SIM115
    if descriptors is not None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (descriptors, descriptors))
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.argv = ["eventd", *arguments]
    from eventd.cli import main

    main()


class EventdProcess:
    """``eventd`` as a process, which may be started again and again.

    ``descriptors`` is how many files it may have open, and ``output`` where it writes to.
    """

    def __init__(
        self,
        arguments: Sequence[str],
        *,
        log: Path,
        descriptors: int | None = None,
        output: Path | None = None,
    ) -> None:
        self.log = log
        self._arguments = (tuple(arguments), log, descriptors, output)
        self._process: BaseProcess | None = None

    @property
    def pid(self) -> int:
        """Its process."""
        assert self._process is not None
        assert self._process.pid is not None
        return self._process.pid

    async def start(self) -> None:
        """Start the process; it does nothing yet then."""
        self._process = _nursery().Process(target=_be, args=self._arguments, daemon=True)
        self._process.start()

    def kill(self) -> None:
        """Send SIGKILL."""
        os.kill(self.pid, signal.SIGKILL)

    async def stop(self) -> None:
        """Send SIGTERM, and wait.

        Raises:
            AssertionError: it has not ended as it should.
        """
        with suppress(ProcessLookupError):  # it has ended by itself, and will be asked why
            os.kill(self.pid, signal.SIGTERM)
        code = await self.ended()
        assert code == 0, f"exit code {code}: {self.log.read_text('utf-8')[-2000:]}"

    @property
    def is_running(self) -> bool:
        """Whether it has not ended."""
        return self._process is not None and self._process.is_alive()

    async def ended(self) -> int | None:
        """Return its exit code when the process has ended, however it has."""
        process = self._process
        assert process is not None
        loop = asyncio.get_running_loop()
        gone = asyncio.Event()
        loop.add_reader(process.sentinel, gone.set)
        try:
            await gone.wait()
        finally:
            loop.remove_reader(process.sentinel)
        process.join()
        code = process.exitcode
        process.close()
        return code

    def abandon(self) -> None:
        """Kill the process if there is one still."""
        if self._process is not None:
            with suppress(ValueError):  # it is closed
                self._process.kill()
                self._process.join()

    def reckoned(self, key: str) -> int:
        """Return a figure of the kernel about the process in kB, such as ``VmRSS``."""
        for line in Path(f"/proc/{self.pid}/status").read_text("ascii").splitlines():
            if line.startswith(f"{key}:"):
                return int(line.split()[1])
        raise KeyError(key)


class DaemonProcess(EventdProcess):
    """``eventd run`` as a process."""

    def __init__(self, configuration: Path, *, descriptors: int | None = None) -> None:
        super().__init__(
            ("run", "--config", str(configuration)),
            log=configuration.with_name("log"),
            descriptors=descriptors,
        )
        self.socket = configuration.with_name("run") / "eventd-ro.sock"
        self.state = configuration.with_name("state")


class DaemonHere:
    """The daemon on the running loop."""

    def __init__(
        self, configuration: Path, tasks: asyncio.TaskGroup, *, clock: Callable[[], datetime]
    ) -> None:
        self._configuration = load(configuration)
        self._tasks = tasks
        self._clock = clock
        self.socket = configuration.with_name("run") / "eventd-ro.sock"
        self.daemon: Daemon | None = None
        self._stop = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to serve."""
        self._stop.clear()
        self._task = self._tasks.create_task(self._serve(), name="daemon")

    async def _serve(self) -> None:
        self.daemon = Daemon(self._configuration, clock=self._clock)
        async with self.daemon.serve():
            await self._stop.wait()

    async def stop(self) -> None:
        """End in order."""
        self._stop.set()
        if self._task is not None:
            await self._task

    def kill(self) -> None:
        """What runs here cannot be killed."""
        raise NotImplementedError

    async def ended(self) -> int | None:
        """What runs here cannot be killed."""
        raise NotImplementedError
