"""A machine in namespaces: a disk, a registry, and the commands of `stack`."""
import ctypes
import json
import os
import subprocess
import time
import uuid

from registry import Images, serve

IMAGES = ["alpha", "beta", "gamma", "delta"]
PORT = 5000
MOUNT_PRIVATE = 1 << 18 | 1 << 14  # MS_PRIVATE | MS_REC


def image_name(name):
    return f"127.0.0.1:{PORT}/{name}:1"


class World:
    """Runs in namespaces of its own (unshare -mnpi --fork --mount-proc)."""

    def __init__(self, folder, programs, disk):
        self.folder = folder
        self.disk = os.path.join(folder, "mnt")
        self.root = os.path.join(self.disk, "stack")
        self.run_root = os.path.join(folder, "boot", "run")
        self.environment = {
            "PATH": programs + ":/usr/sbin:/usr/bin:/sbin:/bin", "HOME": os.path.join(folder, "boot"), "LANG": "C.UTF-8",
            "STACK_ROOT": self.root, "STACK_RUN_ROOT": self.run_root}
        ctypes.CDLL(None).mount(None, b"/", None, MOUNT_PRIVATE, None)
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
        os.makedirs(self.disk, exist_ok=True)
        self.boot()
        self.loop = subprocess.run(["losetup", "--find", "--show", disk], check=True, text=True,
                                   stdout=subprocess.PIPE).stdout.strip()
        subprocess.run(["mount", "-t", "ext4", self.loop, self.disk], check=True)
        self.images = Images(IMAGES, 4, 150)
        self.rate = [0]
        self.server = serve(self.images, PORT, self.rate)

    def boot(self):
        """Nothing of /run survives, and the boot has an identity of its own."""
        boot = os.path.join(self.folder, "boot")
        os.makedirs(boot, exist_ok=True)
        subprocess.run(["mount", "-t", "tmpfs", "boot", boot], check=True)
        with open(os.path.join(boot, "boot_id"), "w") as file:
            file.write(str(uuid.uuid4()) + "\n")
        subprocess.run(["mount", "--bind", os.path.join(boot, "boot_id"), "/proc/sys/kernel/random/boot_id"], check=True)
        os.makedirs(os.path.join(boot, "acknowledged"), exist_ok=True)

    def stack(self, *arguments, limit=120, text=None):
        try:
            return subprocess.run(["stack", *arguments], env=self.environment, input=text, text=True, timeout=limit,
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=os.path.join(self.folder, "boot"))
        except subprocess.TimeoutExpired:
            return subprocess.CompletedProcess(arguments, 124, "", f"no answer in {limit} s")

    def docker(self, *arguments, **options):
        return self.stack("docker", *arguments, **options)

    def project(self, version):
        """Writes the Compose file; returns the arguments that select it."""
        folder = os.path.join(self.folder, "boot", "shop")
        os.makedirs(folder, exist_ok=True)
        with open(os.path.join(folder, "compose.yaml"), "w") as file:
            file.write(f"""services:
  db:
    image: {image_name('alpha')}
    init: true
    restart: always
    environment: {{VERSION: "{version}"}}
    command:
      - sh
      - -c
      - |
        n=$$(busybox wc -l </data/lines || echo 0)
        while :; do
          for i in 1 2 3 4 5 6 7 8 9 10; do n=$$((n + 1)); echo $$n >>/data/lines; done
          dd if=/dev/null of=/data/lines conv=fsync,notrunc 2>/dev/null
          echo $$n >/acknowledged/new
          busybox mv /acknowledged/new /acknowledged/lines
          sleep 4
        done
    volumes: ["data:/data", "{self.folder}/boot/acknowledged:/acknowledged"]
  web:
    image: {image_name('alpha')}
    init: true
    restart: unless-stopped
    environment: {{VERSION: "{version}"}}
    depends_on: [db]
volumes:
  data:
""")
        return ["-f", os.path.join(folder, "compose.yaml"), "-p", "shop"]

    def abandon(self):
        """Leaves everything as it is; the kernel detaches the disk with its last user."""
        subprocess.run(["umount", "-l", self.disk])
        subprocess.run(["losetup", "-d", self.loop])

    def close(self):
        self.stack("engine", "stop", "--containers", limit=60)
        for _ in range(50):
            if subprocess.run(["umount", self.disk], stderr=subprocess.DEVNULL).returncode == 0:
                break
            time.sleep(0.1)
        else:
            subprocess.run(["umount", "-l", self.disk])
        subprocess.run(["losetup", "-d", self.loop])


def json_lines(text):
    return [json.loads(line) for line in text.splitlines() if line.strip()]
