// Removes images and collects unneeded objects.
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>

#include "base/directory.h"
#include "base/identity.h"
#include "images/store/store_state.h"

namespace stack::images {

namespace {

constexpr time_t kRecent = 24 * 60 * 60;

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

Result<> check_untag(const std::string& name, const std::string& id, const std::vector<ImageUser>& users) {
  const ImageUser* user = user_of(users, id, false);
  if (user == nullptr) return {};
  return conflict("conflict: unable to remove repository reference \"" + name +
                  "\" (must force) - container " + short_id(user->container_id) +
                  " is using its referenced image " + short_id(id));
}

Result<> check_delete(const std::string& id, const std::vector<Reference>& tags, bool force,
                      const std::vector<ImageUser>& users) {
  std::set<std::string> repositories;
  for (const Reference& tag : tags) repositories.insert(tag.familiar_name());
  if (repositories.size() > 1 && !force)
    return delete_conflict(id, true, "image is referenced in multiple repositories");
  if (const ImageUser* user = user_of(users, id, true))
    return delete_conflict(id, false,
                           "image is being used by running container " + short_id(user->container_id));
  if (const ImageUser* user = user_of(users, id, false); user != nullptr && !force)
    return delete_conflict(id, true,
                           "image is being used by stopped container " + short_id(user->container_id));
  return {};
}

}  // namespace

Result<RemovedImages> ImageStore::remove(std::string_view name, bool force,
                                         const std::vector<ImageUser>& users) {
  RemovedImages out;
  std::vector<std::string> garbage;
  {
    std::lock_guard guard(state_->mutex);
    TRY_ASSIGN(garbage, state_->remove(name, force, users, out));
  }
  delete_all(garbage);
  return out;
}

Result<std::vector<std::string>> ImageStore::State::remove(std::string_view name, bool force,
                                                           const std::vector<ImageUser>& users,
                                                           RemovedImages& out) {
  bool ambiguous = false;
  const ImageRecord* record = find(name, ambiguous);
  if (ambiguous) return conflict("image id prefix " + std::string(name) + " is ambiguous");
  if (record == nullptr) return remove_damaged(name, out);
  const ImageRecord removed = *record;
  const std::string& id = removed.image.id;
  std::vector<std::string> tags = tags_of(id);
  Result<Reference> reference = parse_reference(name);
  bool by_name = reference && names.contains(*reference);
  std::set<std::string> own = indexes_of(id);
  auto former = names;
  if (by_name) {
    if (!force && tags.size() == 1) TRY(check_untag(std::string(name), id, users));
    names.erase(*reference);
    out.untagged.push_back(reference->familiar());
  } else {
    TRY(check_delete(id, references_of(id), force, users));
    std::erase_if(names, [&](const auto& item) { return item.second.image_id == id; });
    out.untagged = tags;
  }
  // Digest references alone do not keep an image that was removed by its last tag.
  if (tags_of(id).empty() && reference && reference->digest.empty())
    std::erase_if(names, [&](const auto& item) { return item.second.image_id == id; });
  // A running container keeps the image itself, untagged; so does a stopped one unless the id was given
  // with force.
  bool named =
      std::any_of(names.begin(), names.end(), [&](const auto& item) { return item.second.image_id == id; });
  bool kept = named || user_of(users, id, !by_name) != nullptr;
  if (!kept) images.erase(id);
  Result<> written = write_index();
  if (!written) {
    names = std::move(former);
    images[id] = removed;
    return std::move(written).error();
  }
  // What the removed name alone needed goes, even if the image stays.
  if (kept) return take_garbage({&own, false}, &out);
  out.deleted.push_back(id);
  forget_layers(removed.image);
  own.merge(belongings(removed));
  return take_garbage({&own, false}, &out);
}

Result<std::vector<std::string>> ImageStore::State::remove_damaged(std::string_view name,
                                                                   RemovedImages& out) {
  const DamagedRecord* found = find_damaged(name);
  if (found == nullptr) return no_such_image(name);
  DamagedRecord removed = *found;
  auto former = damaged;
  std::erase_if(damaged, [&](const DamagedRecord& item) {
    return item.digest == removed.digest && item.name == removed.name;
  });
  Result<> written = write_index();
  if (!written) {
    damaged = std::move(former);
    return std::move(written).error();
  }
  if (removed.name) {
    out.untagged.push_back(removed.name->familiar());
  } else {
    out.deleted.push_back(removed.digest);
  }
  std::set<std::string> own = removed.layers;
  own.insert(removed.blobs.begin(), removed.blobs.end());
  own.insert(removed.digest);
  return take_garbage({&own, false}, &out);
}

Result<> ImageStore::discard(const std::string& image_id) {
  {
    std::lock_guard guard(state_->mutex);
    auto found = state_->images.find(image_id);
    if (found == state_->images.end() || !state_->tags_of(image_id).empty()) return {};
    ImageRecord removed = found->second;
    auto former = state_->names;
    std::erase_if(state_->names, [&](const auto& item) { return item.second.image_id == image_id; });
    state_->images.erase(found);
    Result<> written = state_->write_index();
    if (!written) {
      state_->names = std::move(former);
      state_->images[image_id] = std::move(removed);
      return written;
    }
  }
  return collect_garbage();
}

Result<RemovedImages> ImageStore::prune(const PruneRequest& request, const std::vector<ImageUser>& users) {
  RemovedImages out;
  std::vector<std::string> garbage;
  {
    std::lock_guard guard(state_->mutex);
    TRY_ASSIGN(garbage, state_->prune(request, users, out));
  }
  delete_all(garbage);
  return out;
}

Result<std::vector<std::string>> ImageStore::State::prune(const PruneRequest& request,
                                                          const std::vector<ImageUser>& users,
                                                          RemovedImages& out) {
  std::vector<ImageRecord> removed;
  for (const auto& [id, record] : images) {
    bool dangling = tags_of(id).empty();
    if ((!dangling && !request.all) || user_of(users, id, false) != nullptr) continue;
    if (request.wanted && !request.wanted(handed_out(record))) continue;
    removed.push_back(record);
  }
  auto former = names;
  std::set<std::string> own;
  for (const ImageRecord& record : removed) {
    const std::string& id = record.image.id;
    for (std::string& tag : tags_of(id)) out.untagged.push_back(std::move(tag));
    own.merge(indexes_of(id));
    std::erase_if(names, [&](const auto& item) { return item.second.image_id == id; });
    images.erase(id);
    own.merge(belongings(record));
  }
  Result<> written = write_index();
  if (!written) {
    names = std::move(former);
    for (ImageRecord& record : removed) images[record.image.id] = std::move(record);
    return std::move(written).error();
  }
  for (const ImageRecord& record : removed) {
    forget_layers(record.image);
    out.deleted.push_back(record.image.id);
  }
  // If the objects of a damaged image are unknown, only those of removed images are certainly free.
  bool doubt = std::any_of(damaged.begin(), damaged.end(),
                           [](const DamagedRecord& item) { return !item.reach_known; });
  std::vector<std::string> paths = take_garbage({doubt ? &own : nullptr, true}, &out);
  for (std::string& path : take_leftovers(out)) paths.push_back(std::move(path));
  return paths;
}

Result<> ImageStore::collect_garbage() {
  std::vector<std::string> garbage;
  {
    std::lock_guard guard(state_->mutex);
    garbage = state_->take_garbage({}, nullptr);
  }
  delete_all(garbage);
  return {};
}

StoreUsage ImageStore::usage() const {
  StoreUsage out;
  std::lock_guard guard(state_->mutex);
  std::set<std::string> used;
  for (const auto& [id, record] : state_->images)
    used.insert(record.image.document.diff_ids.begin(), record.image.document.diff_ids.end());
  for (const auto& [diff_id, layer] : state_->layers)
    (used.contains(diff_id) ? out.layers : out.unreferenced) += layer->size;
  auto add_files = [&](const std::string& directory, int64_t& sum) {
    for (const std::string& name : names_in(directory).value_or(std::vector<std::string>())) {
      struct stat info{};
      if (::stat((directory + "/" + name).c_str(), &info) == 0) sum += info.st_size;
    }
  };
  add_files(state_->root + "/blobs/sha256", out.blobs);
  add_files(state_->root + "/partial", out.unreferenced);
  return out;
}

void ImageStore::State::forget_layers(const Image& removed) const {
  if (!hooks.forget) return;
  std::set<std::string> gone(removed.document.diff_ids.begin(), removed.document.diff_ids.end());
  for (const auto& [id, record] : images)
    for (const std::string& diff_id : record.image.document.diff_ids) gone.erase(diff_id);
  hooks.forget({gone.begin(), gone.end()});
}

std::set<std::string> ImageStore::State::belongings(const ImageRecord& record) const {
  std::set<std::string> out(record.image.document.diff_ids.begin(), record.image.document.diff_ids.end());
  out.insert(record.image.id);
  for (const auto& [digest, manifest] : record.manifests) {
    out.insert(digest);
    for (const BlobDescriptor& layer : manifest.layers) out.insert(layer.digest);
  }
  for (const std::string& diff_id : record.image.document.diff_ids)
    if (auto layer = layers.find(diff_id); layer != layers.end()) out.insert(layer->second->blob);
  return out;
}

std::set<std::string> ImageStore::State::needed_layers() const {
  std::set<std::string> needed;
  for (const auto& [id, record] : images)
    needed.insert(record.image.document.diff_ids.begin(), record.image.document.diff_ids.end());
  for (const DamagedRecord& record : damaged) needed.insert(record.layers.begin(), record.layers.end());
  if (hooks.needed)
    for (std::string& diff_id : hooks.needed()) needed.insert(std::move(diff_id));
  for (const auto& [diff_id, pin] : layers)
    if (pin.use_count() > 1) needed.insert(diff_id);
  return needed;
}

std::set<std::string> ImageStore::State::needed_blobs() const {
  std::set<std::string> needed;
  for (const auto& [id, record] : images) needed.merge(belongings(record));
  for (const auto& [reference, name] : names) add_index_parts(name.index, needed);
  for (const DamagedRecord& record : damaged) {
    needed.insert(record.blobs.begin(), record.blobs.end());
    needed.insert(record.digest);
  }
  for (const auto& [diff_id, pin] : layers) needed.insert({diff_id, pin->blob});
  for (const auto& [digest, pin] : blob_pins)
    if (!pin.expired()) needed.insert(digest);
  return needed;
}

bool ImageStore::State::is_recent(const std::string& path) const {
  struct stat info{};
  return ::stat(path.c_str(), &info) == 0 && ::time(nullptr) - info.st_ctim.tv_sec < kRecent;
}

std::vector<std::string> ImageStore::State::take_garbage(const GarbageScope& scope, RemovedImages* out) {
  std::vector<std::string> paths;
  bool doubt = std::any_of(damaged.begin(), damaged.end(),
                           [](const DamagedRecord& item) { return !item.reach_known; });
  if (doubt && scope.only == nullptr) return paths;
  auto excluded = [&](const std::string& digest) {
    return scope.only != nullptr && !scope.only->contains(digest);
  };
  std::set<std::string> wanted = needed_layers();
  for (auto item = layers.begin(); item != layers.end();) {
    const Layer& layer = *item->second;
    bool fresh =
        !scope.recent && scope.only == nullptr && !layer.blob.empty() && is_recent(layer.directory + ".json");
    if (wanted.contains(item->first) || excluded(item->first) || fresh) {
      ++item;
      continue;
    }
    std::string trash = staging_path() + "/trash-" + random_hex(8);
    if (::rename(layer.directory.c_str(), trash.c_str()) == 0) paths.push_back(trash);
    ::unlink((layer.directory + ".json").c_str());
    ::unlink((layer.directory + ".packed").c_str());
    for (const std::string& variant : variants_of(layer)) {
      std::string doomed = staging_path() + "/trash-" + random_hex(8);
      if (::rename(variant.c_str(), doomed.c_str()) == 0) paths.push_back(std::move(doomed));
    }
    if (out != nullptr) {
      out->deleted.push_back(item->first);
      out->freed += layer.size;
    }
    item = layers.erase(item);
  }
  std::set<std::string> blobs = needed_blobs();
  for (const std::string& name : names_in(root + "/blobs/sha256").value_or(std::vector<std::string>())) {
    std::string digest = "sha256:" + name;
    std::string path = root + "/blobs/sha256/" + name;
    // A name that is not a digest is a blob being written.
    bool fresh = ((!scope.recent && scope.only == nullptr) || name.size() != 64) && is_recent(path);
    if (blobs.contains(digest) || excluded(digest) || fresh) continue;
    struct stat info{};
    if (out != nullptr && ::stat(path.c_str(), &info) == 0) out->freed += info.st_size;
    ::unlink(path.c_str());
  }
  std::erase_if(blob_pins, [](const auto& item) { return item.second.expired(); });
  return paths;
}

// Interrupted transfers and the quarantine.
std::vector<std::string> ImageStore::State::take_leftovers(RemovedImages& out) const {
  std::vector<std::string> paths;
  for (const std::string& name : names_in(root + "/partial").value_or(std::vector<std::string>())) {
    struct stat info{};
    if (receiving.contains("sha256:" + name)) continue;
    if (::stat((root + "/partial/" + name).c_str(), &info) == 0) out.freed += info.st_size;
    paths.push_back(root + "/partial/" + name);
  }
  for (const std::string& name : names_in(root + "/quarantine").value_or(std::vector<std::string>()))
    paths.push_back(root + "/quarantine/" + name);
  return paths;
}

}  // namespace stack::images
