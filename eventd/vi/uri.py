"""Connection URIs: text in, a checked value out.

The form, the parameters, the defaults and the error texts are those of libvirt's ESX driver
(``src/esx/esx_util.c``, ``src/util/viruri.c``), so that a URI that serves ``virsh -c`` serves here.
What libvirt takes and eventd does not is refused with a sentence. Looking up hosts, reading
certificates and finding credentials are left to ``connections``.

A URI is the place where people write a password first. It is refused, and nothing that may be a
part of one is repeated in a message.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from ipaddress import IPv6Address
from typing import Self, TypedDict
from urllib.parse import quote, unquote

from eventd.errors import InvalidURI

__all__ = ["ConnectionURI", "HTTPProxy", "Scheme", "Transport"]


class Scheme(StrEnum):
    """What answers at the host."""

    ESX = "esx"
    """A VMware ESX or ESXi host."""
    GSX = "gsx"
    """A VMware Server 2.0 host."""
    VPX = "vpx"
    """A vCenter."""


class Transport(StrEnum):
    """What carries the SOAP calls."""

    HTTP = "http"
    HTTPS = "https"


# libvirt's src/esx/esx_driver.c
_DEFAULT_PORTS = {
    (Scheme.ESX, Transport.HTTPS): 443,
    (Scheme.ESX, Transport.HTTP): 80,
    (Scheme.GSX, Transport.HTTPS): 8333,
    (Scheme.GSX, Transport.HTTP): 8222,
    (Scheme.VPX, Transport.HTTPS): 443,
    (Scheme.VPX, Transport.HTTP): 80,
}
_DEFAULT_USERS = {Scheme.ESX: "root", Scheme.GSX: "root", Scheme.VPX: "administrator"}
# libvirt's src/esx/esx_vi.c
_PRODUCT_LINES = {
    Scheme.ESX: frozenset({"esx", "embeddedEsx"}),
    Scheme.GSX: frozenset({"gsx"}),
    Scheme.VPX: frozenset({"vpx"}),
}

# RFC 3986, sections 2.1 to 2.3; '#' is refused before.
_NOT_IN_A_URI = re.compile(r"[^A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=%-]|%(?![0-9A-Fa-f]{2})")
_URI = re.compile(
    r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?P<authority>[^/?]*)(?P<path>[^?]*)\??(?P<query>.*)"
)
# RFC 1123, section 2.1, and the underscore that is found in the wild. What is longer makes Python's
# own resolver raise a UnicodeError.
_HOST_NAME = re.compile(r"(?=.{1,253}\Z)[A-Za-z0-9_-]{1,63}(?:\.[A-Za-z0-9_-]{1,63})*\.?")
_PORT = re.compile(r"0*([1-9][0-9]{0,4})")
# What C's strtol takes with base 10, up to the size that any parameter can use.
_INTEGER = re.compile(r" *([+-]?)0*([0-9]{1,9})")
# The characters that cannot be sent in XML 1.0 or make one line of a log two.
_CONTROL_CHARACTER = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ufffe\uffff]")


@dataclass(frozen=True, slots=True)
class HTTPProxy:
    """The HTTP proxy on the way to the host."""

    host: str
    port: int = 1080
    """1080 where the URI names none: libvirt's default, although it is the port of SOCKS."""

    @property
    def url(self) -> str:
        """The proxy as HTTP clients want it: ``http://proxy.example:3128``."""
        return f"http://{_bracketed(self.host)}:{self.port}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionURI:
    """Where a VI host is and how to talk to it; made by `parse`, turned back into text by `str`."""

    scheme: Scheme
    host: str
    """A host name or an IP address, as it was written; IPv6 without brackets."""
    given_user: str | None = None
    """The user name in the URI. Without one, libvirt's auth file may name the user."""
    given_port: int | None = None
    path: str = "/"
    """As it was written, percent-encoded."""
    transport: Transport = Transport.HTTPS
    no_verify: bool = False
    """True if any certificate is accepted."""
    cacert: str | None = None
    """The file with the certificates to trust instead of the system's."""
    auto_answer: bool = False
    """True if questions are answered with their default answer."""
    proxy: HTTPProxy | None = None
    warnings: tuple[str, ...] = field(default=(), compare=False)
    """Sentences about the parts of the text that have no effect, for a log."""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse ``{esx|gsx|vpx}://[user@]host[:port]/[path][?parameters]``.

        Raises InvalidURI for everything else; the caller logs `warnings`.
        """
        _check_characters(text)
        match = _URI.fullmatch(text)
        if match is None:
            raise InvalidURI("Connection URI must begin with esx://, gsx:// or vpx:// and a host")
        scheme, path, query = _parse_scheme(match["scheme"]), match["path"], match["query"]
        given_user, host, given_port = _parse_authority(match["authority"])
        if "@" in query or (given_port is not None and "@" in path):
            raise _password_found("an '@' behind the host may end one; elsewhere write %40")
        parameters, warnings = _parse_query(query)
        return cls(
            scheme=scheme,
            host=host,
            given_user=given_user,
            given_port=given_port,
            path=path or "/",
            warnings=(*_path_warnings(scheme, _decode("path", path)), *warnings),
            **parameters,
        )

    def __str__(self) -> str:
        user = "" if self.given_user is None else f"{quote(self.given_user, safe='')}@"
        port = "" if self.given_port is None else f":{self.given_port}"
        query = "&".join(f"{name}={quote(value, safe='/:')}" for name, value in self._parameters())
        return f"{self.scheme}://{user}{_bracketed(self.host)}{port}{self.path}" + (
            f"?{query}" if query else ""
        )

    def _parameters(self) -> Iterator[tuple[str, str]]:
        """Yield the parameters that are not at their defaults."""
        if self.transport is not Transport.HTTPS:
            yield "transport", self.transport
        if self.no_verify:
            yield "no_verify", "1"
        if self.cacert is not None:
            yield "cacert", self.cacert
        if self.auto_answer:
            yield "auto_answer", "1"
        if self.proxy is not None:
            yield "proxy", self.proxy.url

    @property
    def user(self) -> str:
        """The user name in the URI, else the scheme's default."""
        return _DEFAULT_USERS[self.scheme] if self.given_user is None else self.given_user

    @property
    def port(self) -> int:
        """The port in the URI, else the default of scheme and transport."""
        return self.default_port if self.given_port is None else self.given_port

    @property
    def default_port(self) -> int:
        """The port that the scheme has for the transport."""
        return _DEFAULT_PORTS[self.scheme, self.transport]

    @property
    def path_segments(self) -> tuple[str, ...]:
        """The parts of the path, percent-decoded; empty ones are dropped.

        As in libvirt the path is decoded before it is split, so that ``%2f`` separates too. A slash
        in the name of a folder is ``%2f`` in the VI API and thus ``%252f`` in the URI.
        """
        return tuple(segment for segment in unquote(self.path).split("/") if segment)

    @property
    def base_url(self) -> str:
        """Where the host's HTTP server is: ``https://esx01.example:443``."""
        return f"{self.transport}://{_bracketed(self.host)}:{self.port}"

    @property
    def endpoint(self) -> str:
        """Where SOAP calls go: ``https://esx01.example:443/sdk``."""
        return f"{self.base_url}/sdk"

    @property
    def source(self) -> str:
        """The URI without user and parameters in one spelling: the ``source`` of CloudEvents."""
        host = _bracketed(self.host).lower()
        port = "" if self.port == self.default_port else f":{self.port}"
        segments = self.path_segments if self.scheme is Scheme.VPX else ()
        path = "/".join(quote(segment, safe="") for segment in segments)
        return f"{self.scheme}://{host}{port}/{path}"

    @property
    def expected_product_lines(self) -> frozenset[str]:
        """What ``about.productLineId`` of the host may be."""
        return _PRODUCT_LINES[self.scheme]


