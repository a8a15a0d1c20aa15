from __future__ import annotations

import socket
import ssl
import threading
import zlib

import msgspec
import pytest
import requests
import urllib3

from envguard.client import ServerClient
from envguard.client.exchange import Timeouts
from envguard.domain.environment import Interpreter, digest_of, snapshot_of
from envguard.domain.policy import PolicySource
from envguard.errors import RefusedError, TransportError, UsageError
from envguard.wire import (
    BODY_LIMIT_BYTES,
    Checkin,
    CheckinReply,
    EnrolRequest,
    Policies,
    PushReply,
    TokenRequest,
)
from tests.client.fake_server import Told, serving
from tests.client.test_person import TOKENS_THAT_ARE_NONE

DEEP = b'{"error": ' + b"[" * 100_000
QUICK = Timeouts(connect_s=1.0, silence_s=0.3, total_s=0.6)


def asking(told: Told) -> TransportError:
    """What the client raises when the server answers this."""
    with serving(lambda _: told) as server, pytest.raises(TransportError) as caught:
        ServerClient(server.url, token="t", timeouts=QUICK).policies()
    return caught.value


def test_secret_goes_in_the_header_and_the_answer_is_typed() -> None:
    with serving(lambda _: Told(body=msgspec.json.encode(Policies(())))) as server:
        assert ServerClient(server.url + "/", token="abc").policies() == ()
    (asked,) = server.asked
    assert (asked.method, asked.path) == ("GET", "/api/v1/policies")
    assert asked.headers["Authorization"] == "Bearer abc"


def test_surroundings_give_no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("no_proxy", "")
    with serving(lambda _: Told(body=msgspec.json.encode(Policies(())))) as server:
        assert ServerClient(server.url).policies() == ()


def test_snapshot_travels_compressed_under_its_digest() -> None:
    interpreter = Interpreter(
        implementation="CPython", version="3.11.7", abi="cp311", platform="linux-x86_64"
    )
    snapshot = snapshot_of(interpreter, ())
    with serving(lambda _: Told(status=204, body=b"")) as server:
        ServerClient(server.url).put_snapshot(digest_of(snapshot), snapshot)
    (asked,) = server.asked
    assert asked.path == f"/api/v1/snapshots/{digest_of(snapshot)}"
    assert asked.headers["Content-Encoding"] == "deflate"
    assert zlib.decompress(asked.body) == msgspec.json.encode(snapshot)


def test_server_that_is_down_is_said() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
        with pytest.raises(TransportError, match="cannot be reached"):
            ServerClient(url, timeouts=QUICK).policies()


@pytest.mark.parametrize(
    ("told", "words"),
    [
        pytest.param(Told(body=b"<html>sign in</html>"), "not an answer of an envguard server", id="html"),
        pytest.param(Told(body=b'{"policies": 3}'), "not an answer of an envguard server", id="shape"),
        pytest.param(Told(body=b'"\xff"'), "not an answer of an envguard server", id="not-utf8"),
        pytest.param(Told(body=b""), "not an answer of an envguard server", id="empty"),
        pytest.param(Told(status=204, body=b""), "not an answer of an envguard server", id="no-content"),
        pytest.param(Told(body=DEEP), "not an answer of an envguard server", id="deep"),
        pytest.param(Told(status=500, body=DEEP), "status 500", id="500-deep"),
        pytest.param(Told(status=500, body=b"<html>oops</html>"), "status 500", id="500-html"),
        pytest.param(Told(status=403, body=b'{"error": " "}'), "status 403", id="403-wordless"),
        pytest.param(Told(status=500, body=b"oops"), "status 500", id="500"),
        pytest.param(Told(status=404, body=b"<html>"), "status 404", id="404-html"),
        pytest.param(
            Told(status=302, headers={"Location": "http://evil.example/"}), "redirected to", id="redirect"
        ),
        pytest.param(Told(body=b" " * (BODY_LIMIT_BYTES + 1)), "too large", id="huge"),
        pytest.param(Told(body=b" " * 50, drip_s=0.1), "took too long", id="drip"),
        pytest.param(Told(body=b"  ", drip_s=1.0), "in time", id="silent"),
        pytest.param(Told(headers={"Content-Encoding": "gzip"}, body=b"no"), "broke off", id="bad-gzip"),
    ],
)
def test_nonsense_is_a_transport_error(told: Told, words: str) -> None:
    error = asking(told)
    assert not isinstance(error, RefusedError)
    assert words in error.what
    assert error.hint
    assert "\n" not in f"{error} {error.hint}"


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 413, 422, 426])
def test_refusal_keeps_the_servers_words_and_hint(status: int) -> None:
    error = asking(Told(status=status, body=b'{"error": "no \\u001b[31m way", "hint": "ask ann"}'))
    assert isinstance(error, RefusedError)
    assert error.what == "no  [31m way"
    assert error.hint == "ask ann"


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        pytest.param({"Retry-After": "7"}, 7.0, id="seconds"),
        pytest.param({"Retry-After": "nan"}, None, id="nan"),
        pytest.param({"Retry-After": "-1"}, None, id="negative"),
        pytest.param({"Retry-After": "soon"}, None, id="word"),
        pytest.param({"Retry-After": f"Mon, 1 Jan {'9' * 20} 00:00:00 GMT"}, None, id="endless year"),
        pytest.param({}, None, id="absent"),
    ],
)
def test_retry_after_is_kept(headers: dict[str, str], seconds: float | None) -> None:
    error = asking(Told(status=503, body=b'{"error": "busy"}', headers=headers))
    assert not isinstance(error, RefusedError)
    assert error.what == "busy"
    assert error.retry_after_s == seconds


