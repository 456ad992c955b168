"""What each key may be."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import ValidationError

from eventd.config import ConnectionSettings, DaemonSettings, JournalSettings, parse
from eventd.config.models import CREDENTIAL_SOURCES
from eventd.journal.retention import Retention
from eventd.journal.store import Durability
from eventd.vi.uri import ConnectionURI

URI = "esx://esx01.example/"
SHA1 = "0123456789abcdef0123456789abcdef01234567"
SHA256 = SHA1 + "89abcdef0123456789abcdef"


def connection(**keys: object) -> ConnectionSettings:
    return ConnectionSettings.model_validate({"name": "esx01", "uri": URI} | keys)


def test_a_daemon_without_keys_has_the_defaults_of_a_system_service() -> None:
    """The defaults are where systemd makes the directories."""
    daemon = DaemonSettings()

    assert daemon.runtime_directory == Path("/run/eventd")
    assert daemon.state_directory == Path("/var/lib/eventd")
    assert (daemon.log_level, daemon.log_format) == ("info", "auto")


def test_a_journal_without_keys_keeps_a_month_and_a_gigabyte() -> None:
    """Whichever is less, and it survives the end of the process."""
    journal = JournalSettings()

    assert journal.durability is Durability.PROCESS
    assert journal.retention == Retention(bytes=10**9, age=timedelta(days=30))


@pytest.mark.parametrize(
    "keys",
    [
        {"durability": "none"},
        {"keep_days": 0},
        {"keep_days": 36_501},
        {"keep_days": float("nan")},
        {"keep_days": "30"},
        {"keep_megabytes": 0},
        {"keep_megabytes": 1.5},
    ],
)
def test_a_journal_that_could_keep_nothing_or_for_ever_is_refused(keys: dict[str, object]) -> None:
    """As is what is no number."""
    with pytest.raises(ValidationError):
        JournalSettings.model_validate(keys)


def test_a_connection_needs_only_name_and_uri() -> None:
    """Without a credential source libvirt's own auth file is looked up."""
    esx01 = connection()

    assert [getattr(esx01, source) for source in CREDENTIAL_SOURCES] == [None, None, None]
    assert esx01.thumbprint is None
    assert esx01.suspend == "paused"


def test_a_configuration_cannot_be_changed() -> None:
    """What was checked stays as it was checked."""
    with pytest.raises(ValidationError, match="frozen"):
        connection().name = "other"  # type: ignore[misc]


@pytest.mark.parametrize("name", ["esx01", "a", "0", "lab.esx-01_b", "System"])
def test_a_name_has_letters_digits_and_three_signs(name: str) -> None:
    """Names appear in URIs, filters and file names."""
    assert connection(name=name).name == name


@pytest.mark.parametrize(
    "name", ["", "a b", "a/b", "é", ".", "..", "-a", "esx01\n", "system", "session"]
)
def test_other_names_are_refused(name: str) -> None:
    """So are the words that have a meaning in libvirt's URIs."""
    with pytest.raises(ValidationError):
        connection(name=name)


@pytest.mark.parametrize(
    ("text", "digits"),
    [
        (SHA1, SHA1),
        (SHA256.upper(), SHA256),
        (":".join(SHA1[n : n + 2] for n in range(0, 40, 2)).upper(), SHA1),
        (f" {SHA256}\n", SHA256),
    ],
)
def test_a_thumbprint_is_brought_into_one_form(text: str, digits: str) -> None:
    """Tools print thumbprints with and without colons, in upper and lower case."""
    assert connection(thumbprint=text).thumbprint == digits


@pytest.mark.parametrize("text", ["", SHA1[:-1], SHA1[:-1] + "g", SHA1 + "ab", f"0:{SHA1[1:]}"])
def test_other_thumbprints_are_refused(text: str) -> None:
    """Half a thumbprint must not pass for a short one."""
    with pytest.raises(ValidationError):
        connection(thumbprint=text)


