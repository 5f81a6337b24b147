#include "images/store/store.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>

#include "base/fd.h"
#include "base/files.h"
#include "base/identity.h"
#include "images/layer/layer_tar.h"
#include "images/store/store_state.h"

namespace stack::images {

namespace {

Error no_such_image(std::string_view name) {
  std::string text(name);
  Result<Reference> reference = parse_reference(name);
  if (reference) text = reference->familiar();
  return not_found("No such image: " + text);
}

std::string short_id(std::string_view id) {
  if (id.starts_with("sha256:")) id.remove_prefix(7);
  return std::string(id.substr(0, 12));
}

void delete_all(const std::vector<std::string>& paths) {
  for (const std::string& path : paths) (void)remove_tree(path);
}

const ImageUser* user_of(const std::vector<ImageUser>& users, const std::string& image_id,
                         bool only_running) {
  for (const ImageUser& user : users)
    if (user.image_id == image_id && (user.running || !only_running)) return &user;
  return nullptr;
}

Error delete_conflict(const std::string& id, bool can_be_forced, const std::string& reason) {
  return conflict("conflict: unable to delete " + short_id(id) +
                  (can_be_forced ? " (must be forced)" : " (cannot be forced)") + " - " + reason);
}

Result<> make_layout(const std::string& root) {
  TRY(ensure_directory(root, 0711));
  TRY(ensure_directory(root + "/blobs/sha256", 0700));
  // Set-id programs of images must not be reachable by users of the host (CVE-2021-41091).
  for (const char* name : {"layers", "staging", "cache"}) TRY(ensure_directory(root + "/" + name, 0700));
  if (!path_exists(root + "/oci-layout"))
    TRY(write_file_atomic(root + "/oci-layout", "{\"imageLayoutVersion\":\"1.0.0\"}\n"));
  return {};
}

}  // namespace

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
  TRY(remove_tree(root + "/staging").in("image store"));
  TRY(ensure_directory(root + "/staging", 0700).in("image store"));
  auto state = std::make_unique<State>(root, std::move(*lock));
  TRY(state->load().in("image store"));
  if (!path_exists(root + "/index.json")) TRY(state->write_index());
  return std::unique_ptr<ImageStore>(new ImageStore(std::move(state)));
}

const std::string& ImageStore::root() const { return state_->root; }
const std::vector<std::string>& ImageStore::notes() const { return state_->notes; }
void ImageStore::set_cache_hooks(CacheHooks hooks) { state_->hooks = std::move(hooks); }

Result<Image> ImageStore::resolve(std::string_view name) const {
  std::lock_guard guard(state_->mutex);
  bool ambiguous = false;
  const ImageRecord* record = state_->find(name, ambiguous);
  if (ambiguous) return conflict("image id prefix " + std::string(name) + " is ambiguous");
  if (record == nullptr) return no_such_image(name);
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
  std::map<std::string, std::string> former = state_->tags;
  state_->tags[reference.full()] = image_id;
  found->second.last_tag_time = rfc3339(std::chrono::system_clock::now());
  Result<> written = state_->write_index();
  if (!written) state_->tags = std::move(former);
  return written;
}

