"""The container image: built for real where a base image can be had, and run with and without rights.

The official base comes from a registry. Where there is none, the lab's Python image stands in for it, with Debian's
venv and pip added, and the wheels come from a folder: the same Dockerfile, another base.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import Lab, missing

from .kit import ROOT

# On the machine: the socket of the engine that the tests were given. In the container it is where everybody looks.
SOCKET = Path(os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock").removeprefix("unix://"))
IGNORED = ROOT / ".dockerignore"
TIMEOUT = 600


def run(*words: object, check: bool = True, **how) -> subprocess.CompletedProcess[str]:
    how = {"capture_output": True, "text": True, "timeout": TIMEOUT, **how}
    done = subprocess.run([str(word) for word in words], check=False, **how)
    assert not check or done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
    return done


# --- without an engine ---------------------------------------------------------------------------------------------


def test_the_base_is_a_variable_with_the_official_image_as_default():
    text = (ROOT / "Dockerfile").read_text()
    assert re.findall(r"^FROM (\S+)", text, re.MULTILINE) == ["${PYTHON_IMAGE}", "${PYTHON_IMAGE}"]
    assert re.search(r"^ARG PYTHON_IMAGE=python:3\.\d+-slim$", text, re.MULTILINE)


def test_it_runs_as_nobody_unless_told_otherwise():
    user = re.findall(r"^USER (\d+):(\d+)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    assert user == [("65532", "65532")]


def test_everything_it_copies_is_let_through_and_nothing_else_is():
    let = {line[1:] for line in IGNORED.read_text().splitlines() if line.startswith("!")}
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    words = {word.rstrip("*") for line in copied for word in line.split()}
    assert words == let
    assert IGNORED.read_text().splitlines()[1] == "*"


def test_what_it_installs_is_locked_and_hashed():
    text = (ROOT / "requirements.txt").read_text()
    pinned = re.findall(r"^([a-z0-9-]+)==", text, re.MULTILINE)
    assert {"docker", "click", "qdrant-client"} <= set(pinned)
    assert text.count("--hash=sha256:") >= len(pinned)
    assert "http" not in re.sub(r"^(httpx|httpcore).*", "", text, flags=re.MULTILINE)


# --- with one ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def image(module_lab: Lab, tmp_path_factory) -> Iterator[str]:
    """netdoctor's image, built from this checkout."""
    if not SOCKET.is_socket():
        missing(f"the engine is not reached by a socket of this machine: {SOCKET}")
    folder = tmp_path_factory.mktemp("image")
    suffix = uuid.uuid4().hex[:8]
    base, built = f"fmtx-base:{suffix}", f"fmtx-netdoctor:{suffix}"
    wheels = folder / "context" / "wheels"
    wheels.mkdir(parents=True)
    for name in (
        "pyproject.toml",
        "README.md",
        "LICENSE",
        "requirements.txt",
        "requirements-build.txt",
        "Dockerfile",
        ".dockerignore",
    ):
        shutil.copy(ROOT / name, folder / "context")
    shutil.copytree(ROOT / "netdoctor", folder / "context" / "netdoctor", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "docs" / "man", folder / "context" / "docs" / "man")
    lab_python = module_lab.image("python")
    version = run(
        "docker", "run", "--rm", lab_python, "python3", "-c", "import sys; print('%d.%d' % sys.version_info[:2])"
    )
    _fetch(wheels, version.stdout.strip())
    try:
        _base(lab_python, base, folder / "base")
        arguments = ["--build-arg", f"PYTHON_IMAGE={base}", "--build-arg", "PIP_NO_INDEX=1"]
        run("docker", "build", "--force-rm", *arguments, "-t", built, folder / "context")
        yield built
    finally:
        run("docker", "image", "rm", "-f", built, base, check=False)
        # The first stage stays behind without a name; everything made from the base carries its label.
        for _ in range(2):
            stages = run("docker", "images", "-q", "--filter", "dangling=true", "--filter", f"label=fmtx={suffix}")
            if stages.stdout.split():
                run("docker", "image", "rm", *set(stages.stdout.split()), check=False)


def _fetch(wheels: Path, version: str) -> None:
    files = ["-r", ROOT / "requirements.txt", "-r", ROOT / "requirements-build.txt"]
    words = ["--quiet", "--require-hashes", *files, "-d", wheels]
    done = run(
        sys.executable, "-m", "pip", "download", "--python-version", version, "--only-binary=:all:", *words, check=False
    )
    if done.returncode != 0:
        missing(f"the wheels of the image cannot be fetched: {done.stderr[-300:]}")


