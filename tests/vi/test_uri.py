"""Connection URIs.

Defaults, accepted values and error texts were read from libvirt's ESX driver
(``src/esx/esx_util.c``); what libvirt 9.0 accepts was also tried with ``virsh``.
"""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventd.errors import ErrorCode, InvalidURI
from eventd.vi.uri import ConnectionURI, HTTPProxy, Scheme, Transport


def refusal(text: str) -> str:
    """Return the message with which the text is refused."""
    with pytest.raises(InvalidURI) as caught:
        ConnectionURI.parse(text)
    assert caught.value.code == ErrorCode.INVALID_ARG
    return caught.value.message


class TestDefaults:
    """What a scheme implies where the URI is silent."""

    @pytest.mark.parametrize(
        ("text", "port"),
        [
            ("esx://host/", 443),
            ("esx://host/?transport=http", 80),
            ("gsx://host/", 8333),
            ("gsx://host/?transport=http", 8222),
            ("vpx://host/", 443),
            ("vpx://host/?transport=http", 80),
            ("vpx://host:8443/", 8443),
            ("esx://host:00902/", 902),
            ("esx://host:65535/", 65535),
        ],
    )
    def test_port(self, text: str, port: int) -> None:
        """The port follows scheme and transport, unless the URI has one."""
        assert ConnectionURI.parse(text).port == port

    @pytest.mark.parametrize(
        ("text", "user", "given_user"),
        [
            ("esx://host/", "root", None),
            ("gsx://host/", "root", None),
            ("vpx://host/", "administrator", None),
            ("vpx://root@host/", "root", "root"),
            ("vpx://CORP%5Cmonitor@host/", r"CORP\monitor", r"CORP\monitor"),
            ("vpx://monitor%40vsphere.local@host/", *("monitor@vsphere.local",) * 2),
            ("vpx://j%c3%bcrgen@host/", "jürgen", "jürgen"),
        ],
    )
    def test_user(self, text: str, user: str, given_user: str | None) -> None:
        """The user is the scheme's, unless the URI has one, which is percent-decoded."""
        uri = ConnectionURI.parse(text)
        assert (uri.user, uri.given_user) == (user, given_user)

    @pytest.mark.parametrize(
        ("text", "product_lines"),
        [
            ("esx://host/", {"esx", "embeddedEsx"}),
            ("gsx://host/", {"gsx"}),
            ("vpx://host/", {"vpx"}),
        ],
    )
    def test_expected_product_lines(self, text: str, product_lines: set[str]) -> None:
        """``about.productLineId`` has to agree with the scheme."""
        assert ConnectionURI.parse(text).expected_product_lines == product_lines

    def test_parameters(self) -> None:
        """TLS, verified against the system's authorities, and nobody answers questions."""
        assert ConnectionURI.parse("esx://host") == ConnectionURI(
            scheme=Scheme.ESX,
            host="host",
            given_user=None,
            given_port=None,
            path="/",
            transport=Transport.HTTPS,
            no_verify=False,
            cacert=None,
            auto_answer=False,
            proxy=None,
            warnings=(),
        )


class TestScheme:
    """``esx``, ``gsx`` or ``vpx``, in any case."""

    @pytest.mark.parametrize("text", ["ESX://host/", "Esx://host/", "esx://host/"])
    def test_case_does_not_matter(self, text: str) -> None:
        """libvirt compares schemes without their case."""
        assert ConnectionURI.parse(text).scheme is Scheme.ESX

    @pytest.mark.parametrize("scheme", ["qemu", "esx+ssh", "https"])
    def test_unknown_one_is_refused(self, scheme: str) -> None:
        """The message names the scheme and those that there are."""
        assert refusal(f"{scheme}:///system") == (
            f"Connection URI has the unknown scheme '{scheme}' (should be esx|gsx|vpx)"
        )

    @pytest.mark.parametrize(
        "text", ["", "host", "esx:host", "esx:/host", "://host", "root:pw@host"]
    )
    def test_missing_one_is_refused(self, text: str) -> None:
        """The text itself is not repeated: who knows what it is."""
        assert refusal(text) == (
            "Connection URI must begin with esx://, gsx:// or vpx:// and a host"
        )


