"""Which system calls a transcoder may make once it is ready to be fed: an allow-list that the kernel holds it to (seccomp).

Started, a transcoder decodes, encodes and talks on sockets that it was given; it opens nothing. So three answers:

- what it needs goes through, some of it only with harmless arguments;
- what only somebody who has taken the process over would call kills it (SIGSYS), and ingest starts the next;
- everything else fails as if it were not permitted, opening files included, so that a library's probe fails softly.

What surprises: even reading files is refused. The tickets' secret is a file, and the output socket ends at every viewer.
"""

from __future__ import annotations

import errno
import mmap
import os
import platform
import sys
from typing import Any

MACHINES = ("x86_64", "aarch64")
"""Elsewhere the calls have other names or arguments; a wrong list would stop the picture."""

ALLOWED = (
    # memory; `mmap` and `mprotect` below
    *("brk", "madvise", "mremap", "munmap"),
    # threads; `clone` below
    *("exit", "exit_group", "futex", "getpid", "gettid", "rseq", "sched_getaffinity", "sched_yield", "set_robust_list"),
    # signals: `restart_syscall` is how a wait goes on after SIGSTOP and SIGCONT
    *("restart_syscall", "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "sigaltstack"),
    # the time, where the machine does not tell it without a call
    *("clock_getres", "clock_gettime", "clock_nanosleep", "gettimeofday", "nanosleep", "time"),
    # descriptors it has or is sent; `sendto` and `ioctl` below
    *("close", "getsockname", "getsockopt", "pipe2", "read", "recvfrom", "recvmsg", "write", "writev"),
    *("epoll_create1", "epoll_ctl", "epoll_pwait", "epoll_wait", "poll", "ppoll", "pselect6", "select"),
    *("getrandom", "sysinfo"),
)

HOSTILE = (
    # other programs and processes; `clone`, `kill` and the like below
    *("execve", "execveat", "fork", "vfork"),
    *("kcmp", "pidfd_getfd", "pidfd_open", "pidfd_send_signal", "process_madvise", "process_vm_readv"),
    *("process_vm_writev", "ptrace", "rt_sigqueueinfo", "rt_tgsigqueueinfo"),
    # the network
    *("accept", "accept4", "bind", "connect", "listen", "socket"),
    # file systems and namespaces
    *("chroot", "fsconfig", "fsmount", "fsopen", "mount", "mount_setattr", "move_mount", "open_by_handle_at"),
    *("open_tree", "pivot_root", "setns", "umount2", "unshare"),
    # the kernel
    *("bpf", "delete_module", "finit_module", "init_module", "io_uring_enter", "io_uring_setup", "kexec_file_load"),
    *("kexec_load", "perf_event_open", "reboot", "swapoff", "swapon", "userfaultfd"),
    *("add_key", "keyctl", "request_key"),
)

OPENING = ("creat", "open", "openat", "openat2")

_CLONE_THREAD = 0x00010000
_CLONE_NEW = 0x7E020080
"""Any namespace: NEWTIME, NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET."""
_PR_SET_NAME = 15
_IOCTL_NON_BLOCKING = 0x5421


class Unconfinable(Exception):
    """The list cannot be put in force here; the message says why."""


def restrict() -> int:
    """Put the list in force, for every thread and for good; returns how many calls it lets through.

    Raises Unconfinable, and then nothing is in force.
    """
    if sys.platform != "linux" or platform.machine() not in MACHINES:
        raise Unconfinable(f"no list of system calls for {sys.platform} on {platform.machine()}")
    try:
        import pyseccomp  # noqa: PLC0415 - cannot be imported where libseccomp is missing
    except (ImportError, RuntimeError, OSError, AttributeError) as error:
        raise Unconfinable(f"libseccomp cannot be used ({error}); on Debian: apt install libseccomp2") from None
    try:
        rules = _Rules(pyseccomp)
        rules.load()
    except (OSError, ValueError) as error:
        raise Unconfinable(f"the kernel refuses the filter ({error})") from None
    return rules.allowed


class _Rules:
    """The list in libseccomp's words."""

    def __init__(self, seccomp: Any) -> None:
        self._seccomp = seccomp
        self._filter = seccomp.SyscallFilter(seccomp.ERRNO(errno.EPERM))
        self._names: set[str] = set()
        self._set_up()
        for name in ALLOWED:
            self._allow(name)
        self._allow_with_arguments()
        for name in HOSTILE:
            self._add(seccomp.KILL_PROCESS, name)
        for name in OPENING:
            self._add(seccomp.ERRNO(errno.EACCES), name)

    @property
    def allowed(self) -> int:
        return len(self._names)

    def load(self) -> None:
        self._filter.load()

    def _set_up(self) -> None:
        attributes = self._seccomp.Attr
        # 32 bit calls of a 64 bit machine have other numbers: nobody makes them by accident.
        self._filter.set_attr(attributes.ACT_BADARCH, self._seccomp.KILL_PROCESS)
        self._filter.set_attr(attributes.CTL_TSYNC, 1)  # numpy has started threads by now
        # Before Linux 5.16 a filter switched speculation off, at a price for the encoders. There is nothing to spy on here:
        # who runs code in this process reads its memory anyway.
        self._filter.set_attr(attributes.CTL_SSB, 1)

    def _allow_with_arguments(self) -> None:
        seccomp = self._seccomp
        equal, masked, other = seccomp.EQ, seccomp.MASKED_EQ, seccomp.NE
        for name in ("mmap", "mprotect"):  # no new code
            self._allow(name, (2, masked, mmap.PROT_EXEC, 0))
        # Threads, no processes. `clone3` keeps its flags in memory, where no filter sees them; libc then takes `clone`.
        self._allow("clone", (0, masked, _CLONE_THREAD | _CLONE_NEW, _CLONE_THREAD))
        self._add(seccomp.KILL_PROCESS, "clone", (0, masked, _CLONE_THREAD, 0))
        self._add(seccomp.ERRNO(errno.ENOSYS), "clone3")
        # `abort` signals itself.
        self._allow("tgkill", (0, equal, os.getpid()))
        self._add(seccomp.KILL_PROCESS, "tgkill", (0, other, os.getpid()))
        self._add(seccomp.KILL_PROCESS, "kill", (0, other, os.getpid()))
        self._allow("sendto", (4, equal, 0))  # to who is connected, not to an address
        self._allow("ioctl", (1, equal, _IOCTL_NON_BLOCKING))
        self._allow("prctl", (0, equal, _PR_SET_NAME))

    def _allow(self, name: str, *conditions: tuple[int, ...]) -> None:
        if self._add(self._seccomp.ALLOW, name, *conditions):
            self._names.add(name)

    def _add(self, action: int, name: str, *conditions: tuple[int, ...]) -> bool:
        """False where this libseccomp does not know the call or this machine has none: then it fails like all others."""
        number = self._seccomp.resolve_syscall(self._seccomp.Arch.NATIVE, name)
        if number < 0:
            return False
        self._filter.add_rule(action, number, *(self._seccomp.Arg(*condition) for condition in conditions))
        return True
