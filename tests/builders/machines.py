"""Whole trees of machines that nobody here has: the files that tell facts, as those machines have them."""

from __future__ import annotations

from pathlib import Path

from envguard.inventory.machine.facts import Told
from tests.builders.environments import write_tree

_X86 = "fpu cx8 cmov mmx fxsr sse sse2 ht syscall nx lm "
_V2 = _X86 + "pni ssse3 cx16 sse4_1 sse4_2 popcnt lahf_lm "
_V3 = _V2 + "avx f16c fma movbe xsave abm bmi1 avx2 bmi2 "
ROME = _V3 + "clzero"
SAPPHIRE_RAPIDS = (
    _V3 + "avx512f avx512dq avx512cd avx512bw avx512vl avx_vnni avx512_vnni avx512_bf16 avx512_fp16 "
    "amx_bf16 amx_tile amx_int8"
)
SANDY_BRIDGE = _V2 + "avx xsave"
GRAVITON_3 = (
    "fp asimd evtstrm aes pmull sha1 sha2 crc32 atomics fphp asimdhp cpuid asimdrdm jscvt fcma lrcpc dcpop "
    "sha3 sm3 sm4 asimddp sha512 sve asimdfhm dit uscat ilrcpc flagm ssbs paca pacg dcpodp svei8mm svebf16 "
    "i8mm bf16 rng"
)


def cpuinfo(model: str, flags: str, count: int = 2) -> str:
    """Answer the text of ``/proc/cpuinfo`` on x86."""
    return "\n".join(
        f"processor\t: {number}\nvendor_id\t: X\nmodel\t\t: 49\nmodel name\t: {model}\n"
        f"cpu MHz\t\t: {2600 + number}.126\nflags\t\t: {flags}\nbugs\t\t: sysret_ss_attrs\n"
        for number in range(count)
    )


def a_told(architecture: str = "x86_64", **changes: object) -> Told:
    """Answer what a Linux of this architecture says of itself; its libc is told by files."""
    fields: dict[str, object] = {
        "system": "Linux",
        "release": "6.1.0-18-amd64",
        "version": "#1 SMP PREEMPT_DYNAMIC Debian 6.1.76-1 (2024-02-01)",
        "architecture": architecture,
        **changes,
    }
    return Told(**fields)  # type: ignore[arg-type]  # the fields are the caller's words


def link(root: Path, place: str, target: str) -> None:
    """Make a link at a place below the root."""
    path = root / place
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to(target)


def pci(address: str, kind: str, vendor: str, device: str) -> dict[str, str]:
    """Answer the files of one PCI device."""
    folder = f"sys/bus/pci/devices/{address}"
    return {
        f"{folder}/class": f"{kind}\n",
        f"{folder}/vendor": f"{vendor}\n",
        f"{folder}/device": f"{device}\n",
    }


def an_a100_server(root: Path) -> Path:
    """Lay out a Debian 12 with two A100s, a console, two CUDA toolkits, and OpenBLAS as the alternative."""
    gpu = "Model: \t\t NVIDIA A100-SXM4-80GB\nIRQ:   \t\t 203\nGPU UUID: \t GPU-5c4f\nDevice Minor: \t 0\n"
    glibc = "GNU C Library (Debian GLIBC 2.36-9+deb12u4) stable release version 2.36.\n"
    driver = "NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.54.15  Tue Mar  5 22:23:56 UTC 2024\n"
    library = "usr/lib/x86_64-linux-gnu"
    write_tree(
        root,
        {
            "etc/os-release": 'PRETTY_NAME="Debian"\nNAME="Debian GNU/Linux"\nVERSION_ID="12"\n',
            "etc/ld.so.conf": "include /etc/ld.so.conf.d/*.conf\n",
            "etc/ld.so.conf.d/i386-linux-gnu.conf": "/usr/lib/i386-linux-gnu\n",
            "etc/ld.so.conf.d/x86_64-linux-gnu.conf": f"# Multiarch support\n/{library}\n",
            f"{library}/libc.so.6": f"\x7fELF\x00{glibc}\x00",
            "proc/cpuinfo": cpuinfo("AMD EPYC 7742 64-Core Processor", ROME),
            "proc/meminfo": "MemTotal:       1056315244 kB\nMemFree:        23084460 kB\n",
            "sys/devices/system/cpu/online": "0-255\n",
            **pci("0000:00:00.0", "0x060000", "0x1022", "0x1480"),
            **pci("0000:07:00.0", "0x030200", "0x10de", "0x20b2"),
            **pci("0000:0f:00.0", "0x030200", "0x10de", "0x20b2"),
            **pci("0000:c4:00.0", "0x030000", "0x1a03", "0x2000"),
            "proc/driver/nvidia/gpus/0000:07:00.0/information": gpu,
            "proc/driver/nvidia/gpus/0000:0f:00.0/information": gpu.replace("Minor: \t 0", "Minor: \t 1"),
            "proc/driver/nvidia/version": driver,
            "sys/module/nvidia/version": "550.54.15\n",
            "usr/local/cuda-12.4/version.json": '{"cuda": {"name": "CUDA SDK", "version": "12.4.1"}}',
            "usr/local/cuda-10.2/version.txt": "CUDA Version 10.2.89\n",
            f"{library}/openblas-pthread/libblas.so.3": "",
            f"{library}/openblas-pthread/libopenblasp-r0.3.21.so": "",
            "usr/lib/i386-linux-gnu/libblas.so.3": "",
        },
    )
    link(root, "usr/local/cuda", "cuda-12.4")
    link(root, f"{library}/libblas.so.3", "/etc/alternatives/libblas.so.3-x86_64-linux-gnu")
    link(root, "etc/alternatives/libblas.so.3-x86_64-linux-gnu", f"/{library}/openblas-pthread/libblas.so.3")
    return root


