"""Runs the parts of the test suite, each in turn, and counts.

Every part yields Result rows. A part that cannot run at all (a build that
breaks) is one failure with its log, and the parts that stand on it are left
out rather than failed again.
"""
import argparse
import ctypes
import glob
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree
from concurrent.futures import ThreadPoolExecutor

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PARTS = ("build", "layers", "style", "unit", "fuzz", "scenario")
EXTRA = ("long", "bench")
USAGE = """tests/run [PART|NAME]...

  build     gcc and clang with ASan+UBSan, gcc Release; warnings are errors
  layers    .ci/layers: who may include whom
  style     .ci/style: formatting, budgets, banned functions
  unit      every program of tests/unit, by both compilers
  fuzz      every corpus of tests/fuzz replayed, by both compilers
  scenario  tests/scenario on demos of their own
  long      as scenario, but those marked long: 10,000 seeds and the like
  bench     tests/bench: figures on the Release build
  NAME      one unit test (base-json), fuzz target (xml) or scenario file
            (test_demo_contract) or scenario test

Nothing named: everything but long and bench.
"""
# The folder of a build, its CMake build type, its compiler.
BUILDS = {
    "asan": ("ASan", "gcc"),
    "clang": ("ASan", "clang-14"),
    "release": ("Release", "gcc"),
}
TEST_ENV = {
    "ASAN_OPTIONS": "detect_leaks=1:strict_string_checks=1:"
                    "detect_stack_use_after_return=1",
    "UBSAN_OPTIONS": "print_stacktrace=1",
    "GSB_TEST_BIN": os.path.join(ROOT, "build/asan/bin"),
    "ASAN_SYMBOLIZER_PATH": shutil.which("llvm-symbolizer-14") or "",
}
UNIT_TIMEOUT_S = 180
JOBS = os.cpu_count() or 2
RED, PLAIN = ("\033[31m", "\033[0m") if sys.stdout.isatty() else ("", "")


class Tally:
    def __init__(self):
        self.passed = 0
        self.failed = 0
        self.names = []

    def add(self, name, passed, failed, log=""):
        self.passed += passed
        self.failed += failed
        if failed:
            self.names.append(name)
            print(f"{RED}FAILED {name}{PLAIN}")
            lines = log.rstrip().split("\n")
            if len(lines) > 80:
                print(f"  … {len(lines) - 80} lines left out")
            for line in lines[-80:]:
                print(f"  | {line}")
            sys.stdout.flush()


def run(command, timeout=None, env=None, cwd=ROOT):
    """(exit status, output); -1 on time-out. Ends all that it started."""
    full = {**os.environ, **TEST_ENV, **(env or {})}
    process = subprocess.Popen(
        command, cwd=cwd, env=full, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        errors="replace", start_new_session=True)
    try:
        out, _ = process.communicate(timeout=timeout)
        return process.returncode, out
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        out, _ = process.communicate()
        return -1, out + f"\nstill running after {timeout} s: killed"


def ended(status):
    return f"signal {-status}" if status < -1 else f"exit status {status}"


def binaries(build, kind):
    folder = os.path.join(ROOT, "build", build, "bin", kind)
    return [p for p in sorted(glob.glob(os.path.join(folder, "*")))
            if os.access(p, os.X_OK) and os.path.isfile(p)]


# --- the parts --------------------------------------------------------------

def part_build(tally, builds=tuple(BUILDS)):
    fine = True
    for name in builds:
        kind, compiler = BUILDS[name]
        folder = os.path.join("build", name)
        start = time.monotonic()
        status, out = run(["cmake", "-B", folder, "-G", "Ninja",
                           f"-DCMAKE_BUILD_TYPE={kind}",
                           f"-DCMAKE_C_COMPILER={compiler}"])
        if status == 0:
            status, out = run(["ninja", "-C", folder, "-k", "0", "--quiet"])
        if status != 0:
            tally.add(f"build {name}", 0, 1, out)
            fine = False
            continue
        print(f"  {name}: {compiler} {kind}, "
              f"{time.monotonic() - start:.0f} s", flush=True)
    return fine


def part_check(tally, tool):
    for arguments in (["--self-test"], []):
        status, out = run([f".ci/{tool}", *arguments])
        tally.add(f"{tool} {' '.join(arguments)}".strip(), status == 0,
                  status != 0, out)


def judge_unit(status, out):
    """(passed, failed) of a cmocka program's output."""
    passed = len(re.findall(r"^\[       OK \] ", out, re.M))
    failed = len(set(re.findall(r"^\[  FAILED  \] (?!\d+ test)(.*?)$", out,
                                re.M)))
    if status != 0 and failed == 0:
        failed = 1
    if status == 0 and passed == 0:
        failed = 1
    return passed, failed


def judge_fuzz(status, out):
    return (1, 0) if status == 0 else (0, 1)


