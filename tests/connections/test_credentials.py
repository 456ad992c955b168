"""Where passwords come from, what is said when one does not come, and that none is ever shown."""

from __future__ import annotations

import traceback
from pathlib import Path

import pytest

from eventd.connections.credentials import (
    Credentials,
    CredentialSource,
    from_auth_file,
    from_password_file,
    from_systemd_credential,
    libvirt_auth_file,
)
from eventd.errors import InvalidConfiguration
from tests.connections.auth_files import NOT_UNDERSTOOD, UNDERSTOOD, Understood

AUTH_FILE = """\
# as in https://libvirt.org/auth.html
[credentials-test]
username=fred
password=123456

[credentials-prod]
username=bar
password=letmein

[auth-esx-esx01.example]
credentials=prod

[auth-esx-default]
credentials=test
"""


def sentence_of(source: CredentialSource) -> str:
    """Return what a source that cannot be read says, as a person reads it."""
    with pytest.raises(InvalidConfiguration) as caught:
        source()
    return caught.value.message


# --- password_file --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "password"),
    [
        (b"secret", "secret"),
        (b"secret\n", "secret"),
        (b"secret\r\n", "secret"),
        (b"secret\n\n", "secret\n"),
        (b" two  words \n", " two  words "),
        (b"a\rb\n", "a\rb"),
        ("pässwörd €\n".encode(), "pässwörd €"),
        (b"\\s%41&<>\"'\n", "\\s%41&<>\"'"),
    ],
    ids=["bare", "LF", "CRLF", "two LF", "spaces", "inner CR", "unicode", "nothing is escaped"],
)
def test_a_password_file_holds_the_password_and_one_line_end(
    content: bytes, password: str, tmp_path: Path
) -> None:
    """An editor's line end is cut off; everything else is the password."""
    path = tmp_path / "password"
    path.write_bytes(content)

    assert from_password_file(path, user="root")() == Credentials("root", password)


def test_a_changed_password_file_is_honoured_at_the_next_login(tmp_path: Path) -> None:
    """The file is read at each call, so that a new password needs no restart."""
    path = tmp_path / "password"
    path.write_text("old", "utf-8")
    source = from_password_file(path, user="root")
    assert source().password == "old"

    path.write_text("new", "utf-8")

    assert source().password == "new"


def test_a_missing_password_file_is_named(tmp_path: Path) -> None:
    """The sentence says which file, what is wrong with it, and what to do."""
    path = tmp_path / "absent"

    assert sentence_of(from_password_file(path, user="root")) == (
        f"password_file {path} cannot be read: No such file or directory; check that the file "
        f"exists and that the user of the daemon may read it"
    )


def test_an_unreadable_password_file_is_named(tmp_path: Path) -> None:
    """A directory stands for all that cannot be read: root may read every file."""
    assert sentence_of(from_password_file(tmp_path, user="root")) == (
        f"password_file {tmp_path} cannot be read: Is a directory; check that the file exists and "
        f"that the user of the daemon may read it"
    )


@pytest.mark.parametrize("content", [b"", b"\n", b"\r\n"], ids=["nothing", "LF", "CRLF"])
def test_an_empty_password_file_is_refused(content: bytes, tmp_path: Path) -> None:
    """An empty password would be a failed login, and five of them a locked account."""
    path = tmp_path / "password"
    path.write_bytes(content)

    assert sentence_of(from_password_file(path, user="root")) == (
        f"password_file {path} is empty; write the password into it"
    )


def test_a_password_file_that_is_no_text_is_refused_without_quoting_it(tmp_path: Path) -> None:
    """The bytes of such a file are in no message, and in no exception behind it."""
    path = tmp_path / "password"
    path.write_bytes(b"hunter2\xff")
    source = from_password_file(path, user="root")

    with pytest.raises(InvalidConfiguration) as caught:
        source()

    assert caught.value.message == (
        f"password_file {path} is not UTF-8 text; write the password in UTF-8"
    )
    assert "hunter2" not in "".join(traceback.format_exception(caught.value))
    assert caught.value.__suppress_context__


