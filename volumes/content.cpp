#include "volumes/content.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cstdio>
#include <set>
#include <utility>
#include <vector>

#include "base/copy_tree.h"
#include "base/directory.h"
#include "base/files.h"

namespace stack::volumes {

namespace {

Result<> take_over_mode(int from, int to) {
  struct stat info{};
  if (::fstat(from, &info) != 0) return Error::last_errno("stat");
  if (::fchown(to, info.st_uid, info.st_gid) != 0) return Error::last_errno("chown");
  // Must follow chown, which drops set-id bits.
  if (::fchmod(to, info.st_mode & 07777) != 0) return Error::last_errno("chmod");
  return {};
}

Result<> move_in(const FillPlaces& places, bool keep_owner) {
  TRY_ASSIGN(Fd staged, open_file(places.ready, O_RDONLY | O_DIRECTORY));
  TRY_ASSIGN(Fd data, open_file(places.data, O_RDONLY | O_DIRECTORY));
  if (!keep_owner) TRY(take_over_mode(staged.get(), data.get()));
  TRY_ASSIGN(std::vector<std::string> names, names_in(staged.get()));
  for (const std::string& name : names) {
    if (::renameat2(staged.get(), name.c_str(), data.get(), name.c_str(), RENAME_NOREPLACE) != 0 &&
        errno != EEXIST)
      return Error::last_errno("move " + name);
  }
  return remove_tree(places.ready);
}

bool is_read_only(const std::string& path) {
  struct statvfs info{};
  return ::statvfs(path.c_str(), &info) == 0 && (info.f_flag & ST_RDONLY) != 0;
}

uint64_t bytes_below(Fd directory, dev_t device, std::set<ino_t>& seen) {
  uint64_t total = 0;
  Result<std::vector<std::string>> names = names_in(directory.get());
  if (!names) return 0;
  for (const std::string& name : *names) {
    struct stat info{};
    if (::fstatat(directory.get(), name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0 || info.st_dev != device)
      continue;
    if (info.st_nlink > 1 && !S_ISDIR(info.st_mode) && !seen.insert(info.st_ino).second) continue;
    total += static_cast<uint64_t>(info.st_blocks) * 512;
    if (!S_ISDIR(info.st_mode)) continue;
    Fd child(::openat(directory.get(), name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (child) total += bytes_below(std::move(child), device, seen);
  }
  return total;
}

}  // namespace

Result<bool> holds_files(const FillPlaces& places) {
  TRY_ASSIGN(Fd data, open_file(places.data, O_RDONLY | O_DIRECTORY));
  TRY_ASSIGN(std::vector<std::string> present, names_in(data.get()));
  // mkfs.ext4 creates it.
  std::erase(present, "lost+found");
  return !present.empty();
}

FillPlaces places_beside(const std::string& folder) {
  return {folder + "/_data", folder + "/_populate.part", folder + "/_populate"};
}

FillPlaces places_inside(const std::string& data) {
  return {data, data + "/.stack-populate.part", data + "/.stack-populate"};
}

Result<bool> fill_volume(const FillPlaces& places, int source, bool keep_owner) {
  if (is_read_only(places.data)) return false;
  TRY(remove_tree(places.part));
  if (path_exists(places.ready)) {
    TRY(move_in(places, keep_owner));
    return true;
  }
  TRY_ASSIGN(bool filled, holds_files(places));
  if (filled) return false;
  TRY_ASSIGN(std::vector<std::string> offered, names_in(source));
  if (offered.empty()) {
    TRY_ASSIGN(Fd data, open_file(places.data, O_RDONLY | O_DIRECTORY));
    if (!keep_owner) TRY(take_over_mode(source, data.get()));
    return false;
  }
  TRY(ensure_directory(places.part, 0700));
  TRY_ASSIGN(Fd staged, open_file(places.part, O_RDONLY | O_DIRECTORY));
  TRY(copy_tree(source, staged.get(), {}));
  TRY(take_over_mode(source, staged.get()));
  // Syncs first, so that a power cut after the rename does not leave files without contents.
  if (::syncfs(staged.get()) != 0) return Error::last_errno("sync");
  if (::rename(places.part.c_str(), places.ready.c_str()) != 0)
    return Error::last_errno("rename " + places.part);
  TRY(move_in(places, keep_owner));
  return true;
}

Result<> publish_staged(const FillPlaces& places) {
  if (::rename(places.part.c_str(), places.ready.c_str()) != 0)
    return Error::last_errno("rename " + places.part);
  return move_in(places, false);
}

Result<uint64_t> tree_bytes(const std::string& path) {
  TRY_ASSIGN(Fd directory, open_file(path, O_RDONLY | O_DIRECTORY));
  struct stat info{};
  if (::fstat(directory.get(), &info) != 0) return Error::last_errno("stat " + path);
  std::set<ino_t> seen;
  return bytes_below(std::move(directory), info.st_dev, seen);
}

}  // namespace stack::volumes