def _base(lab_python: str, base: str, root: Path) -> None:
    """The lab's Python with venv and pip, from Debian's packages."""
    root.mkdir()
    debs = root.parent / "debs"
    debs.mkdir()
    debs.chmod(0o777)
    packages = ["python3-pip-whl", "python3-setuptools-whl", "python3-distutils", "python3-lib2to3", "python3.11-venv"]
    if run("apt-get", "download", "-qq", *packages, cwd=debs, check=False).returncode != 0:
        missing("Debian's venv cannot be fetched")
    container = run("docker", "create", "--label", "fmtx=1", lab_python).stdout.strip()
    try:
        with subprocess.Popen(["docker", "export", container], stdout=subprocess.PIPE) as export:
            run("tar", "-x", "-C", root, "--exclude=dev/*", "--exclude=.dockerenv", stdin=export.stdout)
    finally:
        run("docker", "rm", container)
    for deb in debs.glob("*.deb"):
        run("dpkg-deb", "-x", deb, debs / "unpacked")
    run("cp", "-a", "--no-clobber", f"{debs}/unpacked/usr/.", root / "usr")
    with subprocess.Popen(["tar", "-c", "-C", root, "."], stdout=subprocess.PIPE) as packed:
        changes = [
            "--change",
            "ENV PATH=/usr/sbin:/usr/bin:/sbin:/bin",
            "--change",
            f"LABEL fmtx={base.partition(':')[2]}",
        ]
        run("docker", "import", *changes, "-", base, stdin=packed.stdout)


@pytest.fixture(scope="module")
def incident(module_lab: Lab) -> tuple[str, str]:
    """Two containers that share no network."""
    app = module_lab.container("busybox", networks=[module_lab.network("a")])
    web = module_lab.container("scratch", networks=[module_lab.network("b")])
    return app.name, web.name


def in_the_image(image: str, *words: str, rights: tuple[str, ...] = (), check: bool = False):
    return run("docker", "run", "--rm", "--label", "fmtx=1", *rights, image, *words, check=check)


def documented(page: str) -> list[list[str]]:
    """The words of every ``docker run`` of a page, up to the image's name, and what is said to netdoctor after it."""
    text = (ROOT / page).read_text("utf-8").replace("\\\n", " ")
    found = []
    for line in re.findall(r"^docker run .*$", text, re.MULTILINE):
        words = shlex.split(line.replace('"$(stat -c %g /var/run/docker.sock)"', "GROUP").replace("$PWD", "PWD"))
        found.append(words)
    return found


def rights(words: list[str], image: str = "netdoctor", folder: object = ".") -> tuple[str, ...]:
    """What stands between ``docker run`` and the image's name, for this engine, image and folder."""
    assert words[:3] == ["docker", "run", "--rm"]
    given = words[3 : words.index("netdoctor")]
    group = str(SOCKET.stat().st_gid) if SOCKET.exists() else "0"
    named = [re.sub("^NETDOCTOR_PROBE_IMAGE=netdoctor$", f"NETDOCTOR_PROBE_IMAGE={image}", word) for word in given]
    return tuple(
        re.sub("^/var/run/docker.sock:", f"{SOCKET}:", word.replace("GROUP", group).replace("PWD", str(folder)))
        for word in named
    )


MOUNT = ("-v", f"{SOCKET}:/var/run/docker.sock")
LINT, NAMESPACES, HELPER = documented("docs/container.md")


def test_the_readme_has_the_line_of_the_page():
    assert documented("README.md") == [NAMESPACES]


def test_no_documented_line_gives_more_than_it_needs():
    for words in (LINT, NAMESPACES, HELPER):
        assert not {"--privileged", "--network=host", "--cap-add=ALL"} & set(words), words
    assert LINT[LINT.index("--network") + 1] == "none"
    given = " ".join(NAMESPACES)
    assert "--pid=host --user 0 --cap-drop ALL" in given
    assert re.findall(r"--cap-add (\w+)", given) == ["SYS_ADMIN", "SYS_PTRACE", "NET_RAW"]


