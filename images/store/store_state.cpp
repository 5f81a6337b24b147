// The index: looks up and publishes images.
#include "images/store/store_state.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "base/identity.h"
#include "images/layer/layer_tar.h"
#include "images/store/index_file.h"

namespace stack::images {

namespace {

// overlayfs stacks at most this many lower directories (OVL_MAX_STACK).
constexpr size_t kMostLayers = 500;

bool is_hex(std::string_view text) {
  return !text.empty() && text.size() <= 64 &&
         text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

}  // namespace

Image ImageStore::State::handed_out(const ImageRecord& record) const {
  Image out = record.image;
  out.repo_tags = tags_of(out.id);
  std::set<std::string> digests;
  for (const auto& [reference, name] : names) {
    if (name.image_id != out.id) continue;
    const std::string& named = name.index.empty() ? name.manifest : name.index;
    digests.insert(reference.familiar_name() + "@" + (reference.digest.empty() ? named : reference.digest));
    out.last_tag_time = std::max(out.last_tag_time, name.time);
  }
  out.repo_digests.assign(digests.begin(), digests.end());
  return out;
}

std::vector<Reference> ImageStore::State::references_of(const std::string& image_id) const {
  std::vector<Reference> out;
  for (const auto& [reference, name] : names)
    if (name.image_id == image_id && reference.digest.empty()) out.push_back(reference);
  return out;
}

std::vector<std::string> ImageStore::State::tags_of(const std::string& image_id) const {
  std::vector<std::string> out;
  for (const Reference& reference : references_of(image_id)) out.push_back(reference.familiar());
  std::sort(out.begin(), out.end());
  return out;
}

const ImageRecord* ImageStore::State::find(std::string_view name, bool& ambiguous) const {
  ambiguous = false;
  std::string_view hex = name.starts_with("sha256:") ? name.substr(7) : name;
  auto by_id = [&](const std::string& id) {
    auto found = images.find(id);
    return found == images.end() ? nullptr : &found->second;
  };
  if (is_hex(hex) && hex.size() == 64) return by_id("sha256:" + std::string(hex));
  Result<Reference> reference = parse_reference(name);
  if (reference && !reference->digest.empty()) {
    if (auto named = names.find(*reference); named != names.end()) return by_id(named->second.image_id);
    for (const auto& [other, named] : names)
      if (named.index == reference->digest) return by_id(named.image_id);
    for (const auto& [id, record] : images)
      if (record.manifests.contains(reference->digest) || id == reference->digest) return &record;
    return nullptr;
  }
  if (reference) {
    auto named = names.find(*reference);
    if (named != names.end()) return by_id(named->second.image_id);
  }
  if (!is_hex(hex)) return nullptr;
  std::string prefix = "sha256:" + std::string(hex);
  auto first = images.lower_bound(prefix);
  if (first == images.end() || !first->first.starts_with(prefix)) return nullptr;
  auto second = std::next(first);
  ambiguous = second != images.end() && second->first.starts_with(prefix);
  return ambiguous ? nullptr : &first->second;
}

const DamagedRecord* ImageStore::State::find_damaged(std::string_view name) const {
  Result<Reference> reference = parse_reference(name);
  std::string_view hex = name.starts_with("sha256:") ? name.substr(7) : name;
  for (const DamagedRecord& record : damaged) {
    if (reference && record.name == *reference) return &record;
    if (hex.size() >= 4 && is_hex(hex) && record.digest.starts_with("sha256:" + std::string(hex)))
      return &record;
  }
  return nullptr;
}

// --- the index ---

Result<> ImageStore::State::write_index() {
  Json entries = Json::array();
  std::set<std::string> listed;
  for (const auto& [reference, name] : names) {
    Json entry =
        index_entry(blob_path(name.manifest), name.manifest, images.at(name.image_id).image.document);
    entry["annotations"] = {{kReferenceAnnotation, reference.familiar()}};
    if (!name.time.empty()) entry["annotations"][kTimeAnnotation] = name.time;
    if (!name.index.empty()) entry["annotations"][kIndexAnnotation] = name.index;
    listed.insert(name.manifest);
    entries.push_back(std::move(entry));
    if (!name.index.empty() && listed.insert(name.index).second)
      entries.push_back(index_descriptor(blob_path(name.index), name.index));
  }
  for (const auto& [id, record] : images) {
    bool named = false;
    for (const auto& [digest, manifest] : record.manifests) named = named || listed.contains(digest);
    if (!named)
      entries.push_back(index_entry(blob_path(record.image.manifest_digest), record.image.manifest_digest,
                                    record.image.document));
  }
  for (const DamagedRecord& record : damaged) entries.push_back(record.entry);
  std::string text =
      to_text(Json{{"schemaVersion", 2}, {"mediaType", kOciIndexType}, {"manifests", std::move(entries)}});
  Result<> written = write_file_atomic(root + "/index.json", text);
  if (!written && written.error().code() == ENOSPC) {
    // The copy is also the reserve that lets an image be removed from a full disk.
    ::unlink((root + "/index.backup.json").c_str());
    written = write_file_atomic(root + "/index.json", text);
  }
  TRY(std::move(written).in("image index"));
  // Optional for the request, so failures such as a full disk are ignored.
  (void)write_file_atomic(root + "/index.backup.json", text);
  return {};
}

// --- making ---

Result<BlobDescriptor> ImageStore::State::descriptor_of(const Layer& layer) const {
  if (layer.blob.empty()) return BlobDescriptor{kOciLayerType, layer.diff_id, layer.tar_size};
  std::string path = blob_path(layer.blob);
  TRY_ASSIGN(Fd file, open_file(path, O_RDONLY).in("layer " + layer.diff_id));
  struct stat info{};
  char head[8] = {};
  if (::fstat(file.get(), &info) != 0 || ::pread(file.get(), head, sizeof head, 0) < 0)
    return Error::last_errno("read " + path);
  return BlobDescriptor{layer_media_type({head, sizeof head}), layer.blob, info.st_size};
}

Result<> ImageStore::State::store_blob(std::string_view digest, std::string_view bytes) const {
  std::string path = blob_path(digest);
  Result<std::string> there = read_file(path, bytes.size() + 1);
  if (there && *there == bytes) return {};
  return write_file_atomic(path, bytes, 0444);
}

Result<std::string> ImageStore::State::read_blob(const std::string& digest) const {
  if (!is_sha256_digest(digest)) return invalid("unsupported digest \"" + digest.substr(0, 80) + "\"");
  TRY_ASSIGN(std::string text, read_file(blob_path(digest), kLargestDocument));
  if ("sha256:" + sha256_hex(text) != digest) return Error("blob " + digest + " does not match its digest");
  return text;
}

Result<> ImageStore::State::note_unsynced(const std::string& line) {
  TRY_ASSIGN(Fd list, open_file(root + "/unsynced", O_WRONLY | O_CREAT | O_APPEND, 0600));
  struct stat info{};
  std::string text = line + "\n";
  if (::fstat(list.get(), &info) == 0 && info.st_size == 0) text.insert(0, current_boot_id() + "\n");
  return write_all(list.get(), text);
}

Result<LayerPin> ImageStore::State::adopt_layer(const std::string& directory, Layer layer) {
  auto known = layers.find(layer.diff_id);
  if (known != layers.end()) return known->second;  // the guard removes the staged copy
  layer.directory = layer_path(layer.diff_id);
  TRY(note_unsynced(layer.diff_id));
  TRY(write_file_atomic(layer.directory + ".json", layer_description(layer)));
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

BlobPin ImageStore::State::pin_blob(const std::string& digest) {
  std::weak_ptr<const std::string>& known = blob_pins[digest];
  BlobPin pin = known.lock();
  if (!pin) {
    pin = std::make_shared<const std::string>(digest);
    known = pin;
  }
  return pin;
}

Result<Image> ImageStore::State::publish(const ReceivedImage& received,
                                         const std::vector<Reference>& new_names) {
  TRY_ASSIGN(ImageRecord loaded, load_image(received.manifest));
  if (loaded.image.document.diff_ids.size() > kMostLayers)
    return unsupported("image has " + std::to_string(loaded.image.document.diff_ids.size()) +
                       " layers, and overlayfs can stack " + std::to_string(kMostLayers));
  const std::string id = loaded.image.id;
  auto there = images.find(id);
  std::optional<ImageRecord> former = there == images.end() ? std::nullopt : std::optional(there->second);
  auto former_names = names;
  auto former_damaged = damaged;
  ImageRecord& record = images.try_emplace(id, loaded).first->second;
  record.manifests.merge(loaded.manifests);
  std::string now = rfc3339(std::chrono::system_clock::now());
  std::set<std::string> replaced;  // indexes that only these names needed
  for (const Reference& name : new_names) {
    NameRecord& entry = names[name];
    if (entry.index != received.index) add_index_parts(entry.index, replaced);
    entry = {id, received.manifest, received.index, now};
  }
  std::erase_if(damaged, [&](const DamagedRecord& item) {
    return record.manifests.contains(item.digest) || (item.name && names.contains(*item.name));
  });
  Result<> written = write_index();
  if (!written) {
    if (former) {
      record = std::move(*former);
    } else {
      images.erase(id);
    }
    names = std::move(former_names);
    damaged = std::move(former_damaged);
    return std::move(written).error();
  }
  if (!replaced.empty())
    (void)take_garbage({&replaced, false}, nullptr);  // blobs only: no layer is among them
  sync_soon();
  return handed_out(record);
}

// From the source blob if there is one: another program's tar stream has different bytes.
Result<> ImageStore::State::write_layer_tar_stream(const Layer& layer, const ByteSink& sink) const {
  std::string made;
  if (!layer.blob.empty()) {
    TRY_ASSIGN(made, inflate_blob(blob_path(layer.blob), sink));
  } else {
    TRY_ASSIGN(LayerDigest digest, write_layer_tar(layer.directory, sink));
    made = std::move(digest.diff_id);
  }
  if (made != layer.diff_id) return Error("layer " + layer.diff_id + " was changed on disk");
  return {};
}

Result<> ImageStore::State::ensure_layer_blob(const Layer& layer) const {
  std::string path = blob_path(layer.diff_id);
  if (path_exists(path)) return {};
  std::string temporary = staging_path() + "/blob-" + random_hex(8);
  TRY_ASSIGN(Fd file, open_file(temporary, O_WRONLY | O_CREAT | O_EXCL, 0444));
  Result<> done =
      write_layer_tar_stream(layer, [&](std::string_view bytes) { return write_all(file.get(), bytes); });
  if (done && ::rename(temporary.c_str(), path.c_str()) != 0) done = Error::last_errno("publish blob");
  if (!done) ::unlink(temporary.c_str());
  return done;
}

}  // namespace stack::images
