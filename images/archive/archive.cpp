// Images in and out of the store as files: root file systems, `docker save` archives, OCI layouts in a tar.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>

#include "base/copy_tree.h"
#include "base/fd.h"
#include "base/files.h"
#include "base/identity.h"
#include "base/rooted_path.h"
#include "images/layer/layer_tar.h"
#include "images/layer/layer_unpack.h"
#include "images/store/store_state.h"

namespace stack::images {

namespace {

constexpr size_t kLargestDocument = size_t{4} << 20;

Result<> fill_layer(const std::string& path, const std::string& target) {
  TRY_ASSIGN(Fd to, open_file(target, O_RDONLY | O_DIRECTORY));
  TRY_ASSIGN(Fd from, open_file(path, O_RDONLY));
  struct stat info{};
  if (::fstat(from.get(), &info) != 0) return Error::last_errno("stat " + path);
  if (S_ISDIR(info.st_mode)) return copy_tree(from.get(), to.get());
  TRY_ASSIGN(ByteSource source, open_decompressed(from.get()));
  TarReader reader(source);
  UnpackOptions options;
  options.whiteouts = false;
  return unpack_tar(reader, to.get(), options);
}

TarEntry plain_file(std::string name, int64_t size) {
  TarEntry entry;
  entry.name = std::move(name);
  entry.mode = 0644;
  entry.size = size;
  return entry;
}

// A tar archive of blobs: each goes in once.
class ArchiveWriter {
 public:
  explicit ArchiveWriter(int fd) : writer_([fd](std::string_view bytes) { return write_all(fd, bytes); }) {}

  Result<> text(const std::string& name, std::string_view bytes) {
    if (!written_.insert(name).second) return {};
    TRY(writer_.entry(plain_file(name, static_cast<int64_t>(bytes.size()))));
    return bytes.empty() ? Result<>{} : writer_.content(bytes);
  }

  Result<> layer(const std::string& name, const Layer& layer, const std::string& blob_path) {
    if (!written_.insert(name).second) return {};
    TRY(writer_.entry(plain_file(name, layer.tar_size)));
    if (path_exists(blob_path)) return file_content(blob_path);
    TRY_ASSIGN(LayerDigest digest, write_layer_tar(layer.directory, [this](std::string_view bytes) {
                 return writer_.content(bytes);
               }));
    if (digest.diff_id != layer.diff_id) return Error("layer " + layer.diff_id + " was changed on disk");
    return {};
  }

  Result<> finish() { return writer_.finish(); }

 private:
  Result<> file_content(const std::string& path) {
    TRY_ASSIGN(Fd file, open_file(path, O_RDONLY));
    std::string buffer(size_t{256} * 1024, '\0');
    for (;;) {
      ssize_t n = ::read(file.get(), buffer.data(), buffer.size());
      if (n < 0) return Error::last_errno("read " + path);
      if (n == 0) return {};
      TRY(writer_.content(std::string_view(buffer.data(), static_cast<size_t>(n))));
    }
  }

