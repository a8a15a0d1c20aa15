"""Which policy judges: each source before those after it, in real projects with a real environment."""

from __future__ import annotations

import re
import sys
from itertools import combinations
from pathlib import Path

import pytest

from envguard.domain.policy import PolicySource
from envguard.state import KeptPolicy, open_state
from tests.builders.environments import install, make_venv
from tests.builders.places import lay_out_conda
from tests.cli.conftest import Envguard, Run
from tests.cli.machines import check_all, hold
from tests.report.arranging import NOW

SOURCES = ("option", "variable", "use", "marker", "applies-to", "lock")
SAYS = {
    "option": "named on the command line",
    "variable": "named in ENVGUARD_POLICY",
    "use": "bound by `envguard use`",
    "marker": "policy named in pyproject.toml:2",
    "applies-to": "policy applies to it",
    "lock": "no policy; judged by the lock requirements.txt",
}


def judged_by(run: Run) -> str:
    return re.sub(r"\s+", " ", run.out)


class TestTheOrder:
    """``--policy``, ENVGUARD_POLICY, ``use``, the marker, ``applies-to``, the project's own lock."""

    def arrange(self, envguard: Envguard, project: Path, speaking: tuple[str, ...]) -> list[str]:
        """Let these sources speak, and answer the options of the command; the variable is the caller's."""
        hold(project.parent, *SOURCES[:5], applies="*" if "applies-to" in speaking else "/nowhere")
        marker = '[tool.envguard]\npolicy = "marker"\n' if "marker" in speaking else "[project]\nname = 'p'\n"
        (project / "pyproject.toml").write_text(marker)
        if "use" in speaking:
            assert envguard("use", "use", project / ".venv").code == 0
        if "lock" in speaking:
            (project / "requirements.txt").write_text("gym==0.25.2\n")
        return ["--policy", "option"] if "option" in speaking else []

    @pytest.mark.parametrize("pair", list(combinations(SOURCES, 2)), ids="-".join)
    def test_of_two_sources_the_first_counts(
        self, envguard: Envguard, project: Path, pair: tuple[str, str]
    ) -> None:
        options = self.arrange(envguard, project, pair)
        environ = {"ENVGUARD_POLICY": "variable"} if "variable" in pair else {}
        run = envguard("check", "--json", *options, cwd=project, **environ)
        assert (run.code, run.json()["verdict"]) == (0, "compliant")
        assert (run.json()["policy"]["name"], run.json()["source"]) == (pair[0], SAYS[pair[0]])

    @pytest.mark.parametrize("source", SOURCES)
    def test_the_first_lines_say_which_it_was(self, envguard: Envguard, project: Path, source: str) -> None:
        options = self.arrange(envguard, project, (source,))
        environ = {"ENVGUARD_POLICY": source} if source == "variable" else {}
        run = envguard("check", *options, cwd=project, **environ)
        name = "the lock `requirements.txt` (no policy)" if source == "lock" else f"`{source}` r1"
        assert run.out.splitlines()[0] == f"compliant with {name}"
        assert SAYS[source] in judged_by(run)

    def test_nothing_at_all_is_wrong_usage_with_a_way_on(self, envguard: Envguard, project: Path) -> None:
        run = envguard("check", "--json", cwd=project)
        assert (run.code, run.json()["error"]["kind"]) == (2, "usage")
        hint = run.json()["error"]["hint"]
        assert hint.startswith(f"envguard policy new --from-env {project / '.venv'}")

    def test_an_empty_variable_says_nothing(self, envguard: Envguard, project: Path) -> None:
        self.arrange(envguard, project, ("marker",))
        run = envguard("check", "--json", cwd=project, ENVGUARD_POLICY="")
        assert run.json()["policy"]["name"] == "marker"


