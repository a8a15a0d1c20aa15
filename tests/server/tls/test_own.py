"""Certificates of the server's own making: made once, kept, renewed in time, never replaced unasked."""

from __future__ import annotations

import contextlib
import shutil
import ssl
import stat
import subprocess
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest

from envguard.errors import StateError
from envguard.server.tls.given import refusal_by
from envguard.server.tls.making import new_authority, new_key, validity_of
from envguard.server.tls.names import Names, host_names, names_of
from envguard.server.tls.own import OwnCertificate
from envguard.server.tls.serving import Serving
from tests.builders.certificates import HERE, now, written

DAY = timedelta(days=1)


class Place:
    """A state folder, with a clock and names that a test turns."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.at = now()
        self.names = HERE
        folder.mkdir(mode=0o700)

    def start(self) -> OwnCertificate:
        return OwnCertificate(self.folder, lambda: self.names, lambda: self.at)

    def text(self, name: str) -> str:
        return (self.folder / name).read_text()


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path / "s")


def test_authority_is_made_once(place: Place) -> None:
    first = place.start()
    assert first.newer() is not None
    kept = {path.name: path.read_bytes() for path in place.folder.iterdir()}
    assert set(kept) == {"ca.pem", "ca-key.pem", "tls.pem", "tls.lock"}
    assert {stat.S_IMODE(path.stat().st_mode) for path in place.folder.iterdir()} == {0o600}
    again = place.start()
    assert again.authority == first.authority
    assert again.newer() is not None
    assert {path.name: path.read_bytes() for path in place.folder.iterdir()} == kept


def test_servers_that_start_at_once_have_one_authority(place: Place) -> None:
    with ThreadPoolExecutor(4) as pool:
        started = list(pool.map(lambda _: place.start(), range(4)))
        for each in pool.map(OwnCertificate.newer, started):
            assert each is not None
    assert {each.authority for each in started} == {place.text("ca.pem")}


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_machine_that_pinned_the_authority_takes_the_certificate(place: Place, host: str) -> None:
    own = place.start()
    context = own.newer()
    assert context is not None
    assert refusal_by(own.authority, context, host, is_whole=True) is None
    assert refusal_by(own.authority, context, "envguard.example", is_whole=True) == "for another name"
    assert refusal_by(own.authority, context, "127.0.0.2", is_whole=True) == "for another address"


def test_other_programs_take_the_certificate(place: Place) -> None:
    """By the strict reading of RFC 5280, which Python 3.13 has for all."""
    context = place.start().newer()
    assert context is not None
    machine = ssl.create_default_context(cafile=place.folder / "ca.pem")
    machine.verify_flags |= ssl.VERIFY_X509_STRICT
    to_machine, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = machine.wrap_bio(to_machine, to_server, server_hostname="127.0.0.1")
    server = context.wrap_bio(to_server, to_machine, server_side=True)
    for side in (client, server) * 3:
        with contextlib.suppress(ssl.SSLWantReadError):
            side.do_handshake()
    assert client.version() == "TLSv1.3"
    openssl = shutil.which("openssl")
    if openssl is not None:
        asked = [openssl, "verify", "-x509_strict", "-purpose", "sslserver", "-verify_ip", "127.0.0.1"]
        asked += ["-CAfile", str(place.folder / "ca.pem"), str(place.folder / "tls.pem")]
        done = subprocess.run(asked, capture_output=True, text=True, timeout=20, check=False)
        assert done.returncode == 0, done.stderr


def test_machine_whose_clock_is_a_little_behind_takes_it(place: Place) -> None:
    place.start().newer()
    for name in ("ca.pem", "tls.pem"):
        assert validity_of(place.text(name)).begins_at <= place.at - timedelta(minutes=59)


@pytest.mark.parametrize(
    ("later", "is_renewed"), [(19 * DAY, False), (20 * DAY, True), (90 * DAY, True)], ids=str
)
def test_certificate_is_renewed_ten_days_before_its_end(
    place: Place, later: timedelta, is_renewed: bool
) -> None:
    own = place.start()
    own.newer()
    before = place.text("tls.pem")
    place.at += later
    assert (own.newer() is not None) == is_renewed
    assert (place.text("tls.pem") != before) == is_renewed
    assert validity_of(place.text("tls.pem")).ends_at > place.at + 9 * DAY
    assert own.newer() is None


def test_certificate_is_renewed_for_a_new_name_and_not_for_a_lost_one(place: Place) -> None:
    own = place.start()
    own.newer()
    place.names = Names(("envguard.example", "localhost"), ("10.0.0.7", "127.0.0.1"))
    assert own.newer() is not None
    assert validity_of(place.text("tls.pem")).names == place.names
    place.names = HERE
    assert own.newer() is None


def test_what_another_process_renewed_is_taken(place: Place) -> None:
    one, other = place.start(), place.start()
    one.newer(), other.newer()
    place.at += 25 * DAY
    assert one.newer() is not None
    renewed = place.text("tls.pem")
    assert other.newer() is not None
    assert place.text("tls.pem") == renewed


@pytest.mark.parametrize("content", ["", "nonsense", "half"], ids=str)
def test_damaged_certificate_is_made_anew(place: Place, content: str) -> None:
    own = place.start()
    own.newer()
    path = place.folder / "tls.pem"
    written(path, path.read_text()[:300] if content == "half" else content)
    assert own.newer() is not None


def test_certificate_of_an_authority_before_is_made_anew(place: Place, tmp_path: Path) -> None:
    place.start().newer()
    other = Place(tmp_path / "other")
    other.start().newer()
    shutil.copy(other.folder / "tls.pem", place.folder / "tls.pem")
    own = place.start()
    context = own.newer()
    assert context is not None
    assert refusal_by(own.authority, context, "localhost", is_whole=True) is None


def test_start_that_was_cut_off_goes_on_with_its_key(place: Place) -> None:
    key = new_key()
    written(place.folder / "ca-key.pem", key)
    assert place.start().newer() is not None
    assert place.text("ca-key.pem") == key


def said(place: Place, at: str) -> StateError:
    before = {path.name: path.read_bytes() for path in place.folder.glob("ca*")}
    with pytest.raises(StateError) as caught:
        place.start()
    assert caught.value.where == str(place.folder / at)
    assert "join again" in str(caught.value.hint)
    assert {path.name: path.read_bytes() for path in place.folder.glob("ca*")} == before
    return caught.value


def test_lost_authority_is_said_and_comes_back_from_a_machine(place: Place) -> None:
    place.start().newer()
    kept = place.text("ca.pem")
    (place.folder / "ca.pem").unlink()
    assert "of any machine that joined" in str(said(place, "ca.pem").hint)
    written(place.folder / "ca.pem", kept)
    assert place.start().authority == kept


def test_lost_key_is_said(place: Place) -> None:
    place.start()
    (place.folder / "ca-key.pem").unlink()
    assert "gone" in str(said(place, "ca-key.pem"))


@pytest.mark.parametrize("name", ["ca.pem", "ca-key.pem"])
@pytest.mark.parametrize("content", ["", "nonsense"])
def test_damaged_authority_is_said_and_not_replaced(place: Place, name: str, content: str) -> None:
    place.start()
    written(place.folder / name, content)
    assert "damaged" in str(said(place, "ca.pem"))


def test_damaged_key_without_a_certificate_is_said(place: Place) -> None:
    written(place.folder / "ca-key.pem", "nonsense")
    assert "damaged" in str(said(place, "ca-key.pem"))


def test_key_of_another_authority_is_said(place: Place) -> None:
    place.start()
    written(place.folder / "ca-key.pem", new_key())
    assert "not its key" in str(said(place, "ca.pem"))


@pytest.mark.parametrize("later", [-2 * DAY, 4000 * DAY], ids=["clock behind", "at its end"])
def test_clock_outside_of_the_authoritys_time_is_said(place: Place, later: timedelta) -> None:
    place.start()
    place.at += later
    assert "clock" in str(said(place, "ca.pem").hint)


@pytest.mark.parametrize(("left", "is_said"), [(300 * DAY, True), (400 * DAY, False)], ids=str)
def test_authority_that_ends_within_a_year_is_logged(
    place: Place, caplog: pytest.LogCaptureFixture, left: timedelta, is_said: bool
) -> None:
    place.start()
    place.at = validity_of(place.text("ca.pem")).ends_at - left
    caplog.clear()
    place.start()
    told = [each.message for each in caplog.records if each.message.startswith("authority_ends_soon")]
    assert bool(told) == is_said


def test_certificate_does_not_outlive_its_authority(place: Place) -> None:
    key = new_key()
    written(place.folder / "ca-key.pem", key)
    written(place.folder / "ca.pem", new_authority(key, place.at))
    place.at = validity_of(place.text("ca.pem")).ends_at - 3 * DAY
    own = place.start()
    assert own.newer() is not None
    assert own.newer() is None
    assert validity_of(place.text("tls.pem")).ends_at == validity_of(place.text("ca.pem")).ends_at


def test_connections_get_the_newest(place: Place) -> None:
    own = place.start()
    serving = Serving(own)
    place.names = Names(("envguard.example",), ())
    assert refusal_by(own.authority, serving.context, "envguard.example", is_whole=True) == "for another name"
    serving.refresh()
    assert refusal_by(own.authority, serving.context, "envguard.example", is_whole=True) is None


def test_renewal_that_fails_is_logged_once_and_the_certificate_stays(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    own = place.start()
    serving = Serving(own)
    place.at += 25 * DAY
    (place.folder / "tls.lock").unlink()
    (place.folder / "tls.lock").mkdir()
    for _ in range(3):
        serving.refresh()
    told = [each.message.partition(" ")[0] for each in caplog.records]
    assert told.count("certificate_not_changed") == 1
    assert refusal_by(own.authority, serving.context, "localhost", is_whole=True) is None


@pytest.mark.parametrize(
    ("url", "hosts", "dns", "addresses"),
    [
        ("https://envguard.example:8750", ("WS-7.",), {"envguard.example", "ws-7"}, set()),
        ("https://10.0.0.7", ("0.0.0.0", "::"), set(), {"10.0.0.7"}),
        ("https://[fd00::7]:1/", ("fe80::1%eth0",), set(), {"fd00::7", "fe80::1"}),
        ("https://bücher.example", ("", "x" * 70, "a..b"), {"xn--bcher-kva.example"}, set()),
        ("https://1234:8750", ("10.0.7",), {"1234", "10.0.7"}, set()),
    ],
    ids=["names", "any address", "six", "international, and none", "of digits"],
)
def test_names_are_the_url_s_the_host_s_and_loopback(
    url: str, hosts: tuple[str, ...], dns: set[str], addresses: set[str]
) -> None:
    names = names_of(url, hosts)
    assert set(names.dns) == dns | {"localhost"}
    assert set(names.addresses) == addresses | {"127.0.0.1", "::1"}


def test_machine_whose_name_is_a_number_has_a_certificate_for_it(place: Place) -> None:
    """Containers are called by random digits."""
    place.names = names_of("https://127.0.0.1:8750", ("042617935802",))
    own = place.start()
    context = own.newer()
    assert context is not None
    assert refusal_by(own.authority, context, "042617935802", is_whole=True) is None


def test_host_whose_name_nobody_knows_is_called_by_it() -> None:
    def fails(*_: object, **__: object) -> list[tuple[object, ...]]:
        raise OSError("no resolver")

    assert host_names(lambda: "ws-7", fails) == ("ws-7",)
    assert host_names(lambda: "ws-7", lambda *_, **__: [(2, 1, 6, "ws-7.example", ("10.0.0.7", 0))]) == (
        "ws-7",
        "ws-7.example",
    )
