"""The rules of the house that neither the linter nor the type checker can hold."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = {
    "dask_otel": ROOT / "instrumentation" / "dask_otel",
    "daskscope": ROOT / "desktop" / "daskscope",
}
MAX_LINES = 500
QT = ("PySide6", "pyqtgraph", "qtawesome", "shiboken6")
DASK = ("dask", "distributed", "opentelemetry.sdk")
#: Whose private names `dask_otel.compat` alone may touch.
FOREIGN = ("dask", "distributed", "opentelemetry", "tornado")
#: With an underscore, and yet public: what a named tuple has.
NAMED_TUPLE = {"_asdict", "_fields", "_make", "_replace"}
STARTS_DASK = "daskscope.app.workload"  # the demo's cluster, in a process of its own


def modules(package: str, *parts: str) -> list[str]:
    """Dotted names of the modules of `package`, or of those below `package.parts`."""
    root = SOURCES[package].joinpath(*parts)
    single = root.with_suffix(".py")
    paths = [single] if single.exists() else sorted(root.rglob("*.py"))
    dotted = (
        ".".join([package, *path.relative_to(SOURCES[package]).with_suffix("").parts])
        for path in paths
    )
    return [name.removesuffix(".__init__") for name in dotted if not name.endswith("__main__")]


def loaded_by(imported: list[str], watched: tuple[str, ...]) -> list[str]:
    """Those of `watched` that a fresh interpreter has loaded after importing `imported`."""
    code = (
        "import importlib, json, sys\n"
        f"for name in {imported!r}: importlib.import_module(name)\n"
        f"print(json.dumps([name for name in {watched!r} if name in sys.modules]))"
    )
    command = [sys.executable, "-c", code]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    found: list[str] = json.loads(result.stdout)
    return found


def python_files() -> list[Path]:
    found = [ROOT / "packaging", ROOT / "tests", *SOURCES.values()]
    return sorted(path for directory in found for path in directory.rglob("*.py"))


def test_no_file_is_longer_than_one_can_read() -> None:
    longer = {
        str(path.relative_to(ROOT)): n_lines
        for path in python_files()
        if (n_lines := len(path.read_text(encoding="utf-8").splitlines())) > MAX_LINES
    }
    assert longer == {}


def test_each_unit_test_file_mirrors_a_module() -> None:
    unit = ROOT / "tests" / "unit"
    strays = []
    for path in unit.rglob("test_*.py"):
        package, *folders = path.relative_to(unit).parts[:-1] or ("",)
        module = path.name.removeprefix("test_")
        if path == Path(__file__):
            continue
        place = SOURCES[package].joinpath(*folders) if package in SOURCES else None
        # A module with many tests has a folder of its name, with a file for each subject.
        if place is None or not ((place / module).exists() or place.with_suffix(".py").exists()):
            strays.append(str(path.relative_to(ROOT)))
    assert strays == []


def is_private(name: str) -> bool:
    return name.startswith("_") and not name.endswith("__")


def private_imports(node: ast.AST) -> list[str]:
    """Private names of others that an import statement names."""
    if isinstance(node, ast.Import):
        dotted = [alias.name for alias in node.names]
    elif isinstance(node, ast.ImportFrom):
        dotted = [f"{node.module}.{alias.name}" for alias in node.names]
    else:
        return []
    parts = (name.split(".") for name in dotted)
    return [
        ".".join(found) for found in parts if found[0] in FOREIGN and any(map(is_private, found))
    ]


def private_attributes(node: ast.AST) -> list[str]:
    """What is private in an object that is neither `self` nor `cls`."""
    if (
        not isinstance(node, ast.Attribute)
        or not is_private(node.attr)
        or node.attr in NAMED_TUPLE
        or (isinstance(node.value, ast.Name) and node.value.id in ("self", "cls"))
    ):
        return []
    return [ast.unparse(node)]


def test_only_compat_touches_what_others_keep_to_themselves() -> None:
    source = SOURCES["dask_otel"]
    touched = {
        f"{path.relative_to(source)}:{getattr(node, 'lineno', 0)}": found
        for path in sorted(source.rglob("*.py"))
        if path.relative_to(source).parts[0] != "compat"
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if (found := [*private_imports(node), *private_attributes(node)])
    }
    assert touched == {}


def truths(node: ast.AST) -> list[ast.expr]:
    """What `node` asks for one truth: comparisons there are of single values."""
    if isinstance(node, ast.If | ast.IfExp | ast.While | ast.Assert):
        return [node.test]
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        return [node.operand]
    if isinstance(node, ast.BoolOp):
        return node.values
    return node.ifs if isinstance(node, ast.comprehension) else []


def of_members(tree: ast.Module, enums: set[str]) -> list[str]:
    """Comparisons, maybe of arrays, with a member of one of `enums` in place of its value."""
    single = {id(truth) for node in ast.walk(tree) for truth in truths(node)}
    return [
        ast.unparse(node)
        for node in ast.walk(tree)
        if isinstance(node, ast.Compare) and id(node) not in single
        if not isinstance(node.ops[0], ast.Is | ast.IsNot | ast.In | ast.NotIn)
        for side in (node.left, *node.comparators)
        if isinstance(side, ast.Attribute) and ast.unparse(side.value) in enums
    ]


def test_arrays_are_compared_with_numbers_and_not_with_members_of_enums() -> None:
    # With a member numpy takes 15 us more, and makes each of the array's numbers one of 64 bits.
    source = SOURCES["daskscope"]
    trees = {
        str(path.relative_to(source)): ast.parse(path.read_text(encoding="utf-8"))
        for path in sorted(source.rglob("*.py"))
    }
    enums = {
        node.name
        for tree in trees.values()
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef) and "IntEnum" in map(ast.unparse, node.bases)
    }
    assert enums
    assert {name: found for name, tree in trees.items() if (found := of_members(tree, enums))} == {}


def test_dask_otel_is_light_until_it_is_used() -> None:
    assert loaded_by(["dask_otel", "dask_otel.conventions"], DASK) == []


@pytest.mark.parametrize("part", ["store", "derive", "session", "theme", "ingest"])
def test_what_needs_no_window_loads_no_qt(part: str) -> None:
    names = modules("daskscope", part)
    assert names
    assert loaded_by(names, QT) == []


def test_desktop_loads_neither_dask_nor_the_sdk() -> None:
    names = [name for name in modules("daskscope") if name != STARTS_DASK]
    assert loaded_by(names, DASK) == []


def test_command_line_loads_no_qt() -> None:
    assert loaded_by(["daskscope.app.cli"], (*QT, "numpy", *DASK)) == []


def test_a_reader_of_recordings_loads_no_servers() -> None:
    assert loaded_by(["daskscope.ingest.__main__"], ("aiohttp", "grpc")) == []


def test_a_window_starts_its_receiver_before_it_loads_what_is_large() -> None:
    large = ("numpy", "sqlite3", "daskscope.derive")
    assert loaded_by(["daskscope.app.options", "daskscope.app.launch"], (*QT, *large)) == []


def test_a_window_loads_nothing_that_only_others_need() -> None:
    receiving = ("aiohttp", "asyncio", "google.protobuf", "grpc", "opentelemetry", "http.client")
    slow = ("pyqtgraph", "qtawesome", "qtpy")  # Python classes of all of Qt, a dozen fonts
    assert loaded_by(["daskscope.app.launch", "daskscope.app.run"], (*receiving, *slow)) == []


def requirements() -> list[str]:
    """Every requirement that pyproject.toml names, but for the project itself."""
    with (ROOT / "pyproject.toml").open("rb") as file:
        pyproject = tomllib.load(file)
    project = pyproject["project"]
    named = [
        *pyproject["build-system"]["requires"],
        *project["dependencies"],
        *(line for extra in project["optional-dependencies"].values() for line in extra),
        *(line for group in pyproject["dependency-groups"].values() for line in group),
    ]
    return [line for line in named if not line.startswith("daskscope[")]


def normalized(requirement: str) -> str:
    """Name of the package in a requirement, as PEP 503 compares it."""
    match = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert match is not None
    return re.sub(r"[-_.]+", "-", match[0]).lower()


def test_constraints_pin_every_requirement() -> None:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = [line for line in lines if not line.startswith("#")]
    loose = [line for line in pins if not re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.!+]+", line)]
    assert loose == []
    assert {normalized(line) for line in requirements()} <= {normalized(line) for line in pins}


def test_the_qt_that_aborts_on_python_3_11_is_excluded_there() -> None:
    old, new = "; python_version < '3.12'", "; python_version >= '3.12'"
    qt = [line for line in requirements() if line.startswith("PySide6")]
    assert [("!=6.12.0" in line, line.endswith(old), line.endswith(new)) for line in qt] == [
        (False, False, True),
        (True, True, False),
    ]


def test_who_paints_ends_it_whatever_happens() -> None:
    # What looks at a frame that has failed, or at one that runs, keeps its painter alive. Qt paints
    # no more then, and ends the process when the window changes its size.
    kept = {
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in sorted(SOURCES["daskscope"].rglob("*.py"))
        for parent in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        for node in ast.iter_child_nodes(parent)
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "QPainter"
        if not isinstance(parent, ast.withitem | ast.Attribute)
    }
    assert kept == set()
