"""``/v1/callbacks`` with a name: durable subscriptions, which outlive client and daemon.

The journal remembers what a subscription wants and how far its reader has acknowledged. A stream
with ``durable=NAME`` begins there: whatever was told but not acknowledged is told again. While the
disk cannot be written, answers say ``written: false``: what they confirm may end with the daemon.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from http import HTTPStatus

from aiohttp import web

from eventd.errors import (
    InvalidArgument,
    LimitReached,
    NoSuchSubscription,
)
from eventd.http_api import problems
from eventd.http_api.bodies import json_response, read_object
from eventd.http_api.filters import FILTER_KEYS, Filter
from eventd.journal.journal import Journal
from eventd.model.record import Cursor
from eventd.model.subscriptions import Subscription

__all__ = ["MOST_SUBSCRIPTIONS", "Subscriptions", "find_subscription"]

MOST_SUBSCRIPTIONS = 256
"""Durable subscriptions at a time: each is kept until somebody deletes it."""

_NOT_WRITTEN = {"written": False}

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class Subscriptions:
    """Makes, lists, acknowledges and deletes durable subscriptions.

    ``clock`` returns the present time, aware and in UTC; ``body_timeout`` is in seconds.
    """

    def __init__(
        self, journal: Journal, *, clock: Callable[[], datetime], body_timeout: float
    ) -> None:
        self._journal = journal
        self._clock = clock
        self._body_timeout = body_timeout

    def listed(self) -> list[dict[str, object]]:
        """Return all of them as they are told, with how many records each is behind."""
        return [self._described(each) for each in self._journal.subscriptions()]

    def _described(self, subscription: Subscription) -> dict[str, object]:
        acknowledged = subscription.acknowledged
        if not self._journal.gave_out(acknowledged):
            return _describe(subscription)
        lag = self._journal.newest.sequence - acknowledged.sequence
        return _describe(subscription) | {"lag": lag}

    async def create(self, request: web.Request) -> web.Response:
        """Make a subscription; if there is the same one already, nothing changes.

        Raises:
            InvalidArgument: the body is wrong.
            LimitReached: there are `MOST_SUBSCRIPTIONS` already.
            CursorExpired: the journal cannot be read after the cursor of the body.
            JournalUnusable: the journal cannot be read now.
        """
        wish = _Wish(await read_object(request, timeout=self._body_timeout))
        known = {each.name: each for each in self._journal.subscriptions()}
        if existing := known.get(wish.name):
            return self._repeated(existing, wish)
        if len(known) >= MOST_SUBSCRIPTIONS:
            raise LimitReached(
                f"there are {MOST_SUBSCRIPTIONS} durable subscriptions, which is the limit; delete "
                "one first: DELETE /v1/callbacks/NAME"
            )
        if wish.after is not None:
            self._journal.read(wish.after, limit=1)
        subscription = Subscription(
            name=wish.name,
            filters=wish.filter.pairs(),
            acknowledged=wish.after or self._journal.newest,
            created_at=self._clock(),
        )
        self._journal.subscribe(subscription)
        return self._answered(subscription, status=HTTPStatus.CREATED)

    async def acknowledge(self, request: web.Request) -> web.Response:
        """Note that everything up to a cursor is dealt with; what is behind already, changes none.

        Raises:
            InvalidArgument: the body is wrong.
            NoSuchSubscription: there is none of this name.
            CursorExpired: the cursor is none that this journal has given out.
        """
        name = request.match_info["name"]
        cursor = _cursor_of(await read_object(request, timeout=self._body_timeout))
        self._journal.acknowledge(find_subscription(self._journal, name).name, cursor)
        return self._answered(find_subscription(self._journal, name))

    async def delete(self, request: web.Request) -> web.Response:
        """Forget a subscription.

        Raises:
            NoSuchSubscription: there is none of this name.
        """
        name = request.match_info["name"]
        self._journal.unsubscribe(find_subscription(self._journal, name).name)
        if self._journal.problem is not None:
            return json_response(_NOT_WRITTEN)
        return web.Response(status=HTTPStatus.NO_CONTENT)

    def _repeated(self, existing: Subscription, wish: _Wish) -> web.Response:
        if existing.filters != wish.filter.pairs():
            return problems.response(
                HTTPStatus.CONFLICT,
                "subscription-differs",
                f"there is a durable subscription of the name {wish.name!r} with other filters",
                hint="delete it first, with what it has acknowledged: DELETE "
                f"/v1/callbacks/{wish.name}, or take another name",
            )
        return self._answered(existing)

    def _answered(
        self, subscription: Subscription, *, status: HTTPStatus = HTTPStatus.OK
    ) -> web.Response:
        # Whether it is the one that waits for the disk, nobody knows: all that waits may be lost.
        written = {} if self._journal.problem is None else _NOT_WRITTEN
        return json_response(_describe(subscription) | written, status=status)


def find_subscription(journal: Journal, name: str) -> Subscription:
    """Return the durable subscription of a name.

    Raises:
        NoSuchSubscription: there is none.
    """
    subscriptions = journal.subscriptions()
    for each in subscriptions:
        if each.name == name:
            return each
    known = ", ".join(each.name for each in subscriptions[:20]) or "none at all"
    raise NoSuchSubscription(
        f"no durable subscription has the name {name[:80]!r}; there are {known}",
        hint=f'make it: POST {{"durable": "{name}"}} to /v1/callbacks'
        if _NAME.fullmatch(name)
        else None,
    )


class _Wish:
    """What the body of a request for a subscription says."""

    def __init__(self, body: Mapping[str, object]) -> None:
        unknown = next((key for key in body if key not in ("durable", "after", *FILTER_KEYS)), None)
        if unknown is not None:
            known = ", ".join(("durable", "after", *FILTER_KEYS))
            raise InvalidArgument(
                f"{unknown[:80]!r} is no member of a durable subscription; its members are {known}"
            )
        name, after = body.get("durable"), body.get("after")
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise InvalidArgument(
                "'durable' is the name of the subscription: at most 64 letters, digits, '-', '_' "
                "and '.', beginning with a letter or digit"
            )
        self.name = name
        self.filter = Filter.parse(_pairs(body))
        self.after = None if after is None else _parse_cursor("after", after)


def _pairs(body: Mapping[str, object]) -> Iterable[tuple[str, str]]:
    for key in FILTER_KEYS:
        values = body.get(key, [])
        for value in [values] if isinstance(values, str) else _list(key, values):
            yield key, value


def _list(key: str, values: object) -> list[str]:
    if isinstance(values, list) and all(isinstance(value, str) for value in values):
        return values
    raise InvalidArgument(f"{key!r} is a string or a list of strings")


def _cursor_of(body: Mapping[str, object]) -> Cursor:
    if set(body) != {"cursor"}:
        raise InvalidArgument('an acknowledgement is {"cursor": CURSOR}, with that of a record')
    return _parse_cursor("cursor", body["cursor"])


def _parse_cursor(key: str, value: object) -> Cursor:
    if not isinstance(value, str):
        raise InvalidArgument(f"{key!r} is a cursor, as a record carries it")
    return Cursor.parse(value)


def _describe(subscription: Subscription) -> dict[str, object]:
    filters: dict[str, list[str]] = {}
    for key, value in subscription.filters:
        filters.setdefault(key, []).append(value)
    return {
        "durable": subscription.name,
        "filters": filters,
        "acknowledged": str(subscription.acknowledged),
        "created_at": subscription.created_at,
    }
