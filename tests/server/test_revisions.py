"""A policy's revisions: each can be had, and all are listed."""

from __future__ import annotations

import pytest

from envguard.domain.policy import FurtherFile, PolicySource
from tests.server.asking import POLICY, Server


def push_three(server: Server) -> None:
    for comment in ("", "# a\n", "# b\n"):
        assert server.push(POLICY + comment).status == 200
        server.now_s += 60


@pytest.mark.parametrize(("query", "revision"), [("", 3), ("?revision=1", 1), ("?revision=3", 3)])
def test_a_revision_is_answered_with_its_files(server: Server, query: str, revision: int) -> None:
    push_three(server)
    answer = server.ask("GET", f"/policies/rl-team{query}", token=server.admin)
    assert answer.status == 200
    assert answer.json()["revision"] == revision
    assert answer.json()["source"]["text"] == POLICY + ("", "# a\n", "# b\n")[revision - 1]


def test_a_file_that_the_lock_names_makes_another_lock_and_a_comment_does_not(server: Server) -> None:
    def pushed(text: str, constraint: str) -> int:
        source = PolicySource(
            filename="rl-team.yaml",
            text=text,
            lock_filename="r.txt",
            lock_text="-c c.txt\ngym==0.26.2\n",
            further=(FurtherFile("c.txt", constraint),),
        )
        assert server.ask("POST", "/policies", source, token=server.admin).status == 200
        answer = server.ask("GET", "/policies/rl-team", token=server.admin)
        number: int = answer.json()["lock_revision"]
        return number

    text = POLICY + "lock: r.txt\n"
    assert pushed(text, "gym<1\n") == 1
    assert pushed(text + "# a comment\n", "gym<1\n") == 1
    assert pushed(text, "gym<2\n") == 2


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("?revision=4", 404),
        ("?revision=0", 400),
        ("?revision=x", 400),
        ("?revision=", 400),
        ("?revision=9999999999", 400),
        ("?revision=٣", 400),
    ],
)
def test_a_revision_that_is_none_is_refused(server: Server, query: str, status: int) -> None:
    push_three(server)
    assert server.ask("GET", f"/policies/rl-team{query}", token=server.admin).status == status


def test_all_are_listed_the_newest_first(server: Server) -> None:
    push_three(server)
    rows = server.ask("GET", "/policies/rl-team/revisions", token=server.admin).json()["revisions"]
    assert [row["revision"] for row in rows] == [3, 2, 1]
    assert sorted(row["pushed_at"] for row in rows) == [row["pushed_at"] for row in rows[::-1]]
    assert "source" not in rows[0]


def test_of_an_unknown_policy_none_are_listed(server: Server) -> None:
    assert server.ask("GET", "/policies/none/revisions", token=server.admin).status == 404


def test_only_who_is_known_may_ask(server: Server) -> None:
    assert server.ask("GET", "/policies/rl-team/revisions").status == 401
