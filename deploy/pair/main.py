"""deploy/demo: a whole pair on this machine, private to its folder."""
import argparse
import os
import shlex
import shutil
import sys

import conf
import guide
import setup
from layout import BUILDS, DEFAULT_PORT, NAMES, Fault, Layout

VERBS = ("start", "stop", "kill", "pause", "resume")
EPILOG = f"""verbs:
  up                 make, or bring back, the pair; prints what to try
  env                shell assignments: eval "$(deploy/demo env)"
  status             what runs; exit status 1 unless all of it does
  start NAME...      stop NAME...      (SIGTERM: drains)
  kill NAME...       (SIGKILL)
  pause NAME...      resume NAME...    (SIGSTOP, SIGCONT)
  down [--keep]      ends everything; --keep leaves the data for the next up

NAME: {' '.join(NAMES[:4])}
      {' '.join(NAMES[4:])}
A verb on a *-db reaches every process of that cluster.

Ports: N = --port: N proxy, N+2 its metrics, N+10 … N+14 the primary's,
N+20 … N+24 the backup's. Several demos run beside each other with other
--dir and --port."""


def parse():
    parser = argparse.ArgumentParser(
        prog="deploy/demo", epilog=EPILOG, description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("verb", choices=("up", "env", "status", "down",
                                         *VERBS), metavar="VERB")
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--dir", help="where it lives; default: by user and "
                        "port, shown by env")
    parser.add_argument("--port", type=int,
                        help=f"the one URL's port; default {DEFAULT_PORT}")
    parser.add_argument("--build", choices=BUILDS,
                        help="default Release")
    parser.add_argument("--set", action="append", default=[], dest="sets",
                        metavar="PROGRAM.SECTION.KEY=VALUE",
                        help="into the generated configuration; repeatable")
    parser.add_argument("--keep", action="store_true")
    options = parser.parse_intermixed_args()
    check(parser, options)
    return options


def check(parser, options):
    if options.verb in VERBS:
        if not options.names:
            parser.error(f"{options.verb} whom? one of {', '.join(NAMES)}")
        for name in options.names:
            if name not in NAMES:
                parser.error(f"\"{name}\" is none of {', '.join(NAMES)}")
    elif options.names:
        parser.error(f"{options.verb} takes no NAME")
    if options.verb != "up" and (options.build or options.sets):
        parser.error("--build and --set belong to up")
    if options.keep and options.verb != "down":
        parser.error("--keep belongs to down")
    if options.port is not None and not 1024 <= options.port <= 65511:
        parser.error(f"--port {options.port}: 1024 … 65511")


def up(layout, options):
    layout.build = options.build or "Release"
    layout.sets = options.sets
    for text in layout.sets:
        conf.parse_set(text)
    setup.up(layout)
    print(guide.text(layout), end="")


def print_env(layout):
    for key, value in layout.env().items():
        print(f"{key}={shlex.quote(value)}")
    return 0


def memory_kib(pids):
    total = 0
    for pid in pids:
        try:
            with open(f"/proc/{pid}/status", encoding="utf-8") as f:
                total += sum(int(line.split()[1]) for line in f
                             if line.startswith("VmRSS:"))
        except (FileNotFoundError, ProcessLookupError):
            pass
    return total


def status(layout):
    print(f"{'NAME':<20} {'STATE':<8} {'PID':>8} {'PORT':>6} {'MIB':>5}")
    whole = True
    for name in NAMES:
        thing = setup.thing(layout, name)
        pids = thing.processes()
        state = thing.state()
        whole = whole and state == "running"
        print(f"{name:<20} {state:<8} {pids[0] if pids else '-':>8} "
              f"{thing.port:>6} {memory_kib(pids) / 1024:>5.0f}")
    return 0 if whole else 1


def act(layout, verb, names):
    """One verb on several names; databases before what stands on them."""
    wanted = [setup.thing(layout, n) for n in NAMES if n in names]
    if verb == "stop":
        wanted.reverse()
    for thing in wanted:
        state = thing.state()
        if verb == "start" and state == "paused":
            raise Fault(f"{thing.name} is paused: deploy/demo resume it")
        if verb in ("pause", "resume") and state in ("stopped", "dead"):
            raise Fault(f"{thing.name} is {state}: deploy/demo start it")
        getattr(thing, verb)()
    return 0


def down(layout, keep):
    setup.stop_daemons(layout)
    for name in NAMES:
        if name.endswith("-db"):
            setup.thing(layout, name).stop()
    if not keep:
        shutil.rmtree(layout.dir)
    return 0


def main():
    options = parse()
    layout = Layout(options.dir, options.port)
    if options.verb == "up":
        up(layout, options)
        return 0
    if options.verb == "down" and not layout.known:
        print(f"no demo in {layout.dir}: nothing to end")
        return 0
    layout.need()
    if options.verb == "env":
        return print_env(layout)
    if options.verb == "status":
        return status(layout)
    if options.verb == "down":
        return down(layout, options.keep)
    return act(layout, options.verb, options.names)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Fault as fault:
        print(f"deploy/demo: {fault}", file=sys.stderr)
        sys.exit(1)
    except BrokenPipeError:  # whoever read our words has read enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except KeyboardInterrupt:
        print("deploy/demo: interrupted; deploy/demo down ends what runs",
              file=sys.stderr)
        sys.exit(130)
