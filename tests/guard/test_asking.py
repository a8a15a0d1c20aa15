"""``require(gym="==0.26.2")``: what was asked in the call, held to what this interpreter would import."""

from __future__ import annotations

import zipfile

import pytest

from tests.builders.environments import install, write_dist_info, write_tree
from tests.guard.places import Place

ASK = """
from envguard_guard import require, EnvironmentDrift
try:
    verdict = require({})
except EnvironmentDrift as error:
    verdict = error.verdict
    print(str(error))
told = [(each.kind, each.package, each.expected, each.actual) for each in verdict.findings]
print([verdict.verdict] + told)
"""


def ask(place: Place, call: str, **environ: str) -> str:
    told = place.run(ASK.format(call), **environ)
    assert (told.code, told.err) == (0, ""), told.err
    return told.out


def last(place: Place, call: str, **environ: str) -> str:
    return ask(place, call, **environ).splitlines()[-1]


def test_every_python_finds_what_is_installed_compliant(any_place: Place) -> None:
    install(any_place.env, gym="0.26.2", numpy="1.26.4+local.1")
    assert last(any_place, 'python=">=2.7", gym="==0.26.2", numpy=">=1,<2"') == "['compliant']"


def test_what_is_compliant_needs_no_advice(place: Place) -> None:
    install(place.env, gym="0.26.2")
    told = place.run('import envguard_guard\nprint(envguard_guard.require(gym="==0.26.2"))\n')
    assert told.code == 0
    assert told.out.startswith("compliant: what the script asks for\n")
    assert "ENVGUARD_ALLOW_DRIFT" not in told.out


def test_every_python_tells_expected_actual_and_what_mends_it(any_place: Place) -> None:
    install(any_place.env, gym="0.25.2")
    out = ask(any_place, 'gym="==0.26.2", numpy="<2", python=">=4"')
    assert "drifted from what the script asks for: 3 errors" in out
    assert f"uv pip install --python {any_place.python} gym==0.26.2" in out
    assert f"uv pip install --python {any_place.python} 'numpy<2'" in out
    assert "('version-mismatch', 'gym', '==0.26.2', '0.25.2')" in out
    assert "('missing', 'numpy', '<2', None)" in out
    assert "('interpreter-mismatch', 'python', '>=4', " in out


def test_old_and_new_pythons_end_a_script_with_the_table_as_its_last_words(some_place: Place) -> None:
    told = some_place.run('import envguard_guard\nenvguard_guard.require(gym="==0.26.2")\nprint("trained")\n')
    assert told.code == 1
    assert told.out == ""
    assert "EnvironmentDrift: drifted from what the script asks for: 1 error" in told.err


def test_every_python_sees_a_local_file_that_takes_the_packages_name(any_place: Place) -> None:
    install(any_place.env, gym="0.26.2")
    shadow = any_place.project / "gym.py"
    shadow.write_text("")
    out = last(any_place, 'gym="==0.26.2"')
    assert out == f"['drifted', ('shadowed', 'gym', 'the installed one', '{shadow}')]"


@pytest.mark.parametrize(
    ("files", "is_shadow"),
    [
        pytest.param({"gym/__init__.py": ""}, True, id="a package"),
        pytest.param({"gym/readme.txt": ""}, False, id="a folder that is no package"),
        pytest.param({"gymnasium/__init__.py": "", "gym.txt": ""}, False, id="names that begin alike"),
        pytest.param({"src/gym.py": ""}, False, id="a module inside another folder"),
    ],
)
def test_a_shadow_is_what_import_would_take(place: Place, files: dict[str, str], is_shadow: bool) -> None:
    install(place.env, gym="0.26.2")
    write_tree(place.project, files)
    imported = place.run("import gym; print(gym.__file__)").out.strip()
    assert imported.startswith(str(place.project)) is is_shadow
    assert last(place, 'gym="==0.26.2"').startswith("['drifted'" if is_shadow else "['compliant'")


@pytest.mark.parametrize("is_own", [True, False])
def test_an_editable_with_a_finder_is_shadowed_by_what_is_not_its_project(
    some_place: Place, is_own: bool
) -> None:
    home = some_place.project if is_own else some_place.home / "a project"
    url = "file://" + str(home).replace(" ", "%20")
    told = f'{{"dir_info": {{"editable": true}}, "url": "{url}"}}'
    write_dist_info(some_place.site, "gym", "0.26.2", direct_url__json=told, top_level__txt="gym\n")
    write_tree(some_place.project, {"gym/__init__.py": ""})
    assert last(some_place, 'gym="==0.26.2"').startswith("['compliant'" if is_own else "['drifted'")


