"""``rebuild`` of what is no run: locks, policies, revisions of the server; and what conda alone can make."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from tests.builders.wheels import make_wheel
from tests.cli.conftest import Envguard
from tests.cli.rebuild.receipts import Rebuild, change_receipt, stamped
from tests.cli.test_schemas import hold


def test_a_lock_is_made(rebuild: Rebuild, project: Path) -> None:
    done = rebuild("uv.lock")
    assert (done.code, done.out.splitlines()[0]) == (0, "made .venv-uv.lock: what uv.lock says")
    document = rebuild("uv.lock", "--into", "again", "--json").json()
    hold(document, "rebuild-1")
    assert (document["kind"], document["wanted"], document["by_hash"]) == ("lock", None, 2)


def test_a_digest_that_no_file_has_is_refused(rebuild: Rebuild, project: Path, wheels: Path) -> None:
    make_wheel(wheels, "gym", "0.26.2", files={"gym.py": "import os\n"})
    done = rebuild("uv.lock")
    assert done.code == 3
    assert "hash" in done.err.lower()
    assert not (project / ".venv-uv.lock").exists()


def test_a_policy_is_made_with_its_extras(
    envguard: Envguard, rebuild: Rebuild, project: Path, wheels: Path
) -> None:
    [wheel] = wheels.glob("torch-*")
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    lines = [
        'lock-version = "1.0"\ncreated-by = "t"\nextras = ["gpu"]\n[[packages]]\nname = "torch"',
        'version = "2.4.0+cu121"\nmarker = "\'gpu\' in extras"',
        f'wheels = [{{path = "{wheel.name}", hashes = {{sha256 = "{digest}"}}}}]\n',
    ]
    (project / "pylock.toml").write_text("\n".join(lines))
    (project / "rl.yaml").write_text(
        "envguard: 1\nname: rl\npython: '>=3.8'\nlock: {file: pylock.toml, extras: [gpu]}\n"
    )
    document = rebuild("rl.yaml", "--json").json()
    assert (document["kind"], document["same"], document["packages"]) == ("policy", True, 1)
    assert document["environment"] == str(project / ".venv-rl.yaml")


def test_a_revision_of_the_server_s_is_made(
    envguard: Envguard, rebuild: Rebuild, project: Path, admin: dict[str, str]
) -> None:
    (project / "rl.yaml").write_text("envguard: 1\nname: rl\nlock: uv.lock\n")
    assert envguard("policy", "push", "rl.yaml", cwd=project, **admin).code == 0
    done = rebuild("rl@r1", **admin)
    assert (done.code, done.out.splitlines()[0]) == (0, "made .venv-rl-r1: what rl@r1 says")


def test_conda_s_environment_is_conda_s_to_make(envguard: Envguard, rebuild: Rebuild, project: Path) -> None:
    def as_conda(receipt: dict[str, Any]) -> None:
        receipt["judgement"]["kind"] = "conda"
        snapshot = receipt["judgement"]["snapshot"]
        snapshot["system_packages"] = [{"name": "python", "version": "3.11.7", "build": "h1_0_cpython"}]
        snapshot["packages"][0] |= {"origin": {"kind": "conda"}, "build": "py311_0"}

    stamped(envguard, project)
    change_receipt(project, as_conda)
    done = rebuild("runs/42")
    made = project / ".venv-42"
    line = f"conda create --yes --prefix {made} python=3.11.7=h1_0_cpython gym=0.26.2=py311_0"
    pip = f"{made}/bin/python -m pip install --no-deps numpy==1.26.4"
    assert (done.code, f"hint: {line} && {pip}\n" in done.err) == (3, True)


def test_a_lock_of_conda_s_is_conda_s_to_install(rebuild: Rebuild, project: Path) -> None:
    (project / "environment.yml").write_text("dependencies:\n  - python=3.11\n  - numpy=1.26.4\n")
    done = rebuild("environment.yml", "--into", "x")
    line = f"conda env create --prefix {project}/x --file {project}/environment.yml"
    assert (done.code, f"hint: {line}\n" in done.err) == (3, True)
