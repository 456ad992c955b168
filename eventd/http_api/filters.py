"""Which events a stream wants: query keys in, a yes or no for each event out. Pure.

docker's semantics: values of the same key are alternatives, different keys must all match. A
filter can be compared and hashed, so that subscribers with equal filters share one encoding.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from fnmatch import translate
from typing import Self

from eventd.errors import InvalidArgument
from eventd.model.domain import Domain
from eventd.model.events import EVENT_CLASSES, ConnectionEvent, DomainEvent, Event
from eventd.model.ids import EventKind
from eventd.model.traits import Traits

__all__ = ["DOMAIN_KEYS", "FILTER_KEYS", "MOST_VALUES", "WORDS", "Filter"]

MOST_VALUES = 32
"""Values of one key: each is looked at for each event and each domain."""

_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


@dataclass(frozen=True, slots=True)
class Filter:
    """A condition on events. An empty set of values lets everything through."""

    domain: frozenset[str] = frozenset()
    """UUIDs in canonical lower case, and globs of names (``web-*``)."""
    connection: frozenset[str] = frozenset()
    """Names of connections."""
    host: frozenset[str] = frozenset()
    """Names of hosts, as `Domain.host` tells them."""
    event: frozenset[str] = frozenset()
    """Kinds: ``lifecycle``, ``graphics``, ``question``, …"""
    type: frozenset[str] = frozenset()
    """Words for what happened: ``started``, ``raised``, …"""
    reason: frozenset[str] = frozenset()
    """Words of details and of chief arguments: ``booted``, ``crashed``, ``enospc``, …"""
    _names: re.Pattern[str] = field(init=False, repr=False, compare=False)
    """All globs of `domain` in one; `fnmatch` would compile them again when there are many."""

    def __post_init__(self) -> None:
        """Compile the globs."""
        globs = "|".join(sorted(map(translate, self.domain)))
        object.__setattr__(self, "_names", re.compile(globs))

    @classmethod
    def parse(cls, pairs: Iterable[tuple[str, str]]) -> Self:
        """Build a filter from query keys and values; every key must be one of `FILTER_KEYS`.

        Raises:
            InvalidArgument: a value is empty, or no word that its key can have, or there are
                more than `MOST_VALUES` of one key.
        """
        values: dict[str, set[str]] = {}
        for key, value in pairs:
            alternatives = values.setdefault(key, set())
            alternatives.add(_READERS[key](key, value))
            if len(alternatives) > MOST_VALUES:
                raise InvalidArgument(
                    f"the filter {key!r} has more than {MOST_VALUES} values; use globs or several "
                    "requests, or choose among the events yourself"
                )
        return cls(**{key: frozenset(alternatives) for key, alternatives in values.items()})

    @property
    def lets_all_through(self) -> bool:
        """Whether there is no condition at all, so that no event need be looked at."""
        return self == _NO_FILTER

    def matches(self, event: Event | Traits) -> bool:
        """Say whether a stream with this filter carries the event, or the one of these traits."""
        return (
            _allows(self.event, event.kind)
            and _allows(self.type, event.type)
            and _allows(self.reason, event.reason)
            and self._matches_subject(event)
        )

    def pairs(self) -> tuple[tuple[str, str], ...]:
        """Return keys and values from which `parse` makes an equal filter, always in one order."""
        return tuple((key, value) for key in FILTER_KEYS for value in sorted(getattr(self, key)))

    def matches_domain(self, domain: Domain) -> bool:
        """Say whether events of this domain can match at all, whatever they are."""
        return self._matches_about(domain)

    def _matches_subject(self, event: Event | Traits) -> bool:
        match event:
            case DomainEvent(domain=domain):
                return self._matches_about(domain)
            case ConnectionEvent(connection=connection):
                return _allows(self.connection, connection) and not (self.domain or self.host)
            case Traits():
                return self._matches_about(event)
            case _:
                return not (self.connection or self.domain or self.host)

    def _matches_about(self, subject: Domain | Traits) -> bool:
        return (
            _allows(self.connection, subject.connection)
            and _allows(self.host, subject.host)
            and (not self.domain or self._names_domain(subject.uuid, subject.name))
        )

    def _names_domain(self, uuid: str | None, name: str | None) -> bool:
        return uuid in self.domain or (name is not None and self._names.match(name) is not None)


_NO_FILTER = Filter()


def _allows(wanted: frozenset[str], value: str | None) -> bool:
    return not wanted or value in wanted


def _text(key: str, value: str) -> str:
    if not value:
        raise InvalidArgument(f"the filter {key!r} is empty; give it a value or leave it out")
    return value


def _domain(key: str, value: str) -> str:
    return value.lower() if _UUID.fullmatch(value) else _text(key, value)


def _word(key: str, value: str) -> str:
    if value not in WORDS[key]:
        known = ", ".join(WORDS[key])
        raise InvalidArgument(
            f"{value[:80]!r} is no value of the filter {key!r}; known are {known}"
        )
    return value


WORDS: Mapping[str, tuple[str, ...]] = {
    "event": tuple(EventKind),
    "type": tuple(dict.fromkeys(cls.type for cls in EVENT_CLASSES if cls.type)),
    "reason": tuple(dict.fromkeys(word for cls in EVENT_CLASSES for word in cls.reasons)),
}
"""All values of the keys that take words."""

_READERS: Mapping[str, Callable[[str, str], str]] = {
    "domain": _domain,
    "connection": _text,
    "host": _text,
    "event": _word,
    "type": _word,
    "reason": _word,
}

FILTER_KEYS = tuple(_READERS)
"""The query keys that choose among events."""

DOMAIN_KEYS = ("domain", "connection", "host")
"""Those of them that choose among domains."""
