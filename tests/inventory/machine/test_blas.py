from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from envguard.inventory import read_environment
from envguard.inventory.files import Reader
from envguard.inventory.layout import Layout
from envguard.inventory.machine.blas import environment_blas, machine_blas, version_in
from envguard.inventory.machine.files import MachineFiles
from envguard.inventory.search_path import Folder, FolderKind
from tests.builders.environments import install, site_packages, write_tree
from tests.builders.machines import link

LIBRARY = "usr/lib/x86_64-linux-gnu"
STANZA = "Package: {}\nStatus: {}\nPriority: optional\nArchitecture: amd64\nVersion: {}\nDescription: x\n\n"
A_SYSTEM = Layout(
    path="/usr/bin/python3.11",
    prefix="/usr",
    python="/usr/bin/python3.11",
    real_python="/usr/bin/python3.11",
    kind="system",
    build=None,
    base="/usr",
    config=None,
    sees_base_site=True,
)
CONFIG = """
CONFIG = _cleanup(
    {{
        "Build Dependencies": {{
            "blas": {{
                "name": "{}",
                "found": bool("True".lower().replace("false", "")),
                "version": "{}",
"""


def an_alternative(root: Path, target: str, **files: str) -> MachineFiles:
    """A Debian whose ``libblas.so.3`` leads to a file through its alternatives."""
    write_tree(root, {f"{LIBRARY}/{target}": "", **files})
    link(root, f"{LIBRARY}/libblas.so.3", "/etc/alternatives/libblas.so.3-x86_64-linux-gnu")
    link(root, "etc/alternatives/libblas.so.3-x86_64-linux-gnu", f"/{LIBRARY}/{target}")
    return MachineFiles(str(root))


@pytest.mark.parametrize(
    ("target", "status", "told"),
    [
        pytest.param("blas/libblas.so.3.11.0", "", "reference 3.11.0", id="reference"),
        pytest.param("atlas/libblas.so.3.10.3", "", "atlas 3.10.3", id="ATLAS"),
        pytest.param("openblas-pthread/libopenblasp-r0.3.21.so", "", "openblas 0.3.21", id="OpenBLAS"),
        pytest.param(
            "blis-pthread/libblas.so.3",
            STANZA.format("libblis4-pthread", "install ok installed", "0.9.0-1"),
            "blis 0.9.0",
            id="BLIS by its package",
        ),
        pytest.param(
            "libmkl_rt.so",
            STANZA.format("libmkl-rt-x", "install ok installed", "1-1")
            + STANZA.format("libmkl-rt", "install ok installed", "2020.4.304-4"),
            "mkl 2020.4.304",
            id="MKL by its package",
        ),
        pytest.param(
            "libmkl_rt.so",
            STANZA.format("libmkl-rt", "deinstall ok config-files", "2020.4.304-4"),
            "mkl",
            id="a package that is gone",
        ),
    ],
)
def test_the_machines_library_is_what_the_alternative_leads_to(
    target: str, status: str, told: str, tmp_path: Path
) -> None:
    files = an_alternative(tmp_path, target, **{"var/lib/dpkg/status": status})
    assert machine_blas(files, "x86_64") == told


def test_openblas_is_told_by_the_file_beside_the_alternative(tmp_path: Path) -> None:
    beside = {f"{LIBRARY}/openblas-pthread/libopenblasp-r0.3.21.so": ""}
    assert machine_blas(an_alternative(tmp_path, "openblas-pthread/libblas.so.3", **beside), "x86_64") == (
        "openblas 0.3.21"
    )


def test_musls_loader_has_a_list_of_its_own(tmp_path: Path) -> None:
    write_tree(tmp_path, {"etc/ld-musl-x86_64.path": "/opt/one:/opt/two\n/opt/three\n"})
    write_tree(tmp_path, {"opt/three/libblas.so.3.12.0": "", "usr/lib/libopenblas.so.3": ""})
    link(tmp_path, "opt/three/libblas.so.3", "libblas.so.3.12.0")
    assert machine_blas(MachineFiles(str(tmp_path)), "x86_64") == "reference 3.12.0"


