#include "images/builder/solver/cache.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstring>

#include "base/directory.h"
#include "base/disk_usage.h"
#include "base/files.h"
#include "base/identity.h"
#include "base/json.h"

namespace stack::builder {

namespace {

constexpr int64_t kNanosecond = 1000000000;
// Coarser than any file system's time stamp granularity.
constexpr int64_t kRacyWindow = 20 * 1000000;

int64_t nanoseconds(const timespec& time) { return time.tv_sec * kNanosecond + time.tv_nsec; }

// Beyond this, files that the last build did not use are forgotten.
constexpr size_t kMostFiles = 200000;

std::string text_of(const timespec& time) {
  return rfc3339(WallTime(std::chrono::duration_cast<WallTime::duration>(
      std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec))));
}

}  // namespace

bool is_cache_key(std::string_view name) {
  return name.size() == 64 && name.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

KeyBuilder& KeyBuilder::add(std::string_view part) {
  text_ += std::to_string(part.size());
  text_ += ':';
  text_ += part;
  return *this;
}

KeyBuilder& KeyBuilder::add(const std::vector<std::string>& parts) {
  add(std::to_string(parts.size()));
  for (const std::string& part : parts) add(part);
  return *this;
}

std::string KeyBuilder::hex() const { return sha256_hex(text_); }

Result<std::unique_ptr<BuildCache>> BuildCache::open(const std::string& directory) {
  for (const char* name : {"/records", "/mounts", "/files"}) TRY(ensure_directory(directory + name, 0700));
  std::unique_ptr<BuildCache> cache(new BuildCache(directory));
  TRY(cache->load().in("build cache"));
  for (const std::string& name : names_in(directory).value_or(std::vector<std::string>()))
    if (name.starts_with("removed-")) (void)remove_tree(directory + "/" + name);  // from a killed prune
  for (const std::string& name : names_in(directory + "/files").value_or(std::vector<std::string>()))
    if (!is_cache_key(name)) ::unlink((directory + "/files/" + name).c_str());  // half-written by a crash
  return cache;
}

Result<> BuildCache::load() {
  std::string records = directory_ + "/records";
  TRY_ASSIGN(std::vector<std::string> names, names_in(records));
  for (const std::string& name : names) {
    Result<std::string> text = read_file(records + "/" + name);
    Result<Json> json = text ? parse_json(*text) : Result<Json>(text.error());
    struct stat info{};
    if (!is_cache_key(name) || !json || ::stat((records + "/" + name).c_str(), &info) != 0) {
      ::unlink((records + "/" + name).c_str());  // half-written by a crash
      continue;
    }
    entries_[name] = {{string_or(*json, "diff_id"), string_or(*json, "created")}, info.st_mtim};
  }
  return {};
}

std::optional<CacheRecord> BuildCache::find(const std::string& key) {
  std::lock_guard guard(mutex_);
  auto found = entries_.find(key);
  if (found == entries_.end()) return std::nullopt;
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  if (now.tv_sec - found->second.used.tv_sec > 60) {
    found->second.used = now;
    ::utimensat(AT_FDCWD, path_of(key).c_str(), nullptr, 0);
  }
  return found->second.record;
}

Result<> BuildCache::put(const std::string& key, const CacheRecord& record) {
  std::lock_guard guard(mutex_);
  TRY(write_file_atomic(path_of(key),
                        stack::to_text(Json{{"diff_id", record.diff_id}, {"created", record.created}}))
          .in("build cache"));
  Entry entry{record, {}};
  ::clock_gettime(CLOCK_REALTIME, &entry.used);
  entries_[key] = std::move(entry);
  return {};
}

void BuildCache::forget(const std::string& key) {
  std::lock_guard guard(mutex_);
  entries_.erase(key);
  ::unlink(path_of(key).c_str());
}

std::vector<std::string> BuildCache::needed_layers() const {
  std::lock_guard guard(mutex_);
  std::vector<std::string> out;
  for (const auto& [key, entry] : entries_)
    if (!entry.record.diff_id.empty()) out.push_back(entry.record.diff_id);
  return out;
}

void BuildCache::forget_layers(const std::vector<std::string>& diff_ids) {
  std::set<std::string> doomed(diff_ids.begin(), diff_ids.end());
  std::lock_guard guard(mutex_);
  std::erase_if(entries_, [&](const auto& item) {
    if (!doomed.contains(item.second.record.diff_id)) return false;
    ::unlink(path_of(item.first).c_str());
    return true;
  });
}

std::vector<CacheEntry> BuildCache::entries(const images::ImageStore& store,
                                            const std::set<std::string>& in_images) const {
  std::map<std::string, CacheEntry> layers;
  {
    std::lock_guard guard(mutex_);
    for (const auto& [key, entry] : entries_) {
      if (entry.record.diff_id.empty()) continue;
      CacheEntry& out = layers[entry.record.diff_id];
      out.id = entry.record.diff_id;
      out.created = entry.record.created;
      out.last_used = std::max(out.last_used, text_of(entry.used));
      out.shared = in_images.contains(out.id);
      ++out.uses;
    }
  }
  std::vector<CacheEntry> out = mount_entries();
  for (auto& [diff_id, entry] : layers) {
    if (images::LayerPin pin = store.pin_layer(diff_id)) entry.size = pin->size;
    out.push_back(std::move(entry));
  }
  std::sort(out.begin(), out.end(), [](const CacheEntry& a, const CacheEntry& b) { return a.size > b.size; });
  return out;
}

std::vector<CacheEntry> BuildCache::mount_entries() const {
  std::vector<CacheEntry> out;
  for (const std::string& name : names_in(directory_ + "/mounts").value_or(std::vector<std::string>())) {
    std::string path = directory_ + "/mounts/" + name;
    struct stat info{};
    if (::stat(path.c_str(), &info) != 0) continue;
    CacheEntry entry;
    entry.id = name;
    entry.is_mount = true;
    entry.size = directory_size(path);
    entry.created = entry.last_used = text_of(info.st_mtim);
    entry.uses = 1;
    std::lock_guard guard(mutex_);
    entry.in_use = mounted_.contains(name);
    out.push_back(std::move(entry));
  }
  return out;
}

CachePruned BuildCache::prune(const CachePruneRequest& request, const images::ImageStore& store,
                              const std::set<std::string>& in_images) {
  std::vector<CacheEntry> all = entries(store, in_images);
  std::sort(all.begin(), all.end(),
            [](const CacheEntry& a, const CacheEntry& b) { return a.last_used > b.last_used; });
  CachePruned out;
  std::vector<std::string> layers;
  int64_t kept = 0;
  for (const CacheEntry& entry : all) {
    Result<WallTime> used = parse_rfc3339(entry.last_used);
    bool recent = request.unused_since && used && *used > *request.unused_since;
    bool fits = kept + entry.size <= request.keep.bytes;
    bool excluded = request.wanted && !request.wanted(entry);
    if (recent || fits || excluded || (entry.shared && !request.all)) {
      kept += entry.shared ? 0 : entry.size;
      continue;
    }
    if (entry.is_mount && (request.only_report ? entry.in_use : !remove_mount(entry.id))) continue;
    if (!entry.is_mount) layers.push_back(entry.id);
    out.ids.push_back(entry.id);
    if (!entry.shared) out.freed += entry.size;
  }
  if (!request.only_report) forget_layers(layers);
  return out;
}

// False if a step has it mounted.
bool BuildCache::remove_mount(const std::string& name) {
  std::string doomed = directory_ + "/removed-" + random_hex(8);
  {
    std::lock_guard guard(mutex_);
    if (mounted_.contains(name)) return false;
    if (::rename((directory_ + "/mounts/" + name).c_str(), doomed.c_str()) != 0) return false;
  }
  (void)remove_tree(doomed);
  return true;
}

BuildCache::MountUse::MountUse(BuildCache& cache, std::string id) : cache_(cache), name_(sha256_hex(id)) {
  std::lock_guard guard(cache_.mutex_);
  ++cache_.mounted_[name_];
}

BuildCache::MountUse::~MountUse() {
  std::lock_guard guard(cache_.mutex_);
  if (--cache_.mounted_[name_] == 0) cache_.mounted_.erase(name_);
}

bool BuildCache::trim_to(ByteSize limit, const images::ImageStore& store) {
  std::vector<std::pair<int64_t, std::string>> by_age;  // newest first
  std::map<std::string, std::string> layer_of;
  {
    std::lock_guard guard(mutex_);
    for (const auto& [key, entry] : entries_) {
      by_age.emplace_back(-nanoseconds(entry.used), key);
      layer_of[key] = entry.record.diff_id;
    }
  }
  std::sort(by_age.begin(), by_age.end());
  std::set<std::string> counted;
  int64_t sum = 0;
  bool dropped = false;
  for (const auto& [age, key] : by_age) {
    const std::string& diff_id = layer_of[key];
    if (!diff_id.empty() && counted.insert(diff_id).second) {
      images::LayerPin pin = store.pin_layer(diff_id);
      sum += pin ? pin->size : 0;
    }
    if (sum <= limit.bytes) continue;
    forget(key);
    dropped = true;
  }
  return dropped;
}

std::string BuildCache::mount_directory(const std::string& id) const {
  return directory_ + "/mounts/" + sha256_hex(id);
}

BuildCache::KeyLock::KeyLock(BuildCache& cache, std::string key, std::stop_token stop)
    : cache_(cache), key_(std::move(key)) {
  std::unique_lock lock(cache_.mutex_);
  held_ = cache_.finished_.wait(lock, std::move(stop), [&] { return !cache_.in_flight_.contains(key_); });
  if (held_) cache_.in_flight_.insert(key_);
}

BuildCache::KeyLock::KeyLock(BuildCache& cache, std::string key) : cache_(cache), key_(std::move(key)) {
  std::lock_guard guard(cache_.mutex_);
  held_ = cache_.in_flight_.insert(key_).second;
}

BuildCache::KeyLock::~KeyLock() {
  if (!held_) return;
  std::lock_guard guard(cache_.mutex_);
  cache_.in_flight_.erase(key_);
  cache_.finished_.notify_all();
}

// --- file digests --- One line per file: digest size mtime ctime inode name\0

void FileDigests::load() {
  Result<std::string> text = read_file(path_);
  if (!text) return;
  std::lock_guard guard(mutex_);
  size_t i = 0;
  while (i < text->size()) {
    size_t end = text->find('\0', i);
    if (end == std::string::npos) return;
    Entry entry;
    int consumed = 0;
    long long size = 0;
    long long mtime = 0;
    long long ctime = 0;
    unsigned long long inode = 0;
    char digest[65] = {};
    if (std::sscanf(text->c_str() + i, "%64s %lld %lld %lld %llu %n", digest, &size, &mtime, &ctime, &inode,
                    &consumed) != 5)
      return;
    entry.digest = digest;
    entry.size = size;
    entry.mtime = mtime;
    entry.ctime = ctime;
    entry.inode = inode;
    size_t name = i + static_cast<size_t>(consumed);
    if (name < end && is_cache_key(entry.digest))
      entries_.emplace_hint(entries_.end(), text->substr(name, end - name), entry);
    i = end + 1;
  }
}

std::optional<std::string> FileDigests::find(const std::string& name, const struct stat& info) {
  std::lock_guard guard(mutex_);
  auto found = entries_.find(name);
  if (found == entries_.end()) return std::nullopt;
  Entry& entry = found->second;
  if (entry.size != info.st_size || entry.mtime != nanoseconds(info.st_mtim) ||
      entry.ctime != nanoseconds(info.st_ctim) || entry.inode != info.st_ino)
    return std::nullopt;
  entry.used = true;
  return entry.digest;
}

void FileDigests::put(const std::string& name, const struct stat& info, std::string digest) {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  // A file that changed in the clock tick of the read could change again unnoticed.
  if (nanoseconds(info.st_ctim) > nanoseconds(now) - kRacyWindow) return;
  std::lock_guard guard(mutex_);
  entries_[name] = {info.st_size, nanoseconds(info.st_mtim), nanoseconds(info.st_ctim),
                    info.st_ino,  std::move(digest),         true};
  changed_ = true;
}

Result<> FileDigests::save() {
  std::lock_guard guard(mutex_);
  if (!changed_) return {};
  if (entries_.size() > kMostFiles)
    std::erase_if(entries_, [](const auto& item) { return !item.second.used; });
  std::string text;
  for (const auto& [name, entry] : entries_) {
    text += entry.digest + " " + std::to_string(entry.size) + " " + std::to_string(entry.mtime) + " " +
            std::to_string(entry.ctime) + " " + std::to_string(entry.inode) + " " + name;
    text += '\0';
  }
  changed_ = false;
  return write_file_atomic(path_, text, 0600);
}

}  // namespace stack::builder