class TestAPolicyThatCannotBeHad:
    """It is exit 3, whatever else could judge."""

    @pytest.mark.parametrize(
        ("options", "variable"),
        [
            pytest.param(["--policy", "gone"], "", id="a name"),
            pytest.param(["--policy", "gone.yaml"], "", id="a file"),
            pytest.param(["--policy", "gone/uv.lock"], "", id="a lock"),
            pytest.param([], "gone", id="in the variable"),
            pytest.param([], "./gone.yaml", id="a file in the variable"),
        ],
    )
    def test_as_it_was_named(
        self, envguard: Envguard, project: Path, options: list[str], variable: str
    ) -> None:
        hold(project.parent, "applies-to", applies="*")
        (project / "requirements.txt").write_text("gym==0.25.2\n")
        run = envguard("check", "--json", *options, cwd=project, ENVGUARD_POLICY=variable)
        assert (run.code, run.json()["error"]["kind"]) == (3, "unavailable")
        assert "gone" in run.json()["error"]["message"] + run.json()["error"]["place"]

    @pytest.mark.parametrize("policy", ["gone", "./gone.yaml", "gone.lock/uv.lock"])
    def test_as_the_marker_names_it(self, envguard: Envguard, project: Path, policy: str) -> None:
        hold(project.parent, "applies-to", applies="*")
        (project / "requirements.txt").write_text("gym==0.25.2\n")
        (project / "pyproject.toml").write_text(f'[tool.envguard]\npolicy = "{policy}"\n')
        assert envguard("check", "--json", cwd=project).code == 3
        assert check_all(envguard, project.parent, project) == (3, ["unknown"])

    def test_as_it_was_bound(self, envguard: Envguard, project: Path) -> None:
        (project / "requirements.txt").write_text("gym==0.25.2\n")
        envguard("use", "gone", project / ".venv")
        run = envguard("check", "--json", cwd=project)
        assert run.code == 3
        assert "envguard policy pull gone" in run.json()["error"]["hint"]

    def test_two_that_apply_are_both_named(self, envguard: Envguard, project: Path) -> None:
        (project / "requirements.txt").write_text("gym==0.25.2\n")
        hold(project.parent, "applies-to", applies="*")
        state = open_state(project.parent / "state")
        first = state.policies()["applies-to"]
        text = first.source.text.replace("name: applies-to", "name: second")
        source = PolicySource(filename="second.yaml", text=text)
        second = KeptPolicy(name="second", revision=1, lock_revision=None, source=source, received_at=NOW)
        state.keep_policies({"applies-to": first, "second": second})
        run = envguard("check", "--json", cwd=project)
        assert run.code == 3
        assert "`applies-to` and `second` both apply" in run.json()["error"]["message"]


class TestALockInsteadOfAPolicy:
    @pytest.mark.parametrize("way", ["option", "variable", "marker"])
    @pytest.mark.parametrize(("version", "code"), [("0.25.2", 0), ("0.26.2", 1)])
    def test_it_judges_as_a_policy_would(
        self, envguard: Envguard, project: Path, way: str, version: str, code: int
    ) -> None:
        (project / "locks").mkdir()
        (project / "locks" / "requirements.txt").write_text(f"gym=={version}\n")
        if way == "marker":
            marker = '[tool.envguard]\npolicy = "locks/requirements.txt"\n'
            (project / "pyproject.toml").write_text(marker)
        options = ["--policy", "locks/requirements.txt"] if way == "option" else []
        environ = {"ENVGUARD_POLICY": "locks/requirements.txt"} if way == "variable" else {}
        run = envguard("check", *options, cwd=project, **environ)
        assert run.code == code
        assert "`requirements.txt`" in run.out.splitlines()[0]
        assert "(no policy)" not in run.out
        assert SAYS[way] in judged_by(run)

    def test_a_lock_is_judged_without_an_environment(self, envguard: Envguard, project: Path) -> None:
        lock = project / "requirements.txt"
        lock.write_text("gym==0.26.2\n")
        hold(project.parent, "option", "variable", "marker")
        assert envguard("check", lock).code == 2
        (project / "pyproject.toml").write_text('[tool.envguard]\npolicy = "marker"\n')
        for options, variable, source in (
            (["--policy", "option"], "variable", "option"),
            ([], "variable", "variable"),
            ([], "", "marker"),
        ):
            run = envguard("check", lock, "--json", *options, ENVGUARD_POLICY=variable)
            assert (run.code, run.json()["policy"]["name"]) == (1, source)
            assert run.json()["source"] == SAYS[source]


