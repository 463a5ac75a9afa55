"""Start commands as forks of a Python that has imported what takes seconds.

A command is a process of its own, with the memory of one that has imported and nothing else; what
it does, no other sees. `warm_python` starts this file to ``serve``. A kernel of Jupyter, which the
tests do not start themselves, is this file that ``asks`` for a fork, and lives as long.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import sys

INLINE = "module://matplotlib_inline.backend_inline"
MOST = 1 << 18  # bytes of a command with its environment


class Command:
    """A process that is forked for a command, as `subprocess.Popen` would start it."""

    def __init__(
        self, place: str, argv: list[str], cwd: str, env: dict[str, str], out: int
    ) -> None:
        self.line = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.line.connect(place)
        asked = json.dumps({"argv": argv, "cwd": cwd, "env": env}).encode()
        socket.send_fds(self.line, [asked], [out])

    def send_signal(self, number: int) -> None:
        self.line.send(bytes([number]))

    def wait(self) -> int:
        """Return how it ended; a signal is a negative number."""
        with self.line:
            return int(self.line.recv(16) or -signal.SIGKILL)


def serve(place: str) -> dict[str, object]:
    """Fork a process for each command, and return, in that process, what it is to run.

    It ends when whoever started it has closed the other end of its input.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as server:
        server.bind(place)
        server.listen()
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # which is meant for the tests
        print("ready", flush=True)
        while server in select.select([server, sys.stdin], [], [])[0]:
            line, _ = server.accept()
            if os.fork() == 0:
                server.close()
                return keep(line)
            line.close()
            reap()
    reap()
    sys.exit()


def reap() -> None:
    """Take leave of those that kept a command that has ended, and count their time as one's own."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def keep(line: socket.socket) -> dict[str, object]:
    """Fork, and return in the new process; the old one hands on signals and tells of the end."""
    asked, (out,), _, _ = socket.recv_fds(line, MOST, 1)
    running, end = os.pipe()  # the command alone holds the end
    command = os.fork()
    if command == 0:
        line.close()
        return {**json.loads(asked), "out": out}
    os.close(end)
    os.close(out)
    while running not in select.select([line, running], [], [])[0]:
        told = line.recv(1)
        os.kill(command, told[0] if told else signal.SIGKILL)
        if not told:  # whoever asked has gone
            break
    code = os.waitstatus_to_exitcode(os.waitpid(command, 0)[1])
    with contextlib.suppress(BrokenPipeError):
        line.send(str(code).encode())
    os._exit(0)


def run(argv: list[str], cwd: str, env: dict[str, str], out: int) -> None:
    """Do what Python does with ``-m`` or ``-c`` and what follows."""
    import runpy

    import matplotlib as mpl

    for number in (1, 2):
        os.dup2(out, number)
    os.close(out)
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(env)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    kind, name, *rest = argv
    sys.path[0], sys.argv = cwd, [name, *rest]
    if name == "ipykernel_launcher":  # what the environment says of these was read before
        mpl.rcParams["backend"] = INLINE
        sys.argv.append(f"--IPKernelApp.parent_handle={os.getppid()}")
    if kind == "-m":
        runpy.run_module(name, run_name="__main__", alter_sys=True)
    else:
        exec(compile(name, "<string>", "exec"), {"__name__": "__main__"})


def ask(place: str, argv: list[str]) -> int:
    """Be, for whoever started this script, the command that is forked for it."""
    parent = os.getppid()
    command = Command(place, argv, os.getcwd(), dict(os.environ), sys.stdout.fileno())
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda given, frame: command.send_signal(given))
    while not select.select([command.line], [], [], 1)[0]:
        if os.getppid() != parent:  # which was killed: so is the command, by the end of this
            return 1
    return command.wait()


if __name__ == "__main__":
    todo, where, *words = sys.argv[1:]
    if todo == "ask":
        sys.exit(ask(where, words))
    from pathlib import Path

    import jupyter_book.cli.main  # noqa: F401  # the other program that makes books

    from analysis_lib.book.warm import load_everything

    load_everything(Path(*words))
    run(**serve(where))  # type: ignore[arg-type]
