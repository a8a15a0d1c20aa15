"""Environments laid out by hand as tools leave them, where what matters is their place and not what runs."""

from __future__ import annotations

from pathlib import Path

from tests.builders.environments import write_tree


def lay_out_python(folder: Path, version: str = "3.11.7", library: str | None = None) -> Path:
    """Lay out a whole Python, as far as an inventory reads it, and answer its folder."""
    library = library or f"python{version.rpartition('.')[0]}"
    write_tree(
        folder,
        {
            f"bin/{library}": "\x7fELF",
            f"lib/{library}/os.py": "",
            f"lib/{library}/site-packages/README.txt": "",
            f"include/{library}/patchlevel.h": f'#define PY_VERSION "{version}"\n',
        },
    )
    (folder / "bin" / library).chmod(0o755)
    for name in ("python3", "python"):
        (folder / "bin" / name).symlink_to(library)
    return folder


def lay_out_venv(folder: Path, base: Path, *lines: str) -> Path:
    """Lay out a virtual environment of a base; ``lines`` go into its ``pyvenv.cfg``."""
    (interpreter,) = (each for each in (base / "bin").iterdir() if not each.is_symlink())
    config = [f"home = {base}/bin", "include-system-site-packages = false", *lines]
    write_tree(folder, {"pyvenv.cfg": "\n".join(config) + "\n"})
    (folder / "lib" / interpreter.name / "site-packages").mkdir(parents=True)
    (folder / "bin").mkdir()
    (folder / "bin" / "python").symlink_to(interpreter)
    return folder


def lay_out_conda(prefix: Path, version: str = "3.11.7") -> Path:
    """Lay out what conda makes, and answer its folder."""
    lay_out_python(prefix, version)
    write_tree(prefix, {"conda-meta/history": "", f"conda-meta/python-{version}-h1_0_cpython.json": "{}"})
    return prefix


def add_kernel(prefix: Path, name: str, argv0: str) -> Path:
    """Add a Jupyter kernel below ``share`` of a prefix and answer its folder."""
    folder = prefix / "share" / "jupyter" / "kernels" / name
    write_tree(
        folder, {"kernel.json": f'{{"argv": ["{argv0}", "-m", "ipykernel_launcher"], "language": "python"}}'}
    )
    return folder