# --- password_credential --------------------------------------------------------------------------


def test_a_systemd_credential_is_a_file_in_the_credentials_directory(tmp_path: Path) -> None:
    """systemd.exec(5): LoadCredential= puts it into $CREDENTIALS_DIRECTORY."""
    (tmp_path / "esx01").write_text("secret\n", "utf-8")
    environment = {"CREDENTIALS_DIRECTORY": str(tmp_path)}

    source = from_systemd_credential("esx01", user="root", environment=environment)

    assert source() == Credentials("root", "secret")


@pytest.mark.parametrize("environment", [{}, {"CREDENTIALS_DIRECTORY": ""}])
def test_a_credential_without_systemd_says_how_to_get_one(environment: dict[str, str]) -> None:
    """A daemon that was started by hand has no credentials."""
    source = from_systemd_credential("esx01", user="root", environment=environment)

    assert sentence_of(source) == (
        "password_credential 'esx01' cannot be read: CREDENTIALS_DIRECTORY is not set; start "
        "eventd as a systemd service with LoadCredential=esx01:FILE"
    )


def test_a_credential_that_the_service_does_not_load_is_named(tmp_path: Path) -> None:
    """The sentence is that of a file, since that is what a credential is."""
    environment = {"CREDENTIALS_DIRECTORY": str(tmp_path)}
    source = from_systemd_credential("esx01", user="root", environment=environment)

    assert sentence_of(source) == (
        f"password_credential {tmp_path}/esx01 cannot be read: No such file or directory; check "
        f"that the file exists and that the user of the daemon may read it"
    )


# --- auth_file ------------------------------------------------------------------------------------


@pytest.fixture
def auth_file(tmp_path: Path) -> Path:
    """A file as libvirt's documentation shows it."""
    path = tmp_path / "auth.conf"
    path.write_text(AUTH_FILE, "utf-8")
    return path


def test_the_group_of_the_host_goes_before_the_default(auth_file: Path) -> None:
    """libvirt's virAuthConfigLookup: [auth-esx-HOST], else [auth-esx-default]."""
    at_host = from_auth_file(auth_file, host="esx01.example", user=None)
    elsewhere = from_auth_file(auth_file, host="esx02.example", user=None)

    assert at_host() == Credentials("bar", "letmein")
    assert elsewhere() == Credentials("fred", "123456")


def test_the_user_of_the_uri_goes_before_that_of_the_file(auth_file: Path) -> None:
    """libvirt's ESX driver asks the file for a user only where the URI names none."""
    source = from_auth_file(auth_file, host="esx01.example", user="root")

    assert source() == Credentials("root", "letmein")


@pytest.mark.parametrize("file", UNDERSTOOD)
def test_an_auth_file_is_read_as_libvirt_reads_it(file: Understood, tmp_path: Path) -> None:
    """libvirt reads it with GLib's GKeyFile: spaces, escapes, comments and repetitions follow."""
    path = tmp_path / "auth.conf"
    path.write_bytes(file.text.encode())

    found = from_auth_file(path, host="esx01", user=None)()

    assert found == Credentials(file.user, file.password)


@pytest.mark.parametrize("wrong", NOT_UNDERSTOOD)
def test_a_line_that_is_neither_group_nor_entry_is_named_and_not_quoted(
    wrong: str, tmp_path: Path
) -> None:
    """libvirt refuses these files too. The line may be half of a password."""
    text, line = NOT_UNDERSTOOD[wrong]
    path = tmp_path / "auth.conf"
    path.write_text(text, "utf-8")

    assert sentence_of(from_auth_file(path, host="esx01", user=None)) == (
        f"the auth file {path}, line {line}, is not in the format of libvirt's auth.conf: "
        f"[group] lines and key=value lines were expected"
    )


