"""How a machine's secret gives way to another, as the server sees it."""

from __future__ import annotations

from envguard.server.checkins import SECRET_S
from tests.server.asking import GOOD, Answer, Server, a_checkin, a_record, records, says


def check_in(server: Server, secret: str, seq: int = 1) -> Answer:
    return server.ask("POST", "/checkin", a_checkin(records(a_record(GOOD)), seq=seq), token=secret)


def offer(server: Server, secret: str) -> str:
    answer = server.ask("POST", "/secret", token=secret)
    assert answer.status == 200, answer
    offered: str = answer.json()["secret"]
    return offered


def test_old_secret_is_told_so_and_a_fresh_one_not(server: Server) -> None:
    secret = server.enrol("ws-7")
    assert "renew_secret" not in check_in(server, secret).json()
    server.now_s += SECRET_S + 1
    assert check_in(server, secret).json()["renew_secret"]
    new = offer(server, secret)
    assert server.ask("POST", "/secret/use", token=new).status == 204
    assert "renew_secret" not in check_in(server, new).json()


def test_one_of_both_lets_in_and_the_other_does_not(server: Server) -> None:
    old = server.enrol("ws-7")
    new = offer(server, old)
    assert check_in(server, old).status == 200
    says(check_in(server, new), 401, "does not know")
    for _ in range(2):  # its answer may be lost
        assert server.ask("POST", "/secret/use", token=new).status == 204
    says(check_in(server, old), 401, "does not know")
    assert check_in(server, new).status == 200


def test_only_the_last_offer_counts_and_ends_when_the_machine_joins_anew_or_goes(server: Server) -> None:
    secret = server.enrol("ws-7")
    first, second = offer(server, secret), offer(server, secret)
    says(server.ask("POST", "/secret/use", token=first), 401, "did not offer")
    secret = server.enrol("ws-7")
    says(server.ask("POST", "/secret/use", token=second), 401, "did not offer")
    third = offer(server, secret)
    server.ask("POST", "/machines/ws-7/retire", {}, token=server.admin)
    says(server.ask("POST", "/secret/use", token=third), 401, "did not offer")


def test_machine_of_an_older_server_is_told_at_once(sqlite_server: Server) -> None:
    server = sqlite_server
    secret = server.enrol("ws-7")
    with server.database.writing() as connection:
        connection.exec_driver_sql("UPDATE machines SET secret_at = NULL")
    assert check_in(server, secret).json()["renew_secret"]