def test_a_name_that_differs_from_its_module_is_looked_up(place: Place) -> None:
    write_tree(place.site, {"yaml/__init__.py": ""})
    write_dist_info(place.site, "PyYAML", "6.0.1", top_level__txt="yaml\n")
    (place.project / "yaml.py").write_text("")
    assert "('shadowed', 'pyyaml', 'the installed one'" in last(place, 'PyYAML=">=6"')


def test_without_top_level_txt_the_record_tells_the_module(place: Place) -> None:
    write_tree(place.site, {"yaml/__init__.py": ""})
    write_dist_info(
        place.site, "PyYAML", "6.0.1", RECORD="yaml/__init__.py,,\nPyYAML-6.0.1.dist-info/RECORD,,\n"
    )
    (place.project / "yaml.py").write_text("")
    assert "('shadowed', 'pyyaml', 'the installed one'" in last(place, 'PyYAML=">=6"')


def test_the_first_folder_on_the_path_counts(place: Place) -> None:
    install(place.env, gym="0.26.2")
    before = place.home / "vendored"
    write_dist_info(before, "gym", "0.25.2")
    write_tree(before, {"gym.py": ""})
    out = last(place, 'gym="==0.26.2"', PYTHONPATH=str(before))
    assert out == "['drifted', ('version-mismatch', 'gym', '==0.26.2', '0.25.2')]"


def test_what_a_script_puts_on_the_path_before_it_asks_counts(place: Place) -> None:
    install(place.env, gym="0.26.2")
    before = place.home / "own"
    write_tree(before, {"gym.py": ""})
    told = place.run(f"import sys; sys.path.insert(0, {str(before)!r})\n" + ASK.format('gym="==0.26.2"'))
    assert "('shadowed', 'gym'" in told.out


LOADED = """
import sys
sys.path.insert(0, {folder!r})
import gym
del sys.path[0]
"""


def test_old_and_new_pythons_see_what_was_imported_from_a_folder_that_left_the_path(
    some_place: Place,
) -> None:
    install(some_place.env, gym="0.26.2")
    write_tree(some_place.site, {"gym/__init__.py": ""})
    own = some_place.home / "own"
    write_tree(own, {"gym/__init__.py": ""})
    told = some_place.run(LOADED.format(folder=str(own)) + ASK.format('gym="==0.26.2"'))
    assert "('shadowed', 'gym', 'the installed one'" in told.out
    told = some_place.run("import gym\n" + ASK.format('gym="==0.26.2"'))
    assert told.out.splitlines()[-1] == "['compliant']"


def test_old_and_new_pythons_see_a_zip_file_that_takes_the_packages_name(some_place: Place) -> None:
    install(some_place.env, gym="0.26.2")
    archive = some_place.home / "vendored.zip"
    with zipfile.ZipFile(archive, "w") as writing:
        writing.writestr("gym/__init__.py", "")
        writing.writestr("numpy/readme.txt", "no package")
    out = last(some_place, 'gym="==0.26.2"', PYTHONPATH=str(archive))
    assert out == f"['drifted', ('shadowed', 'gym', 'the installed one', '{archive}/gym/__init__.py')]"


@pytest.mark.parametrize("content", [b"", b"no archive", b"PK\x05\x06" + bytes(17)])
def test_a_file_on_the_path_that_is_no_archive_takes_no_name(place: Place, content: bytes) -> None:
    install(place.env, gym="0.26.2")
    (place.home / "broken.zip").write_bytes(content)
    assert last(place, 'gym="==0.26.2"', PYTHONPATH=str(place.home / "broken.zip")) == "['compliant']"


@pytest.mark.parametrize(
    ("name", "version", "metadata"),
    [
        pytest.param("gym", "0.26.2", None, id="as usual"),
        pytest.param("Gym", "0.26.2", None, id="capitals"),
        pytest.param(
            "gym", "0.26.2_1", b"Name: gym\nVersion: 0.26.2.post1\n", id="a version that is escaped"
        ),
        pytest.param("gy-m", "0", b"Name: gym\nVersion: 0.26.2\n", id="a name with a dash"),
    ],
)
def test_metadata_is_read_where_the_folders_name_is_odd(
    place: Place, name: str, version: str, metadata: bytes | None
) -> None:
    write_dist_info(place.site, name, version, metadata=metadata)
    assert last(place, 'gym="~=0.26.2"') == "['compliant']"