@pytest.mark.docker
@pytest.mark.slow
class TestOnTheEngine:
    def test_it_starts_as_nobody_and_has_no_pip(self, image):
        assert in_the_image(image, "--version").stdout.startswith("netdoctor ")
        who = run("docker", "run", "--rm", "--entrypoint", "id", image, "-u").stdout.strip()
        assert who == "65532"
        pip = run("docker", "run", "--rm", "--entrypoint", "python3", image, "-c", "import pip", check=False)
        assert pip.returncode == 1

    def test_it_judges_files_without_any_right_at_all(self, image, tmp_path):
        (tmp_path / "compose.yaml").write_text(
            "services:\n  a:\n    image: a\n    environment: {U: 'http://b:80'}\n    networks: [x]\n"
            "  b: {image: b}\nnetworks: {x: {}}\n"
        )
        tmp_path.chmod(0o755)
        strict = ("--cap-drop", "ALL", "--read-only", *rights(LINT, folder=tmp_path))
        done = in_the_image(image, "lint", "--format", "json", rights=strict)
        assert done.returncode == 1, done.stderr
        assert json.loads(done.stdout)["findings"]

    def test_without_the_socket_it_says_so(self, image):
        done = in_the_image(image, "check", "a", "b")
        assert (done.returncode, "ND902" in done.stderr) == (3, True)

    def test_with_the_socket_but_not_its_group_it_says_that(self, image):
        done = in_the_image(image, "check", "a", "b", rights=MOUNT)
        assert (done.returncode, "ND903" in done.stderr) == (3, True)

    def test_with_the_socket_and_its_group_it_asks_through_a_helper_made_of_itself(self, image, incident):
        report = self.checked(image, incident, rights(HELPER, image))
        assert any("helper container" in notice and image in notice for notice in report["notices"])

    def test_with_the_namespaces_it_stands_inside_and_leaves_no_helper(self, image, incident):
        report = self.checked(image, incident, rights(NAMESPACES, image))
        assert report["edges"][0]["vantages"] == ["netns"]
        assert report["notices"] == []

    @pytest.mark.parametrize("without", ["SYS_ADMIN", "SYS_PTRACE", "--pid=host"])
    def test_nothing_of_what_is_given_for_the_namespaces_can_be_left_out(self, image, incident, without):
        """But NET_RAW, which only some containers need for a ping."""
        given = " ".join(rights(NAMESPACES, image)).replace(f"--cap-add {without}", "").replace("--pid=host", "", 1)
        less = [*given.split(), *(["--pid=host"] if without != "--pid=host" else [])]
        done = in_the_image(image, "check", *incident, "--vantage", "netns", rights=tuple(less), check=False)
        first = done.stdout.partition("\n")[0]
        assert ("ND901" in done.stdout, first.endswith("UNKNOWN")) == (True, True), done.stdout + done.stderr

    @pytest.mark.parametrize("words", [NAMESPACES, HELPER], ids=["namespaces", "helper"])
    def test_it_fixes_and_takes_back_with_a_journal_that_is_kept(self, image, incident, words):
        given = rights(words, image)
        volume = f"fmtx-journal-{uuid.uuid4().hex[:8]}"
        kept = (*given, "-v", f"{volume}:/var/lib/netdoctor")
        try:
            fixed = in_the_image(image, "fix", *incident, "--yes", rights=kept, check=False)
            assert (fixed.returncode, "confirmed from inside" in fixed.stdout) == (0, True), fixed.stdout + fixed.stderr
            undone = in_the_image(image, "undo", "--yes", rights=kept, check=False)
            assert (undone.returncode, "undone" in undone.stdout) == (0, True), undone.stdout + undone.stderr
        finally:
            run("docker", "volume", "rm", "-f", volume, check=False)

    def test_the_host_is_asked_from_only_with_its_network(self, image, incident):
        apart = in_the_image(image, "check", "host", incident[1], rights=rights(HELPER, image), check=False)
        assert (apart.returncode, "--network host" in apart.stdout) == (3, True), apart.stdout + apart.stderr
        there = (*rights(HELPER, image), "--network", "host")
        done = in_the_image(image, "check", "host", f"{incident[1]}:8080", rights=there, check=False)
        assert done.returncode == 0, done.stdout + done.stderr

    def test_doctor_says_what_is_possible_with_which_rights(self, image, incident):
        lines = {}
        for name, words in (("helper", HELPER), ("namespaces", NAMESPACES)):
            done = in_the_image(image, "doctor", "--format", "json", rights=rights(words, image))
            lines[name] = {each["subject"]: each for each in json.loads(done.stdout)["lines"]}
        assert lines["namespaces"]["vantage netns"]["state"] == "ok"
        assert "--pid=host" in lines["helper"]["vantage netns"]["remedy"]
        assert lines["helper"]["vantage sidecar"]["state"] == "ok"
        for each in lines.values():
            assert each["journal"]["state"] == "ok"

    def test_it_draws_the_map(self, image, incident):
        done = in_the_image(image, "map", *incident, rights=rights(NAMESPACES, image))
        assert f"BROKEN {incident[0]} -> {incident[1]}" in done.stdout

    def checked(self, image, incident, given) -> dict:
        done = in_the_image(image, "check", *incident, "--format", "json", rights=given)
        assert done.returncode == 1, done.stderr
        report = json.loads(done.stdout)
        assert [each["code"] for each in report["findings"]] == ["ND101"]
        return report
