"""Requirements files as pip and uv read them, with the files that they name."""

from __future__ import annotations

from pathlib import Path

import pytest

from envguard.domain.environment import Origin, digest_of_text
from envguard.domain.locks.lock import Artifact, Lock, LockChoice, LockedPackage
from envguard.domain.locks.selection import Ambiguous, Selected, select
from envguard.errors import PolicyError
from envguard.formats.companions import KeptFiles
from envguard.formats.files import read_text
from envguard.formats.locks import parse_lock, read_lock

TEXTS = Path(__file__).parent / "texts"
COMMIT = "0123456789abcdef0123456789abcdef01234567"
B = Origin("archive", "https://h.example/b-1.0.tar.gz")
B_FILE = (Artifact("b-1.0.tar.gz"),)
LINUX_311 = {
    "python_version": "3.11",
    "python_full_version": "3.11.7",
    "sys_platform": "linux",
    "platform_machine": "x86_64",
}


def lock_of(text: str, filename: str = "r.txt", **further: str) -> Lock:
    files = {name.replace("_txt", ".txt"): content for name, content in further.items()}
    return parse_lock(text, filename=filename, companions=KeptFiles(files))


def errors_of(text: str, files: dict[str, str] | None = None) -> list[PolicyError]:
    with pytest.raises(PolicyError) as caught:
        parse_lock(text, filename="r.txt", companions=KeptFiles(files or {}))
    return list(caught.value.problems) or [caught.value]


def versions(lock: Lock) -> dict[str, str | None]:
    return {package.name: package.version for package in lock.packages}


def selected(lock: Lock, **values: str) -> Selected | Ambiguous:
    found = select(lock, LINUX_311 | values, LockChoice())
    assert isinstance(found, (Selected, Ambiguous))
    return found


class TestToolsOutput:
    """What tools write is read whole."""

    @pytest.mark.parametrize(
        ("filename", "count"),
        [
            ("pip-compile.txt", 6),
            ("poetry-export.txt", 3),
            ("uv-compile.txt", 6),
            ("uv-export.txt", 10),
            ("uv-universal.txt", 7),
            ("pip-freeze.txt", 6),
        ],
    )
    def test_every_package_is_there(self, filename: str, count: int, tmp_path: Path) -> None:
        (tmp_path / filename).write_bytes((TEXTS / filename).read_bytes())
        (tmp_path / "pyproject.toml").write_text("[project]\nname = 'RL_Project'\n")
        lock = read_lock(tmp_path / filename)
        assert len({package.name for package in lock.packages}) == count

    def test_hashes_are_kept_each_as_a_file_that_may_be_installed(self) -> None:
        packages = {each.name: each for each in read_lock(TEXTS / "pip-compile.txt").packages}
        assert packages["requests"].artifacts == (
            Artifact("", ("sha256:55365417734eb18255590a9ff9eb97e9e1da868d4ccd6402399eaf68af20a760",)),
            Artifact("", ("sha256:70761cfe03c773ceb22aa2f671b4757976145175cdfca038c02654d061d6dcc6",)),
        )

    def test_a_freeze_tells_editables_by_its_comments_and_repositories_by_their_commits(self) -> None:
        packages = {each.name: each for each in read_lock(TEXTS / "pip-freeze.txt").packages}
        assert packages["here"] == LockedPackage("here", origin=Origin("editable"))
        assert packages["local-tool"].origin == Origin("editable")
        assert packages["gitty"] == LockedPackage("gitty", origin=Origin("editable"))
        assert packages["plain"].origin == Origin(
            "vcs", "ssh://git.example/team/plain.git", "89abcdef0123456789abcdef0123456789abcdef"
        )
        assert packages["wheel-by-url"] == LockedPackage(
            "wheel-by-url",
            "2.0",
            origin=Origin("archive", "https://index.example/wheel_by_url-2.0-py3-none-any.whl"),
            artifacts=(Artifact("wheel_by_url-2.0-py3-none-any.whl", ("sha256:aaaa",)),),
        )