  TarWriter writer_;
  std::set<std::string> written_;
};

// One image of an unpacked archive.
struct ArchivedImage {
  std::string config;               // path inside the archive
  std::vector<std::string> layers;  // bottom first
  std::vector<std::string> names;
};

Result<std::string> read_inside(int root, const std::string& path) {
  TRY_ASSIGN(Fd file, open_below(root, path, O_RDONLY | O_NONBLOCK));
  return read_all(file.get(), kLargestDocument).in(path);
}

std::vector<std::string> string_list(const Json& array) {
  std::vector<std::string> out;
  if (array.is_array())
    for (const Json& item : array)
      if (item.is_string()) out.push_back(item.get<std::string>());
  return out;
}

Json member_or(const Json& object, const char* key, Json fallback) {
  if (!object.is_object()) return fallback;
  auto found = object.find(key);
  return found == object.end() ? fallback : *found;
}

Result<std::string> blob_inside(const Json& descriptor) {
  std::string digest = string_or(descriptor, "digest");
  if (!is_sha256_digest(digest)) return invalid("archive names a blob without a sha256 digest");
  return "blobs/sha256/" + digest.substr(7);
}

Result<std::vector<ArchivedImage>> read_docker_manifest(int root) {
  TRY_ASSIGN(std::string text, read_inside(root, "manifest.json"));
  TRY_ASSIGN(Json manifest, parse_json(text));
  if (!manifest.is_array()) return invalid("manifest.json is no array");
  std::vector<ArchivedImage> out;
  for (const Json& item : manifest)
    out.push_back({string_or(item, "Config"), string_list(member_or(item, "Layers", Json::array())),
                   string_list(member_or(item, "RepoTags", Json::array()))});
  return out;
}

// Follows nested indexes; takes images of this machine's architecture (or of none).
Result<> read_oci_index(int root, const Json& index, int depth, std::vector<ArchivedImage>& out) {
  if (depth > 4) return invalid("image index is nested too deeply");
  for (const Json& item : member_or(index, "manifests", Json::array())) {
    std::string architecture = string_or(member_or(item, "platform", Json::object()), "architecture");
    if (!architecture.empty() && architecture != host_architecture()) continue;
    TRY_ASSIGN(std::string path, blob_inside(item));
    TRY_ASSIGN(std::string text, read_inside(root, path));
    TRY_ASSIGN(Json manifest, parse_json(text));
    if (manifest.is_object() && manifest.contains("manifests")) {
      TRY(read_oci_index(root, manifest, depth + 1, out));
      continue;
    }
    ArchivedImage image;
    TRY_ASSIGN(image.config, blob_inside(member_or(manifest, "config", Json::object())));
    for (const Json& layer : member_or(manifest, "layers", Json::array())) {
      TRY_ASSIGN(std::string layer_path, blob_inside(layer));
      image.layers.push_back(std::move(layer_path));
    }
    Json annotations = member_or(item, "annotations", Json::object());
    std::string name = string_or(annotations, "io.containerd.image.name");
    if (name.empty()) name = string_or(annotations, "org.opencontainers.image.ref.name");
    if (!name.empty()) image.names.push_back(name);
    out.push_back(std::move(image));
  }
  return {};
}

// Reads a layer archive of `file`, checks it against the diff id and unpacks it.
Result<Layer> unpack_checked(int file, const std::string& diff_id, const std::string& target,
                             const std::string& blob_copy) {
  TRY_ASSIGN(ByteSource source, open_decompressed(file));
  TRY_ASSIGN(Fd copy, open_file(blob_copy, O_WRONLY | O_CREAT | O_EXCL, 0444));
  TRY_ASSIGN(Fd directory, open_file(target, O_RDONLY | O_DIRECTORY));
  Sha256 digest;
  Layer layer;
  ByteSource hashed = [&](char* buffer, size_t size) -> Result<size_t> {
    TRY_ASSIGN(size_t n, source(buffer, size));
    digest.update(std::string_view(buffer, n));
    layer.tar_size += static_cast<int64_t>(n);
    TRY(write_all(copy.get(), std::string_view(buffer, n)));
    return n;
  };
  TarReader reader(hashed);
  TRY(unpack_tar(reader, directory.get()));
  std::string rest(size_t{64} * 1024, '\0');
  for (;;) {  // padding after the end mark counts for the digest
    TRY_ASSIGN(size_t n, hashed(rest.data(), rest.size()));
    if (n == 0) break;
  }
  layer.diff_id = "sha256:" + digest.finish_hex();
  if (layer.diff_id != diff_id)
    return invalid("layer " + diff_id + " has other content than its digest says: " + layer.diff_id);
  return layer;
}

}  // namespace

Result<Image> ImageStore::import_rootfs(const std::string& path, const ImageConfig& config,
                                        const std::string& comment, const std::vector<Reference>& tags) {
  TRY_ASSIGN(StagedLayer staged, stage_layer());
  TRY(fill_layer(path, staged.directory()).in("import " + path));
  TRY_ASSIGN(LayerPin layer, commit_layer(std::move(staged)));
  ImageDocument document;
  document.architecture = host_architecture();
  document.created = rfc3339(std::chrono::system_clock::now());
  document.config = config;
  if (layer) document.diff_ids.push_back(layer->diff_id);
  document.history.push_back({document.created, "", comment, "", layer == nullptr});
  return create_image(document, tags);
}

Result<> ImageStore::save(const std::vector<std::string>& names, int out_fd) const {
  ArchiveWriter out(out_fd);
  Json docker = Json::array();
  Json oci = Json::array();
  for (const std::string& name : names) {
    TRY_ASSIGN(Image image, resolve(name));
    TRY_ASSIGN(std::vector<LayerPin> pins, pin_layers(image));
    Result<Reference> reference = parse_reference(name);
    bool by_name = reference && std::find(image.repo_tags.begin(), image.repo_tags.end(),
                                          reference->familiar()) != image.repo_tags.end();
    std::vector<std::string> tags =
        by_name ? std::vector<std::string>{reference->familiar()} : std::vector<std::string>();
    Json layers = Json::array();
    for (const LayerPin& pin : pins) {
      std::string path = "blobs/sha256/" + pin->diff_id.substr(7);
      TRY(out.layer(path, *pin, state_->blob_path(pin->diff_id)).in("save " + name));
      layers.push_back(path);
    }
    TRY_ASSIGN(std::string manifest, read_file(state_->blob_path(image.manifest_digest), kLargestDocument));
    TRY(out.text("blobs/sha256/" + image.id.substr(7), image.config_json));
    TRY(out.text("blobs/sha256/" + image.manifest_digest.substr(7), manifest));
    docker.push_back(
        {{"Config", "blobs/sha256/" + image.id.substr(7)}, {"RepoTags", tags}, {"Layers", layers}});
    Json descriptor = {{"mediaType", "application/vnd.oci.image.manifest.v1+json"},
                       {"digest", image.manifest_digest},
                       {"size", manifest.size()}};
    if (by_name)
      descriptor["annotations"] = {{"io.containerd.image.name", reference->full()},
                                   {"org.opencontainers.image.ref.name", reference->tag}};
    oci.push_back(std::move(descriptor));
  }
  TRY(out.text("index.json", to_text(Json{{"schemaVersion", 2},
                                          {"mediaType", "application/vnd.oci.image.index.v1+json"},
                                          {"manifests", std::move(oci)}})));
  TRY(out.text("manifest.json", to_text(docker)));
  TRY(out.text("oci-layout", "{\"imageLayoutVersion\":\"1.0.0\"}"));
  return out.finish();
}

Result<std::vector<Image>> ImageStore::load(int in_fd) {
  TRY_ASSIGN(StagedLayer unpacked, stage_layer());
  TRY_ASSIGN(Fd root, open_file(unpacked.directory(), O_RDONLY | O_DIRECTORY));
  TRY_ASSIGN(ByteSource source, open_decompressed(in_fd));
  TarReader reader(source);
  UnpackOptions options;
  options.whiteouts = false;
  options.devices = false;
  TRY(unpack_tar(reader, root.get(), options).in("load"));
  std::vector<ArchivedImage> archived;
  if (open_below(root.get(), "manifest.json", O_PATH)) {
    TRY_ASSIGN(archived, read_docker_manifest(root.get()));
  } else {
    TRY_ASSIGN(std::string text,
               read_inside(root.get(), "index.json").in("load: neither a Docker nor an OCI archive"));
    TRY_ASSIGN(Json index, parse_json(text));
    TRY(read_oci_index(root.get(), index, 0, archived));
  }
  std::vector<Image> images;
  for (const ArchivedImage& item : archived) {
    TRY_ASSIGN(std::string config, read_inside(root.get(), item.config).in("load"));
    TRY_ASSIGN(ImageDocument document, parse_image_document(config));
    if (document.diff_ids.size() != item.layers.size())
      return invalid("load: image names other layers than the archive");
    std::vector<LayerPin> pins;
    for (size_t i = 0; i < item.layers.size(); ++i) {
      const std::string& diff_id = document.diff_ids[i];
      if (!is_sha256_digest(diff_id)) return invalid("load: bad diff id");
      LayerPin pin = pin_layer(diff_id);
      if (!pin) {
        TRY_ASSIGN(StagedLayer staged, stage_layer());
        TRY_ASSIGN(Fd file, open_below(root.get(), item.layers[i], O_RDONLY | O_NONBLOCK));
        std::string blob = staged.scratch_directory() + "/blob";
        TRY_ASSIGN(Layer layer, unpack_checked(file.get(), diff_id, staged.directory(), blob));
        TRY_ASSIGN(LayerDigest own, digest_layer(staged.directory()));
        layer.size = own.size;
        bool keep_blob = own.diff_id != diff_id;  // our tar of it would have other bytes
        if (keep_blob) {
          Fd synced = *open_file(staged.directory(), O_RDONLY | O_DIRECTORY);
          if (::syncfs(synced.get()) != 0) return Error::last_errno("load: sync");
          if (::rename(blob.c_str(), state_->blob_path(diff_id).c_str()) != 0)
            return Error::last_errno("load");
        }
        std::lock_guard guard(state_->mutex);
        TRY_ASSIGN(pin, state_->adopt_layer(staged.directory(), std::move(layer), keep_blob));
      }
      pins.push_back(std::move(pin));
    }
    std::vector<Reference> tags;
    for (const std::string& name : item.names) {
      Result<Reference> reference = parse_reference(name);
      if (reference && !reference->tag.empty()) tags.push_back(std::move(*reference));
    }
    std::lock_guard guard(state_->mutex);
    TRY_ASSIGN(Image image, state_->publish(config, tags));
    images.push_back(std::move(image));
  }
  if (images.empty()) return invalid("load: the archive holds no image for this machine");
  return images;
}

}  // namespace stack::images
