"""Certificates of hosts on 127.0.0.1, made by the openssl command."""

from __future__ import annotations

import ssl
import subprocess
from pathlib import Path

__all__ = ["Certificates"]

# An old CA, without the key usage that RFC 5280, 4.2.1.3 asks of it; VMware made such.
CONFIGURATION = """\
[req]
distinguished_name = name
prompt = no
[name]
CN = to be named
[ca]
default_ca = here
[here]
database = index.txt
new_certs_dir = .
rand_serial = yes
unique_subject = no
default_md = sha256
policy = anything
[anything]
commonName = optional
[authority]
basicConstraints = CA:true
subjectKeyIdentifier = hash
[host]
subjectAltName = IP:127.0.0.1
basicConstraints = CA:false
[elsewhere]
subjectAltName = DNS:esx99.example
basicConstraints = CA:false
"""


class Certificates:
    """Files in PEM in a directory."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        (directory / "openssl.conf").write_text(CONFIGURATION, "utf-8")
        (directory / "index.txt").touch()
        for owner in ("host", "authority"):
            self._openssl(
                f"genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out {owner}.key"
            )
        self.authority = self._self_signed("authority", key="authority.key")
        """The certificate of an authority that vouches for `vouched_for`."""
        self.self_signed = self._self_signed("host", key="host.key")
        """A host's own, as a new ESXi host has."""
        self.of_another_name = self._self_signed("elsewhere", key="host.key")
        """A host's own that does not name 127.0.0.1."""
        self._openssl("req -new -config openssl.conf -subj /CN=host -key host.key -out request.pem")
        self.vouched_for = self._signed("vouched", "20200101000000Z", "20991231000000Z")
        self.expired = self._signed("expired", "20200101000000Z", "20200102000000Z")

    def _self_signed(self, name: str, *, key: str) -> Path:
        path = self._directory / f"{name}.pem"
        self._openssl(
            f"req -x509 -config openssl.conf -subj /CN={name} -extensions {name} -key {key} "
            f"-days 2 -out {path}"
        )
        return path

    def _signed(self, name: str, begin: str, end: str) -> Path:
        path = self._directory / f"{name}.pem"
        self._openssl(
            "ca -batch -notext -config openssl.conf -extensions host -in request.pem -keyfile "
            f"authority.key -cert {self.authority} -startdate {begin} -enddate {end} -out {path}"
        )
        return path

    def _openssl(self, arguments: str) -> str:
        command = ["openssl", *arguments.split()]
        outcome = subprocess.run(
            command, cwd=self._directory, capture_output=True, text=True, check=False
        )
        assert outcome.returncode == 0, outcome.stderr
        return outcome.stdout

    def server_context(self, certificate: Path) -> ssl.SSLContext:
        """Return the context of a host that shows this certificate."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, self._directory / "host.key")
        return context

    def thumbprint(self, certificate: Path, algorithm: str) -> str:
        """Return the thumbprint as openssl tells it, in lower case and without colons."""
        text = self._openssl(f"x509 -in {certificate} -noout -fingerprint -{algorithm}")
        return text.partition("=")[2].strip().replace(":", "").lower()
