"""Who may import whom: the arrows of docs/architecture.md, and what an import may cost."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections import defaultdict
from graphlib import CycleError, TopologicalSorter
from importlib.util import find_spec
from pathlib import Path

import pytest

VALUES, WIRE, READERS, ACTORS, FACES = range(5)
#: Every module right below modelready, or the package that holds it, and how high it stands.
LAYERS = {
    **dict.fromkeys(("__init__", "errors", "model", "addresses", "environment", "expansion", "filesystems"), VALUES),
    **dict.fromkeys(("clashes", "contents", "durations", "explanations", "importable", "lock", "lock_rows"), VALUES),
    **dict.fromkeys(("drifts", "names", "packaged", "patterns", "promises", "rules", "signed", "sizes"), VALUES),
    "switches": VALUES,
    **dict.fromkeys(("catalog", "catalog_lines", "catalog_models", "catalog_rows", "catalog_texts"), VALUES),
    **dict.fromkeys(("sources", "transfer", "layouts", "formats", "consumers", "digests"), READERS),
    "network": WIRE,  # what sources and transfer both speak through
    **dict.fromkeys(("ledger", "ledger_rows"), READERS),
    **dict.fromkeys(("placing", "inspection", "downloads", "certificate", "grounds", "proving", "standing"), ACTORS),
    **dict.fromkeys(("adopting", "diagnosing", "housekeeping", "notices", "reports", "suite_calls", "trials"), ACTORS),
    **dict.fromkeys(("upstream", "verifying"), ACTORS),
    **dict.fromkeys(("suite", "cli", "mirror", "web", "__main__"), FACES),
}
#: Readers and faces that know another one all the same, and why.
KNOWN = {
    ("ledger", "ledger_rows"): "one idea in two files",
    ("cli", "suite"): "provision and certify start the suite",
    ("cli", "mirror"): "mirror and demo serve a Hub",
    ("cli", "web"): "serve serves the API",
    ("__main__", "cli"): "one is the other",
}
MIRROR_KNOWS = {"errors", "digests"}
HEAVY = ("huggingface_hub", "pydantic", "pytest", "requests", "rich", "tokenizers", "transformers")


def folder_of(package):
    return Path(find_spec(package).submodule_search_locations[0])


def modules_of(package):
    """Give the files of *package* by module name; not those of what is mapped into it."""
    root = folder_of(package)
    mapped = {root / name for name in ("catalogs", "checks", "fixtures")}
    files = (path for path in root.rglob("*.py") if mapped.isdisjoint(path.parents))
    names = {path: (package, *path.relative_to(root).with_suffix("").parts) for path in files}
    return {".".join(name).removesuffix(".__init__"): path for path, name in names.items()}


ENGINE = modules_of("modelready")


def imports_of(path):
    """Give what the file at *path* imports, each with whether only annotations need it."""
    found = []

    def walk(node, *, is_for_types):
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.Import):
                found.extend((alias.name, is_for_types) for alias in child.names)
            elif isinstance(child, ast.ImportFrom):
                names = (f"{child.module}.{alias.name}" for alias in child.names)
                found.extend((name if name in ENGINE else child.module, is_for_types) for name in names)
            else:
                is_guard = isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING"
                walk(child, is_for_types=is_for_types or is_guard)

    walk(ast.parse(path.read_text(encoding="utf-8")), is_for_types=False)
    return found


def area_of(module):
    return [*module.split("."), "__init__"][1]


def arrows():
    """Give each import between two areas of the engine: who, what, from which area to which."""
    for module, path in ENGINE.items():
        for target, _ in imports_of(path):
            here, there = area_of(module), area_of(target)
            if target.split(".")[0] == "modelready" and here != there:
                yield module, target, here, there


def test_every_module_has_its_place():
    """A new module says how high it stands, or nobody could say what it may import."""
    areas = {area_of(module) for module in ENGINE}

    assert areas - set(LAYERS) == set(), "add it to LAYERS"


def test_imports_point_one_way():
    """Who reads a module needs to know only what lies below it; annotations count too."""
    upward = [f"{module} imports {target}" for module, target, here, there in arrows() if LAYERS[there] > LAYERS[here]]

    assert upward == []


def test_readers_and_faces_do_not_know_one_another():
    """Each knows one thing; what combines them stands above them."""
    sideways = [
        f"{module} imports {target}"
        for module, target, here, there in arrows()
        if LAYERS[here] == LAYERS[there] and LAYERS[here] in {READERS, FACES} and (here, there) not in KNOWN
    ]

    assert sideways == []


def test_the_mirror_could_live_without_us():
    """It stands for a Hub, so it must not share our mistakes."""
    shared = {there for _, _, here, there in arrows() if here == "mirror"}

    assert shared <= MIRROR_KNOWS


def test_no_module_needs_itself():
    """A circle of imports works or fails by who is asked first."""
    needs = defaultdict(set)
    for module, path in ENGINE.items():
        needs[module] |= {name for name, is_for_types in imports_of(path) if not is_for_types and name in ENGINE}

    try:
        TopologicalSorter({module: needs[module] - {module} for module in ENGINE}).prepare()
    except CycleError as error:
        pytest.fail(" imports ".join(error.args[1]))


def test_the_engine_knows_no_pytest():
    """What the suite does can be done without it."""
    tellers = [
        f"{module} imports {name}"
        for module, path in ENGINE.items()
        for name, _ in imports_of(path)
        if name.split(".")[0] in {"pytest", "_pytest", "xdist"} and area_of(module) not in {"suite", "cli"}
    ]

    assert tellers == []


def test_nobody_imports_checks_or_fixtures():
    """Pytest collects the ones and hands out the others."""
    everywhere = [*ENGINE.values(), *folder_of("modelready.checks").glob("*.py")]
    everywhere += folder_of("modelready.fixtures").glob("*.py")

    found = [
        f"{path.name} imports {name}"
        for path in everywhere
        for name, _ in imports_of(path)
        if (name or "").startswith(("modelready.checks", "modelready.fixtures"))
    ]

    assert found == []


def python(program, cwd, *arguments):
    """Run *program* in a Python of its own and give what it prints."""
    command = [sys.executable, "-P", "-B", "-c", program, *arguments]
    return subprocess.run(command, cwd=cwd, check=True, capture_output=True, text=True).stdout


def test_help_loads_nothing_heavy(tmp_path):
    """`modelready --help` answers at once."""
    program = "import json, sys; from modelready.cli import run; run(['--help']); print(json.dumps([*sys.modules]))"

    loaded = json.loads(python(program, tmp_path).splitlines()[-1])

    assert [name for name in HEAVY if name in loaded] == []


def test_importing_does_nothing(tmp_path):
    """No folder made, nothing written, nobody asked: only calling something has effects."""
    program = """
import importlib, json, os, sys
acts = []
def watch(event, arguments):
    if event in {"os.mkdir", "os.rename", "os.remove", "socket.connect", "subprocess.Popen"}:
        acts.append(f"{event} {arguments[0]}")
    if event == "open" and isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
        acts.append(f"write {arguments[0]}")
names = json.loads(sys.argv[1])
sys.addaudithook(watch)
for name in names:
    importlib.import_module(name)
print(json.dumps([act for act in acts if os.devnull not in act]))
"""
    names = [name for name in ENGINE if not name.endswith("__main__")]

    acts = json.loads(python(program, tmp_path, json.dumps(names)))

    assert acts == []
    assert list(tmp_path.iterdir()) == []