class _Parameters(TypedDict, total=False):
    transport: Transport
    no_verify: bool
    cacert: str
    auto_answer: bool
    proxy: HTTPProxy


def _check_characters(text: str) -> None:
    """Refuse what RFC 3986 does not know, and fragments, without saying what it is."""
    if "#" in text:
        raise InvalidURI(
            "Connection URI has a fragment, which has no meaning: remove it, or write '#' as %23"
        )
    match = _NOT_IN_A_URI.search(text)
    if match:
        raise InvalidURI(
            f"Connection URI has a character at position {match.start() + 1} that must be "
            "percent-encoded (a space is %20, '%' itself is %25)"
        )


def _parse_scheme(scheme: str) -> Scheme:
    try:
        return Scheme(scheme.lower())
    except ValueError:
        raise InvalidURI(
            f"Connection URI has the unknown scheme '{scheme}' (should be esx|gsx|vpx)"
        ) from None


def _parse_authority(authority: str) -> tuple[str | None, str, int | None]:
    """Return user, host and port; None for a user or port that is not there."""
    user, at, host_and_port = authority.rpartition("@")
    given_user = _parse_user(user) if at else None
    host, port = _split_host_and_port(host_and_port)
    return given_user, _parse_host(host), None if port is None else _parse_port(port)


