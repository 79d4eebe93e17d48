"""`scoredesk demo` as a person runs it: on the embedded server, as a program of its own, ended by signals."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

READY = "Ctrl-C stops everything."
PATIENCE = 90  # seconds; 5 on a quiet machine


class Demo:
    """One run of the demo."""

    def __init__(self, home: Path, port: int, interactions: int) -> None:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("SCOREDESK_")}
        environment |= {"SCOREDESK_HOME": str(home), "SCOREDESK_PORT": str(port), "PYTHONUNBUFFERED": "1"}
        self.url = f"http://127.0.0.1:{port}"
        self._out = home.parent / f"out-{time.monotonic_ns()}.txt"
        self._err = self._out.with_suffix(".err")
        command = [sys.executable, "-m", "backend.cli", "demo", "--interactions", str(interactions)]
        with self._out.open("w") as out, self._err.open("w") as err:
            self.process = subprocess.Popen(command, env=environment, stdout=out, stderr=err)

    @property
    def out(self) -> str:
        """What it printed for people to use."""
        return self._out.read_text("utf-8")

    @property
    def err(self) -> str:
        """What it said meanwhile."""
        return self._err.read_text("utf-8")

    def wait_for(self, text: str) -> float:
        """Seconds until the text was printed on either stream."""
        began = time.monotonic()
        while text not in self.out + self.err:
            assert self.process.poll() is None, self.err
            assert time.monotonic() - began < PATIENCE, self.err
            time.sleep(0.02)
        return time.monotonic() - began

    def end(self, number: int) -> int:
        """The exit code after a signal."""
        self.process.send_signal(number)
        return self.process.wait(PATIENCE)

    def tokens(self) -> dict[tuple[str, str], str]:
        """The printed tokens by tenant and role."""
        found: dict[tuple[str, str], str] = {}
        for part in self.out.split("Tokens of the tenant ")[1:]:
            tenant = re.match(r"[a-z]+", part)
            assert tenant is not None
            for role, token in re.findall(r"^ +([a-z]+) +(ey\S+)$", part, re.MULTILINE):
                found[tenant[0], role] = token
        return found

    def ask(self, token: str, query: str) -> dict:
        """The answer of GraphQL."""
        request = Request(
            f"{self.url}/graphql",
            json.dumps({"query": query}).encode(),
            {"content-type": "application/json", "authorization": f"Bearer {token}"},
        )
        with urlopen(request, timeout=30) as answer:
            return json.loads(answer.read())


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """A folder that the embedded server's user can pass, whoever runs the tests."""
    path = Path(tempfile.mkdtemp(prefix="scoredesk-demo-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def start() -> Iterator[Callable[..., Demo]]:
    """Starts a demo; whatever happens, it does not outlive the test."""
    started: list[Demo] = []

    def run(home: Path, port: int, interactions: int = 2_000) -> Demo:
        started.append(Demo(home, port, interactions))
        return started[-1]

    yield run
    for demo in started:
        if demo.process.poll() is None:
            demo.end(signal.SIGTERM)


@pytest.fixture
def port() -> int:
    """A port that was free just now."""
    with socket.socket() as trial:
        trial.bind(("127.0.0.1", 0))
        return int(trial.getsockname()[1])


def servers_of(home: Path) -> list[str]:
    """The PostgreSQL processes of a home."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
        except OSError:
            continue
        if str(home) in command and "postgres" in command.split(" ")[0]:
            found.append(command)
    return found


def test_from_nothing_to_an_answer_and_back(folder, port, start):
    demo = start(folder / "home", port)
    demo.wait_for(READY)
    with urlopen(f"{demo.url}/ready", timeout=10) as answer:
        assert answer.status == 200

    tokens = demo.tokens()
    roles = {"admin", "manager", "agent", "viewer"}
    assert set(tokens) == {(tenant, role) for tenant in ("demo", "other") for role in roles}
    for (tenant, role), token in tokens.items():
        data = demo.ask(token, "{ viewer { role } tenant { slug } }")["data"]
        assert data == {"viewer": {"role": role.upper()}, "tenant": {"slug": tenant}}

    printed = re.search(r"-d '(.*)'$", demo.out, re.MULTILINE)
    assert printed is not None
    sample = demo.ask(tokens["demo", "viewer"], json.loads(printed[1])["query"])
    answer = sample["data"]["kpiValues"]["answer"]
    assert sample["data"]["kpiValues"]["problems"] == []
    assert "Technical Support" in answer["dimensions"][0]["labels"]
    offered, csat = (series["values"] for series in answer["series"])
    assert 1_500 < sum(offered) < 2_000  # all but what a bot answered alone, and what is spam
    assert all(0.5 < value < 1 for value in csat if value is not None)

    if Path("/proc/self").exists():
        assert servers_of(folder / "home")
    assert demo.end(signal.SIGINT) == 0
    assert servers_of(folder / "home") == []
    assert "Traceback" not in demo.err


def test_the_second_start_is_on_the_data_that_is_there(folder, port, start):
    demo = start(folder / "home", port)
    demo.wait_for(READY)
    assert "Loading" not in demo.err
    token = demo.tokens()["demo", "admin"]
    formula = '{name: "everything", formula: "count(including excluded)"}'
    query = f"{{ kpiValues(input: {{formulas: [{formula}]}}) {{ answer {{ series {{ values }} }} }} }}"
    assert demo.ask(token, query)["data"]["kpiValues"]["answer"]["series"][0]["values"] == [2_000]
    schedules = demo.ask(token, "{ schedules { nodes { key latestVersion } } }")["data"]["schedules"]
    assert schedules["nodes"] == [{"key": "desk", "latestVersion": 1}]
    assert demo.end(signal.SIGTERM) == 0
    assert servers_of(folder / "home") == []
    assert "Traceback" not in demo.err


def test_an_interrupted_load_is_done_again(folder, port, start):
    home = folder / "interrupted"
    first = start(home, port, interactions=40_000)
    first.wait_for("Loading Lumen Home")
    time.sleep(0.5)
    assert first.end(signal.SIGINT) == 130
    assert servers_of(home) == []
    assert "Traceback" not in first.err
    assert "is loaded" not in first.err

    second = start(home, port)
    second.wait_for(READY)
    assert "Lumen Home is loaded" in second.err
    assert second.end(signal.SIGINT) == 0


def test_a_port_in_use_is_said_before_anything_long_begins(folder, port, start):
    with socket.socket() as other:
        other.bind(("127.0.0.1", port))
        other.listen()
        demo = start(folder / "untouched", port)
        assert demo.process.wait(PATIENCE) == 1
    assert f"127.0.0.1:{port}" in demo.err
    assert "SCOREDESK_PORT" in demo.err
    assert not (folder / "untouched").exists()
