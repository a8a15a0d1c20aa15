"""The lease of a guarded run is no part of what an environment contains."""

from __future__ import annotations

import pytest

from envguard.inventory import read_environment
from tests.builders.environments import install
from tests.guard.agent_lines import lines, whole, write
from tests.guard.places import Place


def test_a_lease_changes_nothing_that_a_scan_tells(place: Place) -> None:
    install(place.env, gym="0.26.2")
    before = read_environment(place.env)
    write(place, whole(lines(place)))
    assert place.run("import envguard_guard; envguard_guard.require()").code == 0
    assert (place.env / ".envguard-lease").is_file()
    assert read_environment(place.env) == before


@pytest.mark.parametrize(
    ("mark", "is_held"),
    [
        pytest.param("pyvenv.cfg", True, id="venv"),
        pytest.param("conda-meta", True, id="conda"),
        ("lib", False),
    ],
)
def test_a_whole_python_is_not_written_to(mark: str, is_held: bool, place: Place) -> None:
    prefix = place.project / "prefix"
    (prefix / mark).mkdir(parents=True)
    install(place.env, gym="0.26.2")
    told = place.run(
        f"import envguard_guard, sys; sys.prefix = {str(prefix)!r}; envguard_guard.require(gym='')"
    )
    assert (told.code, told.err) == (0, "")
    assert (prefix / ".envguard-lease").exists() == is_held