class TestHost:
    """A name or an address."""

    @pytest.mark.parametrize(
        ("text", "host", "endpoint"),
        [
            ("esx://esx01.example/", "esx01.example", "https://esx01.example:443/sdk"),
            ("esx://ESX_01.example./", "ESX_01.example.", "https://ESX_01.example.:443/sdk"),
            ("esx://192.0.2.7:8443", "192.0.2.7", "https://192.0.2.7:8443/sdk"),
            ("esx://[::1]/", "::1", "https://[::1]:443/sdk"),
            ("esx://root@[2001:DB8::7]:444/", "2001:DB8::7", "https://[2001:DB8::7]:444/sdk"),
            ("esx://[::ffff:192.0.2.7]", "::ffff:192.0.2.7", "https://[::ffff:192.0.2.7]:443/sdk"),
            ("gsx://host/?transport=http", "host", "http://host:8222/sdk"),
        ],
    )
    def test_becomes_the_endpoint(self, text: str, host: str, endpoint: str) -> None:
        """IPv6 is without brackets as host, and with them in a URL."""
        uri = ConnectionURI.parse(text)
        assert (uri.host, uri.endpoint) == (host, endpoint)
        assert uri.endpoint == f"{uri.base_url}/sdk"

    @pytest.mark.parametrize(
        "text", ["esx://", "esx:///", "esx://root@/", "esx://:443/", "esx://?a=b"]
    )
    def test_missing_one_is_refused(self, text: str) -> None:
        """libvirt would ask localhost; eventd does not guess."""
        assert refusal(text) == "Connection URI names no host: write it behind '//'"

    @pytest.mark.parametrize(
        "host",
        [
            "::1",
            "fe80::1:443",
            "[::1",
            "::1]",
            "[]",
            "[192.0.2.7]",
            "[v1.x]",
            "[::1]x",
            "[fe80::1%25eth0]",
            "b%c3%bccher.example",
            "a..b",
            ".",
            "a!b",
            "a" * 64,
            "a." * 127,
        ],
    )
    def test_invalid_one_is_refused(self, host: str) -> None:
        """The message says how hosts are written."""
        assert refusal(f"esx://{host}/") == (
            "Connection URI has an invalid host: it must be a host name (an international one in "
            "its xn-- form), an IPv4 address, or an IPv6 address in brackets"
        )

    @pytest.mark.parametrize("port", ["", "0", "65536", "http", "-1", "+443", "4 43", "9" * 5000])
    def test_invalid_port_is_refused(self, port: str) -> None:
        """The port is not repeated, since it is the beginning of a password at times."""
        text = f"esx://host:{port.replace(' ', '%20')}/"
        assert refusal(text) == (
            "Connection URI has an invalid port (should be [1..65535]); "
            "if it is a password, it belongs in a password file"
        )


