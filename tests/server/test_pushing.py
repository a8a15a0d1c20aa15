"""Policies: pushed, numbered, and what they govern."""

from __future__ import annotations

from tests.server.asking import (
    GOOD,
    POLICY,
    Server,
    a_record,
    records,
    says,
)


class TestPolicies:
    def test_push_numbers_revisions_and_same_bytes_keep_theirs(self, server: Server) -> None:
        first, again = server.push().json(), server.push().json()
        third = server.push(POLICY + "# a comment\n").json()
        assert (first["revision"], first["is_new"]) == (1, True)
        assert (again["revision"], again["is_new"]) == (1, False)
        assert (third["revision"], third["is_new"]) == (2, True)
        one = server.ask("GET", "/policies/rl-team", token=server.admin).json()
        assert one["revision"] == 2
        assert server.ask("GET", "/policies", token=server.admin).json() == {"policies": [one]}

    def test_unknown_policy_is_not_found(self, server: Server) -> None:
        says(server.ask("GET", "/policies/none", token=server.admin), 404, "none")
        says(server.ask("GET", "/team?policy=none", token=server.admin), 404, "none")

    def test_push_names_every_problem(self, server: Server) -> None:
        text = 'envguard: 1\nname: rl-team\npackages:\n  gym: "=>1"\n  numpy: "~~2"\n'
        says(server.push(text), 422, "gym", "numpy", "rl-team.yaml:4")

    def test_push_names_what_it_governs(self, server: Server) -> None:
        server.report(server.enrol("ws-7"), records(a_record(GOOD)), GOOD)
        reply = server.push().json()
        assert reply["governs"] == [{"machine": "ws-7", "path": "/home/ann/rl/.venv", "also_on": []}]
        assert reply["holders"] == []

    def test_push_that_governs_none_names_the_holders_of_its_packages(self, server: Server) -> None:
        server.report(server.enrol("ws-7"), records(a_record(GOOD)), GOOD)
        reply = server.push(POLICY.replace('"*"', '"/nowhere/*"')).json()
        assert reply["governs"] == []
        assert reply["holders"] == [{"machine": "ws-7", "path": "/home/ann/rl/.venv", "also_on": []}]

    def test_an_environment_on_a_shared_file_system_is_counted_once(self, server: Server) -> None:
        for name, path in (("ws-7", "/home/ann/rl/.venv"), ("ws-9", "/net/ann/rl/.venv"), ("ws-9", "/a")):
            shared = "nfs:host:/home/ann/rl/.venv" if path != "/a" else None
            held = records(a_record(GOOD, path, shared_as=shared))
            server.report(server.enrol(f"{name}{path.count('/')}"), held, GOOD)
        reply = server.push().json()
        assert [(each["machine"], each["path"], each["also_on"]) for each in reply["governs"]] == [
            ("ws-74", "/home/ann/rl/.venv", ["ws-94"]),
            ("ws-91", "/a", []),
        ]