def test_a_thumbprint_without_tls_is_refused() -> None:
    """A pin that can never be checked would only feel safe."""
    with pytest.raises(ValidationError, match="remove either"):
        connection(uri=f"{URI}?transport=http", thumbprint=SHA1)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("password_file", "password_credential"),
        ("password_file", "auth_file"),
        ("password_credential", "auth_file"),
    ],
)
def test_a_second_credential_source_is_refused(first: str, second: str) -> None:
    """One connection has one password."""
    values = {"password_file": "/a", "password_credential": "a", "auth_file": "/b"}

    with pytest.raises(ValidationError, match=f"beside '{first}', expected only one source"):
        connection(**{key: values[key] for key in (second, first)})


@pytest.mark.parametrize("source", ["password_file", "auth_file"])
@pytest.mark.parametrize("path", ["", "a", "./a", "~/a", "/a\0b"])
def test_the_path_of_a_credential_is_absolute(source: str, path: str) -> None:
    """The directory that a service happens to run in must not decide which file is read."""
    with pytest.raises(ValidationError):
        connection(**{source: path})


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "a b", "é"])
def test_the_name_of_a_credential_is_a_file_name(name: str) -> None:
    """systemd has the same rule; a slash would leave the directory of the credentials."""
    with pytest.raises(ValidationError):
        connection(password_credential=name)
    assert connection(password_credential="password_esx01").password_credential == "password_esx01"


@pytest.mark.parametrize(
    ("uri", "grace"),
    [("esx://esx01/", 0.25), ("gsx://gsx01/", 0.25), ("vpx://vcenter/DC1", 1.5)],
)
def test_a_change_waits_for_its_cause_as_long_as_its_host_may_take(uri: str, grace: float) -> None:
    """The events of a vCenter trail what happened on its hosts."""
    assert connection(uri=uri).grace == grace


@pytest.mark.parametrize("seconds", [0, 0.0, 0.5, 60])
def test_how_long_a_change_waits_can_be_said(seconds: float) -> None:
    """With 0 no change waits."""
    assert connection(cause_grace=seconds).grace == seconds
    assert connection(uri="vpx://vcenter/", cause_grace=seconds).grace == seconds


@pytest.mark.parametrize("seconds", [-0.1, 60.1, float("nan"), float("inf"), "1", True])
def test_a_change_does_not_wait_for_ever(seconds: object) -> None:
    """Nor for a time that is none."""
    with pytest.raises(ValidationError):
        connection(cause_grace=seconds)


def test_the_path_of_a_socket_must_fit_into_its_address() -> None:
    """unix(7) allows 107 bytes for the whole path, and bytes are not letters."""
    longest = "/" + "r" * 91

    assert DaemonSettings(runtime_directory=longest).runtime_directory == Path(longest)
    with pytest.raises(ValidationError):
        DaemonSettings(runtime_directory=longest + "r")
    with pytest.raises(ValidationError):
        DaemonSettings(runtime_directory="/" + "é" * 91)


def test_a_uri_that_was_parsed_already_is_taken() -> None:
    """Programs may make a configuration without a file."""
    uri = ConnectionURI.parse(URI)

    assert connection(uri=uri).uri is uri


def test_nothing_is_operated_or_answered_for_others_unless_asked_for() -> None:
    """Whoever follows hosts does not expect to change them."""
    assert not DaemonSettings().operations
    assert connection(uri=f"{URI}?auto_answer=1").answer_after is None


def test_questions_of_others_are_answered_after_a_while() -> None:
    """People have half a minute for it, unless told otherwise."""
    answering = {"uri": f"{URI}?auto_answer=1", "answer_foreign_questions": True}

    assert connection(**answering).answer_after == 30.0
    assert connection(**answering, answer_delay=5).answer_after == 5.0


@pytest.mark.parametrize("uri", [URI, f"{URI}?auto_answer=0"])
def test_questions_of_others_are_not_answered_where_its_own_are_not(uri: str) -> None:
    """The URI says that nobody but a person answers."""
    with pytest.raises(ValidationError, match="add auto_answer=1 to the URI"):
        connection(uri=uri, answer_foreign_questions=True)


def test_the_unknown_parts_of_a_uri_are_warnings() -> None:
    """They have no effect, as in libvirt; the daemon starts and says so."""
    configuration = parse(
        f'[[connections]]\nname = "esx01"\nuri = "{URI}?nonsense=1"', source="eventd.toml"
    )

    assert configuration.warnings == (
        "connection 'esx01': Ignoring unexpected query parameter 'nonsense'",
    )
