"""What a configuration may say: the keys, their defaults, and what each value must be.

A field's description completes "expected …" in the sentence about a bad value.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PlainValidator,
    ValidationInfo,
    field_validator,
)
from pydantic_core import PydanticCustomError

from eventd.errors import InvalidURI
from eventd.journal.retention import Retention
from eventd.journal.store import Durability
from eventd.tracking.inventory import SuspendMode
from eventd.vi.uri import ConnectionURI, Scheme, Transport

__all__ = [
    "CREDENTIAL_SOURCES",
    "Configuration",
    "ConnectionSettings",
    "DaemonSettings",
    "JournalSettings",
    "LibvirtSettings",
    "LogFormat",
    "LogLevel",
]

CREDENTIAL_SOURCES = ("password_file", "password_credential", "auth_file")
"""The keys that say where the password of a connection is; at most one of them is set."""

# unix(7): sun_path has 108 bytes, of which one ends the text.
_LONGEST_SOCKET_PATH = 107
_LONGEST_SOCKET_NAME = "/eventd-ro.sock"
_LONGEST_RUNTIME_DIRECTORY = _LONGEST_SOCKET_PATH - len(_LONGEST_SOCKET_NAME)

# A name begins with a letter or digit, so that it is neither an option nor '.' nor '..'.
_CONNECTION_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
# libvirt's URIs have these words where eventd's have the name of a connection (qemu:///system).
_RESERVED_NAMES = frozenset({"session", "system"})
# systemd.exec(5), LoadCredential=: "a short ASCII string suitable as filename".
_CREDENTIAL_NAME = re.compile(r"(?!\.{1,2}$)[!-.0-~]{1,255}")
# SHA-1 has 20 bytes, SHA-256 has 32.
_THUMBPRINT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_THUMBPRINT_WITH_COLONS = re.compile(r"[0-9a-f]{2}(?::[0-9a-f]{2})*")


LogLevel = Literal["debug", "info", "warning", "error"]
"""The least severity that is logged."""
LogFormat = Literal["auto", "console", "logfmt", "json"]
"""How a line of the log looks; ``auto`` is ``console`` on a terminal, else ``logfmt``."""


def _unexpected() -> PydanticCustomError:
    """Return the error that is told as "found …, expected …" with the field's description."""
    return PydanticCustomError("unexpected_value", "not the value that is expected")


def _absolute(path: Path) -> Path:
    if not path.is_absolute() or "\0" in str(path):
        raise _unexpected()
    return path


def _short_enough_for_sockets(path: Path) -> Path:
    if len(bytes(path)) > _LONGEST_RUNTIME_DIRECTORY:
        raise _unexpected()
    return path


def _connection_name(name: str) -> str:
    if not _CONNECTION_NAME.fullmatch(name) or name in _RESERVED_NAMES:
        raise _unexpected()
    return name


def _credential_name(name: str) -> str:
    if not _CREDENTIAL_NAME.fullmatch(name):
        raise _unexpected()
    return name


def _thumbprint(text: str) -> str:
    """Return the hexadecimal digits in lower case, without colons."""
    lowered = text.strip().lower()
    digits = lowered.replace(":", "") if _THUMBPRINT_WITH_COLONS.fullmatch(lowered) else lowered
    if not _THUMBPRINT.fullmatch(digits):
        raise _unexpected()
    return digits


def _connection_uri(value: object) -> ConnectionURI:
    match value:
        case ConnectionURI():
            return value
        case str():
            try:
                return ConnectionURI.parse(value)
            except InvalidURI as error:
                raise ValueError(error.message) from error
        case _:
            raise _unexpected()


def _one_of(words: Iterable[str]) -> str:
    return "one of " + ", ".join(f"'{word}'" for word in words)


AbsolutePath = Annotated[Path, AfterValidator(_absolute)]