@pytest.mark.parametrize(
    ("path", "kind", "told"),
    [
        pytest.param("/usr/lib/python3/dist-packages", "debian", "reference 3.11.0 (system)", id="Debian"),
        pytest.param("/usr/lib64/python3.11/site-packages", "site", "reference 3.11.0 (system)", id="Fedora"),
        pytest.param("/opt/x/lib/python3.11/site-packages", "site", None, id="somebody's own"),
    ],
)
def test_a_numpy_of_the_system_loads_the_machines_library(
    path: str, kind: FolderKind, told: str | None, tmp_path: Path
) -> None:
    write_tree(tmp_path, {"usr/lib/libblas.so.3.11.0": ""})
    link(tmp_path, "usr/lib/libblas.so.3", "libblas.so.3.11.0")
    folder = Folder(path, kind, Reader(0), ("gym", "numpy"))
    assert environment_blas(A_SYSTEM, [folder], root=str(tmp_path)) == told


def test_a_configured_folder_goes_before_the_loaders_own(tmp_path: Path) -> None:
    an_alternative(tmp_path, "blas/libblas.so.3.11.0")
    write_tree(tmp_path, {"opt/own/libblas.so.3": "", "etc/ld.so.conf": "/opt/own # ours\n"})
    write_tree(tmp_path, {"opt/own/libopenblas-r0.3.28.so": ""})
    assert machine_blas(MachineFiles(str(tmp_path)), "x86_64") == "reference"


@pytest.mark.parametrize(
    "target", ["/etc/alternatives/libblas.so.3-x86_64-linux-gnu", "libblas.so.3", "gone"]
)
def test_a_link_that_leads_nowhere_is_no_library(target: str, tmp_path: Path) -> None:
    link(tmp_path, f"{LIBRARY}/libblas.so.3", target)
    assert machine_blas(MachineFiles(str(tmp_path)), "x86_64") is None


@pytest.mark.parametrize(
    ("name", "version"),
    [
        ("libopenblasp-r0-09e95953.3.13.so", "0.3.13"),
        ("libopenblas64_p-r0-0cf96a72.3.23.dev.so", "0.3.23.dev"),
        ("libopenblasp-r0.3.21.so", "0.3.21"),
        ("libopenblas_haswellp-r0.3.7.so", "0.3.7"),
        ("libopenblas.so.0", None),
        ("libscipy_openblas64_-56d6093b.so", None),
        ("libblas.so.3", None),
        ("libblas.so.3.11.0", "3.11.0"),
        ("libmkl_rt.so.2", None),
        ("libblis.so.4.0.0", None),
    ],
)
def test_the_version_is_in_the_name_or_it_is_not(name: str, version: str | None) -> None:
    assert version_in(name) == version


