"""Who is let in, and who may do what."""

from __future__ import annotations

import pytest

from envguard.wire import read_join
from tests.server.asking import (
    ROUTES,
    Server,
    says,
)


class TestLettingIn:
    def test_join_token_gives_a_machine_its_secret(self, server: Server) -> None:
        secret = server.enrol("ws-7")
        assert server.ask("GET", "/policies", token=secret).json() == {"policies": []}

    def test_unknown_join_token_is_refused(self, server: Server) -> None:
        answer = server.ask("POST", "/enroll", {"token": "x", "machine": "m", "name": "ws-7"})
        says(answer, 403, "does not know", "token new")

    def test_expired_join_token_is_refused(self, server: Server) -> None:
        token = server.join_token()
        server.now_s += 7 * 24 * 3600 + 1
        answer = server.ask("POST", "/enroll", {"token": token, "machine": "m", "name": "ws-7"})
        says(answer, 403, "expired")

    def test_used_up_join_token_is_refused(self, server: Server) -> None:
        made = server.ask("POST", "/tokens", {"expires_s": 60, "uses": 1}, token=server.admin)
        token = read_join(made.json()["join"]).token
        first = server.ask("POST", "/enroll", {"token": token, "machine": "m", "name": "ws-7"})
        second = server.ask("POST", "/enroll", {"token": token, "machine": "n", "name": "ws-8"})
        assert first.status == 200
        says(second, 403, "used up")

    def test_known_machine_gets_a_new_secret_and_the_old_one_ends(self, server: Server) -> None:
        old, new = server.enrol("ws-7"), server.enrol("ws-7")
        assert server.ask("GET", "/policies", token=new).status == 200
        says(server.ask("GET", "/policies", token=old), 401, "does not know")

    def test_name_of_another_machine_is_refused_and_costs_no_use(self, server: Server) -> None:
        server.enrol("ws-7")
        made = server.ask("POST", "/tokens", {"uses": 1}, token=server.admin)
        token = read_join(made.json()["join"]).token
        answer = server.ask("POST", "/enroll", {"token": token, "machine": "other", "name": "ws-7"})
        says(answer, 409, "ws-7", "--name")
        again = server.ask("POST", "/enroll", {"token": token, "machine": "other", "name": "ws-8"})
        assert again.status == 200

    @pytest.mark.parametrize("name", ["", "  ", "a\nb", "a\x00", "x" * 201])
    def test_name_that_is_none_is_refused(self, server: Server, name: str) -> None:
        message = {"token": server.join_token(), "machine": "m", "name": name}
        says(server.ask("POST", "/enroll", message), 400, "$.name")

    @pytest.mark.parametrize(("method", "path"), [*ROUTES[1:], ("GET", "/team"), ("GET", "/policies/x")])
    def test_no_token_and_wrong_token_are_refused(self, server: Server, method: str, path: str) -> None:
        says(server.ask(method, path), 401, "no token", "export ENVGUARD_TOKEN=", "envguard join STRING")
        says(server.ask(method, path, token="guess"), 401, "does not know", "export ENVGUARD_TOKEN=")

    @pytest.mark.parametrize("path", ["/policies", "/tokens"])
    def test_machine_may_not_do_what_the_admin_may(self, server: Server, path: str) -> None:
        says(server.ask("POST", path, {}, token=server.enrol("ws-7")), 403, "admin")

    @pytest.mark.parametrize(("method", "path"), ROUTES[1:3])
    def test_admin_is_no_machine(self, server: Server, method: str, path: str) -> None:
        says(server.ask(method, path, {}, token=server.admin), 403, "joined machine")

    @pytest.mark.parametrize("wish", [{"uses": 0}, {"expires_s": 0}, {"expires_s": 1e12}, {"uses": "x"}])
    def test_join_string_outside_the_limits_is_refused(self, server: Server, wish: object) -> None:
        says(server.ask("POST", "/tokens", wish, token=server.admin), 400, "$.")

    def test_secrets_are_not_kept_in_clear(self, sqlite_server: Server) -> None:
        server = sqlite_server
        secret, join = server.enrol("ws-7"), server.join_token()
        kept = b"".join(path.read_bytes() for path in server.state.glob("envguard.db*"))
        assert b"id-ws-7" in kept
        assert not any(each.encode() in kept for each in (secret, join, server.admin))
