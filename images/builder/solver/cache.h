// The build cache: step key -> layer. Keys are digests of everything a step's result depends on (see stage.cpp), so
// a record never becomes wrong; it is dropped with its layer, with an image built from it, or by age.
#pragma once

#include <sys/stat.h>

#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/units.h"
#include "images/store/store.h"

namespace stack::builder {

struct CacheRecord {
  std::string diff_id;  // "" if the step changed no file
  std::string created;  // RFC 3339: when the step ran
};

// 64 hexadecimal digits.
bool is_cache_key(std::string_view name);

// An entry of the cache, as listed by `docker system df -v`.
struct CacheEntry {
  std::string id;         // diff id of a layer, or digest of a cache mount's id
  bool is_mount = false;  // RUN --mount=type=cache
  bool in_use = false;    // by a running step
  bool shared = false;    // the layer also belongs to an image: pruning it frees nothing
  int64_t size = 0;       // bytes
  std::string created;    // RFC 3339
  std::string last_used;  // RFC 3339
  int uses = 0;           // records of the layer
};

struct CachePruneRequest {
  bool all = false;  // also drop records of layers that images have, which frees no space
  bool only_report = false;  // remove nothing
  std::optional<WallTime> unused_since;
  ByteSize keep{0};  // the newest entries stay while their total is at most this
  std::function<bool(const CacheEntry&)> wanted = {};  // false keeps the entry
};

struct CachePruned {
  std::vector<std::string> ids;  // of CacheEntry
  int64_t freed = 0;
};

// All members are thread-safe.
class BuildCache {
 public:
  // `directory` is <store root>/cache.
  static Result<std::unique_ptr<BuildCache>> open(const std::string& directory);

  std::optional<CacheRecord> find(const std::string& key);
  Result<> put(const std::string& key, const CacheRecord& record);
  void forget(const std::string& key);

  // If two builds reach the same step at once, the second waits for the first and finds its record.
  class KeyLock {
   public:
    KeyLock(BuildCache& cache, std::string key, std::stop_token stop);
    // Does not wait: held() is false if another build has the key.
    KeyLock(BuildCache& cache, std::string key);
    ~KeyLock();
    // False if `stop` was requested during the wait.
    bool held() const { return held_; }
    KeyLock(const KeyLock&) = delete;
    KeyLock& operator=(const KeyLock&) = delete;

   private:
    BuildCache& cache_;
    std::string key_;
    bool held_ = false;
  };

  // Keeps a cache mount from being pruned while a step has it mounted.
  class MountUse {
   public:
    MountUse(BuildCache& cache, std::string id);
    ~MountUse();
    MountUse(const MountUse&) = delete;
    MountUse& operator=(const MountUse&) = delete;

   private:
    BuildCache& cache_;
    std::string name_;
  };

  // Largest first. `in_images`: diff ids of all images.
  std::vector<CacheEntry> entries(const images::ImageStore& store,
                                  const std::set<std::string>& in_images) const;
  // Forgets records and deletes cache mounts that no step has mounted. The store collects the layers.
  CachePruned prune(const CachePruneRequest& request, const images::ImageStore& store,
                    const std::set<std::string>& in_images);

  // Hooks for the store.
  std::vector<std::string> needed_layers() const;
  void forget_layers(const std::vector<std::string>& diff_ids);
  // Drops the least recently used records until the total size of their layers, as known to the store, is within
  // the limit. True if any were dropped: the store then has layers to collect.
  bool trim_to(ByteSize limit, const images::ImageStore& store);

  // <directory>/mounts/<digest of id>: content of RUN --mount=type=cache.
  std::string mount_directory(const std::string& id) const;
  const std::string& directory() const { return directory_; }

 private:
  explicit BuildCache(std::string directory) : directory_(std::move(directory)) {}
  Result<> load();
  std::vector<CacheEntry> mount_entries() const;
  bool remove_mount(const std::string& name);
  std::string path_of(const std::string& key) const { return directory_ + "/records/" + key; }

  struct Entry {
    CacheRecord record;
    timespec used{};
  };
  std::string directory_;
  mutable std::mutex mutex_;
  std::map<std::string, Entry> entries_;
  std::set<std::string> in_flight_;
  std::map<std::string, int> mounted_;  // names in mounts/, with the number of their users
  std::condition_variable_any finished_;
};

// Digests of file contents, remembered with the stat(2) data of the file. One per context directory, kept on
// disk. An entry is valid only if the file's ctime was clearly older than the time of the read.
class FileDigests {
 public:
  explicit FileDigests(std::string path) : path_(std::move(path)) {}
  void load();
  Result<> save();  // only if something changed

  // Thread-safe.
  std::optional<std::string> find(const std::string& name, const struct stat& info);
  void put(const std::string& name, const struct stat& info, std::string digest);

 private:
  struct Entry {
    int64_t size = 0;
    int64_t mtime = 0;
    int64_t ctime = 0;
    uint64_t inode = 0;
    std::string digest;  // 64 hexadecimal digits
    bool used = false;
  };
  std::string path_;
  std::mutex mutex_;
  std::map<std::string, Entry, std::less<>> entries_;
  bool changed_ = false;
};

// The parts of a key, each prefixed with its length so that different lists give different texts.
class KeyBuilder {
 public:
  explicit KeyBuilder(std::string_view kind) { add(kind); }
  KeyBuilder& add(std::string_view part);
  KeyBuilder& add(const std::vector<std::string>& parts);
  std::string hex() const;

 private:
  std::string text_;
};

}  // namespace stack::builder
