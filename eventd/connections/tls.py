"""How a host proves who it is: verification by default, a pinned certificate, or none at all."""

from __future__ import annotations

import hashlib
import hmac
import ssl
from pathlib import Path

from eventd.errors import InvalidConfiguration

__all__ = ["ssl_context"]


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
    if cacert is None:
        return ssl.create_default_context()
    try:
        return ssl.create_default_context(cafile=Path(cacert))
    except (OSError, ssl.SSLError) as error:
        raise InvalidConfiguration(
            f"cacert {cacert} cannot be used: {error}; it must be a readable file of "
            f"certificates in PEM"
        ) from error


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
                raise ssl.SSLCertVerificationError(
                    f"the certificate has the {algorithm} thumbprint {found.hex()}, "
                    f"expected was {digest.hex()}"
                )

    return PinnedSSLObject