class TestUser:
    """A user name may stand in the URI, a password may not."""

    @pytest.mark.parametrize(
        "text",
        [
            "esx://root:s3cret@host/",
            "esx://:s3cret@host/",
            "esx://root%3As3cret@host/",
            "esx://root:s3@cret@host/",
            "vpx://root@example:s3cret@host/",
            "esx://root:s3/cret@host/",
            "esx://root:42/s3cret@host/",
            "vpx://me@corp:42/s3cret@host/",
            "esx://root:42?s3cret@host/",
            "esx://root:s3cret#@host/",
            "esx://root:42#s3cret@host/",
            "esx://root:s3cret %@host/",
            "esx://root:s3crét@host/",
            "esx://root:s3cret%ff@host/",
            "esx://root:s3cret%0a@host/",
            "root:s3cret@host",
            "esx://host/?proxy=me:s3cret@proxy:3128",
            "esx://host/?proxy=http://me:s3cret@proxy:3128",
            "esx://host/?proxy=http://me%3as3cret%40proxy",
            "esx://host/?proxy=http://me:s3&cret@proxy",
            "esx://host/?proxi=http://me:x&s3cret@proxy",
            "esx://host/?proxy=http://me:s3#cret@proxy",
        ],
    )
    def test_password_is_refused_and_not_repeated(self, text: str) -> None:
        """However it got there, and whatever characters cut it in pieces."""
        message = refusal(text)
        for secret in ("s3", "cret", "42"):
            assert secret not in message

    def test_password_is_sent_to_the_place_where_it_belongs(self) -> None:
        """The message says what to do instead."""
        assert refusal("esx://root:s3cret@host/") == (
            "Connection URI must not contain a password: remove the ':' in front of the '@' and "
            "what is between them; the password belongs in a password file, a systemd credential "
            "or libvirt's auth file"
        )

    def test_at_sign_in_the_path_is_no_password_without_a_port(self) -> None:
        """``vpx://user:12/34@host`` could be one, but only because of its ':'."""
        assert ConnectionURI.parse("vpx://host/dc@home/a").path_segments == ("dc@home", "a")

    def test_at_sign_must_be_encoded(self) -> None:
        """``user@domain`` is how vCenter users are written; in a URI that takes %40."""
        assert refusal("vpx://monitor@vsphere.local@host/") == (
            "Connection URI has an '@' in the user name: write it as %40"
        )

    def test_empty_one_is_refused(self) -> None:
        """As a template leaves it whose variable was not set."""
        assert refusal("esx://@host/") == (
            "Connection URI has an empty user name: write one, or remove the '@'"
        )


class TestPath:
    """The datacenter, cluster or host of a vCenter."""

    @pytest.mark.parametrize(
        ("path", "segments"),
        [
            ("", ()),
            ("/", ()),
            ("//", ()),
            ("/dc/cluster/host", ("dc", "cluster", "host")),
            ("/dc//host/", ("dc", "host")),
            ("/my%20dc/esx%2d01", ("my dc", "esx-01")),
            ("/a%2fb", ("a", "b")),
            ("/a%252fb", ("a%2fb",)),
            ("/S%c3%bcd", ("Süd",)),
            ("/a+b;c=d", ("a+b;c=d",)),
        ],
    )
    def test_is_decoded_and_split_at_slashes(self, path: str, segments: tuple[str, ...]) -> None:
        """Decoded first, as in libvirt; empty segments collapse; a vCenter needs no path."""
        uri = ConnectionURI.parse(f"vpx://host{path}")
        assert uri.path_segments == segments
        assert uri.path == path or (uri.path, path) == ("/", "")
        assert uri.warnings == ()

    @pytest.mark.parametrize("scheme", ["esx", "gsx"])
    def test_of_a_host_is_ignored_with_a_warning(self, scheme: str) -> None:
        """A host has nothing to choose from."""
        uri = ConnectionURI.parse(f"{scheme}://host/d%63/x")
        assert uri.warnings == (f"Ignoring unexpected path '/dc/x' for non-vpx scheme '{scheme}'",)
        assert uri.source == f"{scheme}://host/"

    @pytest.mark.parametrize("scheme", ["esx", "gsx"])
    @pytest.mark.parametrize("path", ["", "/"])
    def test_empty_one_of_a_host_is_no_surprise(self, scheme: str, path: str) -> None:
        """Both spellings are common."""
        assert ConnectionURI.parse(f"{scheme}://host{path}").warnings == ()