def _parse_user(text: str) -> str:
    user = _decode("user name", text)
    # libvirt takes an encoded colon as a part of the name. No VI user name has one.
    if ":" in user:
        raise _password_found("remove the ':' in front of the '@' and what is between them")
    if "@" in text:
        raise InvalidURI("Connection URI has an '@' in the user name: write it as %40")
    if not user:
        raise InvalidURI("Connection URI has an empty user name: write one, or remove the '@'")
    return user


def _password_found(what_to_do: str) -> InvalidURI:
    return InvalidURI(
        f"Connection URI must not contain a password: {what_to_do}; the password belongs in a "
        "password file, a systemd credential or libvirt's auth file"
    )


def _split_host_and_port(text: str) -> tuple[str, str | None]:
    host, colon, port = text.rpartition(":")
    return (text, None) if not colon or text.endswith("]") else (host, port)


def _parse_host(text: str) -> str:
    if not text:
        raise InvalidURI("Connection URI names no host: write it behind '//'")
    host = _checked_host(text)
    if host is None:
        raise InvalidURI(
            "Connection URI has an invalid host: it must be a host name (an international one in "
            "its xn-- form), an IPv4 address, or an IPv6 address in brackets"
        )
    return host


def _checked_host(text: str) -> str | None:
    """Return the host without brackets, or None if it is no host."""
    if text.startswith("[") and text.endswith("]"):
        return text[1:-1] if _is_ipv6_address(text[1:-1]) else None
    return text if _HOST_NAME.fullmatch(text) else None


def _is_ipv6_address(text: str) -> bool:
    try:
        # A zone ('%25eth0') is refused: it has meaning on one machine only.
        return IPv6Address(text).scope_id is None
    except ValueError:
        return False


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _parse_port(text: str) -> int:
    match = _PORT.fullmatch(text)
    port = int(match[1]) if match else 0
    if not 1 <= port <= 65535:
        # The text is not repeated: in esx://root:pass/word@host this is the beginning of one.
        raise InvalidURI(
            "Connection URI has an invalid port (should be [1..65535]); "
            "if it is a password, it belongs in a password file"
        )
    return port


def _path_warnings(scheme: Scheme, path: str) -> Iterator[str]:
    if scheme is not Scheme.VPX and path not in ("", "/"):
        yield f"Ignoring unexpected path '{path}' for non-vpx scheme '{scheme}'"


def _parse_query(query: str) -> tuple[_Parameters, list[str]]:
    """Return the parameters and a warning for each that has no effect. The last one wins."""
    parameters: _Parameters = {}
    warnings: list[str] = []
    for name, value in _split_query(query):
        match name.lower():
            case "transport":
                parameters["transport"] = _parse_transport(value)
            case "no_verify":
                parameters["no_verify"] = _parse_boolean("no_verify", value)
            case "auto_answer":
                parameters["auto_answer"] = _parse_boolean("auto_answer", value)
            case "cacert":
                parameters["cacert"] = _parse_cacert(value)
            case "proxy":
                parameters["proxy"] = _parse_proxy(value)
            case "vcenter":
                raise InvalidURI(
                    "Query parameter 'vcenter' is not supported: remove it and give the vCenter "
                    "a vpx:// connection of its own"
                )
            case _:
                warnings.append(f"Ignoring unexpected query parameter '{name}'")
    if "cacert" in parameters and parameters.get("no_verify"):
        warnings.append("Query parameter 'cacert' has no effect with no_verify=1")
    return parameters, warnings


