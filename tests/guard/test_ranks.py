"""``require(same_on_all_ranks=True)``: real processes as ranks, which meet in a folder."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from pathlib import Path

import pytest

from tests.builders.environments import install, write_dist_info
from tests.guard.agent_lines import lines, whole, write
from tests.guard.jobs import (
    CALL,
    COMPLIANT,
    DRIFTED,
    HOST,
    SCRIPT,
    UNKNOWN,
    launch,
    meetings,
    outcome,
    start,
    torchrun,
)
from tests.guard.places import MINORS, Place, Told, make_place


def test_every_python_meets_its_like(any_place: Place) -> None:
    install(any_place.env, gym="0.26.2", numpy="1.26.4")
    told = launch([any_place, any_place])
    assert [outcome(each) for each in told] == [COMPLIANT] * 2
    assert [each.err for each in told] == ["", ""]
    assert (any_place.project / ".envguard" / ".gitignore").read_text() == "*\n"


def test_every_python_names_the_odd_rank_on_every_rank(any_place: Place, tmp_path: Path) -> None:
    minor = next(each for each in MINORS if f"python{each}" in str(any_place.site))
    odd = make_place(minor, tmp_path / "other")
    odd.project = any_place.project
    install(any_place.env, gym="0.26.2", numpy="2.1.0", tqdm="4.1")
    install(odd.env, gym="0.26.2", numpy="1.26.4", rich="13.7")
    for told in launch([any_place, any_place, odd]):
        assert outcome(told) == DRIFTED
        assert f"not as rank 0 ({HOST}): rank 2 ({HOST}): numpy 1.26.4, rank 0 has 2.1.0, " in told.out
        found = [line for line in told.out.splitlines() if line.startswith("[")]
        assert found[:-1] == [
            f"['version-mismatch', 'error', 'numpy', '2.1.0', '1.26.4', 'rank 2 ({HOST})']",
            f"['unlisted', 'error', 'rich', 'absent', '13.7', 'rank 2 ({HOST})']",
            f"['missing', 'error', 'tqdm', '4.1', None, 'rank 2 ({HOST})']",
        ]


def test_eight_ranks_of_several_pythons_are_told_apart_in_groups(tmp_path: Path) -> None:
    made = {minor: make_place(minor, tmp_path / minor) for minor in ("2.7", "3.6", "3.13")}
    for place in made.values():
        place.project = made["3.13"].project
    told = launch([made[each] for each in ("3.13", "3.13", "2.7", "3.6", "3.6", "3.13", "3.6", "3.13")])
    for each in told:
        assert outcome(each) == DRIFTED
        assert f"'python', 'CPython 3.13.0', 'CPython 2.7.18', 'rank 2 ({HOST})']" in each.out
        assert f"'python', 'CPython 3.13.0', 'CPython 3.6.15', 'ranks 3-4, 6 ({HOST})']" in each.out


def test_a_rank_that_does_not_come_is_named_by_all_others(place: Place) -> None:
    started = [start(place, rank, 4, ENVGUARD_RANKS_TIMEOUT="1.5") for rank in (0, 1, 3)]
    for each in started:
        told = each.end()
        assert outcome(told) == UNKNOWN
        assert "rank 2 was not heard of in 1.5 s in `" in told.out
        assert "name a folder that all ranks see: ENVGUARD_RANKS=DIR" in told.out


def test_without_rank_0_the_others_say_so(place: Place) -> None:
    told = start(place, 1, 2, ENVGUARD_RANKS_TIMEOUT="0.5").end()
    assert outcome(told) == UNKNOWN
    assert "rank 0 was not heard of in 0.5 s" in told.out


def test_a_rank_that_is_killed_while_it_waits_is_named(place: Place) -> None:
    killed = start(place, 1, 3)
    folder = place.project / ".envguard" / "ranks"
    while not list(folder.glob("meeting-*/hello.1.*")):
        time.sleep(0.01)
    killed.process.kill()
    killed.end()
    started = [start(place, rank, 3, ENVGUARD_RANKS_TIMEOUT="1.5") for rank in (0, 2)]
    for each in [rank.end() for rank in started]:
        assert outcome(each) == UNKNOWN
        assert "rank 1 was not heard of in 1.5 s" in each.out


def test_an_old_meeting_of_the_same_job_answers_for_nobody(pair: tuple[Place, Place]) -> None:
    assert [outcome(each) for each in launch([pair[0], pair[0]])] == [COMPLIANT] * 2
    told = start(pair[0], 0, 2, ENVGUARD_RANKS_TIMEOUT="0.7").end()
    assert outcome(told) == UNKNOWN
    told = start(pair[0], 1, 2, ENVGUARD_RANKS_TIMEOUT="0.7").end()
    assert outcome(told) == UNKNOWN
    install(pair[1].env, numpy="2.1.0")
    assert [outcome(each) for each in launch(pair)] == [DRIFTED] * 2
    assert len(meetings(pair[0])) == 1


def test_all_notes_of_an_old_run_answer_for_nobody(place: Place) -> None:
    """As a job that was killed at its worst moment leaves them, and a copy of the whole folder."""
    guest = start(place, 1, 2)
    folder = place.project / ".envguard" / "ranks"
    kept: dict[Path, bytes] = {}
    host = start(place, 0, 2)
    while guest.process.poll() is None or host.process.poll() is None:
        for path in folder.glob("meeting-*/*"):
            with contextlib.suppress(FileNotFoundError):
                kept[path] = path.read_bytes()
    assert outcome(guest.end()) == outcome(host.end()) == COMPLIANT
    for path, content in kept.items():
        path.write_bytes(content)
    for rank in (0, 1):
        told = start(place, rank, 2, ENVGUARD_RANKS_TIMEOUT="0.7").end()
        assert outcome(told) == UNKNOWN
        assert f"rank {1 - rank} was not heard of" in told.out


def test_two_processes_of_one_rank_are_said(place: Place) -> None:
    told = [each.end() for each in [start(place, rank, 3) for rank in (1, 1, 0)][::-1]]
    assert outcome(told[0]) == UNKNOWN
    assert (
        f"two processes say that they are rank 1 ({HOST}); ENVGUARD_JOB=NAME tells jobs apart" in told[0].out
    )


def test_two_jobs_of_one_name_at_once_are_said(place: Place) -> None:
    hosts = [start(place, 0, 3) for _ in range(2)]
    for told in [each.end() for each in hosts]:
        assert outcome(told) == UNKNOWN
        assert "two processes say that they are rank 0; ENVGUARD_JOB=NAME tells jobs apart" in told.out


def test_ranks_that_count_themselves_otherwise_are_said(place: Place) -> None:
    host, guest = start(place, 0, 2), start(place, 1, 3)
    for told in (host.end(), guest.end()):
        assert outcome(told) == UNKNOWN
        assert "rank 1 says that there are 3 ranks, rank 0 2" in told.out


def test_the_named_folder_is_where_they_meet(pair: tuple[Place, Place], tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    pair[1].project = tmp_path / "elsewhere"
    pair[1].project.mkdir()
    told = launch(pair, ENVGUARD_RANKS=str(shared))
    assert [outcome(each) for each in told] == [COMPLIANT] * 2
    assert not (pair[0].project / ".envguard").exists()
    (meeting,) = shared.iterdir()
    assert meeting.stat().st_mode & 0o777 == 0o700
    told = launch(pair, ENVGUARD_RANKS=str(tmp_path / "absent"))
    for each in told:
        assert outcome(each) == UNKNOWN
        assert "No such file or directory" in each.out


def test_a_folder_that_others_can_write_is_not_used(place: Place) -> None:
    launch([place, place])
    (meeting,) = meetings(place)
    meeting.chmod(0o777)
    for told in launch([place, place]):
        assert outcome(told) == UNKNOWN
        assert "is no folder that nobody else can write" in told.out


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make another's folder")
def test_another_users_folder_is_not_used(place: Place) -> None:
    launch([place, place])
    (meeting,) = meetings(place)
    os.chown(meeting, 65534, 65534)
    for told in launch([place, place]):
        assert outcome(told) == UNKNOWN
        assert "is another user's" in told.out


def test_where_root_is_squashed_a_user_is_whom_the_file_system_takes_it_for(place: Place) -> None:
    text = "import os; os.geteuid = lambda: 4242\n" + SCRIPT.format(call=CALL)
    told = [start(place, rank, 2, text=text) for rank in (0, 1)]
    assert [outcome(each.end()) for each in told] == [COMPLIANT] * 2


@pytest.mark.parametrize("which", [".envguard", "ranks", "meeting"])
def test_a_link_is_not_followed(place: Place, tmp_path: Path, which: str) -> None:
    launch([place, place])
    (meeting,) = meetings(place)
    path = {".envguard": meeting.parents[1], "ranks": meeting.parent, "meeting": meeting}[which]
    moved = tmp_path / "moved"
    path.rename(moved)
    path.symlink_to(moved)
    for told in launch([place, place]):
        assert outcome(told) == UNKNOWN


@pytest.mark.parametrize("kind", ["fifo", "link", "torn", "huge", "nonsense", "folder", "other format"])
def test_notes_that_are_none_are_passed_over(place: Place, tmp_path: Path, kind: str) -> None:
    launch([place, place])
    (meeting,) = meetings(place)
    (old,) = meeting.glob("final.*")
    for name in ("hello.1.0", "hello.2.00", "hello.x.0", "ack.1.0.0", "ack.x", "final.", "welcome.1.0"):
        path = meeting / name
        if kind == "fifo":
            os.mkfifo(path)
        elif kind == "link":
            path.symlink_to(old)
        elif kind == "folder":
            path.mkdir()
        elif kind == "huge":
            with path.open("wb") as file:
                file.truncate(1 << 30)
        else:
            torn = old.read_text()[:40]
            path.write_text(
                {"torn": torn, "nonsense": "\0", "other format": "envguard-ranks 2\nend\t1\n"}[kind]
            )
    assert [outcome(each) for each in launch([place, place])] == [COMPLIANT] * 2


def test_a_guard_that_writes_another_format_is_named(place: Place) -> None:
    newer = "envguard-ranks 2"
    guard = place.site / "envguard_guard.py"
    other = make_place("3.11", place.home / "other")
    other.project = place.project
    (other.site / "envguard_guard.py").write_text(guard.read_text().replace("envguard-ranks 1", newer))
    told = launch([place, other], ENVGUARD_RANKS_TIMEOUT="1")
    assert [outcome(each) for each in told] == [UNKNOWN] * 2
    assert "rank 1's note: it is not of `envguard-ranks 1`: `envguard-ranks 2`" in told[0].out


def test_another_version_of_the_guard_is_no_drift(pair: tuple[Place, Place]) -> None:
    write_dist_info(pair[0].site, "envguard_guard", "0.1.0")
    write_dist_info(pair[1].site, "envguard_guard", "0.2.0")
    assert [outcome(each) for each in launch(pair)] == [COMPLIANT] * 2


def test_what_is_over_a_day_old_is_swept_and_nothing_else(place: Place, tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    old, mixed, recent = (shared / f"meeting-{os.geteuid()}-{name}" for name in "abc")
    for folder in (old, mixed, recent, shared / "theirs"):
        folder.mkdir(parents=True)
        (folder / "hello.1.0").write_text("x")
    (mixed / "notes.txt").write_text("mine")
    for path in [
        *old.iterdir(),
        *mixed.iterdir(),
        *(shared / "theirs").iterdir(),
        old,
        mixed,
        shared / "theirs",
    ]:
        os.utime(path, (time.time() - 90000,) * 2)
    assert outcome(launch([place, place], ENVGUARD_RANKS=str(shared))[0]) == COMPLIANT
    assert not old.exists()
    assert [path.name for path in mixed.iterdir()] == ["notes.txt"]
    assert (recent / "hello.1.0").exists()
    assert (shared / "theirs" / "hello.1.0").exists()


def test_notes_that_nobody_needs_any_more_are_taken_back(place: Place) -> None:
    launch([place] * 3)
    (meeting,) = meetings(place)
    assert [path.name.partition(".")[0] for path in meeting.iterdir()] == ["final"]


def test_digests_are_compared_where_both_know_theirs(pair: tuple[Place, Place]) -> None:
    call = "same_on_all_ranks=True"
    write(pair[0], whole(lines(pair[0], digest="sha256:one")))
    write(pair[1], whole(lines(pair[1], digest="sha256:two")))
    for told in launch(pair, call=call):
        assert outcome(told) == DRIFTED
        assert f"rank 1 ({HOST}): digest two, not one" in told.out
        assert "'sha256:one', 'sha256:two', " in told.out
        assert "the same versions; their origins, builds or files differ" in told.out
    write(pair[1], whole(lines(pair[1], digest="sha256:one")))
    assert [outcome(each) for each in launch(pair, call=call)] == [COMPLIANT] * 2
    started = [start(pair[0], 0, 2, call=call), start(pair[1], 1, 2)]
    assert [outcome(each.end()) for each in started] == [COMPLIANT] * 2


def test_a_policy_that_only_warns_does_not_excuse_an_odd_rank(pair: tuple[Place, Place]) -> None:
    install(pair[1].env, numpy="2.1.0")
    for place in pair:
        write(place, whole(lines(place, before_run="warn")))
    for told in launch(pair, call="same_on_all_ranks=True"):
        assert "trained" not in told.out
        assert outcome(told) == DRIFTED


@pytest.mark.parametrize(
    ("call", "environ"),
    [
        ("{}, on_drift='warn'", {}),
        ("{}", {"ENVGUARD_ALLOW_DRIFT": "a rerun"}),
        ("on_unknown='ignore', on_drift='warn', same_on_all_ranks=True", {}),
    ],
)
def test_what_the_caller_chose_is_obeyed_and_said(
    pair: tuple[Place, Place], call: str, environ: dict[str, str]
) -> None:
    install(pair[1].env, numpy="2.1.0")
    given = call.format('python=">=2", same_on_all_ranks=True')
    for told in launch(pair, torchrun, call=given, **environ):
        assert told.out.startswith("trained")
        assert outcome(told) == DRIFTED
        assert f"rank 1 ({HOST}): numpy 2.1.0, rank 0 has none" in told.err
        assert environ.get("ENVGUARD_ALLOW_DRIFT", "") in told.err


def test_an_unknown_that_is_ignored_does_not_hide_an_odd_rank(pair: tuple[Place, Place]) -> None:
    install(pair[1].env, numpy="2.1.0")
    for told in launch(pair, call="on_unknown='ignore', same_on_all_ranks=True"):
        assert "trained" not in told.out
        assert outcome(told) == DRIFTED


def test_a_rank_whose_own_environment_drifted_keeps_nobody_waiting(pair: tuple[Place, Place]) -> None:
    install(pair[0].env, gym="0.25.2")
    install(pair[1].env, gym="0.25.2")
    began = time.monotonic()
    for told in launch(pair, call='gym="==0.26.2", same_on_all_ranks=True'):
        assert outcome(told) == DRIFTED
        assert "gym      ==0.26.2  0.25.2  version-mismatch" in told.out
    assert time.monotonic() - began < 15


CHILD = """
import subprocess, sys
{before}
import envguard_guard
envguard_guard.require(python=">=2", same_on_all_ranks=True)
if len(sys.argv) == 1:
    sys.exit(subprocess.call([sys.executable, __file__, "child"]))