def run_programs(tally, kind, wanted=None):
    """Runs build/*/bin/KIND/* (those of the name wanted)."""
    jobs = []
    for build in ("asan", "clang"):
        for path in binaries(build, kind):
            name = os.path.basename(path)
            if wanted not in (None, name):
                continue
            arguments = [] if kind == "unit" else \
                [os.path.join(ROOT, "tests/fuzz/corpus", name)]
            jobs.append((build, name, [path, *arguments]))
    judge = judge_unit if kind == "unit" else judge_fuzz
    with ThreadPoolExecutor(JOBS) as pool:
        runs = pool.map(lambda job: run(job[2], UNIT_TIMEOUT_S), jobs)
        for (build, name, _), (status, out) in zip(jobs, runs):
            passed, failed = judge(status, out)
            tally.add(f"{kind} {name} ({build})", passed, failed,
                      out + f"\n{ended(status)}")
    return len(jobs)


def part_pytest(tally, arguments, what, env=None):
    report = os.path.join(ROOT, "build", f"{what}.xml")
    if os.path.exists(report):
        os.remove(report)
    process = subprocess.Popen(
        ["/usr/bin/python3", "-B", "-m", "pytest", "-p", "no:cacheprovider",
         f"--junitxml={report}", *arguments], cwd=ROOT,
        stdin=subprocess.DEVNULL,
        env={**os.environ, **TEST_ENV, **(env or {})})
    try:
        status = process.wait()
    except KeyboardInterrupt:
        process.wait()
        raise
    if not os.path.exists(report):
        tally.add(what, 0, 1, f"pytest ended with status {status}")
        return
    passed = failed = 0
    for case in ElementTree.parse(report).getroot().iter("testcase"):
        bad = [e for e in case if e.tag in ("failure", "error")]
        if bad:
            failed += 1
            tally.names.append(f"{what} {case.get('name')}")
        elif not [e for e in case if e.tag == "skipped"]:
            passed += 1
    if status != 0 and failed == 0 and status != 5:
        failed = 1
        tally.names.append(f"{what} (pytest ended with status {status})")
    tally.passed += passed
    tally.failed += failed


# A scenario mostly waits: two files are under way beside each other.
BESIDE = ["-n", "2", "--dist", "loadfile"]


def scenario(tally):
    part_pytest(tally, ["tests/scenario", "-m", "not long", *BESIDE],
                "scenario")


def part_long(tally):
    part_pytest(tally, ["tests/scenario", "-m", "long"], "long",
                {"GSB_SEEDS": os.environ.get("GSB_SEEDS", "10000")})


def part_bench(tally):
    for path in sorted(glob.glob(os.path.join(ROOT, "tests/bench/*"))):
        name = os.path.basename(path)
        if not os.access(path, os.X_OK) or os.path.isdir(path):
            continue
        status, out = run([path], 5400)
        print(out, end="")
        tally.add(f"bench {name}", status == 0, status != 0,
                  "" if status == 0 else out)


def part_name(tally, name):
    found = run_programs(tally, "unit", name) + \
        run_programs(tally, "fuzz", name)
    if found > 0:
        return
    path = os.path.join(ROOT, "tests/scenario", name.removesuffix(".py"))
    if os.path.exists(path + ".py"):
        part_pytest(tally, [path + ".py"], "scenario")
    else:
        part_pytest(tally, ["tests/scenario", "-k", name], "scenario")
    if tally.passed + tally.failed == 0:
        tally.add(name, 0, 1, "no part, unit test, fuzz target or scenario "
                  "has this name; tests/run --help")


def run_part(tally, part, built):
    if part in ("layers", "style"):
        part_check(tally, part)
    elif part == "build":
        return part_build(tally)
    elif not built:
        print("  left out: it stands on the build")
    elif part in ("unit", "fuzz"):
        run_programs(tally, part)
    elif part == "scenario":
        scenario(tally)
    elif part == "long":
        part_long(tally)
    elif part == "bench":
        part_bench(tally)
    else:
        part_name(tally, part)
    return built


def main():
    parser = argparse.ArgumentParser(usage=USAGE, add_help=False)
    parser.add_argument("-h", "--help", action="store_true")
    parser.add_argument("parts", nargs="*")
    options = parser.parse_args()
    if options.help:
        print(USAGE, end="")
        return 0
    parts = options.parts or list(PARTS)
    if "build" not in parts and set(parts) - {"layers", "style"}:
        parts = ["build", *parts]
    tally = Tally()
    built = True
    begin = time.monotonic()
    for part in parts:
        start = time.monotonic()
        print(f"== {part}", flush=True)
        before = (tally.passed, tally.failed)
        built = run_part(tally, part, built)
        print(f"== {part}: {tally.passed - before[0]} passed, "
              f"{tally.failed - before[1]} failed, "
              f"{time.monotonic() - start:.0f} s", flush=True)
    print(f"{time.monotonic() - begin:.0f} s in all")
    for name in tally.names:
        print(f"failed: {name}")
    print(f"{tally.passed} passed, {tally.failed} failed", flush=True)
    return 1 if tally.failed else 0


def as_init(action):
    """Runs the action in a child and takes in every orphan that it leaves.
    Where process 1 does not do that (in a container it may be anything), a
    dead server stays a zombie, and a test that waits for its end never ends.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER
    child = os.fork()
    if child == 0:
        sys.exit(action())
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda n, _: os.kill(child, n))
    while True:
        pid, status = os.wait()
        if pid == child:
            return os.waitstatus_to_exitcode(status)


if __name__ == "__main__":
    sys.exit(as_init(main))
