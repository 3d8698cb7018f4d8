"""What a confined process can and cannot do: real children under the real limits and the real filter."""

from __future__ import annotations

import contextlib
import errno
import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from ingest.system_calls import ALLOWED, HOSTILE, OPENING
from plenum.whip_client import WhipPublisher
from tests.ingest.running_ingest import Running, running_ingest, ticket
from tests.transcoder_stage import transcoder

ROOT = Path(__file__).parents[2]
PRELUDE = """
import ctypes, mmap, os, platform, resource, signal, socket, subprocess, sys, threading, time
from pathlib import Path
from ingest.confinement import confine
libc = ctypes.CDLL(None, use_errno=True)
def call(name, *arguments):
    import pyseccomp
    number = pyseccomp.resolve_syscall(pyseccomp.Arch.NATIVE, name)
    if number < 0:
        raise OSError(38, name)
    if libc.syscall(number, *arguments) < 0:
        raise OSError(ctypes.get_errno(), name)
import pyseccomp
ours, theirs = socket.socketpair()
"""

linux = pytest.mark.skipif(sys.platform != "linux", reason="seccomp is Linux's")


def confined(code: str, sandbox: str = "required", before: str = "") -> subprocess.CompletedProcess[str]:
    program = f"{PRELUDE}\n{before}\nconfine({sandbox!r})\n{code}"
    return subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, cwd=ROOT, timeout=30
    )


def refusal(code: str) -> int | None:
    """With which error the process is refused this; None when it is not."""
    done = confined(f"try:\n    {code}\nexcept OSError as error:\n    print('refused', error.errno)\nprint('alive')")
    assert done.returncode == 0, (done.returncode, done.stderr)
    assert "alive" in done.stdout
    found = re.search(r"refused (\d+)", done.stdout)
    return int(found[1]) if found else None


# --- limits ---


def test_a_confined_process_cannot_take_all_memory() -> None:
    assert "MemoryError" in confined("bytearray(2 * 1024**3)").stderr


def test_it_may_not_open_descriptors_without_end() -> None:
    done = confined("made = 0\nwhile made < 100:\n    os.pipe(); made += 2; print(made, flush=True)")
    assert "Too many open files" in done.stderr
    assert int(done.stdout.split()[-1]) <= 32


@pytest.mark.parametrize(("limit", "value"), [("AS", 1536 * 2**20), ("NOFILE", 32), ("FSIZE", 0), ("CORE", 0)])
def test_limits_are_set_for_good(limit: str, value: int) -> None:
    done = confined(f"print(*resource.getrlimit(resource.RLIMIT_{limit}))", sandbox="off")
    assert done.stdout.split() == [str(value)] * 2


def test_a_stricter_limit_stays() -> None:
    before = "resource.setrlimit(resource.RLIMIT_NOFILE, (20, 20))"
    done = confined("print(resource.getrlimit(resource.RLIMIT_NOFILE)[1])", sandbox="off", before=before)
    assert done.stdout.strip() == "20"


def test_a_file_that_was_open_for_writing_takes_nothing_any_more(tmp_path: Path) -> None:
    before = f"kept = os.open({str(tmp_path / 'kept')!r}, os.O_WRONLY | os.O_CREAT)"
    assert "File too large" in confined("os.write(kept, b'x')", before=before).stderr
    assert (tmp_path / "kept").read_bytes() == b""


def test_a_log_that_goes_to_a_file_is_still_written(tmp_path: Path) -> None:
    with (tmp_path / "log").open("wb") as log:
        program = f"{PRELUDE}\nconfine('required')\nprint('heard', flush=True)"
        subprocess.run([sys.executable, "-c", program], stdout=log, check=True, cwd=ROOT, timeout=30)
    assert (tmp_path / "log").read_text() == "heard\n"


# --- calls that nobody makes by accident ---