def test_refusal_may_say_how_seldom_to_ask_again() -> None:
    error = asking(Told(status=403, body=b'{"error": "retired"}', headers={"Retry-After": "21600"}))
    assert (type(error), error.retry_after_s) == (RefusedError, 21600.0)


@pytest.mark.parametrize(
    "url",
    [
        "http://server.example",
        "http://10.0.0.1:80",
        "ftp://server",
        "server:8750",
        "https://",
        "https://a:hunter2@c",
        "ftp://a:hunter2@c",
        "http://localhost:1\\@s.example",
        "http://localhost.s.example",
        "http://127.1",
        "https://s.example?",
        "https://s.example/#x",
        "https://s.example:99999",
        "https://s.example:port",
        "https://[::1",
        "https://s example",
        " https://s.example",
        "https://s.exam\nple",
        "https://s.example/\x1b[31m",
    ],
)
def test_address_that_must_not_get_a_secret_is_refused(url: str) -> None:
    with pytest.raises(UsageError) as caught:
        ServerClient(url, token="secret")
    said = f"{caught.value} {caught.value.hint}"
    assert caught.value.hint
    assert said.isprintable()
    assert "hunter2" not in said


@pytest.mark.parametrize("path", ["", "/", "/team", "/team/"])
def test_address_may_have_a_path_or_a_slash_at_its_end(path: str) -> None:
    with serving(lambda _: Told(body=msgspec.json.encode(Policies(())))) as server:
        ServerClient(server.url + path).policies()
        ServerClient(server.url + path).health()
    prefix = path.rstrip("/")
    assert [asked.path for asked in server.asked] == [f"{prefix}/api/v1/policies", f"{prefix}/healthz"]


@pytest.mark.parametrize("token", TOKENS_THAT_ARE_NONE)
def test_token_that_no_header_may_carry_is_refused_and_never_shown(token: str) -> None:
    with pytest.raises(UsageError) as caught:
        ServerClient("https://s.example", token=token)
    assert "hunter" not in f"{caught.value} {caught.value.hint}"


def test_several_problems_of_a_refusal_are_told_apart_on_one_line() -> None:
    error = asking(Told(status=422, body=b'{"error": "a.yaml:3: bad\\n\\na.yaml:4: worse\\n"}'))
    assert error.what == "a.yaml:3: bad; a.yaml:4: worse"


def test_tls_where_none_is_spoken_is_said() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(1)
                connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        with pytest.raises(TransportError, match="no TLS") as caught:
            ServerClient(f"https://127.0.0.1:{listener.getsockname()[1]}", timeouts=QUICK).policies()
        thread.join()
    assert "by mistake" in str(caught.value.hint)


@pytest.mark.parametrize(
    ("code", "words"), [(9, "not valid yet"), (10, "expired"), (62, "for another name"), (18, "not trusted")]
)
def test_certificate_that_is_refused_says_why(code: int, words: str) -> None:
    class Refusing(requests.Session):
        def request(self, *_: object, **__: object) -> requests.Response:
            refused = ssl.SSLCertVerificationError("certificate verify failed")
            refused.verify_code = code
            pool = urllib3.HTTPSConnectionPool("s.example")
            raise requests.exceptions.SSLError(
                urllib3.exceptions.MaxRetryError(pool, "/", urllib3.exceptions.SSLError(refused))
            )

    with pytest.raises(TransportError, match=words) as caught:
        ServerClient("https://s.example", session=Refusing()).policies()
    assert ("clock" in str(caught.value.hint)) == (code in (9, 10))


@pytest.mark.parametrize(
    "url", ["http://localhost:1", "http://[::1]:1", "http://127.8.0.1", "https://s.example"]
)
def test_address_that_may_get_a_secret_is_taken(url: str) -> None:
    assert ServerClient(url).url == url


def test_each_message_has_its_place() -> None:
    bodies = {
        "/api/v1/enroll": b'{"secret": "s", "interval_s": 30}',
        "/api/v1/checkin": msgspec.json.encode(
            CheckinReply(wants_records=False, policies_changed=False, next_in_s=9)
        ),
        "/api/v1/policies": msgspec.json.encode(PushReply(name="p", revision=2, is_new=True, governs=())),
        "/api/v1/tokens": b'{"join": "envguard-join-1.x"}',
        "/healthz": b'{"status": "ok"}',
    }
    with serving(lambda asked: Told(body=bodies[asked.path])) as server:
        client = ServerClient(server.url)
        assert client.enrol(EnrolRequest(token="t", machine="m", name="n")).secret == "s"
        checkin = Checkin(
            protocol=1, epoch="e", seq=1, records=digest_of(Policies(())), policies={}, version="1"
        )
        assert client.checkin(checkin).next_in_s == 9
        assert client.push(PolicySource(filename="p.yaml", text="")).revision == 2
        assert client.new_join(TokenRequest(expires_s=9, uses=1)) == "envguard-join-1.x"
        client.health()
