"""The agent's verdict file: what is taken, and everything that is not."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.builders.environments import install, write_dist_info
from tests.guard.agent_lines import DRIFT, lines, place_of, whole, write
from tests.guard.places import Place, Told

ASK = """
from envguard_guard import require, EnvironmentDrift
try:
    verdict = require({})
except EnvironmentDrift as error:
    verdict = error.verdict
    print(str(error))
print("%s %s %s %s" % (verdict.verdict, verdict.policy, verdict.revision, verdict.reason))
"""
COMPLIANT = "compliant rl-team 8 None"


def ask(place: Place, call: str = "", **environ: str) -> Told:
    told = place.run(ASK.format(call), **environ)
    assert (told.code, told.err) == (0, ""), told.err
    return told


def last(place: Place, call: str = "", **environ: str) -> str:
    return ask(place, call, **environ).out.splitlines()[-1]


def test_every_python_takes_a_fresh_verdict(any_place: Place) -> None:
    install(any_place.env, gym="0.26.2")
    write(any_place, whole(lines(any_place)))
    assert last(any_place) == COMPLIANT
    assert last(any_place, '"rl-team"') == COMPLIANT


def test_every_python_tells_what_the_agent_found(any_place: Place) -> None:
    write(any_place, whole(lines(any_place, "drifted", findings=[DRIFT])))
    out = ask(any_place).out
    assert "drifted from `rl-team` r8: 1 error" in out
    assert "gym      ==0.26.2  0.25.2  version-mismatch; step() (rl-team.yaml:7)" in out
    assert "mend   pip install x" in out


def test_every_python_takes_no_verdict_on_what_has_changed(any_place: Place) -> None:
    info = write_dist_info(any_place.site, "gym", "0.26.2")
    metadata = info / "METADATA"
    told = lines(any_place)
    told += [f"in\t{info}", *(_note(path) for path in (metadata,))]
    write(any_place, whole(told))
    assert last(any_place) == COMPLIANT
    metadata.write_bytes(metadata.read_bytes())
    assert last(any_place).startswith("unknown None None the agent has no fresh verdict")


def _note(path: Path) -> str:
    status = path.stat()
    return f"is\t{status.st_dev}\t{status.st_ino}\t{status.st_mtime_ns}\t{status.st_ctime_ns}\t{path.name}"


def test_every_python_sees_the_local_file_that_no_agent_knows_of(any_place: Place) -> None:
    install(any_place.env, gym="0.26.2")
    write(any_place, whole(lines(any_place)))
    (any_place.project / "gym.py").write_text("")
    out = ask(any_place).out
    assert "`import gym` takes" in out
    assert out.splitlines()[-1] == "drifted rl-team 8 None"


REPLACED = {
    "another format": ("envguard-verdict 1", "envguard-verdict 2"),
    "another environment": ("environment\t/", "environment\t/other/"),
    "another boot": ("boot\t", "boot\t0"),
    "over its end": ("times\t", "times\t1\t2\nreason\t"),
    "from the future": ("times\t", "times\t99999999999\t999999999999\nreason\t"),
    "times that are none": ("times\t", "times\tnan\tx\nreason\t"),
    "a line that is not known": ("digest\t", "news\tx\ndigest\t"),
    "an outcome that is not known": ("verdict\tcompliant", "verdict\tfine"),
    "a contradiction": ("source\t", "finding\tmissing\terror\tgym\t\t\t\t\t\t\nsource\t"),
    "a finding that is cut off": ("source\t", "finding\tmissing\terror\nsource\t"),
    "no policy": ("policy\t", "reason\t"),
}


@pytest.mark.parametrize("is_own", [True, False])
def test_an_editable_with_a_finder_is_shadowed_by_what_is_not_its_project(
    some_place: Place, is_own: bool
) -> None:
    home = some_place.project if is_own else some_place.home / "project"
    told = f'{{"dir_info": {{"editable": true}}, "url": "file://{home}"}}'
    write_dist_info(some_place.site, "my-gym", "0.26.2", direct_url__json=told, top_level__txt="gym\n")
    (some_place.site / "__editable___my_gym_0_26_2_finder.py").write_text("")
    (some_place.project / "gym").mkdir()
    (some_place.project / "gym" / "__init__.py").write_text("")
    write(some_place, whole(lines(some_place)))
    assert last(some_place) == (COMPLIANT if is_own else "drifted rl-team 8 None")


def test_what_was_imported_from_a_folder_that_left_the_path_is_a_shadow(place: Place) -> None:
    install(place.env, gym="0.26.2")
    (place.site / "gym.py").write_text("")
    own = place.home / "own"
    own.mkdir()
    (own / "gym.py").write_text("")
    write(place, whole(lines(place)))
    loading = f"import sys\nsys.path.insert(0, {str(own)!r})\nimport gym\ndel sys.path[0]\n"
    assert place.run(loading + ASK.format("")).out.splitlines()[-1] == "drifted rl-team 8 None"
    assert place.run("import gym, json\n" + ASK.format("")).out.splitlines()[-1] == COMPLIANT


@pytest.mark.parametrize("fault", list(REPLACED))
def test_what_is_not_this_verdict_is_not_taken(place: Place, fault: str) -> None:
    before, after = REPLACED[fault]
    text = "\n".join(lines(place))
    assert before in text
    write(place, whole(text.replace(before, after, 1).split("\n")))
    assert last(place).startswith("unknown")


def test_a_torn_file_is_not_taken_wherever_it_ends(place: Place) -> None:
    content = whole(lines(place))
    for end in (0, 1, len(content) // 3, len(content) // 2, len(content) - 1):
        write(place, content[:end])
        assert last(place).startswith("unknown"), end
    write(place, content + b"is\t0\t0\t0\t0\t/absent\n")
    assert last(place).startswith("unknown")


def test_a_verdict_without_notes_is_not_taken(place: Place) -> None:
    write(place, whole(lines(place, notes=[])))
    assert last(place).startswith("unknown")


def test_a_file_that_was_absent_and_came_makes_it_stale(place: Place) -> None:
    write(place, whole(lines(place)))
    (place.project / "absent").write_text("")
    assert last(place).startswith("unknown")


def _link(path: Path) -> None:
    path.symlink_to(path.rename(path.with_name("elsewhere")))


def _fifo(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def _folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _long(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"\n" * (4 << 20))


FILES: dict[str, Callable[[Path], None]] = {
    "writable by a group": lambda path: path.chmod(0o664),
    "writable by all": lambda path: path.chmod(0o646),
    "a link": _link,
    "a FIFO": _fifo,
    "a folder": _folder,
    "too long": _long,
}


@pytest.mark.parametrize("fault", list(FILES))
def test_a_file_that_others_may_have_made_is_not_taken(place: Place, fault: str) -> None:
    path = write(place, whole(lines(place)))
    FILES[fault](path)
    assert last(place).startswith("unknown")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make another's file")
def test_another_users_file_is_not_taken(place: Place) -> None:
    os.chown(write(place, whole(lines(place))), 12345, 12345)
    assert last(place).startswith("unknown")


def test_a_policy_that_is_named_must_be_the_one_of_the_verdict(place: Place) -> None:
    write(place, whole(lines(place)))
    assert last(place, '"vision"').startswith("unknown vision")
    write(place, whole(lines(place)))
    assert last(place, ENVGUARD_POLICY="vision").startswith("unknown vision")
    write(place, whole(lines(place)))
    assert last(place, ENVGUARD_POLICY="rl-team") == COMPLIANT


@pytest.mark.parametrize(
    ("marker", "is_taken"),
    [
        pytest.param(None, True, id="no project"),
        pytest.param(("pyproject.toml", "[project]\nname = 'rl'\n"), True, id="a project without a marker"),
        pytest.param(("pyproject.toml", "[tool.envguard]\npolicy = 'other'\n"), False, id="a marker"),
        pytest.param((".envguard.yaml", "policy: other\n"), False, id="a marker of its own"),
    ],
)
def test_what_binds_by_pattern_yields_to_a_marker_around_the_working_folder(
    place: Place, marker: tuple[str, str] | None, is_taken: bool
) -> None:
    if marker is not None:
        (place.project / marker[0]).write_text(marker[1])
    write(place, whole(lines(place, bound_by="applies-to")))
    assert (last(place) == COMPLIANT) is is_taken


def test_a_policy_that_only_warns_lets_the_script_run(place: Place) -> None:
    write(place, whole(lines(place, "drifted", findings=[DRIFT], before_run="warn")))
    told = place.run(ASK.format(""))
    assert (told.code, told.out) == (0, "drifted rl-team 8 None\n")
    assert "gym      ==0.26.2  0.25.2" in told.err


def test_a_waived_finding_does_not_count(place: Place) -> None:
    write(place, whole(lines(place, findings=[(*DRIFT[:-1], "2027-01-01T00:00:00Z")])))
    assert last(place) == COMPLIANT


def test_what_is_asked_besides_counts_as_well(place: Place) -> None:
    write(place, whole(lines(place)))
    assert last(place, '"rl-team", gym="==0.26.2"') == "drifted rl-team 8 None"


def test_a_script_that_takes_its_packages_off_the_path_is_unknown(place: Place) -> None:
    write(place, whole(lines(place)))
    begin = "import sys, envguard_guard\nsys.path = [each for each in sys.path if 'packages' not in each]\n"
    told = place.run(begin + ASK.format(""))
    assert told.out.splitlines()[-1] == "unknown rl-team 8 None", told
    assert "this interpreter does not look into its own site-packages" in told.out


@pytest.mark.parametrize("module", ["tests", "conftest_of_nobody"])
def test_a_stray_name_that_no_package_means_only_warns(place: Place, module: str) -> None:
    (place.site / f"{module}.py").write_text("")
    (place.project / f"{module}.py").write_text("")
    write(place, whole(lines(place)))
    assert last(place) == COMPLIANT


def test_the_projects_own_package_beside_its_script_only_warns(place: Place) -> None:
    install(place.env, rl="1.0")
    (place.project / "rl.py").write_text("")
    (place.project / "pyproject.toml").write_text('[project]\nname = "RL"\n')
    write(place, whole(lines(place)))
    assert last(place) == COMPLIANT


def test_the_fast_path_imports_no_parser_and_no_network(place: Place) -> None:
    write(place, whole(lines(place)))
    text = "import sys; before = set(sys.modules)\nimport envguard_guard; envguard_guard.require()\n"
    told = place.run(text + "print(sorted(set(sys.modules) - before))")
    assert told.out == "['binascii', 'envguard_guard', 'fcntl']\n", told


def test_the_fast_path_of_the_package_imports_only_the_rooms_that_it_needs(tmp_path: Path) -> None:
    place = Place(Path(sys.prefix), tmp_path / "project")
    write(place, whole(lines(place)))
    text = "import sys; before = set(sys.modules)\nimport envguard; envguard.require()\n"
    told = place.run(text + "print(*sorted(set(sys.modules) - before))", PYTHONDONTWRITEBYTECODE="")
    rooms = ["files", "interpreter", "lease", "requiring", "shadows", "verdict", "verdict_file"]
    ours = ["envguard", "envguard.guard", *(f"envguard.guard.{room}" for room in rooms)]
    assert told.out.split() == ["binascii", *ours, "fcntl"], told


def test_the_environment_is_in_use_while_the_process_lives(some_place: Place) -> None:
    write(some_place, whole(lines(some_place)))
    text = """
