"""A disk that records every write and flush, and the disks that a power cut could leave.

qemu's storage daemon exports the disk as a file (FUSE) and logs each request in the format of dm-log-writes. A disk may
forget or reorder everything that was written after the last completed flush, so a cut at one place of the log has many
possible results.
"""
import os
import random
import struct
import subprocess
import time

SECTOR = 512
MAGIC = 0x6A736677736872
FLUSH, FUA, DISCARD, MARK = 1, 2, 4, 8
SUPER = struct.Struct("<QQQI")
ENTRY = struct.Struct("<QQQQ")


class Recorder:
    """The file `path` while the context is open; `base` receives the writes, `log` the requests."""

    def __init__(self, folder, base):
        self.base = base
        self.log = os.path.join(folder, "writes.log")
        self.path = os.path.join(folder, "disk")
        self.socket = os.path.join(folder, "daemon.pid")

    def __enter__(self):
        for name in (self.log, self.path):
            with open(name, "wb"):
                pass
        self.daemon = subprocess.Popen([
            "qemu-storage-daemon", "--pidfile", self.socket,
            "--blockdev", f"driver=file,node-name=base,filename={self.base}",
            "--blockdev", f"driver=file,node-name=log,filename={self.log}",
            "--blockdev", "driver=blklogwrites,node-name=disk,file=base,log=log",
            "--export", f"type=fuse,id=export,node-name=disk,mountpoint={self.path},writable=on",
        ])
        deadline = time.monotonic() + 20
        while os.stat(self.path).st_size == 0:
            if self.daemon.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("qemu-storage-daemon does not export the disk")
            time.sleep(0.05)
        return self

    def __exit__(self, *_):
        self.daemon.terminate()
        self.daemon.wait()

    def position(self):
        """A place in the log after everything that has been written so far."""
        return os.stat(self.log).st_size


class Log:
    """The requests of a recorded disk, in the order of their completion."""

    def __init__(self, path):
        self.file = open(path, "rb")
        size = os.fstat(self.file.fileno()).st_size
        magic, _, _, sector = SUPER.unpack(self.file.read(SUPER.size))
        if magic != MAGIC:
            raise RuntimeError(f"{path}: not a log of writes")
        self.entries = []  # (end offset in the log, disk offset, length, flags, offset of the data)
        at = sector
        while at + sector <= size:
            self.file.seek(at)
            first, count, flags, data_length = ENTRY.unpack(self.file.read(ENTRY.size))
            if first == count == flags == data_length == 0:
                break  # the rest was reserved but not written
            data = at + sector
            length = 0 if flags & (DISCARD | MARK) else count * sector
            at = data + length + (sector if flags & MARK else 0)
            self.entries.append((at, first * sector, count * sector, flags, data))
        self.end = at

    def data(self, entry):
        _, _, length, flags, offset = entry
        if flags & DISCARD:
            return bytes(length)
        self.file.seek(offset)
        return self.file.read(length)

    def write(self, target, entry, keep=lambda: True):
        """Writes the sectors of a request for which `keep` returns true."""
        data = self.data(entry)
        if len(data) == 0:
            return
        for at in range(0, len(data), 4096):
            if keep():
                os.pwrite(target, data[at:at + 4096], entry[1] + at)


class Cutter:
    """Makes the disks of cuts in ascending order. Advances a disk of the durable writes only."""

    def __init__(self, log, base, durable):
        self.log = log
        subprocess.run(["cp", "--sparse=always", base, durable], check=True)
        self.path = durable
        self.disk = os.open(durable, os.O_RDWR)
        self.next = 0  # the first entry that is not in the durable disk
        self.flush_before = []

    def cut(self, position, kind, seed, out):
        """The disk after a cut behind the last request that ended before `position`.

        kind: "ordered" keeps all requests, "flushed" only those before the last flush, "torn" a random part of the
        others, in blocks of 4 KiB.
        """
        chooser = random.Random(seed)
        last = self.next
        entries = self.log.entries
        while last < len(entries) and entries[last][0] <= position:
            last += 1
        flushed = self.next
        for index in range(self.next, last):
            if entries[index][3] & FLUSH:
                flushed = index
        for index in range(self.next, flushed):
            self.log.write(self.disk, entries[index])
        self.next = flushed
        subprocess.run(["cp", "--sparse=always", self.path, out], check=True)
        share = chooser.choice([0.1, 0.5, 0.9])
        keeps = {"ordered": lambda: True, "flushed": lambda: False, "torn": lambda: chooser.random() < share}
        target = os.open(out, os.O_RDWR)
        pending = 0
        for entry in entries[flushed:last]:
            durable = bool(entry[3] & FUA)
            pending += 0 if durable else entry[2]
            self.log.write(target, entry, (lambda: True) if durable else keeps[kind])
        os.close(target)
        return pending
