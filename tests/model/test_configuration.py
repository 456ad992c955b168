"""The configuration of a domain, and what of it is not for everybody."""

from __future__ import annotations

import pytest

from eventd.model.configuration import DomainConfiguration

WEB01 = DomainConfiguration(
    path="[datastore1] web01/web01.vmx",
    name="web/01",
    annotation='the "first"',
    entries={
        "displayName": "web%2f01",
        "annotation": "the |22first|22",
        "RemoteDisplay.vnc.enabled": "TRUE",
        "RemoteDisplay.vnc.password": "hunter2",
        "memsize": "512",
    },
)


def test_the_secrets_are_left_out_and_the_rest_stays() -> None:
    """In its order; the original keeps them."""
    shown = WEB01.without_secrets()

    assert shown == DomainConfiguration(
        path=WEB01.path,
        name="web/01",
        annotation='the "first"',
        entries={
            "displayName": "web%2f01",
            "annotation": "the |22first|22",
            "RemoteDisplay.vnc.enabled": "TRUE",
            "memsize": "512",
        },
        omitted=("RemoteDisplay.vnc.password",),
    )
    assert list(shown.entries) == [
        *("displayName", "annotation", "RemoteDisplay.vnc.enabled", "memsize")
    ]
    assert WEB01.entries["RemoteDisplay.vnc.password"] == "hunter2"
    assert "hunter2" not in shown.model_dump_json()


@pytest.mark.parametrize(
    "key",
    [
        "RemoteDisplay.vnc.password",
        "remotedisplay.vnc.PASSWORD",
        "RemoteDisplay.vnc.key",
        "encryption.keySafe",
        "encryption.data",
        "encryption.bundle",
        "dataFileKey",
        "guestinfo.userdata",
        "guestinfo.ignition.config.data",
        "guestinfo.ovfEnv",
        "GuestInfo.anything",
        "machine.id",
        "vmx.adminPasswd",
        "disk.passphrase",
        "proxy.pwd",
        "client_secret",
        "vcenter.credentials",
        "access.token",
        "host.privateKey",
        "host.private_key",
    ],
)
def test_a_key_that_may_hold_a_secret_is_left_out(key: str) -> None:
    """By what it says of itself, or by the group that it is in; the case means nothing."""
    entries = {key: "hunter2"}

    assert not WEB01.model_copy(update={"entries": entries}).without_secrets().entries


@pytest.mark.parametrize(
    "key",
    [
        "RemoteDisplay.vnc.port",
        "keyboard.typematicMinDelay",
        "svga.vramSize",
        "monitor.phys_bits_used",
        "serial0.fileName",
        "scsi0:0.present",
        "uuid.bios",
        "tools.guest.desktop.autolock",
        "vmotion.checkpointFBSize",
        "machine.identity",
    ],
)
def test_any_other_key_is_shown(key: str) -> None:
    """Most say nothing that anybody has to hide."""
    entries = {key: "1"}

    assert WEB01.model_copy(update={"entries": entries}).without_secrets().entries == entries


def test_the_entries_are_not_shown_by_chance() -> None:
    """A log or a traceback would have the passwords."""
    assert "hunter2" not in repr(WEB01)
    assert "hunter2" not in str(WEB01)


def test_a_configuration_survives_json() -> None:
    """The order of the entries does too."""
    again = DomainConfiguration.model_validate_json(WEB01.model_dump_json())

    assert again == WEB01
    assert list(again.entries) == list(WEB01.entries)
