"""Graphics processors, their driver, and CUDA toolkits, told by the kernel's files and the toolkits' own.

Rules
1. A device counts by its PCI class: display, or processing accelerator of a maker of graphics processors. The
   consoles of servers and virtual machines do not: nothing computes on them.
2. Its name is the NVIDIA driver's; else the one in the list of PCI ids that the system has; else its numbers.
   An AMD one is also called by its architecture (``gfx90a``), for which libraries are built.
3. ``CUDA_HOME`` is one shell's and not the machine's: it does not count.
"""

# No postponed annotations: decoding would compile each of their texts, 2 % of a cold `check`.
import re
from collections.abc import Iterator

import msgspec

from envguard.domain.facts import Gpu
from envguard.inventory.machine.files import MachineFiles, word_of

_VENDORS = {"10de": "nvidia", "1002": "amd", "8086": "intel"}
_CONSOLES = frozenset({"1a03", "102b", "1234", "1013", "1b36", "1af4", "15ad", "1414", "80ee"})
"""ASPEED and Matrox in servers; QEMU, Cirrus, Red Hat, virtio, VMware, Hyper-V, VirtualBox in guests."""

_DEVICES_CAP = 4096
_PCI_FOLDER = "/sys/bus/pci/devices"
_NVIDIA_FOLDER = "/proc/driver/nvidia/gpus"
_NODES_FOLDER = "/sys/class/kfd/kfd/topology/nodes"
_PCI_IDS = ("/usr/share/hwdata/pci.ids", "/usr/share/misc/pci.ids")
_PCI_IDS_CAP_BYTES = 8 * 1024 * 1024
_HEADER_CAP_BYTES = 256 * 1024

# Patterns are compiled when a file is there to be read by them: most machines have few of these files.
_NUMBER = r"0x([0-9a-f]{4})"
_MODEL = r"(?m)^Model:[ \t]*(\S[^\n]*)$"
_PROPERTY = r"(?m)^(\w+) ([0-9]{1,10})$"
_DRIVER = r"(?<![\w.])[0-9]{1,4}(?:\.[0-9]{1,4}){1,3}(?![\w.])"
_VERSION = r"[0-9]{1,4}(?:\.[0-9]{1,6}){1,3}"
_TOOLKIT_PARENTS = ("/usr/local", "/opt", "/usr/lib")
_TOOLKIT = re.compile(r"cuda(?:-[0-9.]{1,12})?")
_HEADER = rb"(?m)^#define CUDA_VERSION ([0-9]{4,6})\s"


class _Part(msgspec.Struct):
    version: str = ""


class _Toolkit(msgspec.Struct):
    cuda: _Part | None = None


def gpus_of(files: MachineFiles) -> tuple[Gpu, ...]:
    """Answer the graphics processors, in the order of their bus addresses."""
    found = {address: (vendor, device) for address, vendor, device in _pci_devices(files)}
    models = {address.lower(): model for address, model in _nvidia_models(files)}
    lists = _Names(files)
    architectures = _architectures(files) if any(vendor == "1002" for vendor, _ in found.values()) else {}
    gpus: list[Gpu] = []
    for address in sorted({*found, *models}):
        vendor, device = found.get(address, ("10de", ""))
        model = models.get(address) or lists.name(vendor, device)
        architecture = architectures.get(address)
        gpus.append(
            Gpu(model=f"{model} {architecture}" if architecture else model, vendor=_VENDORS.get(vendor))
        )
    return tuple(gpus)


def nvidia_driver(files: MachineFiles) -> str | None:
    """Answer the version of the loaded NVIDIA driver; None where none is loaded."""
    told = files.word("/sys/module/nvidia/version")
    if told and re.fullmatch(_VERSION, told):
        return told
    banner = files.text("/proc/driver/nvidia/version").partition("\n")[0]
    match = re.search(_DRIVER, banner) if banner else None
    return match[0] if match else None


def cuda_toolkits(files: MachineFiles) -> tuple[str, ...]:
    """Answer the versions of the toolkits that are installed for all, the newest first."""
    versions: set[str] = set()
    for parent in _TOOLKIT_PARENTS:
        for name in files.names(parent):
            if _TOOLKIT.fullmatch(name):
                version = _toolkit_version(files, f"{parent}/{name}")
                if version is not None:
                    versions.add(version)
    return tuple(sorted(versions, key=_by_number, reverse=True))