class _Table(BaseModel):
    """A table of the file: it cannot be changed, and a key that it does not know is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class DaemonSettings(_Table):
    """``[daemon]``: what concerns the whole daemon."""

    runtime_directory: Annotated[AbsolutePath, AfterValidator(_short_enough_for_sockets)] = Field(
        default=Path("/run/eventd"),
        description=f"an absolute path of at most {_LONGEST_RUNTIME_DIRECTORY} bytes",
    )
    """Where the sockets are: ``eventd.sock`` and ``eventd-ro.sock``."""
    state_directory: AbsolutePath = Field(
        default=Path("/var/lib/eventd"), description="an absolute path"
    )
    """Where the journal is, and nothing else of eventd's."""
    callbacks_per_client: Annotated[int, Field(ge=1, le=1_000_000, strict=True)] = Field(
        default=1024, description="a whole number from 1 to 1000000"
    )
    """How many callbacks one client may have registered at a time."""
    operations: bool = Field(default=False, strict=True, description="true or false")
    """Whether clients of the read-write socket may start, stop and suspend domains."""
    log_level: LogLevel = Field(default="info", description=_one_of(get_args(LogLevel)))
    log_format: LogFormat = Field(default="auto", description=_one_of(get_args(LogFormat)))


class LibvirtSettings(_Table):
    """``[libvirt]``: the sockets for libvirt's own clients."""

    well_known_sockets: bool = Field(default=False, strict=True, description="true or false")
    """Whether the sockets ``virtesxd-sock`` and ``virtesxd-sock-ro`` are made too, so that
    ``esx+unix:///system`` finds them."""
    directory: Annotated[AbsolutePath, AfterValidator(_short_enough_for_sockets)] = Field(
        default=Path("/run/libvirt"),
        description=f"an absolute path of at most {_LONGEST_RUNTIME_DIRECTORY} bytes",
    )
    """Where libvirt looks for those."""

    @property
    def well_known_directory(self) -> Path | None:
        """Where the well-known sockets are to be; None if nowhere."""
        return self.directory if self.well_known_sockets else None


class JournalSettings(_Table):
    """``[journal]``: what is kept of the past, and how safely."""

    durability: Durability = Field(default=Durability.PROCESS, description=_one_of(Durability))
    """What a record survives once it is written."""
    keep_days: Annotated[float, Field(gt=0, le=36_500, strict=True, allow_inf_nan=False)] = Field(
        default=30.0, description="a number of days above 0, up to 36500"
    )
    """Records that were written longer ago are forgotten."""
    keep_megabytes: Annotated[int, Field(ge=1, le=1_000_000, strict=True)] = Field(
        default=1000, description="a whole number of megabytes from 1 to 1000000"
    )
    """So many millions of bytes may be in use; past that, the oldest records are forgotten."""

    @property
    def retention(self) -> Retention:
        """The two limits."""
        return Retention(bytes=self.keep_megabytes * 10**6, age=timedelta(days=self.keep_days))


