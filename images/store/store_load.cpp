// Reads the store at open(): damaged objects are quarantined or kept in the index, never dropped.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "base/directory.h"
#include "base/identity.h"
#include "base/text.h"
#include "images/layer/layer_stream.h"
#include "images/layer/layer_tar.h"
#include "images/store/index_file.h"
#include "images/store/store_state.h"

namespace stack::images {

namespace {

std::vector<std::string> names_or_none(const std::string& directory) {
  return names_in(directory).value_or(std::vector<std::string>());
}

bool is_hex_digest(std::string_view name) { return is_sha256_digest("sha256:" + std::string(name)); }

bool is_index(const Result<Json>& json) {
  if (!json || !json->is_object()) return false;
  auto manifests = json->find("manifests");
  return manifests != json->end() && manifests->is_array();
}

// Digest of the whole file, however large.
Result<std::string> digest_of_file(const std::string& path) {
  TRY_ASSIGN(Fd file, open_file(path, O_RDONLY));
  Sha256 digest;
  std::string buffer(size_t{1} << 20, '\0');
  for (;;) {
    ssize_t n = ::read(file.get(), buffer.data(), buffer.size());
    if (n < 0) return Error::last_errno("read " + path);
    if (n == 0) return "sha256:" + digest.finish_hex();
    digest.update({buffer.data(), static_cast<size_t>(n)});
  }
}

}  // namespace

void ImageStore::State::load() {
  opening_ = true;
  load_layers();
  verify_after_reboot();
  load_images();
  opening_ = false;
}

void ImageStore::State::put_aside(const std::string& path, const std::string& why) {
  std::string kept = root + "/quarantine/" + base_name(path) + "-" + random_hex(4);
  bool moved = ::rename(path.c_str(), kept.c_str()) == 0;
  notes.push_back(path + ": " + why + (moved ? "; kept as " + kept : "; left in place"));
}

// --- layers ---

void ImageStore::State::load_layers() {
  std::string directory = root + "/layers";
  std::vector<std::string> found = names_or_none(directory);
  std::set<std::string> all(found.begin(), found.end());
  for (const std::string& name : found) {
    if (is_hex_digest(name)) {
      load_layer(name, all.contains(name + ".json"));
      continue;
    }
    size_t dot = name.find('.');
    bool variant = dot == 64 && name.size() == 81;  // a dot and 16 digits
    if (variant && !all.contains(name.substr(0, dot))) (void)remove_tree(directory + "/" + name);
    if (name.ends_with(".packed") && !all.contains(name.substr(0, name.size() - 7)))
      ::unlink((directory + "/" + name).c_str());
    size_t suffix = name.find(".json");
    bool description = suffix != std::string::npos && is_hex_digest(name.substr(0, suffix));
    bool whole = description && name.size() == suffix + 5;
    // It has no layer or was never finished: nothing is lost.
    if (description && (!whole || !all.contains(name.substr(0, suffix))))
      ::unlink((directory + "/" + name).c_str());
  }
}

void ImageStore::State::load_layer(const std::string& hex, bool described) {
  std::string directory = root + "/layers/" + hex;
  std::optional<Layer> layer;
  if (described)
    if (Result<std::string> text = read_file(directory + ".json")) layer = parse_layer_description(*text);
  std::string diff_id = "sha256:" + hex;
  if (!layer) {
    Result<LayerDigest> digest = digest_layer(directory);
    if (!digest || digest->diff_id != diff_id) {
      ::unlink((directory + ".json").c_str());
      return put_aside(directory,
                       "the layer's description is lost and its content does not match its digest");
    }
    layer.emplace();
    layer->size = digest->size;
    layer->tar_size = digest->tar_size;
    (void)write_file_atomic(directory + ".json", layer_description(*layer));
    notes.push_back(directory + ": the layer's description was lost and was recreated");
  }
  layer->diff_id = diff_id;
  layer->directory = directory;
  layers[diff_id] = std::make_shared<const Layer>(std::move(*layer));
}

namespace {

// When the file was created, by the clock of the file system; 0 if that is unknown.
int64_t birth_of(const std::string& path) {
  struct statx info{};
  if (::statx(AT_FDCWD, path.c_str(), 0, STATX_BTIME, &info) != 0 || (info.stx_mask & STATX_BTIME) == 0)
    return 0;
  return info.stx_btime.tv_sec;
}

bool modified_since(const std::string& path, int64_t time) {
  struct stat info{};
  return time != 0 && ::stat(path.c_str(), &info) == 0 && info.st_mtim.tv_sec >= time;
}

// The file and its name survive a power loss before anything that follows.
Result<> make_durable(const std::string& path) {
  for (const std::string& one : {path, directory_name(path)}) {
    TRY_ASSIGN(Fd file, open_file(one, O_RDONLY));
    if (::fsync(file.get()) != 0) return Error::last_errno("sync " + one);
  }
  return {};
}

Result<> replace_durably(const std::string& path, std::string_view text) {
  TRY(write_file_atomic(path, text, 0600));
  return make_durable(path);
}

}  // namespace

// The list itself may have lost lines, so it also stands for everything newer than it.
ImageStore::State::Unsynced ImageStore::State::unsynced_before_boot() const {
  std::string path = root + "/unsynced";
  Unsynced found;
  Result<std::string> text = read_file(path);
  if (!text) return found;
  std::vector<std::string> lines = split(*text, '\n');
  if (!lines.empty() && lines[0] == current_boot_id()) return found;
  found.listed = true;
  for (const std::string& line : lines) {
    if (line.starts_with("blob ") && is_sha256_digest(line.substr(5))) found.blobs.insert(line.substr(5));
    if (is_sha256_digest(line)) found.layers.insert(line);
  }
  int64_t since = birth_of(path);
  for (const auto& [diff_id, layer] : layers)
    if (modified_since(layer->directory + ".json", since)) found.layers.insert(diff_id);
  for (const std::string& name : names_or_none(root + "/blobs/sha256"))
    if (is_hex_digest(name) && modified_since(blob_path("sha256:" + name), since))
      found.blobs.insert("sha256:" + name);
  return found;
}

void ImageStore::State::verify_after_reboot() {
  Unsynced unsynced = unsynced_before_boot();
  if (!unsynced.listed) return;
  // Restored layers are not on the disk yet either: they stay listed until the next sync.
  std::string text = current_boot_id() + "\n";
  for (const std::string& digest : unsynced.blobs) text += "blob " + digest + "\n";
  for (const std::string& diff_id : unsynced.layers) text += diff_id + "\n";
  if (Result<> kept = replace_durably(root + "/unsynced", text); !kept) notes.push_back(kept.error().text());
  for (const std::string& blob : unsynced.blobs) {
    Result<std::string> digest = digest_of_file(blob_path(blob));
    if (digest && *digest != blob) put_aside(blob_path(blob), "the blob did not survive the last power loss");
  }
  for (const std::string& diff_id : unsynced.layers) {
    auto found = layers.find(diff_id);
    if (found == layers.end()) continue;
    if (restore_layer(*found->second)) continue;
    ::unlink((found->second->directory + ".json").c_str());
    put_aside(found->second->directory, "the layer did not survive the last power loss");
    layers.erase(found);
  }
  sync_soon();
}

// A layer created on this machine is compared with its tar stream; a received one is unpacked again.
Result<> ImageStore::State::restore_layer(const Layer& layer) {
  if (layer.blob.empty()) {
    TRY_ASSIGN(LayerDigest digest, digest_layer(layer.directory));
    return digest.diff_id == layer.diff_id ? Result<>()
                                           : Result<>(Error("content does not match its digest"));
  }
  std::string fresh = staging_path() + "/restored-" + random_hex(8);
  TRY(ensure_directory(fresh, 0755));
  TRY_ASSIGN(std::unique_ptr<LayerStream> stream, LayerStream::start(fresh));
  TRY_ASSIGN(Fd blob, open_file(blob_path(layer.blob), O_RDONLY));
  std::string buffer(size_t{1} << 20, '\0');
  for (;;) {
    ssize_t n = ::read(blob.get(), buffer.data(), buffer.size());
    if (n < 0) return Error::last_errno("read blob " + layer.blob);
    if (n == 0) break;
    TRY(stream->write({buffer.data(), static_cast<size_t>(n)}));
  }
  TRY_ASSIGN(ReceivedLayer received, stream->finish());
  if (received.diff_id != layer.diff_id) return Error("content does not match its digest");
  std::string old = staging_path() + "/lost-" + random_hex(8);
  if (::rename(layer.directory.c_str(), old.c_str()) != 0) return Error::last_errno("replace layer");
  if (::rename(fresh.c_str(), layer.directory.c_str()) != 0) return Error::last_errno("replace layer");
  (void)remove_tree(old);
  for (const std::string& variant : variants_of(layer)) (void)remove_tree(variant);
  return {};
}

// --- images ---

Result<ImageRecord> ImageStore::State::load_image(const std::string& manifest_digest) {
  TRY_ASSIGN(std::string text, read_blob(manifest_digest).in("manifest"));
  TRY_ASSIGN(ImageManifest manifest, parse_image_manifest(text));
  ImageRecord record;
  TRY_ASSIGN(record.image.config_json, read_blob(manifest.config.digest).in("configuration"));
  TRY_ASSIGN(record.image.document, parse_image_document(record.image.config_json));
  record.image.id = manifest.config.digest;
  record.image.manifest_digest = manifest_digest;
  record.image.created = record.image.document.created;
  const std::vector<std::string>& diff_ids = record.image.document.diff_ids;
  if (manifest.layers.size() != diff_ids.size())
    return invalid("manifest has " + std::to_string(manifest.layers.size()) + " layers, configuration " +
                   std::to_string(diff_ids.size()));
  for (const std::string& diff_id : diff_ids) {
    auto layer = layers.find(diff_id);
    if (layer == layers.end()) return not_found("layer " + diff_id + " is missing");
    Result<std::string> place = place_layer(*layer->second, record.image.layer_dirs);
    // A full disk must not make an image unavailable.
    if (!place && !opening_) return std::move(place).error();
    if (!place) notes.push_back("layer " + diff_id + ": " + place.error().text());
    record.image.layer_dirs.insert(record.image.layer_dirs.begin(), place.value_or(layer->second->directory));
    record.image.size += layer->second->size;
  }
  record.manifests[manifest_digest] = std::move(manifest);
  return record;
}

// The index, or the best substitute.
Json ImageStore::State::read_index() {
  std::string path = root + "/index.json";
  auto read = [](const std::string& file) {
    Result<std::string> text = read_file(file);
    return text ? parse_json(*text) : Result<Json>(text.error());
  };
  Result<Json> index = read(path);
  if (is_index(index)) return std::move(*index);
  if (path_exists(path)) put_aside(path, "the image index is damaged");
  index = read(root + "/index.backup.json");
  if (is_index(index)) {
    notes.push_back("image index: restored from its copy");
    return std::move(*index);
  }
  Json found = index_from_blobs();
  if (!found["manifests"].empty())
    notes.push_back("image index: rebuilt from the manifests; the names are lost");
  return found;
}

Json ImageStore::State::index_from_blobs() {
  Json entries = Json::array();
  for (const std::string& name : names_or_none(root + "/blobs/sha256")) {
    struct stat info{};
    if (!is_hex_digest(name) || ::stat(blob_path("sha256:" + name).c_str(), &info) != 0) continue;
    if (info.st_size > static_cast<off_t>(kLargestDocument)) continue;
    Result<ImageRecord> record = load_image("sha256:" + name);
    if (record) entries.push_back({{"digest", "sha256:" + name}, {"size", info.st_size}});
  }
  return {{"manifests", std::move(entries)}};
}

void ImageStore::State::load_images() {
  bool complete = is_index(read_file(root + "/index.json").and_then([](const std::string& text) {
    return tl::expected<Json, Error>(parse_json(text));
  }));
  Json index = read_index();
  for (const Json& entry : index["manifests"]) load_entry(entry);
  for (const std::string& name : names_or_none(root + "/quarantine"))
    notes.push_back("quarantine: " + name + " is kept until the next prune");
  if (complete) return;
  // ext4 writes the contents of a file that replaces another before its name, but not those of a new file:
  // without the sync, a power loss soon after the first start would leave an empty index.
  Result<> written = write_index();
  if (written) written = make_durable(root + "/index.json");
  if (!written) notes.push_back(written.error().text());
}

void ImageStore::State::load_entry(const Json& entry) {
  auto member = entry.is_object() ? entry.find("annotations") : entry.end();
  Json annotations =
      entry.is_object() && member != entry.end() && member->is_object() ? *member : Json::object();
  std::string media_type = string_or(entry, "mediaType");
  bool is_platform_index = media_type == kOciIndexType || media_type == kDockerIndexType;
  if (is_platform_index && !annotations.contains(kReferenceAnnotation)) return;  // belongs to a name's entry
  std::string digest = string_or(entry, "digest");
  Result<Reference> name = parse_reference(string_or(annotations, kReferenceAnnotation));
  Result<ImageRecord> record = load_image(digest);
  if (record) {
    std::string id = record->image.id;
    ImageRecord& known = images.try_emplace(id, *record).first->second;
    known.manifests.merge(record->manifests);
    if (name)
      names[*name] = {id, digest, string_or(annotations, kIndexAnnotation),
                      string_or(annotations, kTimeAnnotation)};
    return;
  }
  DamagedRecord bad;
  bad.entry = entry;
  bad.digest = digest;
  if (name) bad.name = *name;
  bad.reason = record.error().text();
  if (is_sha256_digest(string_or(annotations, kIndexAnnotation)))
    bad.blobs.insert(string_or(annotations, kIndexAnnotation));
  find_reach(bad);
  notes.push_back("image " + (name ? name->familiar() : digest) + " is damaged: " + bad.reason);
  damaged.push_back(std::move(bad));
}

// Finds the objects that garbage collection must keep.
void ImageStore::State::find_reach(DamagedRecord& record) const {
  Result<std::string> text = read_blob(record.digest);
  Result<ImageManifest> manifest = text ? parse_image_manifest(*text) : Result<ImageManifest>(text.error());
  if (!manifest) return;
  record.blobs.insert({record.digest, manifest->config.digest});
  for (const BlobDescriptor& layer : manifest->layers) {
    record.blobs.insert(layer.digest);
    record.layers.insert(layer.digest);
    for (const auto& [diff_id, known] : layers)
      if (known->blob == layer.digest) record.layers.insert(diff_id);
  }
  record.reach_known = true;
}

}  // namespace stack::images