class TestAMarkerThatCannotBeRead:
    BROKEN = "[tool.envguard]\npolicy = 3\n"

    def test_it_is_told_with_its_line_and_nothing_judges_instead(
        self, envguard: Envguard, project: Path
    ) -> None:
        hold(project.parent, "applies-to", applies="*")
        (project / "requirements.txt").write_text("gym==0.25.2\n")
        (project / "pyproject.toml").write_text(self.BROKEN)
        run = envguard("check", "--json", project / ".venv")
        assert (run.code, run.json()["error"]["kind"]) == (2, "policy")
        assert run.json()["error"]["place"] == f"{project}/pyproject.toml:2: tool.envguard.policy"
        assert "cannot be used:" in envguard("explain", "--env", project / ".venv").out

    def test_who_names_a_policy_or_bound_one_needs_no_marker(self, envguard: Envguard, project: Path) -> None:
        hold(project.parent, "option", "use")
        (project / "pyproject.toml").write_text(self.BROKEN)
        assert envguard("check", "--policy", "option", cwd=project).code == 0
        assert envguard("check", cwd=project, ENVGUARD_POLICY="option").code == 0
        envguard("use", "use", project / ".venv")
        assert envguard("check", cwd=project).code == 0
        assert check_all(envguard, project.parent, project) == (0, ["compliant"])

    def test_what_its_owner_bound_and_cannot_be_read_is_told(self, envguard: Envguard, project: Path) -> None:
        hold(project.parent, "option", "marker")
        (project / "pyproject.toml").write_text('[tool.envguard]\npolicy = "marker"\n')
        (project.parent / "state" / "uses.json").write_text("{")
        run = envguard("check", "--json", cwd=project)
        assert (run.code, "uses.json" in run.json()["error"]["message"]) == (3, True)
        assert envguard("check", "--policy", "option", cwd=project).code == 0