@pytest.mark.parametrize("kind", ["file", "folder", "without a version"])
def test_egg_infos_are_read_as_well(place: Place, kind: str) -> None:
    text = "Name: gym\nVersion: 0.26.2\n"
    if kind == "file":
        (place.site / "gym-0.26.2-py3.11.egg-info").write_text(text)
    else:
        name = "gym.egg-info" if kind == "without a version" else "gym-0.26.2-py3.11.egg-info"
        write_tree(place.site / name, {"PKG-INFO": text})
    assert last(place, 'gym="==0.26.2"') == "['compliant']"


def test_pips_leftovers_are_no_packages(place: Place) -> None:
    write_dist_info(place.site, "~ym", "0.26.2", metadata=b"Name: gym\nVersion: 0.26.2\n")
    assert "('missing', 'gym'" in last(place, 'gym="==0.26.2"')


@pytest.mark.parametrize("metadata", [b"", None])
def test_a_package_without_metadata_is_unknown(place: Place, metadata: bytes | None) -> None:
    info = write_dist_info(place.site, "gym", "0.26.2", metadata=b"")
    if metadata is None:
        (info / "METADATA").unlink()
    out = last(place, 'gym="==0.26.2"')
    assert out == "['unknown', ('unreadable', 'gym', '==0.26.2', None)]"


def test_two_versions_in_one_folder_must_both_be_allowed(place: Place) -> None:
    write_dist_info(place.site, "gym", "0.26.2")
    write_dist_info(place.site, "gym", "0.25.2")
    assert "('version-mismatch', 'gym', '==0.26.2', '0.25.2, 0.26.2')" in last(place, 'gym="==0.26.2"')


@pytest.mark.parametrize(
    ("call", "words"),
    [
        ('gym="0.26"', "gym: not a version specifier: `0.26`"),
        ('python=">=3.11.*"', "python: not a version specifier"),
        ("gym=26", "gym must be a text"),
        ('policy="rl-team"', "a policy is named without a keyword: require('rl-team')"),
        ('on_drift="ignore"', "on_drift is one of raise, warn"),
        ('"a", "b"', "takes one policy, not 2"),
        ('""', "a policy is named by its name"),
        ("same_on_all_ranks=1", "same_on_all_ranks is True or False, not 1"),
        ("same_on_all_ranks=None", "same_on_all_ranks is True or False, not None"),
    ],
)
def test_a_wrong_call_is_told_as_such(place: Place, call: str, words: str) -> None:
    told = place.run(f"import envguard_guard\nenvguard_guard.require({call})\n")
    assert told.code == 1
    assert words in told.err
    assert "EnvironmentDrift" not in told.err


def test_a_warning_goes_to_stderr_and_the_script_goes_on(place: Place) -> None:
    told = place.run(
        'import envguard_guard\nprint(envguard_guard.require(gym="<1", on_drift="warn").verdict)\n'
    )
    assert (told.code, told.out) == (0, "drifted\n")
    assert "gym      <1        absent  missing" in told.err
    assert "ENVGUARD_ALLOW_DRIFT" not in told.err, "it runs: nothing has to let it"


def test_drift_is_allowed_with_a_reason_and_that_is_said(place: Place) -> None:
    told = place.run(
        'import envguard_guard\nprint(envguard_guard.require(gym="<1").verdict)\n',
        ENVGUARD_ALLOW_DRIFT="the paper's last run",
    )
    assert (told.code, told.out) == (0, "drifted\n")
    assert "start  all the same: the paper's last run" in told.err


def test_what_terminals_obey_is_not_printed(place: Place) -> None:
    write_dist_info(place.site, "gym", "x", metadata=b"Name: gym\nVersion: \x1b[31m9\n")
    out = ask(place, 'gym="==0.26.2"')
    assert "\x1b" not in out
    assert "?[31m9" in out


@pytest.mark.parametrize("call", ["pickle.loads(pickle.dumps(error))", "error"])
def test_the_error_can_be_sent_to_another_process(place: Place, call: str) -> None:
    text = f"""
import pickle, envguard_guard
try:
    envguard_guard.require(gym="<1")
except envguard_guard.EnvironmentDrift as error:
    print({call}.verdict.verdict)
"""
    told = place.run(text)
    assert (told.out, told.err) == ("drifted\n", "")


def test_a_working_folder_that_is_gone_stops_nothing(place: Place) -> None:
    install(place.env, gym="0.26.2")
    text = """
import os, tempfile
folder = tempfile.mkdtemp()
os.chdir(folder)
os.rmdir(folder)
"""
    told = place.run(text + ASK.format('gym="==0.26.2"'))
    assert (told.out, told.err) == ("['compliant']\n", "")
