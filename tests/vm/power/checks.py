"""What must be true on a disk after a power cut."""
import hashlib
import json
import os
import stat
import time

from workload import expected
from world import image_name, json_lines


class Verdict:
    def __init__(self):
        self.wrong_layers = []
        self.lost = []       # answered, but not there
        self.returned = []   # removed, but there again
        self.images = []     # images of the last seconds: to pull or build again, or to remove again
        self.blocked = []    # something unreadable stopped the engine or a command
        self.told = []       # quarantine and damage that doctor reports
        self.times = {}

    def as_dict(self):
        return vars(self)


def layer_faults(directory, truth):
    """Compares a layer's directory with the tar that the registry served."""
    faults = []
    for path, (mode, digest) in truth.items():
        full = os.path.join(directory, path)
        try:
            info = os.lstat(full)
            with open(full, "rb") as file:
                data = file.read()
        except OSError as error:
            faults.append(f"{path}: {error.strerror}")
            continue
        if hashlib.sha256(data).hexdigest() != digest:
            faults.append(f"{path}: wrong content, {len(data)} bytes")
        elif stat.S_IMODE(info.st_mode) != mode:
            faults.append(f"{path}: mode {stat.S_IMODE(info.st_mode):o} instead of {mode:o}")
    return faults


class Checks:
    def __init__(self, world, events, position):
        self.world = world
        self.permitted = expected(events, position)
        self.verdict = Verdict()

    def run(self):
        begin = time.monotonic()
        answer = self.world.docker("ps", "-a", "--no-trunc", "--format", "json", limit=120)
        self.verdict.times["start"] = time.monotonic() - begin
        if answer.returncode != 0:
            self.verdict.blocked.append(f"the engine does not start: {answer.stderr.strip()[-500:]}")
            return self.verdict
        self.doctor()
        present = self.present()
        self.compare(present)
        self.layers(present)
        self.built(present)
        self.lines()
        self.converge()
        return self.verdict

    def doctor(self):
        answer = self.world.stack("doctor")
        for line in answer.stdout.splitlines():
            # The engines of these runs are not started at boot.
            if not line.startswith("ok ") and "reboot" not in line and "at boot" not in line:
                self.verdict.told.append(line)
        notes = os.path.join(self.world.root, "images", "quarantine")
        self.verdict.told += [f"quarantine: {name}" for name in sorted(os.listdir(notes))] if os.path.isdir(notes) else []

    def listing(self, *command):
        answer = self.world.docker(*command)
        if answer.returncode != 0:
            self.verdict.blocked.append(f"{' '.join(command)}: {answer.stderr.strip()[-300:]}")
            return []
        return json_lines(answer.stdout)

    def present(self):
        """{(kind, name): value}, as the engine lists it."""
        found = {("engine", "started"): True}
        for one in self.listing("ps", "-a", "--no-trunc", "--format", "json"):
            found["container", one["Names"]] = True
            if one["Names"] == "shop-db-1":
                inspected = json.loads(self.world.docker("inspect", one["Names"]).stdout or "[{}]")[0]
                found["project", "shop"] = self.version_of(inspected)
        for one in self.listing("network", "ls", "--format", "json"):
            found["network", one["Name"]] = True
        for one in self.listing("volume", "ls", "--format", "json"):
            found["volume", one["Name"]] = True
        for one in self.listing("images", "--no-trunc", "--format", "json"):
            name = f"{one['Repository']}:{one['Tag']}"
            if one["Repository"] == "built":
                found["build", name] = int(one["Tag"])
            else:
                found["image", name] = one["ID"]
        return found

    @staticmethod
    def version_of(inspected):
        for entry in inspected.get("Config", {}).get("Env", []):
            if entry.startswith("VERSION="):
                return int(entry[8:])
        return None

    def compare(self, present):
        for key, values in self.permitted.items():
            if key[0] == "lines":
                continue
            now = present.get(key)
            if now in values:
                continue
            text = f"{key[0]} {key[1]}: {now} instead of {' or '.join(map(str, values))}"
            if key[0] in ("image", "build"):
                self.verdict.images.append(text)
                continue
            (self.verdict.returned if values == {None} else self.verdict.lost).append(text)

    def layers(self, present):
        """No usable image may contain a layer whose content differs from the registry's."""
        begin = time.monotonic()
        checked = set()
        for name, diff_ids in self.world.images.diff_ids.items():
            if ("image", image_name(name)) not in present:
                continue
            if self.world.docker("image", "inspect", image_name(name)).returncode != 0:
                continue  # reported as damaged
            for diff_id in diff_ids:
                if diff_id in checked:
                    continue
                checked.add(diff_id)
                directory = os.path.join(self.world.root, "images", "layers", diff_id[7:])
                faults = layer_faults(directory, self.world.images.truth[diff_id])
                if faults:
                    self.verdict.wrong_layers.append(f"{name} {diff_id[7:19]}: {len(faults)} files, {faults[0]}")
        self.verdict.times["layers"] = time.monotonic() - begin

    def built(self, present):
        for (kind, name), count in present.items():
            if kind != "build":
                continue
            want = "".join(f"{count} 9 {i}\n" for i in range(1, 8)) + f"built {count}\n"
            answer = self.world.docker("run", "--rm", name, "sh", "-c", "cat /stamp-9 /stamp")
            if answer.returncode == 0 and answer.stdout != want:
                self.verdict.wrong_layers.append(f"{name}: {answer.stdout!r}")
            elif answer.returncode != 0:
                self.verdict.told.append(f"run {name}: {answer.stderr.strip()[-200:]}")

    def lines(self):
        """Synchronized lines of the volume are all there, in order."""
        values = self.permitted.get(("lines", "shop_data"))
        if not values:
            return
        try:
            with open(os.path.join(self.world.root, "volumes", "shop_data", "_data", "lines")) as file:
                lines = file.read().splitlines()
        except OSError as error:
            lines = []
            self.verdict.lost.append(f"volume data: {error}")
        want = max(values)
        if lines[:want] != [str(n) for n in range(1, want + 1)]:
            self.verdict.lost.append(f"volume data: {len(lines)} lines, {want} were synchronized")

    def converge(self):
        """Pulls, `up`, and `down` work, and afterward every layer is right."""
        begin = time.monotonic()
        for name in self.world.images.diff_ids:
            answer = self.world.stack("image", "pull", image_name(name))
            if answer.returncode != 0:
                self.verdict.blocked.append(f"pull {name}: {answer.stderr.strip()[-300:]}")
        selection = self.world.project(1000)
        answer = self.world.stack(*selection, "up", "-d", "-t", "1")
        if answer.returncode != 0:
            self.verdict.blocked.append(f"up: {answer.stderr.strip()[-500:]}")
        present = self.present()
        if present.get(("project", "shop")) != 1000:
            self.verdict.blocked.append("up does not bring the new version")
        self.layers(present)
        answer = self.world.stack(*selection, "down", "-v", "-t", "1")
        if answer.returncode != 0:
            self.verdict.blocked.append(f"down: {answer.stderr.strip()[-300:]}")
        self.verdict.times["converge"] = time.monotonic() - begin
