#include "engine/container/archive_path.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/files.h"
#include "base/units.h"
#include "images/archive/tar_reader.h"
#include "images/layer/layer_unpack.h"
#include "runtime/rootfs/rootfs_view.h"

namespace stack::engine {

namespace {

constexpr int kLinkLimit = 40;

bool names_a_directory(const std::string& path) {
  return path.ends_with('/') || path.ends_with("/.") || path == "." || path.empty();
}

Error missing(const std::string& path, const std::string& container_id) {
  return not_found("Could not find the file " + path + " in container " + container_id);
}

// A link loop or a procfs link also counts as absent.
bool is_absent(const Error& error) { return error.kind() == ErrorKind::NotFound || error.code() == ELOOP; }

std::string read_link(int fd) {
  std::string target(4097, '\0');
  ssize_t n = ::readlinkat(fd, "", target.data(), target.size());
  target.resize(static_cast<size_t>(std::max<ssize_t>(n, 0)));
  return target;
}

// The final target of a link as an absolute path in the container, which clients request next.
std::string link_target(int root, std::string path) {
  for (int i = 0; i < kLinkLimit; ++i) {
    Result<Fd> fd = runtime::open_in_root(root, path, O_PATH | O_NOFOLLOW);
    struct stat info{};
    if (!fd || ::fstat(fd->get(), &info) != 0 || !S_ISLNK(info.st_mode)) break;
    path = absolute_path(directory_name(path), read_link(fd->get()));
  }
  return path;
}

std::string modified_text(const struct stat& info) {
  auto time = std::chrono::seconds(info.st_mtim.tv_sec) + std::chrono::nanoseconds(info.st_mtim.tv_nsec);
  return rfc3339(WallTime(std::chrono::duration_cast<WallTime::duration>(time)));
}

std::string base64(std::string_view bytes) {
  constexpr char kDigits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (size_t i = 0; i < bytes.size(); i += 3) {
    uint32_t group = 0;
    size_t count = std::min<size_t>(3, bytes.size() - i);
    for (size_t k = 0; k < 3; ++k)
      group = group << 8 | (k < count ? static_cast<unsigned char>(bytes[i + k]) : 0U);
    for (size_t k = 0; k < 4; ++k) out += k <= count ? kDigits[group >> (18 - 6 * k) & 63] : '=';
  }
  return out;
}

}  // namespace

uint32_t go_file_mode(uint32_t mode) {
  uint32_t out = mode & 0777;
  if ((mode & S_ISUID) != 0) out |= 1U << 23;
  if ((mode & S_ISGID) != 0) out |= 1U << 22;
  if ((mode & S_ISVTX) != 0) out |= 1U << 20;
  if (S_ISDIR(mode)) out |= 1U << 31;
  if (S_ISLNK(mode)) out |= 1U << 27;
  if (S_ISBLK(mode)) out |= 1U << 26;
  if (S_ISCHR(mode)) out |= 1U << 26 | 1U << 21;
  if (S_ISFIFO(mode)) out |= 1U << 25;
  if (S_ISSOCK(mode)) out |= 1U << 24;
  return out;
}

std::string path_stat_header(const Json& stat) { return base64(stack::to_text(stat)); }

Result<FoundPath> find_path(const runtime::ContainerFiles& files, const std::string& path,
                            const std::string& container_id) {
  std::string absolute = path.starts_with('/') ? path : "/" + path;
  int flags = O_PATH | (names_a_directory(path) ? 0 : O_NOFOLLOW);
  Result<Fd> fd = runtime::open_in_root(files.root.get(), absolute, flags);
  if (!fd && is_absent(fd.error())) return missing(path, container_id);
  if (!fd) return std::move(fd).error();
  struct stat info{};
  if (::fstat(fd->get(), &info) != 0) return Error::last_errno("stat " + path);
  if (names_a_directory(path) && !S_ISDIR(info.st_mode)) return missing(path, container_id);
  FoundPath found;
  found.fd = std::move(*fd);
  std::string clean = clean_path(absolute);
  found.name = path.ends_with("/.") || path == "." ? "." : base_name(clean);
  if (found.name.empty()) found.name = "/";
  found.stat = {{"name", found.name},
                {"size", info.st_size},
                {"mode", go_file_mode(info.st_mode)},
                {"mtime", modified_text(info)},
                {"linkTarget", S_ISLNK(info.st_mode) ? link_target(files.root.get(), clean) : ""}};
  return found;
}

Result<> extract_archive(const runtime::ContainerFiles& files, const std::string& path, int archive,
                         const ExtractOptions& options, const std::string& container_id) {
  std::string absolute = path.starts_with('/') ? path : "/" + path;
  Result<Fd> fd = runtime::open_in_root(files.root.get(), absolute, O_PATH);
  if (!fd && is_absent(fd.error())) return missing(path, container_id);
  if (!fd) return std::move(fd).error();
  struct stat info{};
  if (::fstat(fd->get(), &info) != 0) return Error::last_errno("stat " + path);
  if (!S_ISDIR(info.st_mode)) return invalid("extraction point is not a directory");
  // Links in the archive's paths resolve from the container's root, not from this directory.
  images::UnpackOptions unpack;
  unpack.whiteouts = false;
  unpack.follow_links = true;
  unpack.keep_root = true;
  unpack.below = clean_path(absolute).substr(1);
  unpack.replace_kinds = !options.no_overwrite_kinds;
  unpack.override_owner = options.override_owner;
  unpack.uid = options.uid;
  unpack.gid = options.gid;
  Fd root(::openat(files.root.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!root) return Error::last_errno("open the container's root");
  TRY_ASSIGN(images::ByteSource source, images::open_decompressed(archive));
  images::TarReader reader(std::move(source));
  return images::unpack_tar(reader, root.get(), unpack);
}

}  // namespace stack::engine
