from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path

import pytest

from envguard.domain.environment import Integrity
from envguard.inventory import read_environment
from envguard.inventory.integrity import FILES_CAP, check_hashes, check_sizes
from envguard.inventory.recorded import prefix_of
from tests.builders.environments import install, make_venv, site_packages, write_dist_info
from tests.inventory.test_record_file import hashed

NOW = datetime(2026, 11, 23, 17, tzinfo=timezone.utc)
CONTENT = "x = 1\n"


def hashes_of(env: Path) -> Integrity:
    return check_hashes(read_environment(env), now=NOW)


def sizes_of(env: Path) -> Integrity:
    return check_sizes(read_environment(env), now=NOW)


def write_record(site: Path, name: str, *rows: str) -> Path:
    """Write a dist-info of version 1 with these rows in its RECORD and answer it."""
    return write_dist_info(site, name, "1", RECORD="".join(f"{row}\n" for row in rows))


def a_row(place: str, algorithm: str = "sha256") -> str:
    return f"{place},{hashed(algorithm)},{len(CONTENT)}"


def replace_by_fifo(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


@pytest.fixture
def gym(env: Path) -> Path:
    """Give site-packages with gym (five modules, a script) and numpy, as an installer leaves them."""
    site = site_packages(env)
    (site / "gym").mkdir()
    (env / "bin" / "gym").write_text(CONTENT)
    for name in "abcde":
        (site / "gym" / f"{name}.py").write_text(CONTENT)
    write_record(site, "gym", *(a_row(f"gym/{name}.py") for name in "abcde"), a_row("../../../bin/gym"))
    install(env, numpy="1.26.4")
    return site


def test_what_nobody_touched_is_whole(env: Path, gym: Path) -> None:
    assert hashes_of(env) == sizes_of(env) == Integrity(NOW, ())


def test_a_file_of_equal_size_is_found_by_its_hash_only(env: Path, gym: Path) -> None:
    (gym / "gym" / "a.py").write_text("x = 2\n")
    assert hashes_of(env) == Integrity(NOW, ("gym",), {"gym": ("gym/a.py",)})
    assert sizes_of(env).modified == ()


@pytest.mark.parametrize("check", [hashes_of, sizes_of])
def test_other_size_and_absence_are_found_and_times_and_modes_are_not(
    check: Callable[[Path], Integrity], env: Path, gym: Path
) -> None:
    with (gym / "gym" / "a.py").open("a") as file:
        file.write("# later\n")
    (gym / "gym" / "b.py").unlink()
    (gym / "gym" / "c.py").chmod(0o755)
    os.utime(gym / "gym" / "d.py", (0, 0))
    (env / "bin" / "gym").write_text("#!python\n")
    found = check(env)
    assert found.modified == ("gym",)
    assert found.files == {"gym": ("../../../bin/gym", "gym/a.py", "gym/b.py")}
    assert found.unchecked == ()


@pytest.mark.parametrize(
    "make",
    [os.mkfifo, os.mkdir, lambda path: path.symlink_to(path), lambda path: path.symlink_to("/dev/zero")],
    ids=["fifo", "folder", "loop", "device"],
)
def test_what_is_no_file_any_more_is_modified_and_does_not_hang(
    make: Callable[[Path], None], env: Path, gym: Path
) -> None:
    (gym / "gym" / "a.py").unlink()
    make(gym / "gym" / "a.py")
    assert hashes_of(env).files == sizes_of(env).files == {"gym": ("gym/a.py",)}


def test_a_whole_folder_that_is_gone_is_modified(env: Path, gym: Path) -> None:
    shutil.rmtree(gym / "gym")
    assert len(hashes_of(env).files["gym"]) == 5


def test_a_link_is_followed_out_of_the_tree(env: Path, gym: Path, tmp_path: Path) -> None:
    cached = tmp_path / "cached.py"
    (gym / "gym" / "a.py").rename(cached)
    (gym / "gym" / "a.py").symlink_to(cached)
    assert hashes_of(env).modified == ()
    cached.write_text("x = 2\n")
    assert hashes_of(env).modified == ("gym",)


def test_bytecode_never_counts(env: Path, gym: Path) -> None:
    with (gym / "gym-1.dist-info" / "RECORD").open("a") as file:
        file.write(f"{a_row('__pycache__/gym.cpython-311.pyc')}\n{a_row('gym.pyc')}\n")
    assert hashes_of(env) == Integrity(NOW, ())


@pytest.mark.parametrize("algorithm", ["sha384", "sha512"])
def test_other_algorithms_of_the_standard(algorithm: str, env: Path) -> None:
    site = site_packages(env)
    (site / "gym.py").write_text(CONTENT)
    write_record(site, "gym", a_row("gym.py", algorithm))
    assert hashes_of(env).modified == ()
    (site / "gym.py").write_text("x = 2\n")
    assert hashes_of(env).modified == ("gym",)


@pytest.mark.parametrize("check", [hashes_of, sizes_of])
@pytest.mark.parametrize(
    "row", ["gym/a.py,md5=abc,6", "gym/a.py,sha256=,6", "gym/a.py,sha256=!,6", "gym/a.py,,", "gym/a.py", "\0"]
)
def test_a_row_that_cannot_be_understood_leaves_its_package_unchecked(
    row: str, check: Callable[[Path], Integrity], env: Path, gym: Path
) -> None:
    record = gym / "gym-1.dist-info" / "RECORD"
    record.write_text(record.read_text().replace(a_row("gym/a.py"), row))
    assert check(env) == Integrity(NOW, (), unchecked=("gym",))
    (gym / "gym" / "b.py").unlink()
    assert (check(env).modified, check(env).unchecked) == (("gym",), ("gym",))


def test_code_without_a_hash_is_fine_where_it_is_a_link(env: Path, gym: Path, tmp_path: Path) -> None:
    (gym / "rl.py").symlink_to(tmp_path / "rl.py")
    with (gym / "gym-1.dist-info" / "RECORD").open("a") as file:
        file.write("rl.py,,\n")
    assert hashes_of(env) == Integrity(NOW, ())


@pytest.mark.parametrize("place", ["../../../../secret", "gym/../../../../../secret"])
def test_a_record_cannot_lead_out_of_the_prefix(place: str, env: Path) -> None:
    (env.parent / "secret").write_text("another")
    write_record(site_packages(env), "gym", a_row(place), a_row(str(env.parent / "secret")))
    assert hashes_of(env) == sizes_of(env) == Integrity(NOW, ())


def test_an_absolute_place_inside_the_prefix_is_looked_at(env: Path) -> None:
    write_record(site_packages(env), "gym", a_row(str(env / "share" / "gym.txt")))
    assert hashes_of(env).files == {"gym": (str(env / "share" / "gym.txt"),)}


@pytest.mark.parametrize(
    ("folder", "prefix"),
    [
        ("/e/lib/python3.11/site-packages", "/e"),
        ("/usr/lib/python3/dist-packages", "/usr"),
        ("/e/Lib/site-packages", "/e"),
        ("/lib/python3/dist-packages", "/lib/python3/dist-packages"),
        ("/home/ann/gym", "/home/ann/gym"),
    ],
)
def test_the_prefix_is_never_the_root(folder: str, prefix: str) -> None:
    assert prefix_of(folder) == prefix


def test_names_that_are_no_text_are_shown_escaped(env: Path) -> None:
    rows = [b'"two\nlines.py"', b"\xe9.py"]
    record = write_record(site_packages(env), "gym") / "RECORD"
    record.write_bytes(b"".join(b"%s,%s,6\r\n" % (row, hashed("sha256").encode()) for row in rows))
    assert hashes_of(env).files == {"gym": ("\\xe9.py", "two\\x0alines.py")}


def test_of_many_files_the_first_are_named(env: Path) -> None:
    write_record(site_packages(env), "gym", *(a_row(f"gym/{number:03}.py") for number in range(50)))
    assert hashes_of(env).files == {"gym": tuple(f"gym/{number:03}.py" for number in range(FILES_CAP))}


def test_a_file_of_two_packages_is_whole_as_the_later_installed_it(env: Path) -> None:
    site = site_packages(env)
    (site / "tests.py").write_text(CONTENT)
    write_record(site, "first", f"tests.py,{hashed('sha256', b'other')},5")
    write_record(site, "second", a_row("tests.py"))
    assert hashes_of(env).modified == sizes_of(env).modified == ()
    (site / "tests.py").write_text("x = 2\n")
    assert hashes_of(env).modified == ("first", "second")


def test_of_two_folders_with_one_name_the_first_counts(env: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    (site_packages(env) / "other.pth").write_text(f"{other}\n")
    install(env, gym="1")
    write_record(other, "gym", a_row("gone.py"))
    assert hashes_of(env).modified == ()


@pytest.mark.parametrize("installer", ["conda", "debian", "rpm"])
def test_a_record_that_came_inside_a_system_package_proves_nothing(installer: str, env: Path) -> None:
    dist_info = write_record(site_packages(env), "gym", a_row("gone.py"))
    (dist_info / "INSTALLER").write_text(f"{installer}\n")
    assert hashes_of(env) == sizes_of(env) == Integrity(NOW, ())


def test_debian_s_own_packages_are_not_called_modified() -> None:
    python = Path("/usr/bin/python3")
    if not Path("/usr/lib/python3/dist-packages").is_dir() or not python.exists():
        pytest.skip("no Python of Debian's here")
    environment = read_environment(python)
    debian = {each.name for each in environment.snapshot.packages if each.origin.kind == "debian"}
    assert not debian & set(check_sizes(environment, now=NOW).modified)


def test_leftovers_of_pip_do_not_count(env: Path) -> None:
    write_record(site_packages(env), "~ym", a_row("gone.py"))
    assert hashes_of(env) == Integrity(NOW, ())


@pytest.mark.parametrize(
    "spoil",
    [
        replace_by_fifo,
        lambda record: record.write_text("a" * 1_000_000),
        lambda record: os.truncate(record, 10_000_000_000),
        lambda record: record.write_bytes(bytes(range(256)) * 100),
        lambda record: record.write_text(record.read_text(), encoding="utf-16"),
        lambda record: record.write_text("these are\nno rows\n"),
        lambda record: record.write_text(""),
        lambda record: record.write_text("gym/__init__.pyc,,\ngym-1.dist-info/RECORD,,\n"),
        lambda record: (record.unlink(), record.symlink_to("nowhere")),
    ],
    ids=["fifo", "no CSV", "10 GB", "bytes", "UTF-16", "prose", "empty", "only bytecode", "no end"],
)
def test_a_record_that_cannot_be_read_leaves_its_package_unchecked(
    spoil: Callable[[Path], object], env: Path, gym: Path
) -> None:
    spoil(gym / "gym-1.dist-info" / "RECORD")
    assert hashes_of(env) == sizes_of(env) == Integrity(NOW, (), unchecked=("gym",))


def test_a_package_that_is_installed_anew_meanwhile_is_unchecked_and_not_modified(
    env: Path, gym: Path
) -> None:
    (gym / "gym" / "a.py").write_text("x = 2\n")

    def is_over() -> bool:
        os.utime(gym / "gym-1.dist-info" / "RECORD")
        return False

    found = check_hashes(read_environment(env), now=NOW, is_over=is_over)
    assert (found.modified, found.unchecked) == ((), ("gym",))


def test_a_file_that_is_written_to_while_it_is_read_is_unchecked(env: Path) -> None:
    site = site_packages(env)
    big = site / "big.bin"
    big.write_bytes(b"\0" * 3_000_000)
    write_record(site, "big", f"big.bin,{hashed('sha256', bytes(3_000_000))},3000000")

    def write(_done: int, _total: int) -> None:
        with big.open("r+b") as file:
            file.seek(2_500_000)
            file.write(b"x")

    found = check_hashes(read_environment(env), now=NOW, progress=write)
    assert (found.modified, found.unchecked) == ((), ("big",))


def test_when_time_runs_out_the_rest_is_unchecked_and_first_next_time(env: Path, gym: Path) -> None:
    (gym / "gym" / "a.py").write_text("x = 2\n")
    before = len(["gym", "numpy"]) * 2  # finding each, and counting its bytes
    turns = iter([False] * (before + 2))
    found = check_hashes(read_environment(env), now=NOW, is_over=lambda: next(turns, True), first=("numpy",))
    assert (found.modified, found.unchecked) == ((), ("gym", "numpy"))
    turns = iter([False] * (before + 4))
    found = check_hashes(read_environment(env), now=NOW, is_over=lambda: next(turns, True), first=("gym",))
    assert (found.modified, found.unchecked) == (("gym",), ("gym", "numpy"))


def test_the_time_ends_the_search_for_what_is_recorded(env: Path, gym: Path) -> None:
    (gym / "gym" / "b.py").unlink()
    for check in (check_hashes, check_sizes):
        found = check(read_environment(env), now=NOW, is_over=lambda: True)
        assert (found.modified, found.unchecked) == ((), ("gym", "numpy"))


@pytest.mark.parametrize("check", [check_hashes, check_sizes])
def test_what_differs_is_unchecked_if_it_is_late_before_all_records_were_asked_for_it(
    check: Callable[..., Integrity], env: Path, gym: Path
) -> None:
    with (gym / "gym" / "a.py").open("a") as file:
        file.write("# later\n")
    found = check(read_environment(env), now=NOW, is_late=lambda: True)
    assert (found.modified, found.files, found.unchecked) == ((), {}, ("gym",))


def test_a_file_that_differs_is_read_once_however_many_rows_name_it(env: Path) -> None:
    megabytes, rows = 8, 50
    site = site_packages(env)
    (site / "big.bin").write_bytes(bytes(megabytes << 20))
    wrong = [f"big.bin,{hashed('sha256', b'%d' % number)},{megabytes << 20}" for number in range(rows)]
    write_record(site, "big", *wrong)
    asked: list[str] = []

    def asking(what: str) -> Callable[[], bool]:
        def is_over() -> bool:
            asked.append(what)
            return False

        return is_over

    found = check_hashes(read_environment(env), now=NOW, is_over=asking("over"), is_late=asking("late"))
    assert found.modified == ("big",)
    # Once for each row, once for each chunk that is read, and twice before any of it.
    assert asked.count("over") == rows + megabytes + 2
    assert asked.count("late") == rows


def test_progress_counts_bytes_up_to_all_of_them(env: Path) -> None:
    site = site_packages(env)
    for name in "ab":
        (site / f"{name}.bin").write_bytes(bytes(2_000_000))
        write_record(site, name, f"{name}.bin,{hashed('sha256', bytes(2_000_000))},2000000")
    told: list[tuple[int, int]] = []
    check_hashes(read_environment(env), now=NOW, progress=lambda done, total: told.append((done, total)))
    assert [total for _, total in told] == [4_000_000] * len(told)
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    assert told[-1][0] == 4_000_000


def test_a_file_closed_to_its_owner_is_unchecked(open_folder: Path, as_somebody: Callable[[], None]) -> None:
    env = make_venv(Path(sys.executable), open_folder / "env")
    site = install(env, gym="1")
    (site / "gym.py").chmod(0)
    environment = read_environment(env)
    as_somebody()
    assert check_hashes(environment, now=NOW).unchecked == ("gym",)


@pytest.mark.skipif(os.geteuid() != 0, reason="only the superuser reads for others")
def test_for_another_nothing_is_told_of_places_that_he_may_not_enter(
    open_folder: Path, tmp_path: Path
) -> None:
    env = make_venv(Path(sys.executable), open_folder / "env")
    closed = open_folder / "closed"
    closed.mkdir()
    (closed / "secret").write_text(CONTENT)
    closed.chmod(0o700)
    site = site_packages(env)
    (site / "gym.py").symlink_to(closed / "secret")
    (site / "away").symlink_to(closed)
    write_record(site, "gym", a_row("gym.py"))
    write_record(site, "numpy", a_row("away/secret"))
    for path in (env, *env.rglob("*")):
        os.chown(path, 65534, 65534, follow_symlinks=False)
    for content in (CONTENT, "other"):
        (closed / "secret").write_text(content)
        assert hashes_of(env) == sizes_of(env) == Integrity(NOW, (), unchecked=("gym", "numpy"))
    closed.chmod(0o755)
    assert hashes_of(env).modified == ("gym", "numpy")
