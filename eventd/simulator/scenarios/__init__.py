"""The scenarios that come with eventd, one TOML file each; `scenario` says how they read.

The numbers are those of the situations that a VI host can put a domain into.
"""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from eventd.errors import InvalidArgument
from eventd.simulator.scenario import Scenario, parse

__all__ = ["load", "names"]

_SUFFIX = ".toml"


def names() -> list[str]:
    """The names of all scenarios, ``04-hard-power-off``, in order."""
    files = resources.files(__package__).iterdir()
    return sorted(file.name.removesuffix(_SUFFIX) for file in files if file.name.endswith(_SUFFIX))


def load(name: str) -> Scenario:
    """Read the scenario of a name, or of a number that one begins with (``7``), or a file.

    Raises:
        InvalidArgument: there is none, it cannot be read, or it is wrong.
    """
    if name.isdecimal():
        name = name.zfill(2)
    matching = [each for each in names() if name == each or each.startswith(f"{name}-")]
    if len(matching) == 1:
        file = resources.files(__package__).joinpath(f"{matching[0]}{_SUFFIX}")
        return parse(file.read_text(encoding="utf-8"), name=matching[0])
    path = Path(name)
    try:
        return parse(path.read_text(encoding="utf-8"), name=path.name)
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise InvalidArgument(
            f"there is no scenario {name!r}, and no such file can be read: {reason}; "
            "'eventd simulate --list-scenarios' lists the scenarios"
        ) from error
