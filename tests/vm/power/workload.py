"""What runs while the writes of the disk are recorded, and what the clients were told."""
import json
import os
import random
import threading
import time

from world import image_name


class Workload:
    def __init__(self, world, position, seconds, seed):
        self.world = world
        self.position = position
        self.chooser = random.Random(seed)
        self.end = time.monotonic() + seconds
        self.events = []   # {"begin", "end", "kind", "name", "value"}; value None: removed
        self.ticks = []    # the position every 20 ms
        self.problems = []

    def over(self):
        return time.monotonic() > self.end

    def tell(self, kind, name, value, call):
        """One request: its object has the value once the answer is there."""
        event = {"begin": self.position(), "end": None, "kind": kind, "name": name, "value": value}
        self.events.append(event)
        answer = call()
        if answer.returncode == 0:
            event["end"] = self.position()
        else:
            self.problems.append(f"{kind} {name}: {answer.stderr.strip()[-300:]}")
        return answer.returncode == 0

    def pull(self, name):
        return self.tell("image", image_name(name), self.world.images.configs[name],
                         lambda: self.world.stack("image", "pull", image_name(name)))

    def images(self):
        for name in ("beta", "gamma", "delta"):
            self.pull(name)
        count = 0
        while not self.over():
            count += 1
            self.build(count)
            if count % 2 == 0:
                self.tell("image", image_name("delta"), None, lambda: self.world.stack("image", "rm", image_name("delta")))
                self.pull("delta")

    def build(self, count):
        folder = os.path.join(self.world.folder, "boot", "build")
        os.makedirs(folder, exist_ok=True)
        with open(os.path.join(folder, "Dockerfile"), "w") as file:
            file.write(f"FROM {image_name('alpha')}\n"
                       f"RUN for n in 1 2 3 4 5 6 7 8 9; do for i in 1 2 3 4 5 6 7; do echo {count} $n $i; done >/stamp-$n; done; "
                       "dd if=/data-1/file-0 of=/copy bs=64k\n"
                       f"RUN echo built {count} >/stamp\n")
        self.tell("build", f"built:{count}", count, lambda: self.world.docker("build", "-t", f"built:{count}", folder))

    def objects(self):
        """Volumes, networks, and containers come and go."""
        calls = {
            "volume": (lambda name: self.world.docker("volume", "create", name),
                       lambda name: self.world.docker("volume", "rm", name)),
            "network": (lambda name: self.world.docker("network", "create", name),
                        lambda name: self.world.docker("network", "rm", name)),
            "container": (lambda name: self.world.docker("create", "--name", name, image_name("alpha"), "sleep", "1000"),
                          lambda name: self.world.docker("rm", "-f", name)),
        }
        present, number = [], 0
        while not self.over():
            if present and self.chooser.random() < 0.35:
                kind, name = present.pop(self.chooser.randrange(len(present)))
                self.tell(kind, name, None, lambda: calls[kind][1](name))
            else:
                number += 1
                kind, name = self.chooser.choice(list(calls)), f"object-{number}"
                if self.tell(kind, name, True, lambda: calls[kind][0](name)):
                    present.append((kind, name))
            time.sleep(self.chooser.random() * 0.5)

    def project(self):
        version = 0
        while not self.over():
            version += 1
            selection = self.world.project(version)
            self.tell("project", "shop", version, lambda: self.world.stack(*selection, "up", "-d", "-t", "1"))
            time.sleep(self.chooser.random() * 3)

    def lines(self):
        """Follows the lines that the service has synchronized."""
        path = os.path.join(self.world.folder, "boot", "acknowledged", "lines")
        told = 0
        while not self.over():
            self.ticks.append(self.position())
            try:
                with open(path) as file:
                    now = int(file.read() or 0)
            except (FileNotFoundError, ValueError):
                now = told
            if now > told:
                told = now
                place = self.position()
                self.events.append({"begin": place, "end": place, "kind": "lines", "name": "shop_data", "value": now})
            time.sleep(0.02)

    def pulls(self):
        """Only pulls and removals of images, so that nothing else makes the disk write."""
        while not self.over():
            name = self.chooser.choice(["beta", "gamma", "delta"])
            if self.pull(name) and self.chooser.random() < 0.5:
                time.sleep(self.chooser.random() * 8)
                self.tell("image", image_name(name), None, lambda: self.world.stack("image", "rm", image_name(name)))

    def run(self, kind, rate):
        self.tell("engine", "started", True, lambda: self.world.docker("ps"))
        self.world.rate[0] = rate
        parts = {"pulls": [self.pulls], "all": [self.images, self.objects, self.project]}[kind]
        follower = threading.Thread(target=self.lines)
        follower.start()
        self.pull("alpha")
        threads = [threading.Thread(target=part) for part in parts]
        for thread in threads:
            thread.start()
        for thread in [*threads, follower]:
            thread.join()

    def save(self, path):
        with open(path, "w") as file:
            json.dump({"events": self.events, "ticks": self.ticks, "problems": self.problems}, file)


def expected(events, position):
    """{(kind, name): set of permitted values} after a cut at the position; None stands for absent."""
    permitted = {}
    for event in events:
        key = (event["kind"], event["name"])
        if event["begin"] > position:
            continue
        if event["end"] is not None and event["end"] <= position:
            permitted[key] = {event["value"]}
        else:
            permitted.setdefault(key, {None}).add(event["value"])
    return permitted
