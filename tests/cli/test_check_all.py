"""``check --all``: each environment by its own policy, and the exit code of the worst."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from envguard.domain.policy import PolicySource
from envguard.state import KeptPolicy, open_state
from tests.builders.environments import install, make_venv
from tests.cli.conftest import Envguard
from tests.cli.machines import check_all, hold
from tests.report.arranging import NOW


class TestAll:
    def machine(self, folder: Path, **policies: str | None) -> Path:
        """Lay out projects with gym 0.25.2, each naming a policy of these, and hold two policies."""
        home = folder / "home"
        for name, policy in policies.items():
            (home / name).mkdir(parents=True)
            install(make_venv(Path(sys.executable), home / name / ".venv"), gym="0.25.2")
            if policy is not None:
                (home / name / "pyproject.toml").write_text(f'[tool.envguard]\npolicy = "{policy}"\n')
        hold(folder, "meets")
        state = open_state(folder / "state")
        meets = state.policies()["meets"]
        text = meets.source.text.replace("meets", "misses").replace("0.25.2", "0.26.2")
        source = PolicySource(filename="misses.yaml", text=text)
        misses = KeptPolicy(name="misses", revision=1, lock_revision=None, source=source, received_at=NOW)
        state.keep_policies({"meets": meets, "misses": misses})
        return home

    @pytest.mark.parametrize(
        ("policies", "code"),
        [
            pytest.param({"a": "meets", "b": None}, 0, id="compliant and unmanaged"),
            pytest.param({"a": "meets", "b": "gone"}, 3, id="unknown"),
            pytest.param({"a": "meets", "b": "misses", "c": "gone"}, 1, id="drifted goes before unknown"),
        ],
    )
    def test_each_by_its_own(
        self, envguard: Envguard, tmp_path: Path, policies: dict[str, str | None], code: int
    ) -> None:
        home = self.machine(tmp_path, **policies)
        verdicts = {"meets": "compliant", "misses": "drifted", "gone": "unknown", None: "unmanaged"}
        own = [verdicts[policy] for policy in policies.values()]
        assert check_all(envguard, tmp_path, home) == (code, own)

    def test_a_look_that_is_not_whole_is_never_compliant(self, envguard: Envguard, tmp_path: Path) -> None:
        home = self.machine(tmp_path, a="meets")
        (home / ".conda").mkdir()
        (home / ".conda" / "environments.txt").mkdir()
        run = envguard("check", "--all", "--json", HOME=str(home))
        assert (run.code, run.json()["incomplete"]) == (3, True)
        assert "not everything could be looked at" in run.err

    def test_it_names_neither_environment_nor_policy(self, envguard: Envguard) -> None:
        assert envguard("check", "--all", ".venv").code == 2
        assert envguard("check", "--all", "--policy", "p").code == 2
