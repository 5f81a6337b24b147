#include "images/store/store_state.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "base/directory.h"
#include "base/identity.h"
#include "base/json.h"
#include "base/text.h"
#include "images/layer/layer_tar.h"

namespace stack::images {

namespace {

constexpr const char* kManifestType = "application/vnd.oci.image.manifest.v1+json";
constexpr const char* kConfigType = "application/vnd.oci.image.config.v1+json";
constexpr const char* kLayerType = "application/vnd.oci.image.layer.v1.tar";
constexpr const char* kReferenceName = "org.opencontainers.image.ref.name";
constexpr const char* kTagTime = "org.opencontainers.image.created";
constexpr size_t kLargestDocument = size_t{4} << 20;

std::string boot_id() {
  Result<std::string> text = read_file("/proc/sys/kernel/random/boot_id");
  return text ? std::string(trim(*text)) : std::string();
}

Json descriptor(const char* type, const std::string& digest, int64_t size) {
  return {{"mediaType", type}, {"digest", digest}, {"size", size}};
}

}  // namespace

Image ImageStore::State::handed_out(const ImageRecord& record) const {
  Image out = record.image;
  out.repo_tags = tags_of(out.id);
  return out;
}

std::vector<std::string> ImageStore::State::tags_of(const std::string& image_id) const {
  std::vector<std::string> out;
  for (const auto& [name, id] : tags) {
    if (id != image_id) continue;
    Result<Reference> reference = parse_reference(name);
    if (reference) out.push_back(reference->familiar());
  }
  std::sort(out.begin(), out.end());
  return out;
}

const ImageRecord* ImageStore::State::find(std::string_view name, bool& ambiguous) const {
  ambiguous = false;
  std::string_view hex = name.starts_with("sha256:") ? name.substr(7) : name;
  bool is_hex =
      !hex.empty() && hex.size() <= 64 && hex.find_first_not_of("0123456789abcdef") == std::string_view::npos;
  if (is_hex && hex.size() == 64) {
    auto found = images.find("sha256:" + std::string(hex));
    return found == images.end() ? nullptr : &found->second;
  }
  Result<Reference> reference = parse_reference(name);
  if (reference) {
    if (!reference->digest.empty()) {
      for (const auto& [id, record] : images)
        if (record.image.manifest_digest == reference->digest || id == reference->digest) return &record;
      return nullptr;
    }
    auto tagged = tags.find(reference->full());
    if (tagged != tags.end()) {
      auto found = images.find(tagged->second);
      return found == images.end() ? nullptr : &found->second;
    }
  }
  if (!is_hex) return nullptr;
  std::string prefix = "sha256:" + std::string(hex);
  auto first = images.lower_bound(prefix);
  if (first == images.end() || !first->first.starts_with(prefix)) return nullptr;
  auto second = std::next(first);
  ambiguous = second != images.end() && second->first.starts_with(prefix);
  return ambiguous ? nullptr : &first->second;
}

// --- loading ---

Result<> ImageStore::State::load() {
  TRY(load_layers());
  TRY(verify_after_reboot());
  return load_images();
}

Result<> ImageStore::State::load_layers() {
  std::string directory = root + "/layers";
  std::vector<std::string> names = names_in(directory).value_or(std::vector<std::string>());
  std::set<std::string> all(names.begin(), names.end());
  for (const std::string& name : names) {
    std::string hex = name.ends_with(".json") ? name.substr(0, name.size() - 5) : name;
    bool complete = is_sha256_digest("sha256:" + hex) && all.contains(hex) && all.contains(hex + ".json");
    if (!complete) {  // a crash between the two renames
      TRY(remove_tree(directory + "/" + name));
      continue;
    }
    if (name != hex) continue;
    Layer layer;
    layer.diff_id = "sha256:" + hex;
    layer.directory = directory + "/" + hex;
    TRY_ASSIGN(std::string text, read_file(layer.directory + ".json"));
    Result<Json> sizes = parse_json(text);
    if (!sizes) {
      notes.push_back("layer " + hex + " has no readable description: dropped");
      TRY(remove_tree(layer.directory));
      continue;
    }
    layer.size = int_or(*sizes, "size");
    layer.tar_size = int_or(*sizes, "tar_size");
    std::string id = layer.diff_id;
    layers[id] = std::make_shared<const Layer>(std::move(layer));
  }
  return {};
}

Result<> ImageStore::State::verify_after_reboot() {
  std::string path = root + "/unsynced";
  Result<std::string> text = read_file(path);
  if (!text) return {};
  std::vector<std::string> lines = split(*text, '\n');
  if (lines.empty() || lines[0] == boot_id()) return {};
  for (size_t i = 1; i < lines.size(); ++i) {
    auto found = layers.find(lines[i]);
    if (found == layers.end()) continue;
    Result<LayerDigest> digest = digest_layer(found->second->directory);
    if (digest && digest->diff_id == lines[i]) continue;
    notes.push_back("layer " + lines[i] + " did not survive the last power loss: dropped");
    TRY(remove_tree(found->second->directory));
    ::unlink((found->second->directory + ".json").c_str());
    layers.erase(found);
  }
  ::unlink(path.c_str());
  return {};
}

Result<ImageRecord> ImageStore::State::load_image(const std::string& manifest_digest) {
  if (!is_sha256_digest(manifest_digest)) return invalid("bad digest");
  TRY_ASSIGN(std::string text, read_file(blob_path(manifest_digest), kLargestDocument));
  TRY_ASSIGN(Json manifest, parse_json(text));
  std::string config_digest = string_or(manifest.value("config", Json::object()), "digest");
  if (!is_sha256_digest(config_digest)) return invalid("bad digest of the configuration");
  ImageRecord record;
  TRY_ASSIGN(record.image.config_json, read_file(blob_path(config_digest), kLargestDocument));
  if ("sha256:" + sha256_hex(record.image.config_json) != config_digest)
    return Error("configuration is damaged");
  TRY_ASSIGN(record.image.document, parse_image_document(record.image.config_json));
  record.image.id = config_digest;
  record.image.manifest_digest = manifest_digest;
  record.image.created = record.image.document.created;
  for (const std::string& diff_id : record.image.document.diff_ids) {
    auto layer = layers.find(diff_id);
    if (layer == layers.end()) return not_found("layer " + diff_id + " is missing");
    record.image.layer_dirs.insert(record.image.layer_dirs.begin(), layer->second->directory);
    record.image.size += layer->second->size;
  }
  return record;
}

Result<> ImageStore::State::load_images() {
  Result<std::string> text = read_file(root + "/index.json");
  if (!text) return text.error().code() == ENOENT ? Result<>{} : Result<>(text.error());
  Result<Json> index = parse_json(*text);
  if (!index || !index->is_object()) return Error("image index " + root + "/index.json is damaged");
  bool changed = false;
  for (const Json& item : index->value("manifests", Json::array())) {
    std::string digest = string_or(item, "digest");
    Result<ImageRecord> record = load_image(digest);
    if (!record) {
      notes.push_back("image " + digest + " dropped: " + record.error().text());
      changed = true;
      continue;
    }
    Json annotations = item.value("annotations", Json::object());
    record->last_tag_time = string_or(annotations, kTagTime);
    std::string id = record->image.id;
    Result<Reference> reference = parse_reference(string_or(annotations, kReferenceName));
    if (reference) tags[reference->full()] = id;
    images.try_emplace(id, std::move(*record));
  }
  if (changed) return write_index();
  return {};
}

Result<> ImageStore::State::write_index() {
  Json manifests = Json::array();
  for (const auto& [id, record] : images) {
    struct stat info{};
    if (::stat(blob_path(record.image.manifest_digest).c_str(), &info) != 0)
      return Error::last_errno("manifest of " + id);
    Json plain = descriptor(kManifestType, record.image.manifest_digest, info.st_size);
    plain["platform"] = {{"architecture", record.image.document.architecture},
                         {"os", record.image.document.os}};
    std::vector<std::string> names = tags_of(id);
    if (names.empty()) manifests.push_back(plain);
    for (const std::string& name : names) {
      Json tagged = plain;
      tagged["annotations"] = {{kReferenceName, name}};
      if (!record.last_tag_time.empty()) tagged["annotations"][kTagTime] = record.last_tag_time;
      manifests.push_back(std::move(tagged));
    }
  }
  Json index = {{"schemaVersion", 2},
                {"mediaType", "application/vnd.oci.image.index.v1+json"},
                {"manifests", std::move(manifests)}};
  return write_file_atomic(root + "/index.json", to_text(index)).in("image index");
}

// --- making ---

Result<> ImageStore::State::store_blob(std::string_view digest, std::string_view bytes) const {
  std::string path = blob_path(digest);
  if (path_exists(path)) return {};
  return write_file_atomic(path, bytes, 0444);
}

Result<LayerPin> ImageStore::State::adopt_layer(const std::string& directory, Layer layer, bool synced) {
  auto known = layers.find(layer.diff_id);
  if (known != layers.end()) return known->second;  // the staged copy goes away with its guard
  layer.directory = layer_path(layer.diff_id);
  Json sizes = {{"size", layer.size}, {"tar_size", layer.tar_size}};
  if (!synced) {
    TRY_ASSIGN(Fd list, open_file(root + "/unsynced", O_WRONLY | O_CREAT | O_APPEND, 0600));
    struct stat info{};
    std::string line = layer.diff_id + "\n";
    if (::fstat(list.get(), &info) == 0 && info.st_size == 0) line.insert(0, boot_id() + "\n");
    TRY(write_all(list.get(), line));
  }
  TRY(write_file_atomic(layer.directory + ".json", to_text(sizes)));
  if (::rename(directory.c_str(), layer.directory.c_str()) != 0) {
    Error error = Error::last_errno("publish layer");
    ::unlink((layer.directory + ".json").c_str());
    return error;
  }
  std::string id = layer.diff_id;
  LayerPin pin = std::make_shared<const Layer>(std::move(layer));
  layers[id] = pin;
  return pin;
}

Result<Image> ImageStore::State::publish(const std::string& config_json,
                                         const std::vector<Reference>& new_tags) {
  std::string id = "sha256:" + sha256_hex(config_json);
  std::string now = rfc3339(std::chrono::system_clock::now());
  if (!images.contains(id)) {
    TRY_ASSIGN(ImageDocument document, parse_image_document(config_json));
    Json manifest = {{"schemaVersion", 2},
                     {"mediaType", kManifestType},
                     {"config", descriptor(kConfigType, id, static_cast<int64_t>(config_json.size()))},
                     {"layers", Json::array()}};
    for (const std::string& diff_id : document.diff_ids) {
      auto layer = layers.find(diff_id);
      if (layer == layers.end()) return not_found("layer " + diff_id + " is not in the store");
      manifest["layers"].push_back(descriptor(kLayerType, diff_id, layer->second->tar_size));
    }
    std::string text = to_text(manifest);
    std::string manifest_digest = "sha256:" + sha256_hex(text);
    TRY(store_blob(id, config_json));
    TRY(store_blob(manifest_digest, text));
    TRY_ASSIGN(ImageRecord record, load_image(manifest_digest));
    images[id] = std::move(record);
  }
  ImageRecord& record = images[id];
  if (!new_tags.empty()) record.last_tag_time = now;
  std::map<std::string, std::string> former = tags;
  for (const Reference& tag : new_tags) tags[tag.full()] = id;
  Result<> written = write_index();
  if (!written) {
    tags = std::move(former);
    return std::move(written).error();
  }
  return handed_out(record);
}

Result<> ImageStore::State::ensure_layer_blob(const Layer& layer) {
  std::string path = blob_path(layer.diff_id);
  if (path_exists(path)) return {};
  std::string temporary = staging_path() + "/blob-" + random_hex(8);
  TRY_ASSIGN(Fd file, open_file(temporary, O_WRONLY | O_CREAT | O_EXCL, 0444));
  Result<LayerDigest> digest =
      write_layer_tar(layer.directory, [&](std::string_view bytes) { return write_all(file.get(), bytes); });
  Result<> done;
  if (!digest) {
    done = std::move(digest).error();
  } else if (digest->diff_id != layer.diff_id) {
    done = Error("layer " + layer.diff_id + " was changed on disk");
  } else if (::rename(temporary.c_str(), path.c_str()) != 0) {
    done = Error::last_errno("publish blob");
  }
  if (!done) ::unlink(temporary.c_str());
  return done;
}

// --- garbage ---

void ImageStore::State::forget_layers(const Image& removed) const {
  if (!hooks.forget) return;
  std::set<std::string> gone(removed.document.diff_ids.begin(), removed.document.diff_ids.end());
  for (const auto& [id, record] : images)
    for (const std::string& diff_id : record.image.document.diff_ids) gone.erase(diff_id);
  hooks.forget({gone.begin(), gone.end()});
}

std::set<std::string> ImageStore::State::needed_layers() const {
  std::set<std::string> needed;
  for (const auto& [id, record] : images)
    needed.insert(record.image.document.diff_ids.begin(), record.image.document.diff_ids.end());
  if (hooks.needed)
    for (std::string& diff_id : hooks.needed()) needed.insert(std::move(diff_id));
  for (const auto& [diff_id, pin] : layers)
    if (pin.use_count() > 1) needed.insert(diff_id);
  return needed;
}

std::set<std::string> ImageStore::State::needed_blobs() const {
  std::set<std::string> needed;
  for (const auto& [id, record] : images) {
    needed.insert(id.substr(7));
    needed.insert(record.image.manifest_digest.substr(7));
    for (const std::string& diff_id : record.image.document.diff_ids) needed.insert(diff_id.substr(7));
  }
  for (const auto& [diff_id, pin] : layers) needed.insert(diff_id.substr(7));
  return needed;
}

std::vector<std::string> ImageStore::State::take_garbage(std::vector<std::string>* deleted_layers) {
  std::vector<std::string> paths;
  std::set<std::string> wanted = needed_layers();
  for (auto item = layers.begin(); item != layers.end();) {
    if (wanted.contains(item->first)) {
      ++item;
      continue;
    }
    std::string trash = staging_path() + "/trash-" + random_hex(8);
    if (::rename(item->second->directory.c_str(), trash.c_str()) == 0) paths.push_back(trash);
    ::unlink((item->second->directory + ".json").c_str());
    if (deleted_layers != nullptr) deleted_layers->push_back(item->first);
    item = layers.erase(item);
  }
  std::set<std::string> blobs = needed_blobs();
  for (const std::string& name : names_in(root + "/blobs/sha256").value_or(std::vector<std::string>()))
    if (!blobs.contains(name)) ::unlink((root + "/blobs/sha256/" + name).c_str());
  return paths;
}

}  // namespace stack::images
