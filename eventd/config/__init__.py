"""The configuration: a TOML file in, checked and frozen values out.

`load` either returns a configuration in which everything holds, or refuses the file with every
problem that it has. What the values are for is left to the daemon, which hands them to the parts
as plain arguments. Credentials are named here and read elsewhere.
"""

from eventd.config.loading import load, parse
from eventd.config.models import (
    Configuration,
    ConnectionSettings,
    DaemonSettings,
    JournalSettings,
    LibvirtSettings,
    LogFormat,
    LogLevel,
)

__all__ = [
    "Configuration",
    "ConnectionSettings",
    "DaemonSettings",
    "JournalSettings",
    "LibvirtSettings",
    "LogFormat",
    "LogLevel",
    "load",
    "parse",
]
