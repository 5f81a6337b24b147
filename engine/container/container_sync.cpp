#include "engine/container/container_sync.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/copy_tree.h"
#include "base/files.h"
#include "base/identity.h"
#include "engine/container/container_run.h"
#include "runtime/rootfs/rootfs_view.h"

namespace stack::engine {

namespace {

// A directory in the container and a name in it.
struct Place {
  Fd directory;
  std::string name;
};

bool is_plain_name(const std::string& name) { return !name.empty() && name != "." && name != ".."; }

Result<struct stat> stat_of(int directory, const std::string& name) {
  struct stat info{};
  if (::fstatat(directory, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) return Error::last_errno(name);
  return info;
}

// Creates missing parents with the owner of the closest existing one.
Result<Place> place_of(int root, const std::string& target, bool make_parents) {
  std::string path = clean_path(target);
  std::string name = base_name(path);
  if (!path.starts_with('/') || !is_plain_name(name))
    return invalid("\"" + target + "\" is not an absolute file path");
  std::string parent = directory_name(path);
  if (!make_parents) {
    TRY_ASSIGN(Fd directory, runtime::open_in_root(root, parent, O_PATH | O_DIRECTORY));
    return Place{std::move(directory), name};
  }
  struct stat owner{};
  for (std::string existing = parent;; existing = directory_name(existing)) {
    Result<Fd> found = runtime::open_in_root(root, existing, O_PATH | O_DIRECTORY);
    if (found && ::fstat(found->get(), &owner) == 0) break;
    if (existing == "/" || existing.empty()) break;
  }
  TRY_ASSIGN(Fd directory, runtime::ensure_directory_in_root(root, parent, owner.st_uid, owner.st_gid));
  return Place{std::move(directory), name};
}

// A path to the place through the descriptor's /proc link.
std::string path_through(const Place& place) {
  return "/proc/self/fd/" + std::to_string(place.directory.get()) + "/" + place.name;
}

// The owner of the replaced file, or of the directory.
Result<struct stat> owner_for(const Place& place) {
  if (auto there = stat_of(place.directory.get(), place.name)) return *there;
  struct stat info{};
  if (::fstat(place.directory.get(), &info) != 0) return Error::last_errno("stat");
  return info;
}

// A mount point cannot be replaced, so its content is overwritten.
Result<> write_in_place(int source, const struct stat& from, const Place& place) {
  Fd file(::openat(place.directory.get(), place.name.c_str(),
                   O_WRONLY | O_TRUNC | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!file) return Error::last_errno("open");
  return copy_file_bytes(source, file.get(), from.st_size);
}

Result<> put_file(int source, const struct stat& from, const Place& place) {
  TRY_ASSIGN(struct stat owner, owner_for(place));
  if (S_ISDIR(owner.st_mode) && stat_of(place.directory.get(), place.name))
    TRY(remove_tree(path_through(place)));
  std::string temporary = "." + place.name.substr(0, 200) + "." + random_hex(6);
  Fd file(::openat(place.directory.get(), temporary.c_str(),
                   O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!file) return Error::last_errno("create");
  auto give_up = [&](Error error) -> Result<> {
    ::unlinkat(place.directory.get(), temporary.c_str(), 0);
    return error;
  };
  if (auto copied = copy_file_bytes(source, file.get(), from.st_size); !copied)
    return give_up(copied.error());
  if (::fchown(file.get(), owner.st_uid, owner.st_gid) != 0 ||
      ::fchmod(file.get(), from.st_mode & 07777) != 0)
    return give_up(Error::last_errno("set owner and mode"));
  if (::renameat(place.directory.get(), temporary.c_str(), place.directory.get(), place.name.c_str()) == 0)
    return {};
  Error error = Error::last_errno("rename");
  ::unlinkat(place.directory.get(), temporary.c_str(), 0);
  if (error.code() == EBUSY) return write_in_place(source, from, place);
  return error;
}

Result<> put_link(const std::string& source, const Place& place) {
  std::string text(4096, '\0');
  ssize_t length = ::readlink(source.c_str(), text.data(), text.size());
  if (length < 0) return Error::last_errno("readlink");
  text.resize(static_cast<size_t>(length));
  TRY(remove_tree(path_through(place)));
  if (::symlinkat(text.c_str(), place.directory.get(), place.name.c_str()) != 0)
    return Error::last_errno("symlink");
  return {};
}

Result<> put_directory(const struct stat& from, const Place& place) {
  TRY_ASSIGN(struct stat owner, owner_for(place));
  if (auto there = stat_of(place.directory.get(), place.name)) {
    if (S_ISDIR(there->st_mode)) return {};
    TRY(remove_tree(path_through(place)));
  }
  if (::mkdirat(place.directory.get(), place.name.c_str(), from.st_mode & 07777) != 0)
    return Error::last_errno("mkdir");
  if (::fchownat(place.directory.get(), place.name.c_str(), owner.st_uid, owner.st_gid,
                 AT_SYMLINK_NOFOLLOW) != 0)
    return Error::last_errno("chown");
  return {};
}

// false: the source no longer exists.
Result<bool> copy_one(int root, const SyncRequest::Copy& copy) {
  struct stat from{};
  if (::lstat(copy.source.c_str(), &from) != 0) {
    if (errno == ENOENT || errno == ENOTDIR) return false;
    return Error::last_errno(copy.source);
  }
  TRY_ASSIGN(Place place, place_of(root, copy.target, true));
  if (S_ISLNK(from.st_mode)) {
    TRY(put_link(copy.source, place));
  } else if (S_ISDIR(from.st_mode)) {
    TRY(put_directory(from, place));
  } else if (S_ISREG(from.st_mode)) {
    Fd source(::open(copy.source.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    if (!source && errno == ENOENT) return false;
    if (!source) return Error::last_errno(copy.source);
    if (::fstat(source.get(), &from) != 0) return Error::last_errno(copy.source);
    TRY(put_file(source.get(), from, place));
  } else {
    return false;
  }
  return true;
}

Result<bool> remove_one(int root, const std::string& target) {
  Result<Place> place = place_of(root, target, false);
  if (!place && place.error().kind() == ErrorKind::NotFound) return false;
  if (!place) return std::move(place).error();
  if (!stat_of(place->directory.get(), place->name)) return false;
  TRY(remove_tree(path_through(*place)));
  return true;
}

Result<int> apply(int root, const SyncRequest& request) {
  int done = 0;
  for (const std::string& target : request.removals) {
    TRY_ASSIGN(bool removed, remove_one(root, target).in("remove " + target));
    done += removed ? 1 : 0;
  }
  for (const SyncRequest::Copy& copy : request.copies) {
    TRY_ASSIGN(bool copied, copy_one(root, copy).in("copy to " + copy.target));
    done += copied ? 1 : 0;
  }
  return done;
}

}  // namespace

Task<Result<int>> sync_into(ContainerService& containers, ContainerPtr container, SyncRequest request) {
  // A stopped container stays stopped while its files are open.
  std::optional<CommandQueue::Turn> turn;
  if (!container->running()) {
    Result<CommandQueue::Turn> entered = co_await container->commands.enter(CommandQueue::Kind::Steady);
    CO_TRY(entered);
    turn.emplace(std::move(*entered));
  }
  auto opener = containers.roots().files_of(*container);
  CO_TRY(opener);
  auto work = [open = *opener, request = std::move(request)]() -> Result<int> {
    TRY_ASSIGN(runtime::ContainerFiles files, open());
    return apply(files.root.get(), request);
  };
  Result<int> done = co_await offload(containers.context().pool, std::move(work));
  if (!done) co_return std::move(done).error().in("container " + container->spec.name);
  co_return *done;
}

}  // namespace stack::engine