@linux
@pytest.mark.parametrize(
    "code",
    [
        "socket.socket()",
        "socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)",
        "ours.connect('/run/nobody')",
        "ours.bind('')",
        "ours.listen()",
        "os.execv('/bin/true', ['true'])",
        "os.fork()",
        "call('fork')",
        "call('vfork')",
        "subprocess.run(['/bin/true'])",
        "call('clone', signal.SIGCHLD, 0, 0, 0, 0)",
        "call('ptrace', 16, os.getppid(), 0, 0)",
        "call('process_vm_readv', os.getppid(), 0, 0, 0, 0, 0)",
        "os.kill(os.getppid(), 0)",
        "os.kill(-1, 0)",
        "call('tgkill', os.getppid(), os.getppid(), 0)",
        "call('pidfd_open', os.getppid(), 0)",
        "call('mount', b'none', b'/mnt', b'tmpfs', 0, 0)",
        "call('unshare', 0x10000000)",
        "call('setns', 0, 0)",
        "call('chroot', b'/')",
        "call('bpf', 0, 0, 0)",
        "call('io_uring_setup', 1, 0)",
        "call('keyctl', 0, 0)",
    ],
)
def test_a_hostile_call_ends_the_process(code: str) -> None:
    done = confined(f"print('before', flush=True)\n{code}\nprint('after')")
    assert (done.returncode, done.stdout) == (-signal.SIGSYS, "before\n"), done.stderr


@linux
def test_from_another_thread_too_and_from_one_that_was_there_before() -> None:
    before = """
go = threading.Event()
def later():
    go.wait()
    socket.socket()
    print('after', flush=True)
    os._exit(0)
threading.Thread(target=later, daemon=True).start()
"""
    done = confined("go.set()\ntime.sleep(5)", before=before)
    assert (done.returncode, done.stdout) == (-signal.SIGSYS, "")


@linux
@pytest.mark.skipif("not __import__('platform').machine() == 'x86_64'")
def test_numbers_of_another_machine_end_it() -> None:
    """x32, the second way into the same calls: `getpid` is allowed, here it is not."""
    done = confined("libc.syscall(0x40000000 | 39)\nprint('after')")
    assert (done.returncode, done.stdout) == (-signal.SIGSYS, "")


# --- calls that are refused ---


@linux
@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("open('new', 'wb')", errno.EACCES),
        ("open('pyproject.toml', 'ab')", errno.EACCES),
        ("open('pyproject.toml', 'rb')", errno.EACCES),
        ("open('/dev/null', 'rb')", errno.EACCES),
        ("call('open', b'pyproject.toml', 0)", errno.EACCES),
        ("call('creat', b'new', 0o600)", errno.EACCES),
        ("os.stat('pyproject.toml')", errno.EPERM),
        ("os.unlink('pyproject.toml')", errno.EPERM),
        ("os.mkdir('new')", errno.EPERM),
        ("os.listdir('.')", errno.EACCES),
        ("os.dup(0)", errno.EPERM),
        ("os.memfd_create('code')", errno.EPERM),
        ("socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)", errno.EPERM),
        ("ours.sendto(b'x', '/run/nobody')", errno.EPERM),
        ("call('prlimit64', os.getppid(), 7, 0, 0)", errno.EPERM),
        ("os.setuid(65534)", errno.EPERM),
        ("os.setpriority(os.PRIO_PROCESS, 0, 5)", errno.EPERM),
        ("call('personality', 0x0400000)", errno.EPERM),
        ("call('prctl', 1, 0, 0, 0, 0)", errno.EPERM),
        ("call('ioctl', 0, 0x5412, 0)", errno.EPERM),
        ("call('clone', 0x10000 | 0x800 | 0x100 | 0x40000000, 0, 0, 0, 0)", errno.EPERM),
        ("call('clone3', 0, 0)", errno.ENOSYS),
    ],
)
def test_everything_else_fails_softly(code: str, error: int) -> None:
    assert refusal(code) == error


@linux
@pytest.mark.parametrize("how", ["mmap", "mprotect"])
def test_no_new_code(how: str) -> None:
    code = {
        "mmap": "mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)",
        "mprotect": "call('mprotect', ctypes.c_void_p(page), 4096, mmap.PROT_READ | mmap.PROT_EXEC)",
    }[how]
    before = "held = mmap.mmap(-1, 4096)\npage = ctypes.addressof(ctypes.c_char.from_buffer(held))"
    done = confined(f"try:\n    {code}\nexcept OSError as error:\n    print(error.errno)", before=before)
    assert done.stdout.strip() == str(errno.EPERM), done.stderr


def test_no_call_is_in_two_lists() -> None:
    names = [*ALLOWED, *HOSTILE, *OPENING]
    assert len(names) == len(set(names))


# --- what goes on as before ---


@linux
@pytest.mark.parametrize(
    "code",
    [
        "thread = threading.Thread(target=lambda: None); thread.start(); thread.join()",
        "ours.send(b'x'); assert theirs.recv(9) == b'x'",
        "ours.settimeout(0.01)\n    try: ours.recv(1)\n    except TimeoutError: pass",
        "time.sleep(0.01); os.urandom(9); bytearray(200 * 2**20)",
        "import selectors; chosen = selectors.DefaultSelector(); chosen.register(ours, 1); chosen.select(0)",
    ],
)
def test_what_a_transcoder_needs_is_allowed(code: str) -> None:
    assert refusal(code) is None


