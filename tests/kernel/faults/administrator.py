# SPDX-License-Identifier: GPL-2.0-only
"""administrator.py DIR DEVICE DISK DM BACKING PLACE...: the rounds of administrator.sh.

DEVICE is mounted at DIR and has the file "file", DM is the device-mapper device "d" over
a linear table, BACKING a file for a loop device.  The take is told to stand still at PLACE
(kmod/fault.h) until what is done then has been done, or hangs in the kernel.  If the machine
was so slow that a timeout of the take came first it is done again, and what it did counts as
well.  One program, since to start others takes an emulated processor longer than
all that they do.
"""
import ctypes
import errno
import faulthandler
import fcntl
import mmap
import os
import re
import subprocess
import sys
import threading
import time

FAULTS = "/sys/kernel/debug/snapset/faults"
COUNTERS = "/sys/kernel/debug/snapset/counters"
FIFREEZE, FITHAW, LOOP_CLR_FD = 0xc0045877, 0xc0045878, 0x4c01
MS_RDONLY, MS_REMOUNT = 1, 32
TRIES = 3
HANG_S = 120

# what is passed next; at "prepare" it is the next member's
NEXT = {"prepare": "sync", "sync": "freeze", "frozen": "hold", "hold": "commit",
        "commit": "release", "release": "thaw", "publish": "image-add"}

# what may be said to whoever disturbs a take, and when it is always said
MAY_SAY = re.compile(r"code E_(PROVIDER_VETO|HOLD_WRITES_TIMEOUT|FLUSH_WRITES_TIMEOUT"
                     r"|UNEXPECTED_PROVIDER_ERROR) .* text [^ ]+ [^ ]+")
TIMED_OUT = re.compile(r"^code E_(HOLD|FLUSH)_WRITES_TIMEOUT", re.MULTILINE)
REFUSED = {("prepare", "resize"): "has been resized since it was added"}
# Since 6.6 the kernel knows who froze, and two may, each for himself. A thaw that comes
# after the gates are closed writes to the member first, and so waits for the set.
if tuple(int(n) for n in os.uname().release.split(".")[:2]) < (6, 6):
    REFUSED["prepare", "freeze"] = REFUSED["sync", "freeze"] = "is frozen by somebody else"
    REFUSED["frozen", "thaw"] = REFUSED["hold", "thaw"] = "was thawed by somebody else"

libc = ctypes.CDLL(None, use_errno=True)
where, device, disk, dm, backing = sys.argv[1:6]
places = sys.argv[6:]
sched = f"/sys/block/{os.path.basename(disk)}/queue/scheduler"
loop = None


def text_of(path):
    with open(path, encoding="ascii") as f:
        return f.read()


def put(path, text):
    fd = os.open(path, os.O_WRONLY)
    try:
        os.write(fd, text.encode())
    finally:
        os.close(fd)


def call(ret):
    if ret:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def mount(what, at, kind, flags, data=""):
    call(libc.mount(what.encode(), at.encode(), kind.encode(), ctypes.c_ulong(flags),
                    data.encode()))


def umount(at):
    call(libc.umount2(at.encode(), 0))


def ask(path, number):
    fd = os.open(path, os.O_RDONLY)
    try:
        fcntl.ioctl(fd, number, 0)
    finally:
        os.close(fd)


def run(*words):
    return subprocess.run(words, close_fds=False, check=True, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT).stdout


def elevators():
    words = text_of(sched).split()
    now = next(w for w in words if w[0] == "[").strip("[]")
    return now, [w for w in words if w[0] != "["]


def resize(sectors):
    run("dmsetup", "load", "d", "--table", f"0 {sectors} linear {below} 0")
    # it would wait for udev, and the take would not
    run("dmsetup", "suspend", "--nolockfs", "d")
    run("dmsetup", "resume", "--noudevsync", "d")


def suspend():
    run("dmsetup", "suspend", "--nolockfs", "d")
    time.sleep(0.03)
    run("dmsetup", "resume", "--noudevsync", "d")


class Act(threading.Thread):
    """What the administrator does, as he does it: it may hang."""

    def __init__(self, what):
        super().__init__(daemon=True)
        self.what, self.said, self.over = what, None, False

    def run(self):
        try:
            ACTS[self.what]()
        except (OSError, subprocess.CalledProcessError) as e:
            self.said = e
        self.over = True

    def hangs(self):
        """In the kernel, it or the program that it has started."""
        task = f"/proc/self/task/{self.native_id}"
        try:
            tasks = [task] + [f"/proc/{pid}" for pid in text_of(task + "/children").split()]
            return any(text_of(t + "/stat").rpartition(")")[2].split()[0] == "D"
                       for t in tasks)
        except (OSError, ProcessLookupError):
            return False


ACTS = {
    "thaw": lambda: ask(where, FITHAW),
    "freeze": lambda: ask(where, FIFREEZE),
    "umount": lambda: umount(where),
    "remount": lambda: mount(device, where, "ext4", MS_REMOUNT | MS_RDONLY),
    "resize": lambda: resize(20480),
    "detach": lambda: ask(loop, LOOP_CLR_FD),
    "suspend": suspend,
    "elevator": lambda: put(sched, elevator[1][0]),
}