class TestLines:
    """Single lines, each as pip takes it."""

    @pytest.mark.parametrize(
        ("line", "expected"),
        [
            ("a[x,y] == 1.0", LockedPackage("a", "1.0")),
            ("A_b===2022x", LockedPackage("a-b", "2022x")),
            ('a==1 --config-settings="--x y" --hash sha256:AB', ("sha256:ab",)),
            ("a==1 ; os_name == 'nt' # why", LockedPackage("a", "1", 'os_name == "nt"')),
            ("./a-1.0-py3-none-any.whl", Artifact("a-1.0-py3-none-any.whl")),
            ("https://h.example/x/a-1.0.tar.gz#sha256=ab", Artifact("a-1.0.tar.gz", ("sha256:ab",))),
            (
                "a @ https://h.example/b-1.0.tar.gz",
                LockedPackage("a", origin=B, artifacts=B_FILE),
            ),
            ("a @ https://h.example/" + "b" * 300 + "-1.zip", None),
            ("a @ https://u:p@h.example/archive/main.zip?token=1", Artifact("main.zip")),
            (f"git+https://${{USER}}:${{TOKEN}}@h.example/a.git@{COMMIT}#egg=a[x]&subdirectory=b", COMMIT),
            (f"a[x] @ hg+https://h.example/a@{COMMIT} ; os_name == 'nt'", COMMIT),
            ("a @ svn+https://h.example/a@1234", "1234"),
            (f"a @ git+file:///home/ann/a@{COMMIT}", COMMIT),
            ("-e git+https://h.example/a.git#egg=a", Origin("editable")),
            ("--editable=./sub[x]", Origin("editable")),
            ("-e 'a @ ./elsewhere'", Origin("editable")),
            ("-e ./sub ; os_name == 'nt'", Origin("editable")),
            ("./sub", Origin("directory")),
            ("./sub[x] ; os_name == 'nt'", Origin("directory")),
            ("a @ file:///home/ann/a", Origin("directory")),
        ],
    )
    def test_a_line_is_an_entry(self, line: str, expected: object) -> None:
        files = KeptFiles({"sub/pyproject.toml": "[tool.poetry]\nname = 'a'"})
        [package] = parse_lock(f"{line}\n", filename="r.txt", companions=files).packages
        origin = package.origin
        assert package.name in ("a", "a-b")
        assert expected in (
            package,
            origin,
            origin.commit if origin is not None else None,
            *package.artifacts,
            *(each.digests for each in package.artifacts),
        )
        assert (package.marker == 'os_name == "nt"') is ("os_name" in line)
        assert not {"u:p", "token", "TOKEN"} & set(str(origin).split("'"))

    def test_where_folders_and_files_lie_is_told_from_the_locks_own_folder(self) -> None:
        more = "-e ../libs/c\n./d-1.0.tar.gz\n/elsewhere/e-1.0.tar.gz\n"
        folders = {"libs/c/setup.cfg": "[metadata]\nname = c\n", "more/more.txt": more}
        lock = parse_lock("a @ ./a.zip\n-r more/more.txt\n", filename="r.txt", companions=KeptFiles(folders))
        places = {package.name: package.location for package in lock.packages}
        assert places == {"a": "./a.zip", "c": "libs/c", "d": "more/d-1.0.tar.gz", "e": None}

    def test_where_in_its_repository_a_package_lies(self) -> None:
        (package,) = lock_of(f"a @ git+https://h.example/a@{COMMIT}#subdirectory=libs/a\n").packages
        assert package.subdirectory == "libs/a"

    def test_a_long_address_is_kept_whole(self) -> None:
        url = f"https://h.example/{'folder/' * 30}b-1.0.tar.gz"
        [archive, repository] = lock_of(f"b @ {url}\nc @ git+{url}@{COMMIT}\n").packages
        assert archive.origin == Origin("archive", url)
        assert repository.origin == Origin("vcs", url, COMMIT)

    @pytest.mark.parametrize(
        "line",
        [
            "--index-url https://${USER}:${TOKEN}@index.example/simple",
            "-ihttps://index.example/simple --pre",
            "--find-links=./wheels --no-index",
            "--only-binary :all: --trusted-host index.example",
        ],
    )
    def test_options_that_say_where_and_how_are_read_over(self, line: str) -> None:
        assert versions(lock_of(f"{line}\na==1\n")) == {"a": "1"}

    @pytest.mark.parametrize(
        ("line", "what"),
        [
            ("a @ git+https://h.example/a.git", "not a pin: no commit"),
            ("a @ git+https://h.example/a.git@main", "not a pin: no full commit: `main`"),
            ("a @ git+https://h.example/a.git@0123abc", "not a pin: no full commit"),
            ("a @ svn+https://h.example/a@HEAD", "not a pin: no full commit"),
            ("a @ https://h.example/b-1.0-py3-none-any.whl", "`a` is asked for, and the wheel is of `b`"),
            ("a @ https://h.example/${X}/a.zip", "a variable is another value on each machine: `${X}`"),
            ("a==${VERSION}", "not a requirement"),
            ("-r ${WHICH}.txt", "a variable is another value on each machine: `${WHICH}`"),
            ("-r /srv/base.txt", "not a path beside this file"),
            ("-r https://h.example/base.txt", "not a file beside this one"),
            ("-r", "`-r` names no file"),
            ("-e /home/ann/a", "not a path beside this file"),
            ("-e ./sub", "the package's name is not said"),
            ("a==1 --hash=sha256", "not a hash"),
            ("a==1 --hash=sha256:xyz", "not a hash"),
            ("a==1 --target=x", "not supported in a lock: `--target`"),
            ("a==1 --hash='sha256:ab", "not options"),
            ("--index-url 'x", "not options"),
            ("--pre x", "not an option: `x`"),
            ("https://h.example/x.zip ; nonsense", "not a marker: `nonsense`"),
            ("a" * 20_000, "not a requirement"),
            ("-i " + "a" * 20_000, "too long for options"),
            ("a>=" + "1" * 5_000, "not a version"),
        ],
    )
    def test_what_cannot_be_in_a_lock_is_named(self, line: str, what: str) -> None:
        (error,) = errors_of(f"b==1\n{line}\n")
        assert what in error.what
        assert error.where == "r.txt:2:1"

    def test_a_name_is_taken_from_setup_cfg(self) -> None:
        files = KeptFiles({"pyproject.toml": "[build-system]\n", "setup.cfg": "[metadata]\nname = A.b\n"})
        assert versions(parse_lock("-e .\n", filename="r.txt", companions=files)) == {"a-b": None}

    @pytest.mark.parametrize(
        "files",
        [
            {"pyproject.toml": "name ="},
            {"pyproject.toml": f"[project]\nname = 'a'\nx{'.x' * 20_000} = 1"},
            {"setup.cfg": "x"},
            {"setup.cfg": "[metadata]\nname = -\n"},
        ],
        ids=["toml", "long key", "cfg", "name"],
    )
    def test_a_project_that_cannot_be_understood_has_no_name(self, files: dict[str, str]) -> None:
        assert "name is not said" in errors_of("-e .\n", files)[0].what

    def test_a_project_that_cannot_be_looked_at_is_an_error(self, tmp_path: Path) -> None:
        path = tmp_path / "requirements.txt"
        path.write_text(f"-e ./{'a' * 300}\n")
        with pytest.raises(PolicyError, match="the file cannot be read"):
            read_lock(path)

    def test_utf_16_is_read_as_powershell_writes_it(self, tmp_path: Path) -> None:
        path = tmp_path / "requirements.txt"
        path.write_bytes("a==1\r\nb==2\r\n".encode("utf-16"))
        assert versions(read_lock(path)) == {"a": "1", "b": "2"}

    def test_half_a_utf_16_character_is_told(self, tmp_path: Path) -> None:
        path = tmp_path / "requirements.txt"
        path.write_bytes(b"\xff\xfea")
        with pytest.raises(PolicyError, match="not UTF-8"):
            read_text(path, "lock")


