"""Which environment a command line would run in: real files, made-up tools."""

from __future__ import annotations

import base64
import hashlib
import shlex
import sys
from pathlib import Path

import pytest

from envguard.errors import InventoryError
from envguard.runs.command import Untold, Used, environment_of
from tests.builders.places import lay_out_conda


def a_venv(folder: Path) -> Path:
    (folder / "bin").mkdir(parents=True)
    (folder / "pyvenv.cfg").write_text("home = /usr/bin\n")
    for name in ("python", "python3"):
        (folder / "bin" / name).symlink_to(sys.executable)
    a_script(folder / "bin" / "torchrun", f"#!{folder}/bin/python\n")
    a_script(folder / "bin" / "accelerate", f"#!{folder}/bin/python\n")
    a_script(folder / "bin" / "pytest", f"#!/bin/sh\n'''exec' \"{folder}/bin/python\" \"$0\" \"$@\"\n' '''\n")
    return folder


def a_script(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


class Place:
    """A project with an environment, another environment beside it, and tools on ``PATH``."""

    def __init__(self, folder: Path) -> None:
        self.project = folder / "project"
        self.project.mkdir()
        (self.project / "pyproject.toml").write_text('[project]\nname = "rl"\n')
        self.own = a_venv(self.project / ".venv")
        self.other = a_venv(folder / "other")
        self.tools = folder / "tools"
        for name in ("uv", "poetry", "conda", "pixi", "srun"):
            a_script(self.tools / name, "#!/bin/sh\n")
        self.environ = {"PATH": f"{self.other}/bin:{self.tools}:/usr/bin:/bin", "HOME": str(folder / "home")}

    def of(self, line: str, **environ: str) -> Used | Untold:
        words = shlex.split(line.format(own=self.own, other=self.other, project=self.project))
        return environment_of(words, {**self.environ, **environ}, str(self.project))

    def told(self, line: str, **environ: str) -> str | None:
        """Which of the two it is."""
        found = self.of(line, **environ)
        if isinstance(found, Untold):
            return None
        for name, folder in (("own", self.own), ("other", self.other)):
            if found.path in (str(folder), f"{folder}/bin/python", f"{folder}/bin/python3"):
                return name
        return found.path


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("python train.py", "other"),
        ("python3 -u -X dev -m pytest", "other"),
        ("{own}/bin/python train.py", "own"),
        (".venv/bin/python train.py", "own"),
        ("pytest -x", "other"),
        ("{own}/bin/pytest -x", "own"),
        ("torchrun --nproc-per-node 2 train.py", "other"),
        ("{own}/bin/torchrun --standalone --nnodes=1 train.py", "own"),
        ("torchrun --nproc_per_node 2 --no-python {own}/bin/python train.py", "own"),
        ("torchrun --standalone --no-python bash train.sh", "other"),
        ("accelerate launch --num_processes 2 --multi_gpu train.py", "other"),
        ("{own}/bin/accelerate launch --no_python {other}/bin/python x.py", "other"),
        ("{own}/bin/accelerate config", "own"),
        ("{own}/bin/python -m torch.distributed.run --nnodes 1 train.py", "own"),
        ("{own}/bin/python -m torch.distributed.run --no-python {other}/bin/python x", "other"),
        ("env A=1 -u B PATH={own}/bin python train.py", "own"),
        ("env -i PATH={own}/bin python train.py", "own"),
        ("env -C .venv bin/python x", "own"),
        ("env -S 'PATH={own}/bin python' x", "own"),
        ("env --split-string='PATH={own}/bin python' x", "own"),
        ("env --chdir=.venv bin/python x", "own"),
        ("env -C.venv bin/python x", "own"),
        ("env --unset=VIRTUAL_ENV -uA -- {own}/bin/python x", "own"),
        ("nohup nice -n 5 {own}/bin/python x", "own"),
        ("timeout -k 5 --signal=TERM 1h {own}/bin/python x", "own"),
        ("timeout -f 1h {own}/bin/python x", "own"),
        ("timeout --foreground -v 1h {own}/bin/python x", "own"),
        ("time -f %e {own}/bin/python x", "own"),
        ("stdbuf -oL ionice -c 2 -n 7 {own}/bin/python x", "own"),
        ("srun python train.py", "other"),
        ("srun -N 2 -n4 --gres gpu:2 --cpus-per-task=4 --pty {own}/bin/python x", "own"),
        ("srun --exclusive --mem 4G -D .venv bin/python x", "own"),
        ("srun -l uv run python x", "own"),
        ("uv run train.py", "own"),
        ("uv run --extra gpu --frozen python train.py", "own"),
        ("uv run -- torchrun train.py", "own"),
        ("uv run bash train.sh", "own"),
        ("uv run {other}/bin/python x", "other"),
        ("uv --directory {other} run --project {project} python x", "own"),
        ("poetry run python train.py", "own"),
        ("poetry -C {project} run train", "own"),
        ("conda run -p {own} python train.py", "own"),
        ("conda run --no-capture-output --prefix={own} python train.py", "own"),
        ("micromamba run -p {own} --cwd /tmp train", "own"),
    ],
)
def test_what_a_command_line_uses_is_told(place: Place, line: str, told: str) -> None:
    assert place.told(line) == told


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("bash train.sh", "`bash` is no program of Python's"),
        ("/bin/sh -c 'python x'", "`/bin/sh` is no program of Python's"),
        ("no-such-thing", "there is no command `no-such-thing`"),
        ("uv run --with rich python x", "`uv run` makes an environment for this run alone"),
        ("uv run --script x.py", "`uv run` makes an environment for the script alone"),
        ("srun --multi-prog x.conf", "`srun --multi-prog` starts several programs"),
        ("srun --container-image=x python y", "`srun` starts it in a container"),
        ("conda run python x", "`conda run` names no environment, and none is active"),
        ("pixi run train", "pixi has made no environment `default` here"),
        ("env", "no command follows"),
        (
            "env env env env env env env env env env env env env python",
            "too many programs that start one another",
        ),
    ],
)
def test_what_cannot_be_told_is_said_with_its_reason(place: Place, line: str, reason: str) -> None:
    assert place.of(line) == Untold(reason)


