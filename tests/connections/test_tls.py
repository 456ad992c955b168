"""Whom eventd trusts, over real TLS on 127.0.0.1."""

from __future__ import annotations

import asyncio
import ssl
import traceback
from pathlib import Path

import pytest

from eventd.connections.tls import ssl_context
from eventd.connections.transport import Transport
from eventd.errors import HostNotTrusted, HostUnreachable, InvalidConfiguration
from tests.connections.certificates import Certificates
from tests.connections.raw_host import RawHost, answer, listening


async def call(host: RawHost, context: ssl.SSLContext) -> bytes:
    """Make one call to a host."""
    async with Transport(host.endpoint, ssl_context=context) as transport:
        return await transport.post(b"<password/>", soap_action="urn:vim25/7.0", deadline=5)


async def refusal(host: RawHost, context: ssl.SSLContext) -> str:
    """Make one call to a host that is not trusted, and return what is said then."""
    with pytest.raises(HostNotTrusted) as caught:
        await call(host, context)
    # Whatever the reason: nothing of the request was sent.
    assert host.requests == []
    assert host.unfinished == b""
    return caught.value.message


# --- verification ---------------------------------------------------------------------------------


async def test_a_self_signed_certificate_is_refused_by_default(certificates: Certificates) -> None:
    """The sentence names the three ways out."""
    context = certificates.server_context(certificates.self_signed)
    async with listening(answer(), context=context) as host:
        assert await refusal(host, ssl_context()) == (
            f"{host.endpoint} has a certificate that is not trusted: self-signed certificate; give "
            f"its thumbprint, a cacert=FILE that vouches for it, or no_verify=1"
        )


async def test_a_cacert_vouches_for_the_certificates_that_it_has_signed(
    certificates: Certificates,
) -> None:
    """Also one that RFC 5280 finds fault with: VMware's have lasted longer than its rules.

    Python refuses those since 3.13 (VERIFY_X509_STRICT), curl and so libvirt never did.
    """
    context = certificates.server_context(certificates.vouched_for)
    async with listening(answer(), context=context) as host:
        assert await call(host, ssl_context(cacert=str(certificates.authority))) == b"<ok/>"


@pytest.mark.parametrize("kind", ["self_signed", "vouched_for"])
async def test_a_cacert_may_be_the_certificate_of_the_host(
    kind: str, certificates: Certificates
) -> None:
    """It is what ``openssl s_client`` shows of a host, and what curl and so libvirt accept.

    Python does so by itself since 3.13 (VERIFY_X509_PARTIAL_CHAIN).
    """
    certificate: Path = getattr(certificates, kind)
    async with listening(answer(), context=certificates.server_context(certificate)) as host:
        assert await call(host, ssl_context(cacert=str(certificate))) == b"<ok/>"


async def test_a_cacert_takes_the_place_of_the_systems_certificates(
    certificates: Certificates,
) -> None:
    """Nobody else is trusted then."""
    context = certificates.server_context(certificates.self_signed)
    async with listening(answer(), context=context) as host:
        message = await refusal(host, ssl_context(cacert=str(certificates.authority)))
    assert message.startswith(f"{host.endpoint} has a certificate that is not trusted: self-signed")


async def test_an_expired_certificate_is_refused(certificates: Certificates) -> None:
    """The sentence says that it is the date."""
    context = certificates.server_context(certificates.expired)
    async with listening(answer(), context=context) as host:
        assert await refusal(host, ssl_context(cacert=str(certificates.authority))) == (
            f"{host.endpoint} has a certificate that is not trusted: certificate has expired; give "
            f"its thumbprint, a cacert=FILE that vouches for it, or no_verify=1"
        )


async def test_a_certificate_of_another_name_is_refused(certificates: Certificates) -> None:
    """The sentence says which name was looked for."""
    certificate = certificates.of_another_name
    async with listening(answer(), context=certificates.server_context(certificate)) as host:
        assert await refusal(host, ssl_context(cacert=str(certificate))) == (
            f"{host.endpoint} has a certificate that is not trusted: IP address mismatch, "
            f"certificate is not valid for '127.0.0.1'; give its thumbprint, a cacert=FILE that "
            f"vouches for it, or no_verify=1"
        )


@pytest.mark.parametrize("kind", ["self_signed", "expired", "of_another_name"])
async def test_no_verify_accepts_any_certificate(kind: str, certificates: Certificates) -> None:
    """As the parameter of the URI says."""
    context = certificates.server_context(getattr(certificates, kind))
    async with listening(answer(), context=context) as host:
        assert await call(host, ssl_context(no_verify=True)) == b"<ok/>"