import os, subprocess, sys, envguard_guard
envguard_guard.require()
path = os.path.join(sys.prefix, ".envguard-lease")
sys.stdout.flush()
print(subprocess.call(["flock", "--nonblock", "--exclusive", path, "true"]))
"""
    assert some_place.run(text).out == "1\n"
    lease = some_place.env / ".envguard-lease"
    done = subprocess.run(["flock", "--nonblock", "--exclusive", str(lease), "true"], check=False)
    assert done.returncode == 0


def test_a_lease_that_cannot_be_had_stops_nothing(place: Place) -> None:
    (place.env / ".envguard-lease").symlink_to(place.home / "elsewhere")
    write(place, whole(lines(place)))
    assert last(place) == COMPLIANT
    assert not (place.home / "elsewhere").exists()


def test_without_a_home_and_a_runtime_folder_it_is_unknown(place: Place) -> None:
    told = place.run(ASK.format(""), HOME="/nonexistent", XDG_RUNTIME_DIR="")
    assert told.out.splitlines()[-1] == (
        "unknown None None the agent has no fresh verdict; there is no `envguard` command; "
        "no policy was compiled into this environment"
    )


def test_where_nobody_could_judge_no_words_are_put_into_the_scripts_mouth(place: Place) -> None:
    assert ask(place).out.startswith("unknown: the policy of the project\n")


@pytest.mark.parametrize(("chosen", "err"), [("warn", "unknown: "), ("ignore", "")])
def test_what_cannot_be_decided_is_as_the_caller_chose(place: Place, chosen: str, err: str) -> None:
    told = place.run(f'import envguard_guard\nprint(envguard_guard.require(on_unknown="{chosen}").verdict)\n')
    assert (told.code, told.out) == (0, "unknown\n")
    assert told.err.startswith(err) if err else told.err == ""


def test_threads_and_forks_ask_at_once(place: Place) -> None:
    text = """
import os, threading, envguard_guard
said = []
ask = lambda: said.append(envguard_guard.require().verdict)
threads = [threading.Thread(target=ask) for _ in range(8)]
[each.start() for each in threads]
[each.join() for each in threads]
child = os.fork()
if not child:
    os._exit(0 if envguard_guard.require().verdict == "compliant" else 1)
print(set(said), os.waitpid(child, 0)[1])
"""
    write(place, whole(lines(place)))
    told = place.run(text)
    assert (told.out, told.err) == ("{'compliant'} 0\n", "")


def test_a_file_is_named_as_the_agent_names_it(place: Place) -> None:
    from envguard.guard.verdict_file import verdict_name

    assert verdict_name(os.path.realpath(place.env)) == place_of(place).name
    assert verdict_name("/home/ann/" + "é" * 100)[:-9] == "_" * 80