@pytest.mark.parametrize(
    ("files", "told"),
    [
        pytest.param(
            {
                "numpy.libs/libgfortran-040039e1.so.5.0.0": "",
                "numpy.libs/libopenblasp-r0-2d23e62b.3.17.so": "",
            },
            "openblas 0.3.17 (numpy.libs)",
            id="a wheel of 1.21",
        ),
        pytest.param(
            {
                "numpy.libs/libscipy_openblas64_-56d6093b.so": "",
                "numpy/__config__.py": CONFIG.format("scipy-openblas", "0.3.29"),
            },
            "openblas 0.3.29 (numpy.libs)",
            id="a wheel of 2.2",
        ),
        pytest.param(
            {"numpy/.libs/libopenblasp-r0-34a18dc3.3.7.so": ""},
            "openblas 0.3.7 (numpy/.libs)",
            id="old wheels",
        ),
        pytest.param(
            {"numpy/.dylibs/libscipy_openblas64_.dylib": "", "numpy/.dylibs/libgcc_s.1.1.dylib": ""},
            "openblas (numpy/.dylibs)",
            id="macOS",
        ),
        pytest.param(
            {"numpy/__config__.py": CONFIG.format("accelerate", "unknown")},
            "accelerate (built with)",
            id="macOS 14",
        ),
        pytest.param(
            {"numpy/__config__.py": CONFIG.format("flexiblas", "3.4.2")},
            "flexiblas 3.4.2 (built with)",
            id="built here",
        ),
        pytest.param({"numpy/__config__.py": "openblas_info={}"}, None, id="built here, before 1.26"),
        pytest.param({"numpy/__init__.py": ""}, None, id="nothing tells"),
        pytest.param({"numpy.libs/libz-eb09ad1d.so.1.2.3": ""}, None, id="only other libraries"),
    ],
)
def test_a_numpy_from_a_wheel_loads_what_it_brought(
    files: dict[str, str], told: str | None, env: Path
) -> None:
    site = install(env, numpy="1.26.4")
    shutil.rmtree(site / "numpy", ignore_errors=True)
    (site / "numpy").mkdir()
    write_tree(site, files)
    assert read_environment(env).record.blas == told


@pytest.mark.parametrize(
    ("target", "meta", "told"),
    [
        pytest.param("libopenblasp-r0.3.27.so", "x.json", "openblas 0.3.27 (lib)", id="OpenBLAS"),
        pytest.param("libmkl_rt.so.2", "mkl-2023.1.0-h213fc3f_46344.json", "mkl 2023.1.0 (lib)", id="MKL"),
        pytest.param("libblis.so.4", "blis-0.9.0-h4ab18f5_2.json", "blis 0.9.0 (lib)", id="BLIS"),
        pytest.param("libblas.so.3.9.0", "libblas-3.9.0-8_x.json", "reference 3.9.0 (lib)", id="reference"),
    ],
)
def test_a_numpy_of_condas_loads_what_its_prefix_links_to(
    target: str, meta: str, told: str, env: Path
) -> None:
    (install(env, numpy="1.26.4") / "numpy").mkdir(exist_ok=True)
    write_tree(env, {f"lib/{target}": "", f"conda-meta/{meta}": "{}"})
    link(env, "lib/libblas.so.3", target)
    assert read_environment(env).record.blas == told


def test_condas_mkl_without_the_standards_name_counts(env: Path) -> None:
    (install(env, numpy="1.26.4") / "numpy").mkdir(exist_ok=True)
    write_tree(env, {"lib/libmkl_rt.so.2": "", "conda-meta/mkl-2023.1.0-h213fc3f_46344.json": "{}"})
    assert read_environment(env).record.blas == "mkl 2023.1.0 (lib)"


def test_without_numpy_there_is_none(env: Path) -> None:
    write_tree(env, {"lib/libblas.so.3": ""})
    install(env, gym="1")
    assert read_environment(env).record.blas is None


def test_what_a_wheel_brought_goes_before_what_lies_in_the_prefix(env: Path) -> None:
    write_tree(env, {"lib/libmkl_rt.so.2": ""})
    write_tree(site_packages(env), {"numpy.libs/libopenblasp-r0-09e95953.3.13.so": "", "numpy/x.py": ""})
    assert read_environment(env).record.blas == "openblas 0.3.13 (numpy.libs)"


@pytest.mark.parametrize("make", ["fifo", "loop", "forbidden"])
def test_a_sick_bundle_is_no_error(make: str, env: Path) -> None:
    import os

    site = site_packages(env)
    (site / "numpy").mkdir()
    place = site / "numpy" / "__config__.py"
    if make == "fifo":
        os.mkfifo(place)
    elif make == "loop":
        place.symlink_to(place.name)
        (site / "numpy.libs").symlink_to("numpy.libs")
    else:
        (site / "numpy.libs").mkdir(mode=0)
    assert read_environment(env).record.blas is None