# --- thumbprints ----------------------------------------------------------------------------------


@pytest.mark.parametrize("algorithm", ["sha1", "sha256"])
@pytest.mark.parametrize("kind", ["self_signed", "expired", "of_another_name"])
async def test_the_pinned_certificate_is_accepted_whatever_it_says(
    kind: str, algorithm: str, certificates: Certificates
) -> None:
    """A person has looked at it; the thumbprint is the one that openssl shows."""
    certificate: Path = getattr(certificates, kind)
    context = ssl_context(thumbprint=certificates.thumbprint(certificate, algorithm))
    async with listening(answer(), context=certificates.server_context(certificate)) as host:
        assert await call(host, context) == b"<ok/>"


@pytest.mark.parametrize(("algorithm", "digits"), [("sha1", 40), ("sha256", 64)])
async def test_any_other_certificate_is_refused_before_a_byte_of_the_request_is_sent(
    algorithm: str, digits: int, certificates: Certificates
) -> None:
    """The request may be a login. The sentence tells both thumbprints, to compare them."""
    certificate = certificates.self_signed
    found, expected = certificates.thumbprint(certificate, algorithm), "0" * digits
    async with listening(answer(), context=certificates.server_context(certificate)) as host:
        assert await refusal(host, ssl_context(thumbprint=expected)) == (
            f"{host.endpoint} has not the pinned certificate: its {algorithm} thumbprint is "
            f"{found}, expected was {expected}; if the host was given another certificate, change "
            f"the thumbprint"
        )


@pytest.mark.parametrize("others", [{"no_verify": True}, {"cacert": "/nowhere"}])
async def test_a_thumbprint_goes_before_everything_else(
    others: dict[str, bool | str], certificates: Certificates
) -> None:
    """Neither no_verify nor a cacert weakens it."""
    context = certificates.server_context(certificates.vouched_for)
    async with listening(answer(), context=context) as host:
        pinned = ssl_context(thumbprint="0" * 40, **others)  # type: ignore[arg-type]
        await refusal(host, pinned)


# --- the other protocol ---------------------------------------------------------------------------


async def test_tls_to_a_port_that_speaks_http_says_so() -> None:
    """It is the most common mistake with simulators and proxies."""

    async def not_found(
        host: RawHost, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        raise AssertionError("a TLS greeting is no request")

    async with (
        listening(not_found, greeting=b"HTTP/1.1 400 Bad Request\r\n\r\n") as host,
        Transport(f"https://{host.authority}/sdk", ssl_context=ssl_context()) as way,
    ):
        with pytest.raises(HostNotTrusted) as caught:
            await way.post(b"", soap_action="", deadline=5)
    # OpenSSL calls it one or the other, depending on its version.
    assert caught.value.message.replace("wrong version number", "record layer failure") == (
        f"TLS with https://{host.authority}/sdk failed: record layer failure; does the host speak "
        f"TLS on this port (transport=http if not)?"
    )


async def test_http_to_a_port_that_speaks_tls_is_a_closed_connection(
    certificates: Certificates,
) -> None:
    """There is nothing else to see from this side."""
    context = certificates.server_context(certificates.self_signed)
    async with (
        listening(answer(), context=context) as host,
        Transport(f"http://{host.authority}/sdk", ssl_context=None) as way,
    ):
        with pytest.raises(HostUnreachable) as caught:
            await way.post(b"", soap_action="", deadline=5)
    assert caught.value.message == (
        f"http://{host.authority}/sdk closed the connection before answering"
    )


# --- files ----------------------------------------------------------------------------------------


def test_a_missing_cacert_is_named(tmp_path: Path) -> None:
    """It is found at the start, before any host is contacted."""
    path = tmp_path / "absent.pem"

    with pytest.raises(InvalidConfiguration) as caught:
        ssl_context(cacert=str(path))

    assert caught.value.message == (
        f"cacert {path} cannot be used: No such file or directory; it must be a readable file of "
        f"certificates in PEM"
    )


def test_a_cacert_that_is_none_is_named(tmp_path: Path) -> None:
    """OpenSSL's words for it differ, but it is the file that has to be looked at."""
    path = tmp_path / "ca.pem"
    path.write_text("hello", "utf-8")

    with pytest.raises(InvalidConfiguration) as caught:
        ssl_context(cacert=str(path))

    assert caught.value.message == (
        f"cacert {path} cannot be used: no certificate or crl found; it must be a readable file of "
        f"certificates in PEM"
    )
    assert "hello" not in "".join(traceback.format_exception(caught.value))