def test_a_script_runs_by_the_interpreter_of_its_first_line(place: Place) -> None:
    script = a_script(place.project / "train", "#!/usr/bin/env python\n")
    assert place.told(f"{script} --lr 1") == "other"
    a_script(script, f"#!{place.own}/bin/python -E\n")
    assert place.told(str(script)) == "own"
    a_script(script, "#!/usr/bin/env -S uv run python\n")
    assert place.told(str(script)) == "own"


def test_a_script_that_is_linked_from_elsewhere_runs_where_it_was_installed(place: Place) -> None:
    link = place.tools / "lint"
    link.symlink_to(place.own / "bin" / "pytest")
    assert place.told("lint") == "own"


def test_a_program_in_the_folder_of_an_environment_belongs_to_it(place: Place) -> None:
    binary = place.own / "bin" / "ruff"
    binary.write_bytes(b"\x7fELF")
    binary.chmod(0o755)
    assert place.told(f"{binary} check") == "own"


def test_uv_takes_the_workspace_s_environment_and_the_one_that_variables_name(place: Place) -> None:
    member = place.project / "packages" / "a"
    member.mkdir(parents=True)
    (member / "pyproject.toml").write_text('[project]\nname = "a"\n')
    with (place.project / "pyproject.toml").open("a") as file:
        file.write('[tool.uv.workspace]\nmembers = ["packages/*"]\n')
    assert place.told("uv run --directory packages/a python x") == "own"
    assert place.told("uv run python x", UV_PROJECT_ENVIRONMENT=str(place.other)) == "other"
    assert place.told("uv run --active python x", VIRTUAL_ENV=str(place.other)) == "other"
    assert place.told("uv run python x", VIRTUAL_ENV=str(place.other)) == "own"


def test_what_uv_has_not_made_yet_is_not_told(place: Place) -> None:
    found = place.of("uv run python x", UV_PROJECT_ENVIRONMENT="none")
    assert found == Untold(f"uv has not made {place.project}/none yet")


def test_a_script_with_metadata_of_its_own_is_run_in_an_environment_of_its_own(place: Place) -> None:
    (place.project / "x.py").write_text("# /// script\n# dependencies = []\n# ///\n")
    assert isinstance(place.of("uv run x.py"), Untold)


def test_poetry_takes_what_is_active_and_else_what_it_made_for_the_project(
    place: Place, tmp_path: Path
) -> None:
    (place.own / "pyvenv.cfg").unlink()
    kept = tmp_path / "virtualenvs"
    mark = base64.urlsafe_b64encode(hashlib.sha256(str(place.project).encode()).digest()).decode()[:8]
    made = a_venv(kept / f"rl-{mark}-py3.11")
    a_venv(kept / "rl-otherone-py3.11")
    told = {"POETRY_VIRTUALENVS_PATH": str(kept)}
    assert place.told("poetry run python x", **told) == f"{made}/bin/python"
    assert place.told("poetry run python x", VIRTUAL_ENV=str(place.other), **told) == "other"
    a_venv(kept / f"rl-{mark}-py3.12")
    assert place.of("poetry run python x", **told) == Untold(f"Poetry has 2 environments for {place.project}")


def test_conda_finds_a_name_among_its_environments(place: Place, tmp_path: Path) -> None:
    envs = tmp_path / "home" / "miniforge3" / "envs" / "rl"
    lay_out_conda(envs)
    (tmp_path / "home" / ".conda").mkdir()
    (tmp_path / "home" / ".conda" / "environments.txt").write_text(f"{envs}\n")
    assert place.told("conda run -n rl train") == str(envs)
    with pytest.raises(InventoryError):
        place.of("conda run -n no-such-name train")


def test_pixi_finds_the_environment_of_the_project(place: Place) -> None:
    made = a_venv(place.project / ".pixi" / "envs" / "gpu")
    assert place.told("pixi run -e gpu train") == str(made)


def test_a_shim_is_what_pyenv_would_run(place: Place, tmp_path: Path) -> None:
    python = a_venv(tmp_path / "pyenv" / "versions" / "3.11.7") / "bin" / "python"
    shims = a_script(tmp_path / "pyenv" / "shims" / "python", "#!/bin/sh\n").parent
    assert place.told("python x", PATH=f"{shims}:/usr/bin", PYENV_VERSION="3.11.7") == str(python)
    assert place.told("python x", PATH=f"{shims}:{place.own}/bin", PYENV_VERSION="system") == "own"
