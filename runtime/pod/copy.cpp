#include "runtime/pod/copy.h"

#include <linux/stat.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/monitor/system_calls.h"
#include "runtime/monitor/text.h"

namespace stack::runtime::pod {

namespace {

constexpr int kEnoent = 2, kEexist = 17, kEnotdir = 20;
constexpr int kNoFollow = 0x100;    // AT_SYMLINK_NOFOLLOW
constexpr int kEmptyPath = 0x1000;  // AT_EMPTY_PATH
constexpr int kExclusiveLock = 2;
constexpr int kDeepest = 200;
constexpr unsigned kTypeMask = 0170000, kDirectoryType = 0040000, kFileType = 0100000, kLinkType = 0120000;
#if defined(__aarch64__)
constexpr int kDirectory = 040000, kOpenNoFollow = 0100000;
#else
constexpr int kDirectory = 0200000, kOpenNoFollow = 0400000;
#endif

class File {
 public:
  explicit File(long fd) : fd_(fd) {}
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  ~File() {
    if (fd_ >= 0) sys::close(static_cast<int>(fd_));
  }
  int get() const { return static_cast<int>(fd_); }
  long error() const { return fd_ < 0 ? -fd_ : 0; }

 private:
  long fd_;
};

// linux_dirent64 of getdents64(2).
struct Entry {
  uint64_t inode;
  int64_t offset;
  uint16_t length;
  uint8_t type;
  char name[1];
};

long stat_at(int directory, const char* name, int flags, struct statx& out) {
  return sys::call(__NR_statx, directory, sys::pointer(name), flags, STATX_BASIC_STATS, sys::pointer(&out));
}

// "." and "..".
bool is_dots(const char* name) {
  return name[0] == '.' && (name[1] == '\0' || (name[1] == '.' && name[2] == '\0'));
}

// Calls `act(name)` for each entry until it fails.
template <typename Act>
Failure each_entry(int directory, Act act) {
  alignas(8) char buffer[8192];
  for (;;) {
    long size = sys::call(__NR_getdents64, directory, sys::pointer(buffer), sizeof(buffer));
    if (size < 0) return {"list", -size};
    if (size == 0) return {};
    for (long at = 0; at < size;) {
      const Entry* entry = reinterpret_cast<const Entry*>(buffer + at);
      at += entry->length;
      if (is_dots(entry->name)) continue;
      Failure failure = act(entry->name);
      if (failure.step != nullptr) return failure;
    }
  }
}

class Copier {
 public:
  Copier(bool mounted_files, Owner owner) : mounted_files_(mounted_files), owner_(owner) {}

  Failure contents(int from, int to, int depth) {
    if (depth > kDeepest) return {"too many nested directories", 0};
    return each_entry(from, [&](const char* name) { return entry(from, to, name, depth); });
  }
  Failure attributes(const struct statx& info, int to, const char* name) const {
    unsigned uid = owner_.uid == ~0U ? info.stx_uid : owner_.uid;
    unsigned gid = owner_.gid == ~0U ? info.stx_gid : owner_.gid;
    int flags = name[0] == '\0' ? kEmptyPath : kNoFollow;
    long changed = sys::call(__NR_fchownat, to, sys::pointer(name), uid, gid, flags);
    if (changed < 0) return {"change owner", -changed};
    if ((info.stx_mode & kTypeMask) != kLinkType) {
      long mode = static_cast<long>(info.stx_mode & 07777);
      changed = name[0] == '\0' ? sys::call(__NR_fchmod, to, mode)
                                : sys::call(__NR_fchmodat, to, sys::pointer(name), mode);
      if (changed < 0) return {"change mode", -changed};
    }
    sys::TimeSpec times[2] = {{info.stx_atime.tv_sec, info.stx_atime.tv_nsec},
                              {info.stx_mtime.tv_sec, info.stx_mtime.tv_nsec}};
    // Not every file system keeps times, and nothing depends on them.
    sys::call(__NR_utimensat, to, name[0] == '\0' ? 0 : sys::pointer(name), sys::pointer(times),
              name[0] == '\0' ? 0 : kNoFollow);
    return {};
  }

 private:
  Failure entry(int from, int to, const char* name, int depth) {
    if (mounted_files_ && name[0] == '.' && name[1] == '.') return {};
    struct statx info = {};
    long known = stat_at(from, name, mounted_files_ ? 0 : kNoFollow, info);
    if (known < 0) return {"stat", -known};
    switch (info.stx_mode & kTypeMask) {
      case kDirectoryType:
        return directory(from, to, name, info, depth);
      case kFileType:
        return file(from, to, name, info);
      case kLinkType:
        return link(from, to, name, info);
      default:
        return {};  // sockets, pipes, and devices have no contents to copy
    }
  }

