"""The bar that shows a person how far the task of an operation is."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

from eventd.cli.terminal import wants_colour
from eventd.model.operations import TaskProgress
from eventd.model.operator import Report

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

__all__ = ["progress_bar"]


@contextmanager
def progress_bar(stream: TextIO) -> Iterator[Report | None]:
    """Show what is reported, and leave nothing of it; without a terminal there is no report."""
    if not stream.isatty() or os.environ.get("TERM") == "dumb":
        yield None
        return
    bar = _Bar(stream)
    try:
        yield bar.show
    finally:
        bar.remove()


class _Bar:
    """Appears with the first report: what is no task has none."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._drawn: tuple[Progress, TaskID] | None = None

    def show(self, task: TaskProgress) -> None:
        """Draw the bar as far as the task is."""
        from eventd.rendering import operation_words

        waits = ", queued" if task.state == "queued" else ""
        progress, bar = self._drawn = self._drawn or self._appear()
        progress.update(
            bar,
            description=f"{operation_words(task.description_id)}{waits}",
            # Without a percentage it only shows that something goes on.
            total=None if task.progress is None else 100,
            completed=task.progress or 0,
        )

    def _appear(self) -> tuple[Progress, TaskID]:
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            Progress,
            TaskProgressColumn,
            TextColumn,
            TimeElapsedColumn,
        )

        progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TaskProgressColumn(),
            TimeElapsedColumn(),
            console=Console(file=self._stream, no_color=not wants_colour(self._stream)),
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        progress.start()
        return progress, progress.add_task("", total=None)

    def remove(self) -> None:
        """Take the bar away."""
        if self._drawn is not None:
            self._drawn[0].stop()
            self._drawn = None
