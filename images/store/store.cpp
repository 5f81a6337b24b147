#include "images/store/store.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <chrono>

#include "base/directory.h"
#include "base/fd.h"
#include "base/files.h"
#include "base/identity.h"
#include "images/layer/layer_tar.h"
#include "images/store/index_file.h"
#include "images/store/store_state.h"

namespace stack::images {

namespace {

constexpr size_t kDigestDigits = 64;  // of SHA-256, in hexadecimal

Result<> make_layout(const std::string& root) {
  TRY(ensure_directory(root, 0711));
  TRY(ensure_directory(root + "/blobs/sha256", 0700));
  // Setuid programs of images must not be reachable for users of the host (CVE-2021-41091).
  for (const char* name : {"layers", "staging", "cache", "partial", "quarantine"})
    TRY(ensure_directory(root + "/" + name, 0700));
  if (!path_exists(root + "/oci-layout"))
    TRY(write_file_atomic(root + "/oci-layout", "{\"imageLayoutVersion\":\"1.0.0\"}\n"));
  return {};
}

// write_file_atomic() writes "<name>.XXXXXX" first.
constexpr size_t kTemporarySuffix = 7;

bool is_temporary(std::string_view name) {
  if (name.size() <= kTemporarySuffix || name[name.size() - kTemporarySuffix] != '.') return false;
  std::string_view random = name.substr(name.size() - kTemporarySuffix + 1);
  return std::all_of(random.begin(), random.end(),
                     [](char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0; });
}

// Files that a killed process was writing. The lock on the store guarantees that no living one writes them; other names
// are not ours.
void sweep_temporaries(const std::string& root) {
  auto sweep = [](const std::string& directory, auto is_ours) {
    for (const std::string& name : names_in(directory).value_or(std::vector<std::string>()))
      if (is_temporary(name) && is_ours(std::string_view(name).substr(0, name.size() - kTemporarySuffix)))
        ::unlink((directory + "/" + name).c_str());
  };
  sweep(root, [](std::string_view name) {
    return name == "index.json" || name == "index.backup.json" || name == "oci-layout";
  });
  sweep(root + "/blobs/sha256", [](std::string_view name) { return name.size() == kDigestDigits; });
  sweep(root + "/layers", [](std::string_view name) {
    return name.size() > kDigestDigits && (name.ends_with(".json") || name.ends_with(".packed"));
  });
}

}  // namespace

Error no_such_image(std::string_view name) {
  std::string text(name);
  Result<Reference> reference = parse_reference(name);
  if (reference) text = reference->familiar();
  return not_found("No such image: " + text);
}

StagedLayer& StagedLayer::operator=(StagedLayer&& other) noexcept {
  if (this != &other) {
    if (!path_.empty()) (void)remove_tree(path_);
    path_ = std::exchange(other.path_, {});
  }
  return *this;
}

StagedLayer::~StagedLayer() {
  if (!path_.empty()) (void)remove_tree(path_);
}

ImageStore::ImageStore(std::unique_ptr<State> state) : state_(std::move(state)) {}

ImageStore::~ImageStore() { (void)sync(); }

Result<std::unique_ptr<ImageStore>> ImageStore::open(const std::string& root) {
  TRY(make_layout(root).in("image store"));
  TRY_ASSIGN(std::optional<FileLock> lock, FileLock::try_acquire(root + "/lock"));
  if (!lock) return conflict("image store " + root + " is in use by another process");
  auto state = std::make_unique<State>(root, std::move(*lock));
  for (const std::string& name : names_in(state->staging_path()).value_or(std::vector<std::string>())) {
    Result<> swept = remove_tree(state->staging_path() + "/" + name);
    if (!swept) state->notes.push_back(swept.error().text());
  }
  sweep_temporaries(root);
  state->load();
  return std::unique_ptr<ImageStore>(new ImageStore(std::move(state)));
}

const std::string& ImageStore::root() const { return state_->root; }
const std::vector<std::string>& ImageStore::notes() const { return state_->notes; }
void ImageStore::set_cache_hooks(CacheHooks hooks) { state_->hooks = std::move(hooks); }

std::vector<DamagedItem> ImageStore::damaged() const {
  std::vector<DamagedItem> out;
  std::lock_guard guard(state_->mutex);
  for (const DamagedRecord& record : state_->damaged)
    out.push_back({"image " + (record.name ? record.name->familiar() : record.digest), record.reason,
                   "pull, load or build it again, or remove it with stack image rm"});
  for (const std::string& name : names_in(state_->root + "/quarantine").value_or(std::vector<std::string>()))
    out.push_back({"image store: " + state_->root + "/quarantine/" + name,
                   "could not be read and was quarantined", "stack image prune deletes it"});
  return out;
}

Result<const ImageRecord*> ImageStore::State::record_of(std::string_view name) const {
  bool ambiguous = false;
  const ImageRecord* record = find(name, ambiguous);
  if (ambiguous) return conflict("image id prefix " + std::string(name) + " is ambiguous");
  if (record != nullptr) return record;
  if (const DamagedRecord* bad = find_damaged(name))
    return not_found("image " + std::string(name) + " is damaged (" + bad->reason +
                     "): pull, load or build it again");
  return no_such_image(name);
}

Result<Image> ImageStore::resolve(std::string_view name) const {
  std::lock_guard guard(state_->mutex);
  TRY_ASSIGN(const ImageRecord* record, state_->record_of(name));
  return state_->handed_out(*record);
}

std::optional<Image> ImageStore::find(std::string_view name) const {
  Result<Image> image = resolve(name);
  if (!image) return std::nullopt;
  return std::move(*image);
}

std::vector<Image> ImageStore::list() const {
  std::lock_guard guard(state_->mutex);
  std::vector<Image> out;
  for (const auto& [id, record] : state_->images) out.push_back(state_->handed_out(record));
  std::sort(out.begin(), out.end(), [](const Image& a, const Image& b) { return a.created > b.created; });
  return out;
}

Result<> ImageStore::tag(const std::string& image_id, const Reference& reference) {
  std::lock_guard guard(state_->mutex);
  auto found = state_->images.find(image_id);
  if (found == state_->images.end()) return no_such_image(image_id);
  if (!reference.digest.empty()) return invalid("refusing to create a tag with a digest reference");
  NameRecord name{image_id, found->second.image.manifest_digest, "",
                  rfc3339(std::chrono::system_clock::now())};
  // A second name of a pulled image refers to the same index.
  for (const auto& [known, other] : state_->names)
    if (other.image_id == image_id) name.manifest = other.manifest, name.index = other.index;
  auto former = state_->names;
  auto former_damaged = state_->damaged;
  state_->names[reference] = std::move(name);
  std::erase_if(state_->damaged, [&](const DamagedRecord& item) { return item.name == reference; });
  Result<> written = state_->write_index();
  if (!written) {
    state_->names = std::move(former);
    state_->damaged = std::move(former_damaged);
  }
  return written;
}

// --- layers and images ---

Result<StagedLayer> ImageStore::stage_layer() {
  std::string path = state_->staging_path() + "/layer-" + random_hex(8);
  if (::mkdir(path.c_str(), 0700) != 0) return Error::last_errno("create staging directory " + path);
  StagedLayer staged(path);
  for (const char* name : {"/fs", "/work", "/scratch"})
    if (::mkdir((path + name).c_str(), 0755) != 0 || ::chmod((path + name).c_str(), 0755) != 0)
      return Error::last_errno("create staging directory " + path);
  return staged;
}

Result<LayerPin> ImageStore::commit_layer(StagedLayer staged) {
  TRY_ASSIGN(LayerDigest digest, digest_layer(staged.directory()));
  if (digest.empty) return LayerPin();
  Layer layer;
  layer.diff_id = digest.diff_id;
  layer.size = digest.size;
  layer.tar_size = digest.tar_size;
  std::lock_guard guard(state_->mutex);
  return state_->adopt_layer(staged.directory(), std::move(layer));
}

LayerPin ImageStore::pin_layer(std::string_view diff_id) const {
  std::lock_guard guard(state_->mutex);
  auto found = state_->layers.find(std::string(diff_id));
  return found == state_->layers.end() ? LayerPin() : found->second;
}

Result<std::vector<LayerPin>> ImageStore::pin_layers(const Image& image) const {
  std::lock_guard guard(state_->mutex);
  std::vector<LayerPin> pins;
  for (const std::string& diff_id : image.document.diff_ids) {
    auto found = state_->layers.find(diff_id);
    if (found == state_->layers.end())
      return not_found("layer " + diff_id + " of image " + image.id + " no longer exists");
    pins.push_back(found->second);
    size_t from_top = image.document.diff_ids.size() - pins.size();
    if (from_top >= image.layer_dirs.size() || image.layer_dirs[from_top] == found->second->directory)
      continue;
    // A variant lives as long as its layer.
    Layer variant = *found->second;
    variant.directory = image.layer_dirs[from_top];
    pins.back() =
        LayerPin(new Layer(std::move(variant)), [kept = found->second](const Layer* item) { delete item; });
  }
  return pins;
}

Result<Image> ImageStore::create_image(const ImageDocument& document, const std::vector<Reference>& tags) {
  return create_image_from(to_json_text(document), tags);
}

Result<Image> ImageStore::create_image_from(const std::string& config, const std::vector<Reference>& tags) {
  TRY_ASSIGN(ImageDocument document, parse_image_document(config));
  BlobDescriptor config_blob{kOciConfigType, "sha256:" + sha256_hex(config),
                             static_cast<int64_t>(config.size())};
  TRY_ASSIGN(BlobPin config_pin, put_blob(config_blob.digest, config));
  Json layers = Json::array();
  for (const std::string& diff_id : document.diff_ids) {
    LayerPin layer = pin_layer(diff_id);
    if (!layer) return not_found("layer " + diff_id + " is not in the store");
    TRY_ASSIGN(BlobDescriptor blob, state_->descriptor_of(*layer));
    layers.push_back(to_json(blob));
  }
  std::string manifest = to_text(Json{{"schemaVersion", 2},
                                      {"mediaType", kOciManifestType},
                                      {"config", to_json(config_blob)},
                                      {"layers", std::move(layers)}});
  std::string digest = "sha256:" + sha256_hex(manifest);
  TRY_ASSIGN(BlobPin manifest_pin, put_blob(digest, manifest));
  std::lock_guard guard(state_->mutex);
  return state_->publish({digest, ""}, tags);
}

// --- blobs ---

Result<BlobPin> ImageStore::put_blob(const std::string& digest, std::string_view bytes) {
  if (!is_sha256_digest(digest)) return invalid("unsupported digest \"" + digest.substr(0, 80) + "\"");
  if ("sha256:" + sha256_hex(bytes) != digest) return invalid("content does not match its digest " + digest);
  BlobPin pin;
  {
    std::lock_guard guard(state_->mutex);
    pin = state_->pin_blob(digest);
  }
  TRY(state_->store_blob(digest, bytes));
  return pin;
}

Result<Image> ImageStore::add_image(const ReceivedImage& received, const std::vector<Reference>& names) {
  std::lock_guard guard(state_->mutex);
  return state_->publish(received, names);
}

Result<StoredManifest> ImageStore::manifest_of(std::string_view name) const {
  StoredManifest out;
  {
    std::lock_guard guard(state_->mutex);
    TRY_ASSIGN(const ImageRecord* record, state_->record_of(name));
    out.descriptor.digest = record->image.manifest_digest;
    Result<Reference> reference = parse_reference(name);
    auto named = reference ? state_->names.find(*reference) : state_->names.end();
    if (named != state_->names.end()) {
      out.descriptor.digest = named->second.manifest;
      out.index = named->second.index;
    }
  }
  TRY_ASSIGN(out.text, read_blob(out.descriptor.digest));
  TRY_ASSIGN(out.manifest, parse_image_manifest(out.text));
  out.descriptor.media_type = out.manifest.media_type;
  out.descriptor.size = static_cast<int64_t>(out.text.size());
  return out;
}

Result<std::string> ImageStore::read_blob(const std::string& digest) const {
  return state_->read_blob(digest);
}

Result<Fd> ImageStore::open_blob(const std::string& digest) const {
  if (!is_sha256_digest(digest)) return invalid("unsupported digest \"" + digest.substr(0, 80) + "\"");
  Result<Fd> file = open_file(state_->blob_path(digest), O_RDONLY);
  if (!file && file.error().code() == ENOENT) return not_found("no blob " + digest);
  return file;
}

Result<> ImageStore::write_layer_blob(const BlobDescriptor& blob, const Layer& layer,
                                      const ByteSink& sink) const {
  Result<Fd> kept = open_blob(blob.digest);
  if (!kept && blob.digest == layer.diff_id) return state_->write_layer_tar_stream(layer, sink);
  if (std::optional<Compression> packed = kept ? std::nullopt : State::packed_as(layer, blob.digest))
    return state_->write_packed_stream(layer, *packed, sink);
  if (!kept) return std::move(kept).error();
  Sha256 digest;
  std::string buffer(size_t{1} << 20, '\0');
  for (;;) {
    ssize_t n = ::read(kept->get(), buffer.data(), buffer.size());
    if (n < 0) return Error::last_errno("read blob " + blob.digest);
    if (n == 0) break;
    std::string_view bytes(buffer.data(), static_cast<size_t>(n));
    digest.update(bytes);
    TRY(sink(bytes));
  }
  if ("sha256:" + digest.finish_hex() != blob.digest)
    return Error("blob " + blob.digest + " does not match its digest: pull or load the image again");
  return {};
}

Result<> ImageStore::ensure_blobs(const Image& image) {
  TRY_ASSIGN(std::vector<LayerPin> pins, pin_layers(image));
  TRY_ASSIGN(StoredManifest stored, manifest_of(image.id));
  for (size_t i = 0; i < stored.manifest.layers.size(); ++i) {
    const std::string& digest = stored.manifest.layers[i].digest;
    if (path_exists(state_->blob_path(digest))) continue;
    if (std::optional<Compression> packed = State::packed_as(*pins.at(i), digest)) {
      TRY(state_->pack_layer(*pins[i], *packed));
      continue;
    }
    if (digest != pins.at(i)->diff_id)
      return not_found("blob " + digest +
                       " is missing and cannot be recreated from the layer; pull the image again");
    TRY(state_->ensure_layer_blob(*pins[i]));
  }
  return {};
}

Result<> ImageStore::sync() { return state_->sync(); }

}  // namespace stack::images