class TestAnEnvironmentElsewhere:
    """Conda's mostly lie in no project: then the one in whose folder one stands says what they are for."""

    @pytest.fixture
    def elsewhere(self, tmp_path: Path) -> Path:
        (tmp_path / "envs").mkdir()
        environment = make_venv(Path(sys.executable), tmp_path / "envs" / "rl")
        install(environment, gym="0.25.2")
        return environment

    def test_the_marker_of_this_folder_counts_and_never_the_lock_beside_it(
        self, envguard: Envguard, project: Path, elsewhere: Path
    ) -> None:
        (project / "requirements.txt").write_text("gym==0.25.2\n")
        (project / "pyproject.toml").write_text('[tool.envguard]\npolicy = "marker"\n')
        active = {"VIRTUAL_ENV": str(elsewhere)}
        assert envguard("check", cwd=project, **active).code == 3
        hold(project.parent, "marker", "applies-to", applies="*")
        run = envguard("check", cwd=project, **active)
        assert (run.code, run.out.splitlines()[0]) == (0, "compliant with `marker` r1")
        assert "policy named in pyproject.toml:2 of this folder" in judged_by(run)
        (project / "sub").mkdir()
        assert envguard("check", "--json", cwd=project / "sub", **active).json()["policy"]["name"] == "marker"

    def test_the_lock_of_this_folder_s_project_counts_last(
        self, envguard: Envguard, project: Path, elsewhere: Path
    ) -> None:
        (project / "sub").mkdir()
        (project / "pyproject.toml").write_text("[project]\nname = 'p'\n")
        (project / "requirements.txt").write_text("gym==0.25.2\n")
        run = envguard("check", cwd=project / "sub", VIRTUAL_ENV=str(elsewhere))
        assert run.out.splitlines()[0] == "compliant with the lock `requirements.txt` (no policy)"

    @pytest.mark.parametrize(
        ("judge", "by"), [("requirements.txt", ()), ("pyproject.toml", ()), (None, ("--policy", "lock.txt"))]
    )
    def test_the_project_of_this_folder_is_itself_no_package_outside_the_lock(
        self, envguard: Envguard, project: Path, elsewhere: Path, judge: str | None, by: tuple[str, ...]
    ) -> None:
        install(elsewhere, my_paper="1.0")
        texts = dict.fromkeys(("requirements.txt", "lock.txt"), "gym==0.25.2\n")
        texts["rl.yaml"] = "envguard: 1\nname: rl\nlock: lock.txt\nunlisted: error\n"
        texts["pyproject.toml"] = "[project]\nname = 'My.Paper'\n"
        if judge == "pyproject.toml":
            texts[judge] += "[tool.envguard]\npolicy = './rl.yaml'\n"
        for name, text in texts.items():
            (project / name).write_text(text)
        run = envguard("check", *by, "--json", cwd=project, VIRTUAL_ENV=str(elsewhere))
        assert (run.code, run.json()["findings"]) == (0, [])
        other = envguard("check", elsewhere, "--policy", project / "rl.yaml", "--json").json()
        assert [(each["kind"], each["package"]) for each in other["findings"]] == [("unlisted", "my-paper")]

    @pytest.mark.parametrize("here", ["requirements.txt", "pyproject.toml"])
    def test_another_project_s_environment_is_that_one_s(
        self, envguard: Envguard, project: Path, tmp_path: Path, here: str
    ) -> None:
        (project / "pyproject.toml").write_text("[project]\nname = 'p'\n")
        hold(tmp_path, "marker")
        text = {"requirements.txt": "gym==0.25.2\n", "pyproject.toml": '[tool.envguard]\npolicy = "marker"\n'}
        (tmp_path / "cwd" / here).write_text(text[here])
        assert envguard("check", project / ".venv").code == 2

    def test_what_explain_says_is_what_counts(
        self, envguard: Envguard, project: Path, elsewhere: Path
    ) -> None:
        (project / "pyproject.toml").write_text('[tool.envguard]\npolicy = "marker"\n')
        steps = envguard("explain", "--env", elsewhere, "--json", cwd=project).json()["steps"]
        assert {step["source"]: step["says"] for step in steps if step["says"]} == {
            "marker in pyproject.toml:2": "marker"
        }