print("child trained")
"""


def test_old_and_new_pythons_let_what_a_rank_starts_pass_by_what_it_met(some_place: Place) -> None:
    told = _with_children(some_place, "")
    assert [(each.code, each.out) for each in told] == [(0, "child trained\n")] * 2, told


def test_a_child_that_sees_other_packages_is_not_passed(place: Place) -> None:
    write_dist_info(place.home / "more", "numpy", "2.1.0")
    before = f"if sys.argv[1:] and '-1.py' in __file__: sys.path.insert(0, {str(place.home / 'more')!r})"
    told = _with_children(place, before)
    assert [each.code for each in told] == [0, 1]
    assert "rank 0 was not heard of in 3 s" in told[1].err


def _with_children(place: Place, before: str) -> list[Told]:
    text = CHILD.format(before=before)
    started = [start(place, rank, 2, text=text, ENVGUARD_RANKS_TIMEOUT="3") for rank in (0, 1)]
    return [each.end() for each in started]


@pytest.mark.parametrize("value", ["x", "0", "-3", "nan", "inf", "1e9"])
def test_a_time_that_is_none_is_said(place: Place, value: str) -> None:
    told = start(place, 0, 2, ENVGUARD_RANKS_TIMEOUT=value).end()
    assert outcome(told) == UNKNOWN
    assert f"ENVGUARD_RANKS_TIMEOUT is no number of seconds: `{value}`" in told.out


def test_a_folder_of_packages_that_cannot_be_read_is_unknown(place: Place) -> None:
    text = SCRIPT.format(call=CALL).replace(
        "import envguard_guard\n",
        """
import os, sys, envguard_guard
os.mkdir("locked", 0)
sys.path.insert(0, os.path.abspath("locked"))
if os.geteuid() == 0:
    os.seteuid(65534)
""",
    )
    place.project.chmod(0o777)
    told = start(place, 0, 2, text=text, ENVGUARD_RANKS_TIMEOUT="0.5").end()
    assert outcome(told) == UNKNOWN
    assert f"what is installed in {place.project}/locked cannot be read" in told.out


def test_a_zip_file_on_the_path_is_passed_over(place: Place) -> None:
    (place.home / "code.zip").write_bytes(b"PK")
    told = launch([place, place], PYTHONPATH=str(place.home / "code.zip"))
    assert [outcome(each) for each in told] == [COMPLIANT] * 2


def test_the_package_itself_has_the_same_argument(tmp_path: Path) -> None:
    text = SCRIPT.format(call=CALL).replace("envguard_guard", "envguard")
    places = [Place(Path(sys.prefix), tmp_path / "project")] * 2
    started = [start(place, rank, 2, text=text) for rank, place in enumerate(places)]
    assert [outcome(each.end()) for each in started] == [COMPLIANT] * 2
