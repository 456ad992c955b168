"""The configuration of a domain: what its VMX file says.

How such a file is written is the business of ``vi``; reading one from a host, that of
``connections``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from pydantic import Field

from eventd.model.domain import Value

__all__ = ["DomainConfiguration"]

# A key whose value is, or may well hold, what gives access to something. A list of names would
# lack those of the next version, so whole groups are in it where a group is about little else.
_SECRET_KEY = re.compile(
    "|".join(
        (
            # What a name says. RemoteDisplay.vnc.password is the one that libvirt reads and writes
            # (src/vmx/vmx.c); VMware's products keep RemoteDisplay.vnc.key beside or instead of it,
            # which is the same password, encoded.
            r"pass(w|phrase|$)|pwd|secret|credential|token|priv(ate)?[._-]?key|(^|\.|api|auth)key$",
            # Encrypted domains (vSphere Security, "Virtual Machine Encryption"): encryption.keySafe
            # and encryption.bundle hold wrapped keys, encryption.data the hidden entries.
            r"keysafe|^encryption\.|^dataFileKey$",
            # What is handed to the guest. Its first boot is configured by it, with user names,
            # passwords and private keys: guestinfo.userdata (cloud-init, DataSourceVMware),
            # guestinfo.ignition.config.data (Ignition), guestinfo.ovfEnv (OVF properties).
            r"^guestinfo\.",
            # The same in the days before guestinfo: a free text that the guest asks for.
            r"^machine\.id$",
        )
    ),
    re.IGNORECASE | re.ASCII,
)


class DomainConfiguration(Value):
    """What the configuration file of a domain says, as it is on the datastore.

    It may hold passwords and keys: show `without_secrets` to those who may not have them.
    """

    path: str
    """Where the file is: ``[datastore1] web01/web01.vmx``."""
    name: str | None = None
    """``displayName``, decoded; None where there is none."""
    annotation: str | None = None
    """``annotation``, decoded: the domain's description; None where there is none."""
    entries: Mapping[str, str] = Field(repr=False)
    """All entries in the order of the file, keys and values spelled as they are there."""
    omitted: tuple[str, ...] = ()
    """Keys of entries that are left out, since they may hold a password or a key."""

    def without_secrets(self) -> DomainConfiguration:
        """Return a copy without the entries that may hold a password or a key."""
        secret = tuple(filter(_SECRET_KEY.search, self.entries))
        shown = {key: value for key, value in self.entries.items() if key not in secret}
        return self.model_copy(update={"entries": shown, "omitted": (*self.omitted, *secret)})