class TestNesting:
    """Files that name files."""

    def test_requirements_are_taken_in_from_beside_the_file_that_names_them(self) -> None:
        files = KeptFiles({"locks/base.txt": "-r more/x.txt\na==1", "locks/more/x.txt": "b==2"})
        lock = parse_lock("-r base.txt\nc==3", filename="locks/r.txt", companions=files)
        assert versions(lock) == {"a": "1", "b": "2", "c": "3"}

    @pytest.mark.parametrize("line", ["-rx.txt", "-r x.txt", "--requirement=x.txt", "-r 'x.txt' -c x.txt"])
    def test_a_file_is_named_in_all_of_pips_ways(self, line: str) -> None:
        assert versions(lock_of(line, x_txt="a==1")) == {"a": "1"}

    def test_the_digest_is_over_all_files(self) -> None:
        one, two = (lock_of("-r x.txt", x_txt=text) for text in ("a==1", "a==1 # why"))
        assert one.digest != two.digest
        assert lock_of("a==1").digest == digest_of_text("a==1")

    def test_a_name_that_another_file_tells_is_in_the_digest(self) -> None:
        one, two = (
            parse_lock("-e .", filename="r.txt", companions=KeptFiles({"pyproject.toml": text}))
            for text in ("[project]\nname = 'a'", "[project]\nname = 'b'")
        )
        assert one.digest != two.digest

    def test_problems_are_named_in_their_own_files(self) -> None:
        errors = errors_of("-r x.txt\na", {"x.txt": "\n=\n"})
        assert [each.where for each in errors] == ["x.txt:2:1", "r.txt:2:1"]

    def test_a_circle_is_named(self) -> None:
        (error,) = errors_of("-r x.txt\na==1", {"x.txt": "-c y.txt", "y.txt": "-r x.txt"})
        assert error.what == "the files name each other in a circle: x.txt -> y.txt -> x.txt"
        assert error.where == "y.txt:1:1"

    def test_a_file_that_is_named_twice_counts_once(self) -> None:
        files = {f"{n}.txt": f"-r {n + 1}.txt\n-r ./{n + 1}.txt" for n in range(30)} | {"30.txt": "a==1"}
        lock = parse_lock("-r 0.txt", filename="r.txt", companions=KeptFiles(files))
        assert versions(lock) == {"a": "1"}

    def test_the_same_pin_twice_is_one_with_all_hashes(self) -> None:
        lock = lock_of(
            "-r x.txt\na==1 --hash=sha256:aa\na==1 ; os_name == 'nt'", x_txt="a==1 --hash=sha256:bb"
        )
        [package] = lock.packages
        assert package.marker is None
        assert [each.digests for each in package.artifacts] == [("sha256:bb",), ("sha256:aa",)]

    def test_two_pins_in_two_files_are_a_problem_that_names_both(self) -> None:
        (error,) = errors_of("-r x.txt\na==2", {"x.txt": "a==1"})
        assert (error.where, error.what) == ("r.txt:2:1", "`a` is pinned otherwise already, at x.txt:1")