class TestParameters:
    """Names in any case, the last one wins, unknown ones warn."""

    @pytest.mark.parametrize(
        ("query", "transport"),
        [
            ("transport=http", Transport.HTTP),
            ("transport=https", Transport.HTTPS),
            ("TRANSPORT=http", Transport.HTTP),
            ("%74ransport=htt%70", Transport.HTTP),
            ("transport=http&transport=https", Transport.HTTPS),
            ("Transport=https&transport=http", Transport.HTTP),
        ],
    )
    def test_transport(self, query: str, transport: Transport) -> None:
        """``http`` or ``https``; the names of parameters have no case."""
        assert ConnectionURI.parse(f"esx://host/?{query}").transport is transport

    @pytest.mark.parametrize("value", ["HTTP", "ftp", "", "http%20", "https,http"])
    def test_transport_has_unexpected_value(self, value: str) -> None:
        """libvirt's words; the value has a case."""
        decoded = value.replace("%20", " ")
        assert refusal(f"esx://host/?transport={value}") == (
            f"Query parameter 'transport' has unexpected value '{decoded}' (should be http|https)"
        )

    @pytest.mark.parametrize("name", ["no_verify", "auto_answer", "NO_VERIFY", "Auto_Answer"])
    @pytest.mark.parametrize(
        ("value", "expected"),
        [
            ("0", False),
            ("1", True),
            ("01", True),
            ("+1", True),
            ("%201", True),
            ("-0", False),
            ("000", False),
            ("0" * 5000 + "1", True),
        ],
    )
    def test_flags(self, name: str, value: str, expected: bool) -> None:
        """Integers as C's strtol reads them."""
        uri = ConnectionURI.parse(f"esx://host/?{name}={value}")
        assert getattr(uri, name.lower()) is expected

    @pytest.mark.parametrize("name", ["no_verify", "auto_answer"])
    @pytest.mark.parametrize(
        "value", ["", "2", "-1", "yes", "true", "1x", "1 ", "+ 1", "0x1", "9" * 5000, "\u0661"]
    )
    def test_flag_has_unexpected_value(self, name: str, value: str) -> None:
        """libvirt's words."""
        encoded = value.replace(" ", "%20").replace("\u0661", "%d9%a1")
        assert refusal(f"esx://host/?{name}={encoded}") == (
            f"Query parameter '{name}' has unexpected value '{value}' (should be 0 or 1)"
        )

    def test_flag_without_a_value_is_refused_as_an_empty_one(self) -> None:
        """``?no_verify`` is ``?no_verify=``."""
        assert refusal("esx://host/?no_verify") == (
            "Query parameter 'no_verify' has unexpected value '' (should be 0 or 1)"
        )

    def test_each_of_several_is_checked(self) -> None:
        """A later value does not heal an earlier one."""
        assert "'2'" in refusal("esx://host/?no_verify=2&no_verify=1")

    def test_last_of_several_wins(self) -> None:
        """As in libvirt."""
        uri = ConnectionURI.parse("esx://host/?auto_answer=1&AUTO_ANSWER=0&cacert=a&cacert=b")
        assert (uri.auto_answer, uri.cacert) == (False, "b")

    def test_cacert_is_a_file(self) -> None:
        """Percent-decoded; '+' is no space."""
        uri = ConnectionURI.parse("esx://host/?cacert=/etc/my%20ca+1.pem")
        assert (uri.cacert, uri.warnings) == ("/etc/my ca+1.pem", ())

    def test_cacert_without_verification_warns(self) -> None:
        """With no_verify=1 nothing is compared with it."""
        uri = ConnectionURI.parse("esx://host/?cacert=/ca.pem&no_verify=1")
        assert uri.warnings == ("Query parameter 'cacert' has no effect with no_verify=1",)
        assert ConnectionURI.parse("esx://host/?cacert=/ca.pem&no_verify=0").warnings == ()

    def test_cacert_without_a_file_is_refused(self) -> None:
        """It would mean to trust nobody, or everybody."""
        assert refusal("esx://host/?cacert=") == (
            "Query parameter 'cacert' names no file: write one, or remove it"
        )

    @pytest.mark.parametrize("scheme", ["esx", "gsx", "vpx"])
    @pytest.mark.parametrize("query", ["vcenter=vc.example", "vcenter=*", "vCenter"])
    def test_vcenter_is_refused(self, scheme: str, query: str) -> None:
        """The message names the other way to the same end."""
        assert refusal(f"{scheme}://host/?{query}") == (
            "Query parameter 'vcenter' is not supported: remove it and give the vCenter a vpx:// "
            "connection of its own"
        )

    def test_unknown_ones_warn_without_their_values(self) -> None:
        """No error, as in libvirt; a value may be a secret."""
        uri = ConnectionURI.parse("esx://host/?password=s3cret&b%20c&no_verify=1")
        assert uri.warnings == (
            "Ignoring unexpected query parameter 'password'",
            "Ignoring unexpected query parameter 'b c'",
        )
        assert uri.no_verify
        assert "s3cret" not in f"{uri!r} {uri}"

    @pytest.mark.parametrize(
        ("query", "names"),
        [
            ("a=1&b=2", ("a", "b")),
            ("a=1;b=2", ("a", "b")),
            ("a=1&b=2;c=3", ("a", "b", "c")),
            ("a;x&b", ("a;x", "b")),
            ("&&a&", ("a",)),
            ("=1&a", ("a",)),
            ("a%3db=c", ("a=b",)),
            ("a?b=1/2", ("a?b",)),
            ("", ()),
        ],
    )
    def test_are_separated_as_in_libvirt(self, query: str, names: tuple[str, ...]) -> None:
        """By ``&``, and behind the last one by ``;``; nameless ones are skipped."""
        assert ConnectionURI.parse(f"esx://host/?{query}").warnings == tuple(
            f"Ignoring unexpected query parameter '{name}'" for name in names
        )


