"""Certificates of the test's own, signed by themselves."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest


def write_certificate(folder: Path, host: str) -> Path:
    """A certificate for a host and its key in one PEM file; skips where there is no openssl."""
    key, certificate, both = folder / "key.pem", folder / "certificate.pem", folder / "both.pem"
    kind = "IP" if host.replace(".", "").isdecimal() else "DNS"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={host}"]
    command += ["-addext", f"subjectAltName={kind}:{host}", "-keyout", str(key), "-out", str(certificate)]
    try:
        subprocess.run(command, check=True, capture_output=True)
    except FileNotFoundError:
        pytest.skip("needs the openssl command to make a certificate")
    both.write_text(key.read_text() + certificate.read_text())
    return both