  Failure directory(int from, int to, const char* name, const struct statx& info, int depth) {
    long made = sys::call(__NR_mkdirat, to, sys::pointer(name), 0700);
    if (made < 0 && made != -kEexist) return {"create directory", -made};
    File source(sys::openat(from, name, kDirectory | sys::kCloexec, 0));
    File target(sys::openat(to, name, kDirectory | kOpenNoFollow | sys::kCloexec, 0));
    if (source.error() != 0) return {"open", source.error()};
    if (target.error() != 0) return {"open", target.error()};
    Failure failure = contents(source.get(), target.get(), depth + 1);
    return failure.step != nullptr ? failure : attributes(info, to, name);
  }

  Failure file(int from, int to, const char* name, const struct statx& info) {
    sys::unlinkat(to, name);
    File source(sys::openat(from, name, sys::kCloexec, 0));
    if (source.error() != 0) return {"open", source.error()};
    File target(sys::openat(to, name, sys::kWriteOnly | sys::kCreate | kOpenNoFollow | sys::kCloexec, 0600));
    if (target.error() != 0) return {"create", target.error()};
    static char block[1 << 16];
    for (;;) {
      long size = sys::read(source.get(), block, sizeof(block));
      if (size < 0) return {"read", -size};
      if (size == 0) break;
      for (long done = 0; done < size;) {
        long written = sys::write(target.get(), block + done, static_cast<size_t>(size - done));
        if (written < 0) return {"write", -written};
        done += written;
      }
    }
    return attributes(info, to, name);
  }

  Failure link(int from, int to, const char* name, const struct statx& info) {
    char path[4097];
    long size = sys::call(__NR_readlinkat, from, sys::pointer(name), sys::pointer(path), sizeof(path) - 1);
    if (size < 0) return {"read link", -size};
    path[size] = '\0';
    sys::unlinkat(to, name);
    long made = sys::call(__NR_symlinkat, sys::pointer(path), to, sys::pointer(name));
    if (made < 0) return {"create link", -made};
    return attributes(info, to, name);
  }

  bool mounted_files_;
  Owner owner_;
};

// Whether the directory has no entries.
bool is_empty(int directory) {
  return each_entry(directory, [](const char*) { return Failure{"not empty", 0}; }).step == nullptr;
}

bool exists(int directory, const char* name) {
  struct statx info = {};
  return stat_at(directory, name, kNoFollow, info) == 0;
}

Failure create_file(int directory, const char* name) {
  File file(
      sys::openat(directory, name, sys::kWriteOnly | sys::kCreate | kOpenNoFollow | sys::kCloexec, 0644));
  return file.error() != 0 ? Failure{"create the marker", file.error()} : Failure{};
}

Failure copy_once(int source, int volume, int data) {
  constexpr char kFilling[] = ".stack-filling", kFilled[] = ".stack-filled";
  if (exists(volume, kFilling) || is_empty(data)) {
    Failure failure = create_file(volume, kFilling);
    if (failure.step != nullptr) return failure;
    Copier copier(false, {});
    failure = copier.contents(source, data, 0);
    if (failure.step != nullptr) return failure;
    struct statx info = {};
    long known = stat_at(source, "", kEmptyPath, info);
    if (known < 0) return {"stat", -known};
    failure = copier.attributes(info, data, "");
    if (failure.step != nullptr) return failure;
    sys::call(__NR_syncfs, volume);
    long renamed = sys::renameat(volume, kFilling, kFilled);
    return renamed < 0 ? Failure{"rename the marker", -renamed} : Failure{};
  }
  return create_file(volume, kFilled);
}

}  // namespace

Failure fill_volume(const char* source, const char* volume) {
  constexpr char kData[] = "data";
  File root(sys::openat(sys::kAtFdcwd, volume, kDirectory | sys::kCloexec, 0));
  if (root.error() != 0) return {"open the volume", root.error()};
  sys::flock(root.get(), kExclusiveLock);
  if (exists(root.get(), ".stack-filled")) return {};
  long made = sys::call(__NR_mkdirat, root.get(), sys::pointer(kData), 0755);
  if (made < 0 && made != -kEexist) return {"create directory", -made};
  File from(sys::openat(sys::kAtFdcwd, source, kDirectory | sys::kCloexec, 0));
  if (from.error() == kEnoent || from.error() == kEnotdir) return {};
  if (from.error() != 0) return {"open", from.error()};
  File to(sys::openat(root.get(), kData, kDirectory | kOpenNoFollow | sys::kCloexec, 0));
  if (to.error() != 0) return {"open", to.error()};
  return copy_once(from.get(), root.get(), to.get());
}

Failure copy_files(const char* source, const char* target, Owner owner) {
  File from(sys::openat(sys::kAtFdcwd, source, kDirectory | sys::kCloexec, 0));
  if (from.error() != 0) return {"open", from.error()};
  File to(sys::openat(sys::kAtFdcwd, target, kDirectory | sys::kCloexec, 0));
  if (to.error() != 0) return {"open", to.error()};
  return Copier(true, owner).contents(from.get(), to.get(), 0);
}

}  // namespace stack::runtime::pod