def test_an_auth_file_without_a_group_for_the_host_names_both_that_would_do(
    tmp_path: Path,
) -> None:
    """Case counts in the names of groups, as in libvirt."""
    path = tmp_path / "auth.conf"
    path.write_text("[auth-ESX-default]\ncredentials=x\n", "utf-8")

    assert sentence_of(from_auth_file(path, host="esx01", user=None)) == (
        f"the auth file {path} has neither a group [auth-esx-esx01] nor [auth-esx-default]; add "
        f"one with credentials=NAME"
    )


def test_a_group_for_the_host_without_credentials_is_named(tmp_path: Path) -> None:
    """libvirt: Missing item 'credentials' in group."""
    path = tmp_path / "auth.conf"
    path.write_text("[auth-esx-esx01]\nusername=u\n", "utf-8")

    assert sentence_of(from_auth_file(path, host="esx01", user=None)) == (
        f"the auth file {path} has no credentials=NAME in [auth-esx-esx01]; add it"
    )


@pytest.mark.parametrize(
    ("credentials", "user", "missing"),
    [
        ("", None, "username and no password"),
        ("[credentials-x]\n", "root", "password"),
        ("[credentials-x]\nusername=u\n", None, "password"),
        ("[credentials-x]\nusername=u\npassword=\n", None, "password"),
        ("[credentials-x]\npassword=hunter2\n", None, "username"),
    ],
    ids=["no group", "empty group", "no password", "empty password", "no username"],
)
def test_credentials_that_are_not_complete_are_named(
    credentials: str, user: str | None, missing: str, tmp_path: Path
) -> None:
    """A daemon has nobody to ask for the rest, as virsh would."""
    path = tmp_path / "auth.conf"
    path.write_text(f"[auth-esx-default]\ncredentials=x\n{credentials}", "utf-8")

    assert sentence_of(from_auth_file(path, host="esx01", user=user)) == (
        f"the auth file {path} has no {missing} in [credentials-x], which [auth-esx-default] "
        f"names; add what is missing"
    )


def test_a_missing_auth_file_is_named(tmp_path: Path) -> None:
    """The sentence names the key of the configuration."""
    path = tmp_path / "absent"

    assert sentence_of(from_auth_file(path, host="esx01", user=None)) == (
        f"auth_file {path} cannot be read: No such file or directory; check that the file exists "
        f"and that the user of the daemon may read it"
    )


# --- libvirt's own auth file ----------------------------------------------------------------------


def test_the_environment_names_the_auth_file_first(tmp_path: Path) -> None:
    """As libvirt, eventd takes $LIBVIRT_AUTH_FILE whether it exists or not."""
    environment = {"LIBVIRT_AUTH_FILE": str(tmp_path / "absent"), "HOME": str(tmp_path)}

    assert libvirt_auth_file(environment) == tmp_path / "absent"


@pytest.mark.parametrize("variable", ["HOME", "XDG_CONFIG_HOME"])
def test_the_user_has_an_auth_file_of_his_own(variable: str, tmp_path: Path) -> None:
    """libvirt's virAuthGetConfigFilePathURI: in the user's directory for configuration."""
    configuration = tmp_path / ".config" if variable == "HOME" else tmp_path
    path = configuration / "libvirt" / "auth.conf"
    path.parent.mkdir(parents=True)
    path.touch()

    assert libvirt_auth_file({variable: str(tmp_path)}) == path


def test_the_systems_auth_file_comes_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the user has none, there may be the system's."""
    system = tmp_path / "auth.conf"
    monkeypatch.setattr("eventd.connections.credentials.SYSTEM_AUTH_FILE", system)
    environment = {"HOME": str(tmp_path / "nobody")}

    assert libvirt_auth_file(environment) is None
    system.touch()
    assert libvirt_auth_file(environment) == system


# --- secrecy --------------------------------------------------------------------------------------


def test_credentials_never_show_the_password() -> None:
    """They may stand in any log, message or debugger."""
    credentials = Credentials("root", "hunter2")

    assert repr(credentials) == str(credentials) == "Credentials(user='root')"
    assert f"{credentials}" == "Credentials(user='root')"