class ConnectionSettings(_Table):
    """``[[connections]]``: one VI host to follow."""

    name: Annotated[str, AfterValidator(_connection_name)] = Field(
        description="a name of letters, digits, '-', '_' and '.' that begins with a letter or "
        "digit and is neither 'system' nor 'session'"
    )
    uri: Annotated[ConnectionURI, PlainValidator(_connection_uri)] = Field(
        description="a connection URI such as 'esx://root@esx01.example/'"
    )
    password_file: AbsolutePath | None = Field(
        default=None, description="the absolute path of a file that holds the password"
    )
    password_credential: Annotated[str, AfterValidator(_credential_name)] | None = Field(
        default=None, description="the name of a systemd credential that holds the password"
    )
    auth_file: AbsolutePath | None = Field(
        default=None, description="the absolute path of a file in the format of libvirt's auth.conf"
    )
    thumbprint: Annotated[str, AfterValidator(_thumbprint)] | None = Field(
        default=None,
        description="the SHA-1 (40) or SHA-256 (64 hexadecimal digits) of the host's certificate, "
        "with or without colons between the bytes",
    )
    """The only certificate to accept; hexadecimal digits in lower case, without colons."""
    suspend: SuspendMode = Field(default=SuspendMode.PAUSED, description=_one_of(SuspendMode))
    """What a suspended domain is called."""
    cause_grace: Annotated[float, Field(ge=0, le=60, strict=True, allow_inf_nan=False)] | None = (
        Field(default=None, description="a number of seconds from 0 to 60")
    )
    """How long a change may wait for its cause; see `grace`."""
    answer_foreign_questions: bool = Field(default=False, strict=True, description="true or false")
    """Whether the questions of other people's tasks are answered too, with their default."""
    answer_delay: Annotated[float, Field(ge=0, le=86_400, strict=True, allow_inf_nan=False)] = (
        Field(default=30.0, description="a number of seconds from 0 to 86400")
    )
    """How long other people have for that before."""

    @property
    def answer_after(self) -> float | None:
        """After how many seconds a question is answered that nobody answers; None for never."""
        return self.answer_delay if self.answer_foreign_questions else None

    @property
    def grace(self) -> float:
        """Seconds that a change without a known cause waits for it.

        A vCenter learns of what happens on its hosts by and by, so that its events trail the
        change longer than those of a bare host.
        """
        if self.cause_grace is not None:
            return self.cause_grace
        return 1.5 if self.uri.scheme is Scheme.VPX else 0.25

    @field_validator(*CREDENTIAL_SOURCES)
    @classmethod
    def _is_the_only_source(cls, value: object, info: ValidationInfo) -> object:
        """Refuse a second credential source; a connection without any uses libvirt's auth file."""
        others = [key for key in CREDENTIAL_SOURCES if info.data.get(key) is not None]
        if value is not None and others:
            raise ValueError(
                f"stands beside '{others[0]}', expected only one source of credentials"
            )
        return value

    @field_validator("answer_foreign_questions")
    @classmethod
    def _answers_its_own_questions(cls, value: bool, info: ValidationInfo) -> bool:
        uri = info.data.get("uri")
        if value and uri is not None and not uri.auto_answer:
            raise ValueError(
                "answers the questions of others, while auto_answer=0 leaves those of eventd's own "
                "operations: add auto_answer=1 to the URI, or remove this"
            )
        return value

    @field_validator("thumbprint")
    @classmethod
    def _has_a_certificate_to_compare(cls, value: str | None, info: ValidationInfo) -> str | None:
        uri = info.data.get("uri")
        if value is not None and uri is not None and uri.transport is Transport.HTTP:
            raise ValueError(
                "cannot be checked with transport=http, which has no certificate: "
                "remove either of them"
            )
        return value


def _at_least_one(
    connections: tuple[ConnectionSettings, ...],
) -> tuple[ConnectionSettings, ...]:
    # pydantic's own min_length would not count the tables that have a mistake.
    if not connections:
        raise _unexpected()
    return connections


class Configuration(_Table):
    """The whole file."""

    daemon: DaemonSettings = Field(default=DaemonSettings(), description="a table [daemon]")
    journal: JournalSettings = Field(default=JournalSettings(), description="a table [journal]")
    libvirt: LibvirtSettings = Field(default=LibvirtSettings(), description="a table [libvirt]")
    connections: Annotated[tuple[ConnectionSettings, ...], AfterValidator(_at_least_one)] = Field(
        description="a table [[connections]] for each host, at least one"
    )
    """The hosts to follow, in the order of the file; no two have the same name."""

    @property
    def warnings(self) -> tuple[str, ...]:
        """Sentences about what has no effect, for the log."""
        return tuple(
            f"connection '{connection.name}': {warning}"
            for connection in self.connections
            for warning in connection.uri.warnings
        )
