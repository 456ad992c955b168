"""Work that goes on when whoever asked for it does not wait any more."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

import structlog

from eventd.errors import EventdError

__all__ = ["Caller", "going_on"]

_log = structlog.get_logger(__name__)

T = TypeVar("T")


class Caller:
    """Who has asked for something, and may have gone."""

    def __init__(self) -> None:
        self.is_gone = False


async def going_on(
    group: asyncio.TaskGroup,
    work: Coroutine[Any, Any, T],
    *,
    name: str,
    caller: Caller | None = None,
) -> T:
    """Run work in a group, and return what it returns, or raise what it raises.

    Where this is cancelled, the work is not, and the ``caller`` is gone; it ends with the group.
    """
    outcome: asyncio.Future[T] = asyncio.get_running_loop().create_future()
    # Looked at in any case: nobody may be left to do so.
    outcome.add_done_callback(lambda future: future.cancelled() or future.exception())
    running = group.create_task(_finish(work, outcome, name), name=name)
    running.add_done_callback(lambda _: _settle(work, outcome))
    try:
        return await asyncio.shield(outcome)
    except asyncio.CancelledError:
        if caller is not None:
            caller.is_gone = True
        raise


def _settle(work: Coroutine[Any, Any, T], outcome: asyncio.Future[T]) -> None:
    """End what was stopped before it has begun at all."""
    work.close()
    if not outcome.done():
        outcome.set_exception(EventdError("eventd was stopped before this was begun"))


async def _finish(work: Coroutine[Any, Any, T], outcome: asyncio.Future[T], name: str) -> None:
    try:
        result = await work
    except EventdError as error:
        outcome.set_exception(error)
    except asyncio.CancelledError:
        outcome.set_exception(
            EventdError("eventd was stopped meanwhile; what had begun goes on on the host")
        )
        raise
    except Exception as error:
        # The boundary of the work: a defect in here must not end the connection.
        _log.exception("work_failed", work=name)
        outcome.set_exception(EventdError(f"a defect of eventd: {error!r}; see its log"))
    else:
        outcome.set_result(result)
