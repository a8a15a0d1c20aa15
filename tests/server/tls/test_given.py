"""Certificates of somebody else's making: what machines would refuse is refused here, with its place."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from envguard.errors import UsageError
from envguard.server.tls.given import GivenCertificate, GivenFiles, refusal_by
from envguard.server.tls.names import Names
from envguard.server.tls.serving import Serving
from tests.builders.certificates import Authority, an_authority, an_rsa_key, halves, now, self_signed, written

HOST = "envguard.example"
FOR_HOST = Names((HOST,), ())


@pytest.fixture(scope="module")
def authority() -> Authority:
    return an_authority()


class Files:
    """A certificate, its key and its authority in a folder."""

    def __init__(self, folder: Path, authority: Authority) -> None:
        self.certificate = folder / "fullchain.pem"
        self.key = folder / "privkey.pem"
        self.authority = written(folder / "company-ca.pem", authority.certificate)
        self.renew(authority.signed(FOR_HOST))

    def renew(self, signed: str) -> None:
        certificate, key = halves(signed)
        written(self.key, key)
        written(self.certificate, certificate)

    def source(self, *, authority: Path | None = None, host: str = HOST) -> GivenCertificate:
        files = GivenFiles(certificate=self.certificate, key=self.key, authority=authority)
        return GivenCertificate(files, host)

    def refused(self, option: str, *words: str, authority: Path | None = None, host: str = HOST) -> None:
        with pytest.raises(UsageError) as caught:
            self.source(authority=authority, host=host).newer()
        assert caught.value.where == option
        for word in words:
            assert word in f"{caught.value} {caught.value.hint}"
        assert "BEGIN" not in f"{caught.value} {caught.value.hint}"


@pytest.fixture
def files(tmp_path: Path, authority: Authority) -> Files:
    return Files(tmp_path, authority)


def test_certificate_that_machines_trust_anyhow_needs_no_authority(files: Files) -> None:
    source = files.source()
    assert source.newer() is not None
    assert source.authority is None
    assert source.newer() is None


def test_authority_that_is_named_is_pinned(files: Files, authority: Authority) -> None:
    source = files.source(authority=files.authority)
    context = source.newer()
    assert context is not None
    assert source.authority == authority.certificate
    assert refusal_by(authority.certificate, context, HOST, is_whole=True) is None


def test_key_may_be_in_the_certificate_s_file_and_a_group_s(files: Files, authority: Authority) -> None:
    written(files.certificate, authority.signed(FOR_HOST), mode=0o640)
    given = GivenFiles(certificate=files.certificate, key=files.certificate)
    assert GivenCertificate(given, HOST).newer() is not None


@pytest.mark.parametrize("mode", [0o644, 0o604, 0o606])
def test_key_that_every_user_may_read_is_refused(files: Files, mode: int) -> None:
    files.key.chmod(mode)
    files.refused("--tls-key", f"{mode:04o}", f"chmod o= {files.key}")


@pytest.mark.parametrize("kind", ["ec", "rsa"])
def test_key_of_another_certificate_is_refused_with_both_places(
    files: Files, authority: Authority, kind: str
) -> None:
    written(files.key, an_rsa_key() if kind == "rsa" else halves(authority.signed(FOR_HOST))[1])
    files.refused(
        "--tls-certificate, --tls-key", "not the certificate's", str(files.certificate), str(files.key)
    )


def test_exchanged_files_are_refused(files: Files) -> None:
    certificate, key = files.certificate.read_text(), files.key.read_text()
    written(files.certificate, key), written(files.key, certificate)
    files.refused("--tls-certificate", "no certificate", "exchanged", str(files.certificate))


def test_damaged_certificate_is_refused(files: Files) -> None:
    written(files.certificate, files.certificate.read_text().replace("MII", "AAA"))
    files.refused("--tls-certificate, --tls-key", "cannot be used", str(files.certificate))


def test_key_with_a_passphrase_is_refused_and_nobody_is_asked_for_it(files: Files) -> None:
    from cryptography.hazmat.primitives.serialization import (
        BestAvailableEncryption,
        Encoding,
        PrivateFormat,
        load_pem_private_key,
    )

    key = load_pem_private_key(files.key.read_bytes(), None)
    locked = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret"))
    written(files.key, locked.decode())
    files.refused("--tls-key", "passphrase", str(files.key))


@pytest.mark.parametrize("gone", ["certificate", "key", "authority"])
def test_file_that_is_absent_is_refused_by_its_option(files: Files, gone: str) -> None:
    getattr(files, gone).unlink()
    option = {"certificate": "--tls-certificate", "key": "--tls-key", "authority": "--tls-ca"}[gone]
    files.refused(option, "No such file", str(getattr(files, gone)), authority=files.authority)


@pytest.mark.parametrize(
    ("late", "words"), [(timedelta(days=-2), "expired"), (timedelta(days=2), "not valid yet")], ids=str
)
def test_time_that_is_over_or_not_there_yet_is_refused(
    files: Files, authority: Authority, late: timedelta, words: str
) -> None:
    files.renew(authority.signed(FOR_HOST, at=now() + late))
    files.refused("--tls-certificate", words)


def test_certificate_for_another_name_is_refused(files: Files) -> None:
    files.refused("--tls-certificate", "for another name", "--url", host="other.example")
    files.refused("--tls-certificate", "for another address", "--url", host="10.0.0.7")


def test_authority_that_did_not_sign_is_refused(files: Files, tmp_path: Path) -> None:
    other = written(tmp_path / "other.pem", an_authority().certificate)
    files.refused("--tls-certificate", "not trusted", f"or {other} did not sign it", authority=other)


@pytest.mark.parametrize("count", [0, 2])
def test_authority_is_one_certificate(files: Files, authority: Authority, count: int) -> None:
    written(files.authority, authority.certificate * count)
    files.refused("--tls-ca", "not one certificate", authority=files.authority)


def test_certificate_that_signed_itself_is_taken_where_machines_pin_it(files: Files) -> None:
    files.renew(self_signed(FOR_HOST))
    files.refused("--tls-certificate", "no authority signed", f"--tls-ca {files.certificate}")
    assert files.source(authority=files.certificate).newer() is not None


def test_renewed_files_are_taken_and_a_half_exchanged_pair_is_not(files: Files, authority: Authority) -> None:
    serving = Serving(files.source(authority=files.authority))
    late = Names((HOST, "late.example"), ())
    certificate, key = halves(authority.signed(late))

    def refused() -> str | None:
        return refusal_by(authority.certificate, serving.context, "late.example", is_whole=True)

    written(files.certificate, certificate)
    serving.refresh()
    assert refused() == "for another name"
    written(files.key, key)
    serving.refresh()
    assert refused() is None
    files.key.unlink()
    serving.refresh()
    assert refused() is None
