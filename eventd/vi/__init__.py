"""The VI (vSphere SOAP) API without I/O: bytes in and out, typed values between."""
