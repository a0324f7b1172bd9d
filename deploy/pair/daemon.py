"""A daemon of the product, by its pid file, log and configuration."""
import os
import signal
import subprocess

import process
from layout import Fault

SANITIZERS = {
    "ASAN_OPTIONS": "detect_leaks=1:strict_string_checks=1",
    "UBSAN_OPTIONS": "print_stacktrace=1",
}


class Daemon:
    def __init__(self, layout, name):
        self.layout = layout
        self.name = name
        self.site, _, self.part = name.partition("-")
        self.log = layout.path("log", name)
        self.conf = layout.path("conf", f"{name}.conf")
        self.pid_file = layout.path("pid", name)
        self.port = layout.port_of(name)

    def command(self):
        if self.name == "proxy":
            program, more = "gsb-proxy", []
        elif self.part == "replicator":
            program, more = "gsb-replicator", []
        else:
            program, more = f"gsb-{self.site}", ["--only", self.part]
        return [os.path.join(self.layout.bin, program),
                "--config", self.conf, *more]

    def pid(self):
        """Its process, when it runs; a pid that somebody else has by now
        is not it."""
        if self.name == "proxy":
            return self.processes()[0] if self.processes() else 0
        pid = process.read_pid(self.pid_file)
        if pid and process.alive(pid) and self.conf in process.arguments(pid):
            return pid
        return 0

    def state(self):
        if not os.path.exists(self.pid_file):
            return "stopped"
        if self.pid() == 0:
            return "dead"
        return "paused" if process.state(self.pid()) == "T" else "running"

    def processes(self):
        """The one that serves first: a proxy that was upgraded is another
        process than the one that was started, which may still have clients.
        """
        if self.name == "proxy":
            return process.running(self.command())
        return [self.pid()] if self.pid() else []

    def start(self):
        if self.pid():
            return
        if not process.bindable(self.port):
            raise Fault(f"{self.name}: port {self.port} is in use by another "
                        f"program (ss -ltnp 'sport = :{self.port}'); end that "
                        "or choose another --port")
        env = dict(os.environ, **SANITIZERS)
        with open(self.log, "a", encoding="utf-8") as log:
            child = subprocess.Popen(
                self.command(), stdin=subprocess.DEVNULL, stdout=log,
                stderr=log, cwd=self.layout.dir, env=env,
                start_new_session=True)
        self.layout.write(f"pid/{self.name}", f"{child.pid}\n")
        process.wait_for(lambda: child.poll() is not None or
                         process.listening(self.port), 30)
        if child.poll() is not None:
            raise Fault(f"{self.name} ended with status {child.returncode}; "
                        f"the end of {self.log}:\n{process.tail(self.log)}")
        if not process.listening(self.port):
            raise Fault(f"{self.name} does not listen on port {self.port} "
                        f"after 30 s; the end of {self.log}:\n"
                        f"{process.tail(self.log)}")

    def stop(self):
        pids = self.processes()
        if pids and not process.stop(pids, [(signal.SIGTERM, 15),
                                            (signal.SIGTERM, 5),
                                            (signal.SIGKILL, 5)]):
            print(f"{self.name}: did not end in 15 s of SIGTERM, was forced")
        if os.path.exists(self.pid_file):
            os.remove(self.pid_file)

    def kill(self):
        pids = self.processes()
        process.send(pids, signal.SIGKILL)
        process.wait_gone(pids, 10)

    def pause(self):
        process.send(self.processes(), signal.SIGSTOP)

    def resume(self):
        process.send(self.processes(), signal.SIGCONT)