class TestProxy:
    """An HTTP proxy is used, others are refused."""

    @pytest.mark.parametrize(
        ("value", "proxy", "url"),
        [
            ("proxy.example", HTTPProxy("proxy.example", 1080), "http://proxy.example:1080"),
            ("http://proxy", HTTPProxy("proxy", 1080), "http://proxy:1080"),
            ("http://proxy:3128", HTTPProxy("proxy", 3128), "http://proxy:3128"),
            ("192.0.2.1:+03128", HTTPProxy("192.0.2.1", 3128), "http://192.0.2.1:3128"),
            ("http://%5B::1%5D:3128", HTTPProxy("::1", 3128), "http://[::1]:3128"),
            ("%5b::1%5d", HTTPProxy("::1", 1080), "http://[::1]:1080"),
            ("http%3A%2F%2Fproxy%3A1", HTTPProxy("proxy", 1), "http://proxy:1"),
        ],
    )
    def test_over_http(self, value: str, proxy: HTTPProxy, url: str) -> None:
        """``[http://]host[:port]`` with libvirt's default port."""
        uri = ConnectionURI.parse(f"esx://host/?proxy={value}")
        assert uri.proxy == proxy
        assert uri.proxy.url == url

    @pytest.mark.parametrize("proxy_type", ["socks", "socks4", "socks4a", "socks5"])
    def test_over_socks_is_refused(self, proxy_type: str) -> None:
        """libvirt has them, eventd does not."""
        assert refusal(f"esx://host/?proxy={proxy_type}://proxy:1080") == (
            "Query parameter 'proxy' names a SOCKS proxy, which is not supported: "
            "name an HTTP proxy (proxy=http://host:port), or remove it"
        )

    @pytest.mark.parametrize("proxy_type", ["https", "HTTP", "ftp", ""])
    def test_of_unexpected_type_is_refused(self, proxy_type: str) -> None:
        """libvirt's words, with the types that eventd has."""
        assert refusal(f"esx://host/?proxy={proxy_type}://proxy") == (
            f"Query parameter 'proxy' contains unexpected type '{proxy_type}' (should be http)"
        )

    @pytest.mark.parametrize("value", ["", "http://", ":3128", "http://:3128"])
    def test_without_hostname_is_refused(self, value: str) -> None:
        """libvirt's words."""
        assert refusal(f"esx://host/?proxy={value}") == (
            "Query parameter 'proxy' doesn't contain a hostname"
        )

    @pytest.mark.parametrize("host", ["a/b", "::1", "a b", "%5b::1%5dx:1"])
    def test_with_invalid_hostname_is_refused(self, host: str) -> None:
        """The message says how hosts are written."""
        message = refusal(f"esx://host/?proxy={host.replace(' ', '%20')}")
        assert message.startswith("Query parameter 'proxy' has unexpected hostname '")
        assert message.endswith(
            "(should be a host name, an IPv4 address, or an IPv6 address in brackets)"
        )

    @pytest.mark.parametrize("port", ["", "0", "65536", "-1", "http", "3128/"])
    def test_with_unexpected_port_is_refused(self, port: str) -> None:
        """libvirt's words."""
        assert refusal(f"esx://host/?proxy=http://proxy:{port}") == (
            f"Query parameter 'proxy' has unexpected port value '{port}' (should be [1..65535])"
        )

    def test_with_credentials_is_refused(self) -> None:
        """They would stand in a file that everybody reads."""
        assert refusal("esx://host/?proxy=http://me%40proxy") == (
            "Query parameter 'proxy' contains credentials, which are not supported: "
            "use a proxy that needs none"
        )


