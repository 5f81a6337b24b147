#include "engine/buildkit/tree_writer.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/files.h"
#include "base/rooted_path.h"
#include "base/text.h"
#include "engine/buildkit/file_mode.h"

namespace stack::engine {

namespace {

mode_t permissions(uint32_t mode) {
  mode_t out = mode & 0777;
  if ((mode & kGoSetuid) != 0) out |= S_ISUID;
  if ((mode & kGoSetgid) != 0) out |= S_ISGID;
  if ((mode & kGoSticky) != 0) out |= S_ISVTX;
  return out;
}

timespec time_of(int64_t nanoseconds) {
  timespec out{};
  out.tv_sec = nanoseconds / 1'000'000'000;
  out.tv_nsec = nanoseconds % 1'000'000'000;
  if (out.tv_nsec < 0) {
    out.tv_nsec += 1'000'000'000;
    --out.tv_sec;
  }
  return out;
}

Result<> check_path(const std::string& path) {
  bool good = !path.empty() && path.find('\0') == std::string::npos;
  for (const std::string& part : split(path, '/'))
    good = good && !part.empty() && part != "." && part != "..";
  return good ? Result<>() : Result<>(invalid("build context: invalid path \"" + path + "\""));
}

}  // namespace

Result<TreeWriter> TreeWriter::open(const std::string& directory) {
  TRY(ensure_directory(directory));
  TRY_ASSIGN(Fd root, open_file(directory, O_PATH | O_DIRECTORY));
  return TreeWriter(std::move(root));
}

Result<Fd> TreeWriter::open_parent(const std::string& path, std::string& name) const {
  TRY(check_path(path));
  size_t slash = path.rfind('/');
  name = slash == std::string::npos ? path : path.substr(slash + 1);
  std::string parent = slash == std::string::npos ? "." : path.substr(0, slash);
  return open_below_without_links(root_.get(), parent, O_PATH | O_DIRECTORY);
}

Result<> TreeWriter::add_link(const SyncedFile& file) const {
  std::string name;
  TRY_ASSIGN(Fd parent, open_parent(file.path, name));
  if ((file.mode & kGoSymlink) != 0) {
    if (::symlinkat(file.link.c_str(), parent.get(), name.c_str()) != 0)
      return Error::last_errno("create link " + file.path);
    timespec times[2] = {time_of(file.modified), time_of(file.modified)};
    (void)::utimensat(parent.get(), name.c_str(), times, AT_SYMLINK_NOFOLLOW);
    return {};
  }
  std::string target_name;
  TRY_ASSIGN(Fd target_parent, open_parent(file.link, target_name));
  if (::linkat(target_parent.get(), target_name.c_str(), parent.get(), name.c_str(), 0) != 0)
    return Error::last_errno("link " + file.path + " to " + file.link);
  return {};
}

Result<> TreeWriter::open_content(Wanted& wanted) const {
  if (wanted.content) return {};
  std::string name;
  TRY_ASSIGN(Fd parent, open_parent(wanted.file.path, name));
  int fd = ::openat(parent.get(), name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (fd < 0) return Error::last_errno("create " + wanted.file.path);
  wanted.content = Fd(fd);
  return {};
}

Result<bool> TreeWriter::add(uint32_t number, const SyncedFile& file) {
  uint32_t type = file.mode & kGoTypes;
  if (type == kGoDirectory) {
    std::string name;
    TRY_ASSIGN(Fd parent, open_parent(file.path, name));
    if (::mkdirat(parent.get(), name.c_str(), 0700) != 0 && errno != EEXIST)
      return Error::last_errno("create directory " + file.path);
    if (::fchmodat(parent.get(), name.c_str(), permissions(file.mode), 0) != 0)
      return Error::last_errno("set mode of " + file.path);
    directories_.emplace_back(file.path, file.modified);
    return false;
  }
  if (type == kGoSymlink || (type == 0 && !file.link.empty())) {
    // Another name for a file whose content has not come yet.
    for (auto& [other, wanted] : wanted_)
      if (type == 0 && wanted.file.path == file.link) TRY(open_content(wanted));
    TRY(add_link(file));
    return false;
  }
  if (type != 0) return false;  // sockets, pipes and devices cannot be copied
  TRY(check_path(file.path));
  wanted_[number].file = file;
  return true;
}

Result<> TreeWriter::write(uint32_t number, std::string_view bytes) {
  auto wanted = wanted_.find(number);
  if (wanted == wanted_.end()) return invalid("build context: content of a file that was not asked for");
  TRY(open_content(wanted->second));
  return write_all(wanted->second.content.get(), bytes);
}

Result<> TreeWriter::end(uint32_t number) {
  auto found = wanted_.find(number);
  if (found == wanted_.end()) return invalid("build context: content of a file that was not asked for");
  TRY(open_content(found->second));
  const SyncedFile& file = found->second.file;
  int fd = found->second.content.get();
  timespec times[2] = {time_of(file.modified), time_of(file.modified)};
  if (::fchmod(fd, permissions(file.mode)) != 0 || ::futimens(fd, times) != 0)
    return Error::last_errno("set mode and time of " + file.path);
  wanted_.erase(found);
  return {};
}

Result<> TreeWriter::finish() {
  if (!wanted_.empty())
    return Error("build context: the client did not send " + wanted_.begin()->second.file.path);
  for (auto entry = directories_.rbegin(); entry != directories_.rend(); ++entry) {
    std::string name;
    TRY_ASSIGN(Fd parent, open_parent(entry->first, name));
    timespec times[2] = {time_of(entry->second), time_of(entry->second)};
    if (::utimensat(parent.get(), name.c_str(), times, AT_SYMLINK_NOFOLLOW) != 0)
      return Error::last_errno("set time of " + entry->first);
  }
  return {};
}

}  // namespace stack::engine
