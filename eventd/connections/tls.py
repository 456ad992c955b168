"""How a host proves who it is: verification by default, a pinned certificate, or none at all."""

from __future__ import annotations

import hashlib
import hmac
import os
import ssl

from eventd.errors import InvalidConfiguration

__all__ = ["UnexpectedCertificate", "reason_of", "ssl_context"]


class UnexpectedCertificate(ssl.SSLCertVerificationError):
    """The host's certificate is not the pinned one."""

    def __init__(self, verify_message: str) -> None:
        super().__init__(verify_message)
        self.verify_message = verify_message


def ssl_context(
    *, no_verify: bool = False, cacert: str | None = None, thumbprint: str | None = None
) -> ssl.SSLContext:
    """Return the context for a connection's sockets.

    ``thumbprint`` is the SHA-1 (40) or SHA-256 (64) of the host's certificate in hex digits; it
    goes before the others: the certificate is then the pinned one, or nothing is sent.
    ``cacert`` is a file of certificates in PEM that are trusted in place of the system's.

    Raises:
        InvalidConfiguration: ``cacert`` cannot be read.
    """
    if thumbprint is not None:
        context = _unverified()
        context.sslobject_class = _pinned_to(bytes.fromhex(thumbprint))
        return context
    if no_verify:
        return _unverified()
    try:
        return _verified(cacert)
    except OSError as error:
        raise InvalidConfiguration(
            f"cacert {cacert} cannot be used: {reason_of(error)}; it must be a readable file of "
            f"certificates in PEM"
        ) from error


def _verified(cacert: str | None) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=cacert)
    # What curl and so libvirt accept, whatever Python's version has for its default: the
    # certificate of the host itself as cacert, and those in which RFC 5280 misses an extension.
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return context


def _unverified() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _pinned_to(digest: bytes) -> type[ssl.SSLObject]:
    """Return the class of TLS connections that only one certificate may answer.

    The check is a part of the handshake, so that no byte of a request leaves before it.
    """
    algorithm = {20: "sha1", 32: "sha256"}[len(digest)]

    class PinnedSSLObject(ssl.SSLObject):
        def do_handshake(self) -> None:
            super().do_handshake()
            certificate = self.getpeercert(binary_form=True) or b""
            found = hashlib.new(algorithm, certificate).digest()
            if not hmac.compare_digest(found, digest):
                raise UnexpectedCertificate(
                    f"its {algorithm} thumbprint is {found.hex()}, expected was {digest.hex()}"
                )

    return PinnedSSLObject


def reason_of(error: OSError) -> str:
    """Return why the system or OpenSSL failed, without the places and addresses around it."""
    match error:
        case ssl.SSLError(reason=str(reason)):
            return reason.replace("_", " ").lower()
        case OSError(errno=int(number)) if number > 0:
            return os.strerror(number)
        case _:
            return error.strerror or str(error)