@linux
def test_an_error_still_says_where_it_was() -> None:
    """Its source lines cannot be read, its place is known."""
    code = "log = get_logger('x')\ntry:\n    int('nonsense')\nexcept ValueError:\n    log.exception('failed')"
    done = confined(code, before="from plenum.log import configure, get_logger; configure('x')")
    assert (done.returncode, "invalid literal for int()" in done.stdout) == (0, True), done.stderr
    assert "line " in done.stdout


@linux
def test_it_goes_on_after_having_been_stopped() -> None:
    """A wait that is broken off so goes on by `restart_syscall`."""
    waiting = "ours.settimeout(1)\ntry: ours.recv(1)\nexcept TimeoutError: print('on')"
    program = f"{PRELUDE}\nconfine('required')\nprint('ready', flush=True)\n{waiting}"
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
        time.sleep(0.2)
        process.send_signal(signal.SIGSTOP)
        process.send_signal(signal.SIGCONT)
        assert process.stdout.readline() == "on\n"
        assert process.wait(10) == 0


@linux
def test_two_sources_with_changes_of_size_are_decoded_and_encoded_under_the_filter() -> None:
    command = [sys.executable, "-m", "tests.ingest.confined_codecs"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT, timeout=120)
    assert done.returncode == 0, (done.returncode, done.stderr)
    h264, vp8 = json.loads(done.stdout)
    assert h264["sizes"] == [[320, 180], [640, 360]]
    assert vp8["sizes"] == [[180, 320], [320, 240]]
    for source in (h264, vp8):
        assert (source["pictures"], source["h264"]) == (24, 48)
        assert source["loudness"] > 0.05
        assert source["aac"] > 0.05


# --- the setting ---


WITHOUT = "sys.modules['pyseccomp'] = None"  # an import of it fails


def test_without_libseccomp_it_warns_once_and_goes_on() -> None:
    done = confined("socket.socket()\nprint('alive')", sandbox="auto", before=WITHOUT)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("transcoder_unconfined") == 1
    assert "apt install libseccomp2" in done.stdout
    assert done.stdout.endswith("alive\n")


def test_required_means_that_it_does_not_go_on() -> None:
    done = confined("print('alive')", sandbox="required", before=WITHOUT)
    assert (done.returncode, done.stdout) == (1, "")
    assert "media.sandbox is required" in done.stderr


@linux
def test_a_kernel_that_refuses_the_filter_is_named() -> None:
    before = "pyseccomp.SyscallFilter.load = lambda self: (_ for _ in ()).throw(OSError(22, 'Invalid argument'))"
    done = confined("socket.socket()\nprint('alive')", sandbox="auto", before=before)
    assert "the kernel refuses the filter" in done.stdout
    assert done.stdout.endswith("alive\n")


def test_off_leaves_the_calls_alone_and_says_nothing() -> None:
    assert confined("socket.socket()\nprint('alive')", sandbox="off").stdout == "alive\n"


# --- the real one ---


def seccomp_mode(pid: int) -> str:
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return re.search(r"^Seccomp:\s*(\d)", status, re.MULTILINE)[1]


@contextlib.asynccontextmanager
async def on_air(data_dir: Path, sandbox: str) -> AsyncIterator[Running]:
    async with running_ingest(data_dir, sandbox=sandbox) as running:
        publisher = WhipPublisher(running.whip(), ticket())
        feed = await running.feed()
        await publisher.start()
        await feed.shows("live", "Anna")
        try:
            yield running
        finally:
            await publisher.stop()


@linux
@pytest.mark.parametrize(("sandbox", "mode"), [("auto", "2"), ("required", "2"), ("off", "0")])
async def test_the_transcoder_that_ingest_starts_is_under_the_filter(tmp_path: Path, sandbox: str, mode: str) -> None:
    async with on_air(tmp_path, sandbox) as running:
        assert seccomp_mode((await running.status())["transcoder_pid"]) == mode


@linux
async def test_each_of_its_threads_is() -> None:
    async with transcoder() as running:
        await running.until(lambda: len(running.parts) > 3)
        tasks = [int(task.name) for task in Path(f"/proc/{running.process.pid}/task").iterdir()]
        assert len(tasks) >= 3
        assert {seccomp_mode(task) for task in tasks} == {"2"}
        assert await running.stop() == 0
