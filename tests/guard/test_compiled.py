"""Where there is only the guard: it judges by the policy that was compiled into its environment."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from tests.builders.environments import install, pyenv_python, write_dist_info, write_tree
from tests.guard.compiled import COMPLIANT, NO_COMMAND, POLICY, WHEELS, compiled, installed
from tests.guard.places import Place, make_place, take_guard_away
from tests.guard.test_agents_file import ask, last
from tests.guard.test_installing import envguard


def test_every_python_judges_what_is_compliant(any_place: Place) -> None:
    install(any_place.env, gym="0.26.2", numpy="1.26.4")
    installed(any_place)
    assert last(any_place) == COMPLIANT
    assert last(any_place, '"rl-team"') == COMPLIANT
    assert last(any_place, '"./rl-team.yaml"') == COMPLIANT


def test_old_and_new_pythons_see_a_zip_file_that_takes_a_packages_name(some_place: Place) -> None:
    install(some_place.env, gym="0.26.2")
    installed(some_place)
    archive = some_place.home / "vendored.zip"
    with zipfile.ZipFile(archive, "w") as writing:
        writing.writestr("gym.py", "")
    out = ask(some_place, PYTHONPATH=str(archive)).out
    assert f"`import gym` takes {archive}/gym.py" in out
    assert out.splitlines()[-1] == "drifted rl-team None None"


def test_every_python_tells_drift_with_what_mends_it(any_place: Place) -> None:
    install(any_place.env, gym="0.26.2")
    installed(any_place)
    (any_place.site / "gym-0.26.2.dist-info").rename(any_place.site / "gym-0.25.2.dist-info")
    metadata = any_place.site / "gym-0.25.2.dist-info" / "METADATA"
    metadata.write_text(metadata.read_text().replace("0.26.2", "0.25.2"))
    install(any_place.env, pandas="2.0")
    out = ask(any_place).out
    assert out.splitlines()[-1] == "drifted rl-team None None"
    assert "policy named at `envguard guard install`; compiled just now" in out
    assert "gym      ==0.26.2  0.25.2  version-mismatch; step() (rl-team.yaml:4)" in out
    assert "pandas   absent    2.0     denied (rl-team.yaml:5)" in out
    assert f"uv pip install --python {any_place.python} gym==0.26.2" in out


def test_every_python_sees_the_local_file_that_no_policy_knows_of(any_place: Place) -> None:
    install(any_place.env, gym="0.26.2")
    installed(any_place)
    (any_place.project / "gym.py").write_text("")
    assert last(any_place) == "drifted rl-team None None"


def test_every_python_judges_by_a_lock(any_place: Place) -> None:
    install(any_place.env, gym="0.26.2")
    (any_place.project / "pylock.toml").write_text(WHEELS)
    installed(any_place, "envguard: 1\nname: rl-team\nlock: pylock.toml\n")
    assert last(any_place) == COMPLIANT
    lock = any_place.project / "pylock.toml"
    lock.write_text(WHEELS + "\n")
    assert f"{lock} has changed since" in last(any_place)


def test_what_only_envguard_can_judge_makes_it_unknown(place: Place) -> None:
    install(place.env, gym="0.26.2")
    installed(place, POLICY + "integrity: error\nmachine: {memory: '>=1MB'}\n")
    told = last(place)
    assert told.startswith("unknown rl-team None the agent has no fresh verdict; " + NO_COMMAND)
    words = "the machine's memory (>=1MB), whether files changed after their installation"
    assert told.endswith(f"only envguard can judge: {words}")
    write_dist_info(place.site, "pandas", "1.0")
    assert last(place).startswith("drifted rl-team None ")


def test_a_package_without_metadata_is_unknown(place: Place) -> None:
    install(place.env, gym="0.26.2", numpy="1.26.4")
    installed(place)
    (place.site / "numpy-1.26.4.dist-info" / "METADATA").write_bytes(b"")
    assert last(place).startswith("unknown rl-team None")


@pytest.mark.parametrize("is_over", [False, True])
def test_a_waiver_ends_by_the_clock_of_the_call(place: Place, *, is_over: bool) -> None:
    install(place.env, gym="0.25.2")
    waiver = 'waivers: [{package: gym, until: "2099-01-01", reason: r, approved-by: lead}]\n'
    path = compiled(installed(place, POLICY + waiver))
    if is_over:
        rows = path.read_text().splitlines(keepends=True)
        (at,) = (number for number, row in enumerate(rows) if row.startswith("waiver\t"))
        fields = rows[at].split("\t")
        rows[at] = "\t".join([*fields[:3], "1000000000", *fields[4:]])
        path.write_text("".join(rows))
    assert last(place) == ("drifted rl-team None None" if is_over else COMPLIANT)


def test_the_policy_that_check_would_choose_comes_along(place: Place) -> None:
    install(place.env, gym="0.26.2")
    marker = place.project / "pyproject.toml"
    marker.write_text('[tool.envguard]\npolicy = "./rl-team.yaml"\n')
    (place.project / "rl-team.yaml").write_text(POLICY)
    told = envguard(place, "guard", "install", str(place.env))
    assert told.out.splitlines()[-1] == "policy  rl-team (policy named in pyproject.toml:2 of this folder)"
    assert last(place) == COMPLIANT
    marker.write_text(marker.read_text() + "\n")
    assert f"{marker} has changed since the policy was compiled" in last(place)
    marker.unlink()
    assert last(place).endswith("this folder may name another policy than the compiled `rl-team`")


def test_without_a_policy_the_guard_comes_alone_and_says_so(place: Place) -> None:
    take_guard_away(place)
    told = envguard(place, "guard", "install", str(place.env))
    assert told.code == 0
    assert told.out.splitlines()[-1].startswith("without a policy: ")
    assert last(place).endswith("no policy was compiled into this environment")
    (place.project / "requirements.txt").write_text("gym==0.26.2\n")
    told = envguard(place, "guard", "install", str(place.env))
    assert "only the project's own lock applies" in told.out
    told = envguard(place, "guard", "install", str(place.env), "--policy", "./absent.yaml")
    assert told.code == 3


def test_a_lock_that_is_named_is_a_policy(place: Place) -> None:
    install(place.env, gym="0.26.2")
    (place.project / "requirements.txt").write_text("gym==0.26.2\n")
    installed(place, POLICY, "--policy", "requirements.txt")
    assert last(place) == "compliant requirements.txt None None"


def test_what_this_run_finds_before_the_environments_own_must_be_right_too(place: Place) -> None:
    install(place.env, gym="0.26.2")
    installed(place)
    before = place.home / "vendored"
    write_dist_info(before, "gym", "0.25.2")
    write_tree(before, {"readme.txt": ""})
    assert last(place, PYTHONPATH=str(before)) == "drifted rl-team None None"
    install(place.env, numpy="1.0")
    (place.site / "gym-0.26.2.dist-info" / "METADATA").rename(place.home / "METADATA")
    (place.site / "gym-0.26.2.dist-info").rename(place.home / "gone")
    right = place.home / "right"
    write_dist_info(right, "gym", "0.26.2")
    assert last(place, PYTHONPATH=str(right)).startswith("drifted"), "the environment itself has none"


def test_the_environments_own_path_files_count(place: Place) -> None:
    installed(place)
    added = place.home / "added"
    write_dist_info(added, "gym", "0.26.2")
    (place.site / "added.pth").write_text(f"{added}\n")
    assert last(place) == COMPLIANT
    (place.site / "code.pth").write_text("import sys; sys.path.append('/nowhere')\n")
    assert "the code in" in ask(place).out


def test_no_order_of_the_path_puts_right_what_the_environment_has_wrong(place: Place) -> None:
    install(place.env, gym="0.25.2")
    added = place.home / "added"
    write_dist_info(added, "gym", "0.26.2")
    (place.site / "added.pth").write_text(f"{added}\n")
    installed(place)
    assert last(place) == "drifted rl-team None None"
    assert last(place, PYTHONPATH=str(added)) == "drifted rl-team None None"
    text = f"import sys; sys.path.remove({str(added)!r}); import envguard_guard; envguard_guard.require()"
    assert f"this run does not look into {added}" in place.run(text).err


def test_the_file_is_as_its_record_says(place: Place) -> None:
    install(place.env, gym="0.26.2")
    installed(place)
    done = envguard(place, "scan", str(place.env), "--integrity", "--json")
    assert '"modified":[]' in done.out.replace(" ", ""), done.out
    assert envguard(place, "guard", "uninstall", str(place.env)).code == 0
    assert list(place.site.glob("envguard_guard*")) == []


def test_a_whole_python_is_judged_with_what_its_library_brings(tmp_path: Path) -> None:
    made = make_place("2.7", tmp_path)
    assert pyenv_python("2.7") is not None
    installed(made, "envguard: 1\nname: rl-team\nunlisted: error\n")
    assert last(made) == COMPLIANT
