"""A fix is one line that can be pasted, and after which nothing is lost."""

from __future__ import annotations

import pytest

from envguard.domain.drift import compare
from envguard.domain.environment import EnvironmentRecord, Project
from envguard.domain.policy import PythonRule, Rules
from envguard.domain.remedy import Install, Reinstall, Remake, Remedy, Remove, command_for, newest_minor
from tests.builders.documents import FACTS, a_record, a_snapshot


@pytest.mark.parametrize(
    ("record", "remedies", "command"),
    [
        pytest.param(
            a_record("/e"),
            [Install("numpy>=1.26,<2")],
            "/e/bin/python -m pip install 'numpy>=1.26,<2'",
            id="a specifier is quoted",
        ),
        pytest.param(
            a_record("/my env"),
            [Install("gym==1")],
            "'/my env/bin/python' -m pip install gym==1",
            id="a path is quoted",
        ),
        pytest.param(
            a_record("/e", changer="uv"),
            [Install("gym==1"), Remove("pandas")],
            "uv pip uninstall --python /e/bin/python pandas && uv pip install --python /e/bin/python gym==1",
            id="uv from outside, removals first",
        ),
        pytest.param(
            a_record("/e"),
            [Remove("idna"), Reinstall("idna==3.4"), Reinstall("idna-ssl==1")],
            "/e/bin/python -m pip uninstall --yes idna && "
            "/e/bin/python -m pip install --force-reinstall --no-deps idna-ssl==1",
            id="what goes is not brought back",
        ),
        pytest.param(a_record("/e", changer="none"), [Install("gym==1")], None, id="no safe tool"),
        pytest.param(a_record("/e"), [Remove("x;reboot")], None, id="a made-up name is never printed"),
        pytest.param(
            a_record("/my env"),
            [Install("gym==1"), Remake(">=3.10,<3.13")],
            "python3.12 --version && mv '/my env' '/my env.before' && python3.12 -m venv '/my env'",
            id="another interpreter comes first, and the old environment is kept",
        ),
        pytest.param(
            a_record("/e", changer="uv"),
            [Remake("==3.11.*")],
            "uv python find '==3.11.*' && mv /e /e.before && uv venv --python '==3.11.*' /e",
            id="uv looks for the interpreter itself",
        ),
        pytest.param(a_record("/e", kind="system"), [Remake("==3.11.*")], None, id="never a system's Python"),
        pytest.param(a_record("/e"), [Remake("==2.7.*")], None, id="no venv for Python 2"),
        pytest.param(
            a_record("/rl", project=Project("/rl")), [Remake("==3.11.*")], None, id="the project is inside"
        ),
        pytest.param(
            a_record("/rl", project=Project("/rl/src")), [Remake("==3.11.*")], None, id="a project below it"
        ),
    ],
)
def test_a_fix_is_a_line_for_the_shell(
    record: EnvironmentRecord, remedies: list[Remedy], command: str | None
) -> None:
    assert command_for(remedies, record) == command


@pytest.mark.parametrize(
    ("specifier", "minor"),
    [
        pytest.param("==3.11.*", "3.11", id="one minor version"),
        pytest.param("==3.11.7", "3.11", id="one patch release"),
        pytest.param(">=3.10,<3.13", "3.12", id="the newest of a range"),
        pytest.param(">=3.10", "3.10", id="an open range says nothing of what exists"),
        pytest.param("==2.7.*", None, id="no Python 3"),
        pytest.param(">4", None, id="none at all"),
    ],
)
def test_the_interpreter_of_a_range_is_its_newest(specifier: str, minor: str | None) -> None:
    assert newest_minor(specifier) == minor


@pytest.mark.parametrize(
    ("rule", "remedy"),
    [
        pytest.param(PythonRule(version="==3.12.*"), Remake("==3.12.*"), id="a version"),
        pytest.param(PythonRule(implementation="PyPy"), None, id="another implementation"),
        pytest.param(PythonRule(version="==3.13.*", free_threaded=True), None, id="another build"),
    ],
)
def test_a_wrong_interpreter_is_mended_where_its_version_says_which(
    rule: PythonRule, remedy: Remedy | None
) -> None:
    [finding] = compare(a_snapshot("3.11.7"), FACTS, Rules(python=rule), None)
    assert (finding.kind, finding.remedy) == ("interpreter-mismatch", remedy)