class TestWhichEnvironment:
    @pytest.fixture
    def conda(self, tmp_path: Path) -> Path:
        return lay_out_conda(tmp_path / "conda")

    def chosen(self, run: Run) -> str:
        """Answer what the second line says was chosen, and why."""
        found = re.match(r"(\S+), Python .* packages? \(([^)]*)\)", run.out.splitlines()[1])
        assert found is not None, run.out
        return f"{found[1]}: {found[2]}"

    @pytest.fixture(autouse=True)
    def everywhere(self, tmp_path: Path) -> None:
        hold(tmp_path, "applies-to", applies="**")

    def check(self, envguard: Envguard, cwd: Path, **environ: str) -> Run:
        return envguard("check", "--policy", "applies-to", cwd=cwd, COLUMNS="1000", **environ)

    def test_conda_s_base_is_no_choice(self, envguard: Envguard, project: Path, conda: Path) -> None:
        (conda / "condabin").mkdir()
        run = self.check(envguard, project, CONDA_PREFIX=str(conda))
        assert (self.chosen(run), run.err) == (".venv: the project's .venv", "")
        named = self.check(envguard, project, CONDA_PREFIX=str(conda), CONDA_DEFAULT_ENV="base")
        assert self.chosen(named) == ".venv: the project's .venv"

    def test_another_conda_environment_is_the_active_one(
        self, envguard: Envguard, project: Path, conda: Path
    ) -> None:
        run = self.check(envguard, project, CONDA_PREFIX=str(conda), CONDA_DEFAULT_ENV="rl")
        assert self.chosen(run) == f"{conda}: active"
        assert run.err == (
            f"warning: the active environment is {conda}, the project's own is {project / '.venv'}\n"
        )

    def test_an_active_environment_goes_before_conda_s_and_the_project_s(
        self, envguard: Envguard, project: Path, conda: Path, tmp_path: Path
    ) -> None:
        active = make_venv(Path(sys.executable), tmp_path / "active")
        run = self.check(envguard, project, CONDA_PREFIX=str(conda), VIRTUAL_ENV=str(active))
        assert self.chosen(run) == f"{active}: active"
        assert f"{active}, the project's own is {project / '.venv'}" in run.err
        own = self.check(envguard, project, VIRTUAL_ENV=str(project / ".venv"))
        assert (self.chosen(own), own.err) == (".venv: active", "")

    @pytest.mark.parametrize(
        "command", ["use rl", "stamp x", "guard install", "guard uninstall", "explain", "check"]
    )
    def test_every_command_tells_that_the_project_has_another(
        self, envguard: Envguard, project: Path, tmp_path: Path, command: str
    ) -> None:
        active = make_venv(Path(sys.executable), tmp_path / "active")
        run = envguard(*command.split(), cwd=project, VIRTUAL_ENV=str(active))
        told = f"warning: the active environment is {active}, the project's own is {project / '.venv'}\n"
        assert run.err.startswith(told)

    def test_with_none_active_and_no_project_the_first_python_on_the_path_is_it(
        self, envguard: Envguard, project: Path, tmp_path: Path
    ) -> None:
        run = self.check(envguard, tmp_path / "cwd", PATH=str(project / ".venv" / "bin"))
        assert self.chosen(run) == f"{project / '.venv'}: first `python` on PATH"

    def test_with_nothing_at_all_it_is_wrong_usage(self, envguard: Envguard, tmp_path: Path) -> None:
        assert self.check(envguard, tmp_path / "cwd", PATH=str(tmp_path)).code == 2


def test_a_name_is_also_that_of_the_policy_whose_file_the_marker_names(
    envguard: Envguard, project: Path
) -> None:
    (project / "policies").mkdir()
    (project / "policies" / "team.yaml").write_text("envguard: 1\nname: rl-team\npackages: {gym: ==0.25.2}\n")
    (project / "pyproject.toml").write_text('[tool.envguard]\npolicy = "policies/team.yaml"\n')
    run = envguard("check", "--policy", "rl-team", "--json", cwd=project)
    assert (run.code, run.json()["policy"]["name"]) == (0, "rl-team")
    assert run.json()["source"] == "named on the command line; its file is named in pyproject.toml:2"
    run = envguard("check", cwd=project, ENVGUARD_POLICY="rl-team")
    assert run.code == 0
    assert envguard("check", "--policy", "team", cwd=project).code == 3
    (project / "policies" / "team.yaml").write_text("envguard: [\n")
    broken = envguard("check", "--policy", "rl-team", cwd=project)
    assert (broken.code, "cannot be had" in broken.err) == (3, True)


def test_what_the_server_has_of_a_name_goes_before_the_markers_file(
    envguard: Envguard, project: Path
) -> None:
    hold(project.parent, "rl-team")
    (project / "rl-team.yaml").write_text("envguard: 1\nname: rl-team\npackages: {gym: ==9}\n")
    (project / "pyproject.toml").write_text('[tool.envguard]\npolicy = "rl-team.yaml"\n')
    assert envguard("check", "--policy", "rl-team", cwd=project).code == 0