def _split_query(query: str) -> Iterator[tuple[str, str]]:
    """Yield decoded names and values as libvirt's ``virURIParseParams`` finds them.

    ``;`` separates only behind the last ``&``; what has no name is skipped; ``+`` is no space.
    """
    *parameters, last = query.split("&")
    for parameter in (*parameters, *last.split(";")):
        name, _, value = (_decode("query", text) for text in parameter.partition("="))
        if name:
            yield name, value


def _parse_transport(value: str) -> Transport:
    try:
        return Transport(value)
    except ValueError:
        raise _unexpected_value("transport", value, "http|https") from None


def _parse_boolean(name: str, value: str) -> bool:
    match _parse_integer(value):
        case 0:
            return False
        case 1:
            return True
        case _:
            raise _unexpected_value(name, value, "0 or 1")


def _unexpected_value(name: str, value: str, expected: str) -> InvalidURI:
    return InvalidURI(
        f"Query parameter '{name}' has unexpected value '{value}' (should be {expected})"
    )


def _parse_integer(text: str) -> int | None:
    """Parse as C's strtol does with base 10: leading spaces, a sign and zeros are fine."""
    match = _INTEGER.fullmatch(text)
    return int(match[1] + match[2]) if match else None


def _parse_cacert(value: str) -> str:
    if not value:
        raise InvalidURI("Query parameter 'cacert' names no file: write one, or remove it")
    return value


def _parse_proxy(value: str) -> HTTPProxy:
    """Parse ``[http://]host[:port]``."""
    if "@" in value:
        raise InvalidURI(
            "Query parameter 'proxy' contains credentials, which are not supported: "
            "use a proxy that needs none"
        )
    host, port = _split_host_and_port(_strip_proxy_type(value))
    if not host:
        raise InvalidURI("Query parameter 'proxy' doesn't contain a hostname")
    checked_host = _checked_host(host)
    if checked_host is None:
        raise InvalidURI(
            f"Query parameter 'proxy' has unexpected hostname '{host}' "
            "(should be a host name, an IPv4 address, or an IPv6 address in brackets)"
        )
    return HTTPProxy(checked_host) if port is None else HTTPProxy(checked_host, _proxy_port(port))


def _strip_proxy_type(value: str) -> str:
    proxy_type, separator, rest = value.partition("://")
    match proxy_type if separator else "http":
        case "http":
            return rest if separator else value
        case "socks" | "socks4" | "socks4a" | "socks5":
            raise InvalidURI(
                "Query parameter 'proxy' names a SOCKS proxy, which is not supported: "
                "name an HTTP proxy (proxy=http://host:port), or remove it"
            )
        case _:
            raise InvalidURI(
                f"Query parameter 'proxy' contains unexpected type '{proxy_type}' (should be http)"
            )


def _proxy_port(text: str) -> int:
    port = _parse_integer(text)
    if port is None or not 1 <= port <= 65535:
        raise InvalidURI(
            f"Query parameter 'proxy' has unexpected port value '{text}' (should be [1..65535])"
        )
    return port


def _decode(part: str, text: str) -> str:
    if "[" in text or "]" in text:
        raise InvalidURI(
            f"Connection URI has a bracket in its {part}: write '[' as %5B and ']' as %5D"
        )
    try:
        decoded = unquote(text, errors="strict")
    except UnicodeDecodeError:
        raise InvalidURI(f"Connection URI has bytes in its {part} that are not UTF-8") from None
    if _CONTROL_CHARACTER.search(decoded):
        raise InvalidURI(f"Connection URI has a control character in its {part}: remove it")
    return decoded