class TestConstraints:
    """``-c``: pins without asking for anything."""

    def test_a_constraint_pins_what_is_left_open(self) -> None:
        lock = lock_of("-c c.txt\nnumpy>=1\n", c_txt="numpy==1.26.4 --hash=sha256:aa\n")
        assert lock.packages == (LockedPackage("numpy", "1.26.4", artifacts=(Artifact("", ("sha256:aa",)),)),)

    def test_a_constraint_asks_for_nothing_and_judges_what_is_there(self) -> None:
        lock = lock_of("-c c.txt\na==1\n", c_txt="b==2\nc<3\nc>1\n")
        found = selected(lock)
        assert isinstance(found, Selected)
        assert list(found.packages) == ["a"]
        assert [each.version for each in found.optional["b"]] == ["2"]
        assert [each.specifier for each in found.optional["c"]] == ["<3,>1"]

    def test_constraints_alone_are_no_lock(self) -> None:
        assert errors_of("-c c.txt", {"c.txt": "a==1"})[0].what == "the lock pins nothing"

    def test_what_no_constraint_pins_is_named_where_it_is_asked_for(self) -> None:
        (error,) = errors_of("-c c.txt\nnumpy\n", {"c.txt": "numpy<2\n"})
        assert (error.where, error.what) == ("r.txt:2:1", "not a pin: `numpy`")

    def test_a_constraint_that_excludes_a_pin_is_a_problem(self) -> None:
        (error,) = errors_of("-c c.txt\nnumpy==2.0\n", {"c.txt": "numpy<2\n"})
        assert error.what == "the lock contradicts itself: 2.0 is wanted, and <2 is asked for"

    def test_a_pin_that_is_the_same_in_other_digits_is_no_contradiction(self) -> None:
        assert versions(lock_of("-c c.txt\na==1.0", c_txt="a==1.0.0")) == {"a": "1.0"}

    def test_a_constraint_may_be_an_address(self) -> None:
        lock = lock_of("-c c.txt\na", c_txt=f"a @ git+https://h.example/a@{COMMIT}")
        assert [each.origin for each in lock.packages] == [Origin("vcs", "https://h.example/a", COMMIT)]

    def test_an_address_is_not_judged_by_a_constraint(self) -> None:
        lock = lock_of("-c c.txt\n./a-1.0-py3-none-any.whl", c_txt="a==2")
        assert [each.version for each in lock.packages if not each.only_constrains] == ["1.0"]

    def test_constraints_with_markers_pin_by_the_place(self) -> None:
        constraints = "numpy==1.26.4 ; python_version < '3.12'\nnumpy==2.1 ; python_version >= '3.12'\n"
        lock = lock_of("-c c.txt\nnumpy\n", c_txt=constraints)
        for python, version in (("3.11", "1.26.4"), ("3.12", "2.1")):
            found = selected(lock, python_version=python)
            assert isinstance(found, Selected)
            assert found.packages["numpy"].version == version
            assert not found.optional

    def test_where_no_constraint_holds_there_is_no_answer(self) -> None:
        lock = lock_of("-c c.txt\nnumpy\n", c_txt="numpy==1.26.4 ; sys_platform == 'win32'\n")
        assert selected(lock) == Ambiguous(
            "numpy", "the lock asks for it, and no constraint that holds here pins it"
        )

    def test_a_contradiction_in_one_place_is_told_there(self) -> None:
        lock = lock_of("-c c.txt\na==2\n", c_txt="a<2 ; sys_platform == 'linux'\n")
        assert isinstance(selected(lock), Ambiguous)
        assert isinstance(selected(lock, sys_platform="win32"), Selected)

    def test_a_conditional_pin_that_a_constraint_excludes_is_told_where_it_applies(self) -> None:
        lock = lock_of("-c c.txt\na==1 ; sys_platform == 'win32'\nb==1", c_txt="a==2\n")
        assert isinstance(selected(lock, sys_platform="win32"), Ambiguous)
        assert isinstance(selected(lock), Selected)


class TestTooMuch:
    """What nobody wrote ends at once."""

    @pytest.mark.parametrize(
        ("text", "what"),
        [
            ("a==1\n" * 30_000, "too many lines"),
            (" " * 1_000_000 + "x\n", "not a pin"),
            ("a" + " " * 1_000_000 + "\n", "not a pin"),
            ("a==1 \\\n" * 100_000, "not a requirement"),
            ("=\n" * 1_000_000, "100 problems"),
            ("-r x.txt\n" + "=\n" * 1_000, "100 problems"),
            ("a==1" + " -" * 100_000, "not"),
            ("x" * (50 << 20), "too large"),
        ],
        ids=[
            "lines",
            "blanks before",
            "blanks behind",
            "continued",
            "wrong",
            "wrong in two files",
            "dashes",
            "large",
        ],
    )
    def test_it_is_refused(self, text: str, what: str) -> None:
        with pytest.raises(PolicyError, match=what):
            parse_lock(text, filename="r.txt", companions=KeptFiles({"x.txt": "=\n" * 99}))