class TestCharacters:
    """What RFC 3986 allows, in UTF-8, without control characters."""

    @pytest.mark.parametrize(
        ("text", "position"),
        [
            (" esx://host/", 1),
            ("esx://ho st/", 9),
            ("esx://host/\n", 12),
            ("vpx://host/Süd", 13),
            ("vpx://host/a%", 13),
            ("vpx://host/a%2", 13),
            ("vpx://host/a%zz", 13),
            ("vpx://host/a|b", 13),
            ("vpx://host/\ud800", 12),
        ],
    )
    def test_others_must_be_percent_encoded(self, text: str, position: int) -> None:
        """The character itself may be part of a password and is not repeated."""
        assert refusal(text) == (
            f"Connection URI has a character at position {position} that must be "
            "percent-encoded (a space is %20, '%' itself is %25)"
        )

    @pytest.mark.parametrize(
        ("text", "part"),
        [
            ("esx://[@[::1]/", "user name"),
            ("vpx://host/a[1]", "path"),
            ("esx://host/?a]", "query"),
            ("esx://host/?=[", "query"),
            ("esx://host/?proxy=[::1]", "query"),
        ],
    )
    def test_brackets_are_for_hosts(self, text: str, part: str) -> None:
        """Elsewhere they must be percent-encoded."""
        assert refusal(text) == (
            f"Connection URI has a bracket in its {part}: write '[' as %5B and ']' as %5D"
        )

    @pytest.mark.parametrize("text", ["esx://host/#", "esx://host#top", "esx://host/?a#b"])
    def test_fragment_is_refused(self, text: str) -> None:
        """It has no meaning here, so it is a mistake."""
        assert refusal(text) == (
            "Connection URI has a fragment, which has no meaning: remove it, or write '#' as %23"
        )

    @pytest.mark.parametrize(
        ("text", "part"),
        [
            ("esx://%ff@host/", "user name"),
            ("vpx://host/%c3", "path"),
            ("esx://host/%ff", "path"),
            ("esx://host/?%ff=1", "query"),
            ("esx://host/?cacert=%ff", "query"),
        ],
    )
    def test_bytes_that_are_not_utf8_are_refused(self, text: str, part: str) -> None:
        """VI speaks UTF-8 only."""
        assert refusal(text) == f"Connection URI has bytes in its {part} that are not UTF-8"

    @pytest.mark.parametrize(
        ("text", "part"),
        [
            ("esx://root%00@host/", "user name"),
            ("esx://root%ef%bf%bf@host/", "user name"),
            ("vpx://host/a%0ab", "path"),
            ("vpx://host/a%c2%85b", "path"),
            ("esx://host/?transport=http%00", "query"),
            ("esx://host/?a%7f", "query"),
        ],
    )
    def test_control_characters_are_refused(self, text: str, part: str) -> None:
        """They would end a string in C, a line in a log, or a request in XML."""
        assert refusal(text) == (f"Connection URI has a control character in its {part}: remove it")


class TestSource:
    """The ``source`` of CloudEvents: one spelling, whatever else the URI says."""

    @pytest.mark.parametrize(
        ("text", "source"),
        [
            ("esx://esx01.example", "esx://esx01.example/"),
            ("ESX://root@ESX01.Example:443/?no_verify=1", "esx://esx01.example/"),
            ("esx://esx01.example:8443/", "esx://esx01.example:8443/"),
            ("esx://esx01.example:80/?transport=http", "esx://esx01.example/"),
            ("esx://esx01.example:443/?transport=http", "esx://esx01.example:443/"),
            ("gsx://host:8333/", "gsx://host/"),
            ("esx://[2001:DB8::1]/", "esx://[2001:db8::1]/"),
            ("vpx://admin@vc.example", "vpx://vc.example/"),
            ("vpx://vc.example//My%20DC//cluster%2d1/", "vpx://vc.example/My%20DC/cluster-1"),
            ("vpx://vc.example/a%252Fb", "vpx://vc.example/a%252Fb"),
            ("vpx://vc.example/S%C3%BCd@x", "vpx://vc.example/S%C3%BCd%40x"),
        ],
    )
    def test_is_the_uri_without_user_and_parameters(self, text: str, source: str) -> None:
        """Default ports go, a vCenter's path stays, spellings become one."""
        assert ConnectionURI.parse(text).source == source