def undo(act):
    """What he did; what failed has nothing to be undone, but "resize", which has steps."""
    global loop
    if act.what == "resize":
        resize(16384)
    elif act.said is not None:
        return
    elif act.what == "freeze":
        ask(where, FITHAW)
    elif act.what == "umount":
        mount(device, where, "ext4", 0)
    elif act.what == "remount":
        mount(device, where, "ext4", MS_REMOUNT)
    elif act.what == "elevator":
        put(sched, elevator[0])
    elif act.what == "detach":
        loop = None


def state():
    """How often the take stood still, and what it has come by."""
    hits, passed = 0, {}
    for line in text_of(FAULTS).splitlines():
        words = line.split()
        if words[0] == "point":
            passed[words[1]] = int(words[2])
        else:
            hits = int(words[-1])
    return hits, passed


def goes_on(place, passed):
    return NEXT[place] in passed or place == "prepare" and passed["prepare"] > 1


def wait_for(what, condition):
    end = time.monotonic() + HANG_S
    while not condition():
        if time.monotonic() > end:
            raise SystemExit(f"{what}: not in {HANG_S} s")
        time.sleep(0.002)


def no_objects():
    return not any(int(line.split()[1]) for line in text_of(COUNTERS).splitlines()
                   if len(line.split()) == 3 and line.split()[1].isdigit())


def all_is_well():
    with open(where + "/new", "wb") as f:
        f.write(bytes(buffer))
        f.flush()
        os.fsync(f.fileno())
    ask(where, FIFREEZE)
    ask(where, FITHAW)
    umount(where)
    mount(device, where, "ext4", 0)
    if text_of(where + "/file") != "what was there\n":
        raise SystemExit("the file has gone")
    for fd in disks:
        os.pwrite(fd, buffer, 0)


def image_is_right(images):
    mount(images[1][0], "i", "ext4", MS_RDONLY, "noload")
    if text_of("i/file") != "what was there\n":
        raise SystemExit("the image lacks the file")
    umount("i")
    for image, snap in images:
        fd = os.open(image, os.O_RDONLY)
        try:
            end = os.lseek(fd, 0, os.SEEK_END)
            for at in 0, end // 2, end - 65536:
                if len(os.pread(fd, 65536, at)) != 65536:
                    raise SystemExit(f"{image} is short")
        except OSError as e:
            # only what was detached may be lost
            if image != images[3][0] or not run("snapraw", "snap", snap).startswith("dead "):
                raise SystemExit(f"{image}: {e}") from e
        finally:
            os.close(fd)


def take(place, what):
    """Says "made" or "refused", and whether it was done while the take stood still."""
    global loop
    loop = loop or run("losetup", "-f", "--show", backing).strip()
    put(FAULTS, "off")
    put(FAULTS, f"{place} 1 1 {HANG_S}000 0")
    taker = subprocess.Popen(
        ["snapraw", "take", "--keep", "--hold-timeout", "10000", "--freeze-timeout", "30000",
         "--freeze", where, disk, device, dm, loop],
        close_fds=False, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    wait_for(f"to come by {place}", lambda: state()[0] or taker.poll() is not None)
    if taker.poll() is not None:
        raise SystemExit(f"the take did not come by: {taker.stdout.read()}")
    want = REFUSED.get((place, what))
    act = Act(what)
    act.start()
    late = False
    # what is refused for it must be over; D is also what waits for a grace period
    while not late and not act.over and (want or not act.hangs()):
        late = goes_on(place, state()[1])
        time.sleep(0.002)
    put(FAULTS, "go")
    said = taker.communicate()[0]
    late = late or bool(TIMED_OUT.search(said))
    wait_for("what he does to end", lambda: act.over)
    act.join()
    put(FAULTS, "off")
    undo(act)
    if taker.returncode == 0:
        words = [line.split() for line in said.splitlines()]
        image_is_right([w[1:3] for w in words if w[0] == "image"])
        run("snapraw", "delete", "--force", next(w[1] for w in words if w[0] == "set"))
    elif taker.returncode != 3 or not MAY_SAY.match(said):
        raise SystemExit(f"exit {taker.returncode}: {said}")
    if what == "detach":
        loop = None
    wait_for("nothing to be left", no_objects)
    all_is_well()
    first = said.splitlines()[0]
    print(f"{place} {what}: {first[:110]}{'' if act.said is None else f' (he: {act.said})'}")
    if late:
        return None
    if want and (taker.returncode == 0 or want not in said):
        raise SystemExit(f"should be refused with '{want}': {said}")
    if not want and taker.returncode != 0:
        raise SystemExit(f"should be made: {said}")
    return taker.returncode == 0


buffer = mmap.mmap(-1, 131072)
disks = [os.open(path, os.O_WRONLY | os.O_DIRECT) for path in (disk, dm)]
below = run("dmsetup", "table", "d").split()[3]
elevator = elevators()
if not elevator[1]:
    del ACTS["elevator"]
os.mkdir("i")
made = 0
for p in places:
    for w in ACTS:
        faulthandler.dump_traceback_later(4 * HANG_S, exit=True)
        try:
            result = None
            for _ in range(TRIES):
                if result is None:
                    result = take(p, w)
            if result is None:
                raise SystemExit("it was not done while the take stood still")
        except (OSError, subprocess.CalledProcessError) as e:
            raise SystemExit(f"{p} {w}: {e} {getattr(e, 'output', '')}") from e
        except SystemExit as e:
            raise SystemExit(f"{p} {w}: {e}") from e
        made += result
if loop:
    run("losetup", "-d", loop)
print(f"{made} made, {len(places) * len(ACTS) - made} refused")
