"""What can make equal environments behave differently on two machines; a content-addressed document."""

# No postponed annotations: decoding would compile each of their texts, 2 % of a cold `check`.
import msgspec


class Gpu(msgspec.Struct, frozen=True, omit_defaults=True):
    """One graphics processor, as far as the kernel's files tell it."""

    model: str
    """Such as ``NVIDIA A100-SXM4-80GB``, or vendor and device number where no file has a name."""
    vendor: str | None = None
    """Such as ``nvidia``, ``amd``, ``intel``."""


class MachineFacts(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """The machine without its name: two machines with equal facts have equal digests."""

    os: str
    """A name and version that people know, such as ``Debian GNU/Linux 12``."""
    kernel: str
    """PEP 508's ``platform_release``."""
    kernel_version: str = ""
    """PEP 508's ``platform_version``."""
    libc: str | None = None
    """Such as ``glibc 2.36`` or ``musl 1.2.4``; None where there is none of that kind."""
    architecture: str = ""
    cpu: str | None = None
    """The processor's model name."""
    cpu_count: int | None = None
    """Logical processors."""
    simd: str | None = None
    """The widest level that code may use, such as ``x86-64-v3`` or ``armv8.2-a sve``."""
    memory_bytes: int | None = None
    """What is built in: rounded, as kernels keep some for themselves."""
    gpus: tuple[Gpu, ...] = ()
    """In the order of their bus addresses."""
    nvidia_driver: str | None = None
    """The version of the loaded kernel driver, such as ``550.54.15``."""
    cuda: tuple[str, ...] = ()
    """The versions of the toolkits that are installed, such as ``12.4.1``, newest first."""
    blas: str | None = None
    """The linear algebra library that the system's loader finds, such as ``openblas 0.3.21``."""
