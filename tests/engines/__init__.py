"""Other engines that exported cards run in: where they are on this machine, and how they are asked.

Spark and the PMML evaluators live in an environment of their own (`make engines`) and need Java; PostgreSQL is a
package of the system. The programs beside this file run in that environment: they may not import creditlab.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).resolve().parent
FOLDER = HERE.parents[1] / "build" / "engines"
PYTHON = FOLDER / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")


def package_folder(name: str) -> Path | None:
    """The folder of site-packages of the engines' environment that holds a package."""
    found = [p for pattern in ("lib/python*/site-packages", "Lib/site-packages") for p in FOLDER.glob(pattern)]
    return next((p for p in found if (p / name / "__init__.py").exists()), None)


def has_engine(*packages: str, java: bool = False) -> bool:
    """Whether these packages of the engines' environment are there, and Java where it is needed."""
    return (not java or shutil.which("java") is not None) and all(package_folder(name) for name in packages)


def run_engine(program: str, *arguments: object) -> None:
    """Run a program of this folder in the engines' environment."""
    command = [str(PYTHON), "-W", "ignore", str(HERE / program), *map(str, arguments)]
    local = os.environ | {"SPARK_LOCAL_IP": "127.0.0.1", "PYSPARK_PYTHON": str(PYTHON)}
    local.pop("PYTHONPATH", None)
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", timeout=300, env=local)
    assert done.returncode == 0, done.stderr[-3000:]


def postgres_programs() -> Path | None:
    """The folder of initdb and pg_ctl."""
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda p: int(p.parts[-3]))
    found = [str(debian[-1])] if debian else [p for p in [shutil.which("initdb")] if p]
    return Path(found[0]).resolve().parent if found else None


class Postgres:
    """A server of its own in a folder of its own, reached by a socket there and not by the network."""

    def __init__(self, programs: Path, folder: Path) -> None:
        self.programs, self.folder = programs, folder

    def call(self, program: str, *arguments: str, given: str | None = None) -> str:
        """What a program prints. PostgreSQL does not run as root: there it runs as the user of its package."""
        own = ["runuser", "-u", "postgres", "--"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
        done = subprocess.run(
            [*own, str(self.programs / program), *arguments], input=given, capture_output=True, text=True,
            encoding="utf-8", timeout=120, cwd=self.folder,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr[-3000:]
        return done.stdout

    def ask(self, sql: str, given: str | None = None) -> list[str]:
        """The lines of an answer, columns apart by tabs."""
        where = ["-h", str(self.folder), "-U", "postgres", "-d", "postgres"]
        return self.call("psql", *where, "-X", "-q", "-A", "-t", "-F", "\t", "-c", sql, given=given).splitlines()


@contextmanager
def postgres_server() -> Iterator[Postgres]:
    """A running server that is gone afterwards."""
    programs = postgres_programs()
    assert programs is not None
    folder = Path(tempfile.mkdtemp(prefix="creditlab-postgres-"))
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        shutil.chown(folder, "postgres")
    server, data = Postgres(programs, folder), str(folder / "data")
    settings = f"-c listen_addresses='' -c unix_socket_directories='{folder}' -c fsync=off"
    log = str(folder / "log")
    try:
        server.call("initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
        server.call("pg_ctl", "-D", data, "-l", log, "-o", settings, "-w", "start")
        try:
            yield server
        finally:
            server.call("pg_ctl", "-D", data, "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def mariadb_server() -> Iterator[Callable[[str], list[str]]]:
    """A running MariaDB with a socket in a folder of its own: a function from statements to the lines of an answer."""
    folder = Path(tempfile.mkdtemp(prefix="creditlab-mariadb-"))
    user = ["--user=mysql"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
    if user:
        shutil.chown(folder, "mysql")
    data, socket = f"--datadir={folder / 'data'}", f"--socket={folder / 'socket'}"
    made = [
        "mariadb-install-db",
        "--no-defaults",
        *user,
        data,
        "--skip-test-db",
        "--auth-root-authentication-method=normal",
    ]
    subprocess.run(made, check=True, capture_output=True, timeout=120)
    client = ["mariadb", "--no-defaults", "-uroot", socket, "--default-character-set=utf8mb4", "-N", "-B", "--raw"]

    def ask(statements: str) -> list[str]:
        done = subprocess.run(client, input=statements, capture_output=True, text=True, encoding="utf-8", timeout=120)
        assert done.returncode == 0, done.stderr[-3000:]
        return done.stdout.splitlines()

    program = shutil.which("mariadbd") or "/usr/sbin/mariadbd"
    options = ["--skip-networking", f"--pid-file={folder / 'pid'}", "--character-set-server=utf8mb4"]
    command = [program, "--no-defaults", *user, data, socket, *options]
    try:
        with subprocess.Popen(command, stderr=subprocess.DEVNULL) as server:
            try:
                for _ in range(100):
                    if not subprocess.run([*client, "-e", "SELECT 1"], capture_output=True, timeout=60).returncode:
                        break
                    time.sleep(0.2)
                yield ask
            finally:
                server.terminate()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def has_mariadb() -> bool:
    """Whether a MariaDB server can be started here."""
    there = shutil.which("mariadbd") or Path("/usr/sbin/mariadbd").exists()
    return bool(there) and shutil.which("mariadb-install-db") is not None


def copy_text(rows: Iterable[Iterable[object]]) -> str:
    """Rows as the CSV that PostgreSQL's COPY reads, with \\N for what is missing."""
    return "".join(",".join(_field(value) for value in row) + "\n" for row in rows)


def _field(value: object) -> str:
    if value is None:
        return "\\N"
    if isinstance(value, str):
        return '"' + value.replace('"', '""') + '"'
    return repr(value) if isinstance(value, float) else str(value)