def an_amd_server(root: Path) -> Path:
    """Lay out a Fedora with an Instinct MI250X, without the list of PCI ids, and the reference BLAS."""
    write_tree(
        root,
        {
            "usr/lib/os-release": "NAME='Fedora Linux'\nVERSION_ID=40\n",
            "usr/lib64/libc.so.6": "GNU C Library (GNU libc) stable release version 2.39.\n",
            "usr/lib64/libblas.so.3.12.0": "",
            "proc/cpuinfo": cpuinfo("Intel(R) Xeon(R) Platinum 8480C", SAPPHIRE_RAPIDS),
            "proc/meminfo": "MemTotal:       263774380 kB\n",
            "sys/devices/system/cpu/online": "0-47,96-143\n",
            **pci("0000:29:00.0", "0x038000", "0x1002", "0x740c"),
            "sys/class/kfd/kfd/topology/nodes/0/properties": "cpu_cores_count 64\ngfx_target_version 0\n",
            "sys/class/kfd/kfd/topology/nodes/1/properties": (
                "simd_count 440\ngfx_target_version 90010\nvendor_id 4098\ndevice_id 29708\n"
                "location_id 10496\ndomain 0\nunique_id 14695981039346656037\n"
            ),
        },
    )
    link(root, "usr/lib64/libblas.so.3", "libblas.so.3.12.0")
    return root


def an_arm_server(root: Path) -> Path:
    """Lay out an Ubuntu on Graviton 3, with ATLAS."""
    processor = (
        f"BogoMIPS\t: 2100.00\nFeatures\t: {GRAVITON_3}\nCPU implementer\t: 0x41\n"
        "CPU architecture: 8\nCPU variant\t: 0x1\nCPU part\t: 0xd40\nCPU revision\t: 1\n"
    )
    library = "usr/lib/aarch64-linux-gnu"
    write_tree(
        root,
        {
            "etc/os-release": 'NAME="Ubuntu"\nVERSION_ID="24.04"\n',
            f"{library}/libc.so.6": "GNU C Library (Ubuntu GLIBC) stable release version 2.39.\n",
            f"{library}/atlas/libblas.so.3.10.3": "",
            "proc/cpuinfo": f"processor\t: 0\n{processor}\nprocessor\t: 1\n{processor}",
            "proc/meminfo": "MemTotal:        7935980 kB\n",
            "sys/devices/system/cpu/online": "0-1\n",
        },
    )
    link(root, f"{library}/atlas/libblas.so.3", "libblas.so.3.10.3")
    link(root, f"{library}/libblas.so.3", f"/{library}/atlas/libblas.so.3")
    return root


def an_alpine(root: Path) -> Path:
    """Lay out an Alpine: musl, and an OpenBLAS that programs ask for by its own name."""
    loader = (
        "\x7fELF\x00musl libc (x86_64)\nVersion %s\nDynamic Program Loader\n\x00127.0.0.1\x00"
        "1.2.4_git20230717\x00"
    )
    write_tree(
        root,
        {
            "etc/os-release": 'NAME="Alpine Linux"\nVERSION_ID=3.19.1\n',
            "lib/ld-musl-x86_64.so.1": loader,
            "usr/lib/libopenblasp-r0.3.25.so": "",
            "proc/cpuinfo": cpuinfo("Intel(R) Core(TM) i7-2600 CPU @ 3.40GHz", SANDY_BRIDGE, 1),
            "proc/meminfo": "MemTotal:       15986412 kB\n",
        },
    )
    link(root, "usr/lib/libopenblas.so.3", "libopenblasp-r0.3.25.so")
    return root


def a_laptop(root: Path) -> Path:
    """Lay out a laptop: Intel's graphics by the list of PCI ids, no libraries for numbers, no CUDA."""
    ids = (
        "# List of PCI ID's\n8086  Intel Corporation\n\t46a5  Other\n\t\t46a6 17aa  Sub\n"
        "# a remark\n\t46a6  Alder Lake-P GT2 [Iris Xe Graphics]\n\t\t1028 0b08  Dell\n"
        "10de  NVIDIA\n\t46a7  wrong\n"
    )
    return write_tree(
        root,
        {
            "etc/os-release": "NAME=Arch Linux\n",
            "proc/cpuinfo": cpuinfo("12th Gen Intel(R)  Core(TM) i7-1260P", ROME, 1),
            "proc/meminfo": "MemTotal:       32560236 kB\n",
            "usr/share/hwdata/pci.ids": ids,
            **pci("0000:00:02.0", "0x030000", "0x8086", "0x46a6"),
        },
    )


MACHINES = {
    "a100": an_a100_server,
    "amd": an_amd_server,
    "arm": an_arm_server,
    "alpine": an_alpine,
    "laptop": a_laptop,
}
"""Every machine by a name for test ids."""
