from __future__ import annotations

from pathlib import Path

import pytest

from envguard.domain.facts import Gpu
from envguard.inventory.machine.files import MachineFiles
from envguard.inventory.machine.gpus import cuda_toolkits, gpus_of, name_in_ids, nvidia_driver
from tests.builders.environments import write_tree
from tests.builders.machines import an_a100_server, link, pci

IDS = (
    b"# ids\n1002  AMD\n\t740c  MI250X\n\t\t740c 1002  Sub\n# x\n\t744c  Navi 31 \x1b[31m\n"
    b"10de  NVIDIA\n\t20b2  GA100\n"
)


@pytest.mark.parametrize(
    ("kind", "vendor", "counts"),
    [
        pytest.param("0x030000", "0x8086", True, id="display"),
        pytest.param("0x030200", "0x10de", True, id="3D controller"),
        pytest.param("0x038000", "0x1002", True, id="other display controller"),
        pytest.param("0x120000", "0x1002", True, id="accelerator of AMD"),
        pytest.param("0x120000", "0x1234", False, id="accelerator of somebody"),
        pytest.param("0x030000", "0x1a03", False, id="a server's console"),
        pytest.param("0x030000", "0x1af4", False, id="a guest's console"),
        pytest.param("0x068000", "0x10de", False, id="NVSwitch"),
        pytest.param("0x040300", "0x10de", False, id="its sound"),
    ],
)
def test_a_device_counts_by_its_class_and_maker(kind: str, vendor: str, counts: bool, tmp_path: Path) -> None:
    write_tree(tmp_path, pci("0000:01:00.0", kind, vendor, "0x0001"))
    assert bool(gpus_of(MachineFiles(str(tmp_path)))) is counts


def test_devices_are_in_the_order_of_their_addresses(tmp_path: Path) -> None:
    write_tree(tmp_path, pci("0000:0a:00.0", "0x030000", "0x1002", "0x0002"))
    write_tree(tmp_path, pci("0000:01:00.0", "0x030000", "0x8086", "0x0001"))
    expected = (Gpu("8086:0001", "intel"), Gpu("1002:0002", "amd"))
    assert gpus_of(MachineFiles(str(tmp_path))) == expected


def test_without_its_driver_an_nvidia_device_is_named_by_the_list_of_ids(tmp_path: Path) -> None:
    root = an_a100_server(tmp_path)
    for information in root.glob("proc/driver/nvidia/gpus/*/information"):
        information.unlink()
    files = MachineFiles(str(root))
    assert [gpu.model for gpu in gpus_of(files)] == ["10de:20b2", "10de:20b2"]
    (root / "usr/share/misc").mkdir(parents=True)
    (root / "usr/share/misc/pci.ids").write_bytes(IDS)
    assert [gpu.model for gpu in gpus_of(files)] == ["GA100", "GA100"]


@pytest.mark.parametrize(
    ("vendor", "device", "name"),
    [
        ("1002", "740c", "MI250X"),
        ("1002", "744c", r"Navi 31 \x1b[31m"),
        ("1002", "20b2", None),
        ("10de", "20b2", "GA100"),
        ("ffff", "20b2", None),
        ("740c", "1002", None),
    ],
)
def test_names_are_those_of_the_makers_own_devices(vendor: str, device: str, name: str | None) -> None:
    assert name_in_ids(IDS, vendor, device) == name


OPEN = "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  565.57.01  Release Build\nGCC 12.2.0\n"


@pytest.mark.parametrize(
    ("files", "version"),
    [
        pytest.param({"sys/module/nvidia/version": "535.183.06\n"}, "535.183.06", id="the module's own"),
        pytest.param({"proc/driver/nvidia/version": OPEN}, "565.57.01", id="the open module"),
        pytest.param({"proc/driver/nvidia/version": "\nGCC version 12.2.0\n"}, None, id="only the compiler"),
        pytest.param({"sys/module/nvidia/version": "x\n"}, None, id="nonsense"),
        pytest.param({}, None, id="none"),
    ],
)
def test_the_driver_is_the_one_that_is_loaded(
    files: dict[str, str], version: str | None, tmp_path: Path
) -> None:
    assert nvidia_driver(MachineFiles(str(write_tree(tmp_path, files)))) == version


HEADER = "/* CUDA_VERSION Version Management */\n#define CUDA_VERSION 13020\n"


@pytest.mark.parametrize(
    ("files", "versions"),
    [
        pytest.param({"version.json": '{"cuda": {"version": "12.4.1"}}'}, ("12.4.1",), id="json"),
        pytest.param({"version.txt": "CUDA Version 10.2.89\n"}, ("10.2.89",), id="text"),
        pytest.param({"include/cuda.h": HEADER}, ("13.2",), id="neither, as packaged by others"),
        pytest.param({"version.json": "[" * 9999, "include/cuda.h": HEADER}, ("13.2",), id="too deep"),
        pytest.param({"version.json": '{"cuda": 12}', "version.txt": ""}, (), id="nonsense"),
        pytest.param({"bin/nvcc": ""}, (), id="no version"),
    ],
)
def test_a_toolkit_is_told_by_what_it_has(
    files: dict[str, str], versions: tuple[str, ...], tmp_path: Path
) -> None:
    write_tree(tmp_path / "usr/local/cuda-12", files)
    assert cuda_toolkits(MachineFiles(str(tmp_path))) == versions


def test_toolkits_are_sorted_by_number_and_told_once(tmp_path: Path) -> None:
    for place, version in (
        ("usr/local/cuda-9.2", "9.2.148"),
        ("opt/cuda", "12.10.0"),
        ("usr/lib/cuda", "12.9"),
    ):
        write_tree(tmp_path / place, {"version.txt": f"CUDA Version {version}\n"})
    write_tree(tmp_path / "usr/local/cuda-samples", {"version.txt": "CUDA Version 1.0\n"})
    link(tmp_path, "usr/local/cuda", "cuda-9.2")
    assert cuda_toolkits(MachineFiles(str(tmp_path))) == ("12.10.0", "12.9", "9.2.148")