def _by_number(version: str) -> tuple[list[int], str]:
    return [int(part) for part in version.split(".")], version


def _toolkit_version(files: MachineFiles, folder: str) -> str | None:
    """By its ``version.json`` (since 11.1), its ``version.txt`` (before), or the header that all have."""
    try:
        toolkit = msgspec.json.decode(files.head(f"{folder}/version.json"), type=_Toolkit)
    except (msgspec.MsgspecError, RecursionError, UnicodeError):
        toolkit = _Toolkit()
    if toolkit.cuda is not None and re.fullmatch(_VERSION, toolkit.cuda.version):
        return toolkit.cuda.version
    told = files.word(f"{folder}/version.txt").removeprefix("CUDA Version ")
    if re.fullmatch(_VERSION, told):
        return told
    match = re.search(_HEADER, files.head(f"{folder}/include/cuda.h", cap_bytes=_HEADER_CAP_BYTES))
    return f"{int(match[1]) // 1000}.{int(match[1]) % 1000 // 10}" if match else None


def _pci_devices(files: MachineFiles) -> Iterator[tuple[str, str, str]]:
    """Yield address, vendor and device of each that counts."""
    for address in files.names(_PCI_FOLDER)[:_DEVICES_CAP]:
        place = f"{_PCI_FOLDER}/{address}"
        kind = files.word(f"{place}/class")
        if not kind.startswith(("0x03", "0x12")):
            continue
        vendor = re.fullmatch(_NUMBER, files.word(f"{place}/vendor"))
        device = re.fullmatch(_NUMBER, files.word(f"{place}/device"))
        if vendor is None or device is None or vendor[1] in _CONSOLES:
            continue
        if kind.startswith("0x03") or vendor[1] in ("10de", "1002"):
            yield address.lower(), vendor[1], device[1]


def _nvidia_models(files: MachineFiles) -> Iterator[tuple[str, str]]:
    for address in files.names(_NVIDIA_FOLDER)[:_DEVICES_CAP]:
        match = re.search(_MODEL, files.text(f"{_NVIDIA_FOLDER}/{address}/information"))
        if match:
            yield address, word_of(match[1])


def _architectures(files: MachineFiles) -> dict[str, str]:
    """The ``gfx`` name of each AMD device, by its bus address."""
    found: dict[str, str] = {}
    for node in files.names(_NODES_FOLDER)[:_DEVICES_CAP]:
        told = dict(re.findall(_PROPERTY, files.text(f"{_NODES_FOLDER}/{node}/properties")))
        target = int(told.get("gfx_target_version", "0"))
        if target:
            place = int(told.get("location_id", "0"))
            address = (
                f"{int(told.get('domain', '0')):04x}:{place >> 8 & 255:02x}:{place >> 3 & 31:02x}.{place & 7}"
            )
            found[address] = f"gfx{target // 10000}{target // 100 % 100:x}{target % 100:x}"
    return found


class _Names:
    """The system's list of PCI ids, read when it is first asked."""

    def __init__(self, files: MachineFiles) -> None:
        self._files = files
        self._content: bytes | None = None

    def name(self, vendor: str, device: str) -> str:
        """Answer the device's name in the list, else vendor and device number."""
        if self._content is None:
            self._content = next(filter(None, map(self._read, _PCI_IDS)), b"")
        return name_in_ids(self._content, vendor, device) or f"{vendor}:{device}"

    def _read(self, path: str) -> bytes:
        return self._files.head(path, cap_bytes=_PCI_IDS_CAP_BYTES)


def name_in_ids(content: bytes, vendor: str, device: str) -> str | None:
    """Answer a device's name in the text of a ``pci.ids``: tabs before it, two blanks after its number."""
    start = content.find(f"\n{vendor}  ".encode())
    if start < 0:
        return None
    device_or_end = re.compile(rb"\n(?:\t%s  ([^\n]*)|[^\t#\n])" % device.encode())
    match = device_or_end.search(content, start + 1)
    return (word_of(match[1].decode("utf-8", "replace")) or None) if match and match[1] else None