class TestValue:
    """A URI is a frozen value that can be written down again."""

    def test_it_cannot_be_changed(self) -> None:
        """It is shared by all parts of a connection."""
        uri = ConnectionURI.parse("esx://host/")
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(uri, "host", "other")  # noqa: B010  # mypy would object to the plain form

    def test_everything_that_has_an_effect_is_written(self) -> None:
        """In one order, without the defaults."""
        text = (
            "vpx://j%C3%BCrgen%40corp@[::1]:8443/My%20DC//x?transport=http&no_verify=1"
            "&cacert=/etc/a%20b.pem&auto_answer=1&proxy=http://proxy:3128"
        )
        assert str(ConnectionURI.parse(text)) == text

    def test_what_has_no_effect_is_not_written(self) -> None:
        """Warnings are about the text, not about the value."""
        uri = ConnectionURI.parse("esx://host?transport=https&auto_answer=0&x=1")
        assert uri == ConnectionURI.parse("esx://host/")
        assert hash(uri) == hash(ConnectionURI.parse("esx://host/"))
        assert str(uri) == "esx://host/"


def quoted(text: str) -> str:
    """Percent-encode every byte."""
    return "".join(f"%{byte:02x}" for byte in text.encode())


words = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Cn", "Zl", "Zp"]))
users = words.filter(lambda user: user != "" and ":" not in user).map(
    lambda user: quoted(user) + "@"
)
hosts = st.from_regex(
    r"[A-Za-z0-9_-]{1,9}(\.[a-z0-9]{1,9}){0,2}", fullmatch=True
) | st.ip_addresses(v=6).map(lambda address: f"[{address}]")
parameters = st.one_of(
    st.sampled_from(["transport=http", "transport=https", "no_verify=1", "auto_answer=1", "x=y"]),
    words.filter(bool).map(lambda file: f"cacert={quoted(file)}"),
    hosts.map(lambda host: f"proxy={quoted(host)}"),
    hosts.map(lambda host: f"PROXY=http://{quoted(host)}:3128"),
)
valid_texts = st.builds(
    lambda scheme, user, host, port, path, query: f"{scheme}://{user}{host}{port}/{path}?{query}",
    st.sampled_from(["esx", "GSX", "vpx"]),
    st.just("") | users,
    hosts,
    st.just("") | st.integers(1, 65535).map(lambda port: f":{port}"),
    st.lists(words.map(quoted)).map("/".join),
    st.lists(parameters).map("&".join),
)


@given(valid_texts)
def test_valid_uri_means_the_same_once_it_is_written(text: str) -> None:
    """``parse`` is the inverse of ``str``."""
    uri = ConnectionURI.parse(text)
    assert ConnectionURI.parse(str(uri)) == uri
    assert str(ConnectionURI.parse(str(uri))) == str(uri)


@given(valid_texts)
def test_source_is_a_uri_with_the_same_source(text: str) -> None:
    """Only a transport other than HTTPS is lost with the parameters."""
    uri = dataclasses.replace(ConnectionURI.parse(text), transport=Transport.HTTPS)
    assert ConnectionURI.parse(uri.source).source == uri.source


@given(
    st.text()
    | st.text(alphabet="%:/?#[]@=&;0123f\u00fc ").map("esx://".__add__)
    | st.text(alphabet="esx:/@?&=[]%20h").map("vpx://h/?proxy=".__add__)
)
def test_any_text_is_parsed_or_refused(text: str) -> None:
    """Nothing but InvalidURI is raised, and what is accepted can be written down again."""
    try:
        uri = ConnectionURI.parse(text)
    except InvalidURI:
        return
    assert ConnectionURI.parse(str(uri)) == uri