Result<RemovedImages> ImageStore::remove(std::string_view name, bool force,
                                         const std::vector<ImageUser>& users) {
  RemovedImages out;
  std::vector<std::string> garbage;
  {
    std::lock_guard guard(state_->mutex);
    bool ambiguous = false;
    const ImageRecord* record = state_->find(name, ambiguous);
    if (ambiguous) return conflict("image id prefix " + std::string(name) + " is ambiguous");
    if (record == nullptr) return no_such_image(name);
    const std::string id = record->image.id;
    std::vector<std::string> tags = state_->tags_of(id);
    Result<Reference> reference = parse_reference(name);
    bool by_tag = reference && state_->tags.contains(reference->full());
    std::map<std::string, std::string> former = state_->tags;
    if (by_tag) {
      const ImageUser* user = user_of(users, id, false);
      if (!force && tags.size() == 1 && user != nullptr)
        return conflict("conflict: unable to remove repository reference \"" + std::string(name) +
                        "\" (must force) - container " + short_id(user->container_id) +
                        " is using its referenced image " + short_id(id));
      state_->tags.erase(reference->full());
      out.untagged.push_back(reference->familiar());
    } else {
      std::set<std::string> repositories;
      for (const std::string& tag : tags) repositories.insert(parse_reference(tag)->familiar_name());
      if (repositories.size() > 1 && !force)
        return delete_conflict(id, true, "image is referenced in multiple repositories");
      if (const ImageUser* user = user_of(users, id, true))
        return delete_conflict(id, false,
                               "image is being used by running container " + short_id(user->container_id));
      if (const ImageUser* user = user_of(users, id, false); user != nullptr && !force)
        return delete_conflict(id, true,
                               "image is being used by stopped container " + short_id(user->container_id));
      std::erase_if(state_->tags, [&](const auto& item) { return item.second == id; });
      out.untagged = tags;
    }
    // A running container keeps the image itself, untagged; so does a stopped one unless the id was given
    // with force.
    bool kept = !state_->tags_of(id).empty() || user_of(users, id, by_tag ? false : true) != nullptr;
    ImageRecord removed = state_->images[id];
    if (!kept) state_->images.erase(id);
    Result<> written = state_->write_index();
    if (!written) {
      state_->tags = std::move(former);
      state_->images[id] = std::move(removed);
      return std::move(written).error();
    }
    if (!kept) {
      out.deleted.push_back(id);
      state_->forget_layers(removed.image);
      garbage = state_->take_garbage(&out.deleted);
    }
  }
  delete_all(garbage);
  return out;
}

Result<RemovedImages> ImageStore::prune(bool all, const std::vector<ImageUser>& users) {
  RemovedImages out;
  std::vector<std::string> garbage;
  {
    std::lock_guard guard(state_->mutex);
    std::vector<std::string> doomed;
    for (const auto& [id, record] : state_->images) {
      bool dangling = state_->tags_of(id).empty();
      if ((dangling || all) && user_of(users, id, false) == nullptr) doomed.push_back(id);
    }
    for (const std::string& id : doomed) {
      for (std::string& tag : state_->tags_of(id)) out.untagged.push_back(std::move(tag));
      std::erase_if(state_->tags, [&](const auto& item) { return item.second == id; });
      Image removed = std::move(state_->images[id].image);
      state_->images.erase(id);
      state_->forget_layers(removed);
      out.deleted.push_back(id);
    }
    TRY(state_->write_index());
    garbage = state_->take_garbage(&out.deleted);
  }
  delete_all(garbage);
  return out;
}

Result<> ImageStore::collect_garbage() {
  std::vector<std::string> garbage;
  {
    std::lock_guard guard(state_->mutex);
    garbage = state_->take_garbage(nullptr);
  }
  delete_all(garbage);
  return {};
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
  return state_->adopt_layer(staged.directory(), std::move(layer), false);
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
      return not_found("layer " + diff_id + " of image " + image.id + " is gone");
    pins.push_back(found->second);
  }
  return pins;
}

Result<Image> ImageStore::create_image(const ImageDocument& document, const std::vector<Reference>& tags) {
  std::lock_guard guard(state_->mutex);
  return state_->publish(to_json_text(document), tags);
}

Result<> ImageStore::ensure_blobs(const Image& image) {
  TRY_ASSIGN(std::vector<LayerPin> pins, pin_layers(image));
  for (const LayerPin& pin : pins) TRY(state_->ensure_layer_blob(*pin));
  return {};
}

Result<> ImageStore::sync() {
  std::lock_guard guard(state_->mutex);
  std::string list = state_->root + "/unsynced";
  if (!path_exists(list)) return {};
  TRY_ASSIGN(Fd root, open_file(state_->root, O_RDONLY | O_DIRECTORY));
  if (::syncfs(root.get()) != 0) return Error::last_errno("sync image store");
  ::unlink(list.c_str());
  return {};
}

}  // namespace stack::images
