"""Generated images, and a registry that serves them slowly enough for cuts to meet pulls."""
import gzip
import hashlib
import http.server
import io
import json
import random
import tarfile
import threading
import time


def digest_of(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def layer(seed, files, busybox=None):
    """(tar, {path: (mode, sha256)}): many small files, some large ones."""
    chooser = random.Random(seed)
    buffer = io.BytesIO()
    truth = {}
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        def folder(name):
            entry = tarfile.TarInfo(name)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o755
            archive.addfile(entry)

        def file(name, data, mode):
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode, entry.mtime = len(data), mode, 1700000000
            archive.addfile(entry, io.BytesIO(data))
            truth[name] = (mode, hashlib.sha256(data).hexdigest())

        if busybox:
            folder("bin")
            file("bin/busybox", busybox, 0o755)
            for name in ("sh", "sleep", "cat", "true", "dd", "echo", "mkdir", "sha256sum", "find", "sync", "kill", "httpd"):
                entry = tarfile.TarInfo(f"bin/{name}")
                entry.type, entry.linkname = tarfile.SYMTYPE, "busybox"
                archive.addfile(entry)
        folder(f"data-{seed}")
        for number in range(files):
            size = chooser.choice([0, 20, 700, 3000, 9000, 9000, 40000, 40000] + ([900000] if number % 20 == 0 else []))
            file(f"data-{seed}/file-{number}", chooser.randbytes(size), chooser.choice([0o644, 0o600, 0o755, 0o444]))
    return buffer.getvalue(), truth


class Images:
    def __init__(self, names, layers_each, files):
        self.blobs = {}      # by digest: (media type, bytes)
        self.manifests = {}  # by name: digest
        self.truth = {}      # by diff id: {path: (mode, sha256)}
        self.diff_ids = {}   # by name
        self.configs = {}    # by name: digest, which is the image's ID
        with open("/bin/busybox", "rb") as file:
            busybox = file.read()
        for index, name in enumerate(names):
            diff_ids, layers = [], []
            for number in range(layers_each):
                # The first layer is common to all images.
                seed = 1 if number == 0 else 100 * (index + 1) + number
                tar, truth = layer(seed, files, busybox if number == 0 else None)
                diff_ids.append(digest_of(tar))
                self.truth[diff_ids[-1]] = truth
                layers.append(self.add("application/vnd.oci.image.layer.v1.tar+gzip", gzip.compress(tar, 1, mtime=0)))
            config = json.dumps({
                "architecture": "amd64", "os": "linux", "config": {"Cmd": ["/bin/sleep", "1000000"], "Env": ["PATH=/bin"]},
                "rootfs": {"type": "layers", "diff_ids": diff_ids}}).encode()
            described = self.add("application/vnd.oci.image.config.v1+json", config)
            manifest = json.dumps({
                "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
                "config": described, "layers": layers}).encode()
            self.manifests[name] = self.add("application/vnd.oci.image.manifest.v1+json", manifest)["digest"]
            self.diff_ids[name] = diff_ids
            self.configs[name] = described["digest"]

    def add(self, media_type, data):
        self.blobs[digest_of(data)] = (media_type, data)
        return {"mediaType": media_type, "digest": digest_of(data), "size": len(data)}


def serve(images, port, bytes_per_second):
    """`bytes_per_second` is a list with one number, so that it can change."""

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_):
            pass

        def do_GET(self):
            parts = self.path.strip("/").split("/")
            if parts == ["v2"]:
                return self.reply("application/json", b"{}")
            name, kind, reference = "/".join(parts[1:-2]), parts[-2], parts[-1]
            if kind == "manifests" and not reference.startswith("sha256:"):
                reference = images.manifests.get(name, "")
            if reference not in images.blobs:
                self.send_response(404)
                self.send_header("Content-Length", "0")
                self.end_headers()
                return None
            return self.reply(*images.blobs[reference], digest=reference)

        do_HEAD = do_GET

        def reply(self, media_type, data, digest=None):
            self.send_response(200)
            self.send_header("Content-Type", media_type)
            self.send_header("Content-Length", str(len(data)))
            if digest:
                self.send_header("Docker-Content-Digest", digest)
            self.end_headers()
            if self.command == "HEAD":
                return
            for at in range(0, len(data), 65536):
                self.wfile.write(data[at:at + 65536])
                if bytes_per_second[0]:
                    time.sleep(min(65536, len(data) - at) / bytes_per_second[0])

    server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server
