"""A PostgreSQL of the tests' own: Debian's package, in a temporary folder, reached by a Unix socket."""

import os
import pwd
import shutil
import subprocess
import tempfile
from pathlib import Path


def find():
    """The folder with PostgreSQL's programs, or None."""
    packaged = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if packaged:
        return packaged[-1].parent
    found = shutil.which("initdb")
    return Path(found).parent if found else None


class Postgres:
    def __init__(self, programs):
        self._programs = programs
        self.folder = Path(tempfile.mkdtemp(prefix="pg-"))  # a short path: a socket's name has 107 bytes at most
        self._user = None
        if os.geteuid() == 0:  # it refuses to run as root
            self._user = "postgres" if any(entry.pw_name == "postgres" for entry in pwd.getpwall()) else "nobody"
            shutil.chown(self.folder, self._user)
        self._run("initdb", "--no-sync", "-A", "trust", "-U", "postgres", "-D", self.folder / "data")
        self._control("start")

    @property
    def database(self):
        return {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": "postgres",
            "USER": "postgres",
            "HOST": str(self.folder),
            "CONN_MAX_AGE": 600,
            "CONN_HEALTH_CHECKS": True,
        }

    def restart(self):
        self._control("restart")

    def stop(self):
        self._control("stop")
        shutil.rmtree(self.folder)

    def _control(self, what):
        options = f"-F -k {self.folder} -c listen_addresses=''"
        log = self.folder / "log"
        self._run("pg_ctl", "-w", "-m", "fast", "-D", self.folder / "data", "-l", log, "-o", options, what)

    def _run(self, program, *words):
        command = [str(self._programs / program), *map(str, words)]
        done = subprocess.run(
            command, user=self._user, cwd=self.folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=60
        )
        log = self.folder / "log"
        said = log.read_text() if log.exists() else ""
        assert done.returncode == 0, f"{command} ended with {done.returncode}\n{said}"
