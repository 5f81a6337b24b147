#include "cli/session/host_files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/files.h"
#include "base/identity.h"
#include "images/archive/tar_reader.h"
#include "images/archive/tree_tar.h"
#include "images/layer/layer_unpack.h"

namespace stack::transfer {

namespace {

bool asserts_directory(const std::string& path) { return path.ends_with('/') || path.ends_with("/."); }

// "a/b/" -> {"a", "b"}; "/" -> {"/", "/"}.
std::pair<std::string, std::string> split_path(const std::string& path) {
  std::string clean = clean_path(path);
  if (clean == "/") return {"/", "/"};
  return {directory_name(clean), base_name(clean)};
}

}  // namespace

std::string top_name(const std::string& path) {
  if (path.ends_with("/.") || path == ".") return ".";
  return split_path(path).second;
}

Result<Placement> place_copy(const CopyPath& source, const CopyPath& destination) {
  if (destination.exists && destination.is_directory)
    return Placement{destination.path, "", !source.is_directory};
  if (destination.exists && source.is_directory)
    return invalid("cannot copy directory: " + destination.path + " is not a directory");
  if (!destination.exists && !source.is_directory && asserts_directory(destination.path))
    return not_found("no such directory: " + destination.path);
  auto [directory, name] = split_path(destination.path);
  return Placement{directory, name, !source.is_directory};
}

Result<HostSource> open_source(const std::string& path, bool follow) {
  HostSource source;
  source.info.path = path;
  int flags = O_PATH | O_CLOEXEC | (follow || asserts_directory(path) ? 0 : O_NOFOLLOW);
  source.fd = Fd(::open(path.c_str(), flags));
  struct stat info{};
  if (!source.fd || ::fstat(source.fd.get(), &info) != 0) {
    bool absent = errno == ENOENT || errno == ENOTDIR;
    Error error = Error::last_errno(path);
    return absent ? not_found(error.text()) : error;
  }
  source.info.exists = true;
  source.info.is_directory = S_ISDIR(info.st_mode);
  return source;
}

Result<CopyPath> find_destination(const std::string& path) {
  CopyPath found{path, false, false};
  struct stat info{};
  if (::stat(path.c_str(), &info) == 0) {
    found.exists = true;
    found.is_directory = S_ISDIR(info.st_mode);
    return found;
  }
  if (errno != ENOENT) return Error::last_errno(path);
  std::string parent = split_path(path).first;
  if (::stat(parent.c_str(), &info) != 0) return not_found(Error::last_errno(parent).text());
  if (!S_ISDIR(info.st_mode)) return invalid(parent + ": not a directory");
  return found;
}

Result<> pack(const HostSource& source, const std::string& name, const ByteSink& sink) {
  return images::write_tree_tar(source.fd.get(), name, sink);
}

namespace {

images::UnpackOptions unpack_options() {
  images::UnpackOptions options;
  options.whiteouts = false;
  options.follow_links = true;
  options.keep_root = true;
  options.override_owner = true;
  options.uid = ::geteuid();
  options.gid = ::getegid();
  options.devices = options.uid == 0;
  return options;
}

Result<> unpack_into(const ByteSource& source, const std::string& top, const Fd& directory,
                     const Placement& placement) {
  images::UnpackOptions options = unpack_options();
  if (!placement.name.empty()) {
    // Cleaned paths drop the top "." or "/", so all entries go below the new name.
    bool nameless = top == "." || top == "/";
    options.rename = [top, name = placement.name, nameless](const std::string& entry) {
      if (nameless) return name + "/" + entry;
      if (entry == top) return name;
      return entry.starts_with(top + "/") ? name + entry.substr(top.size()) : entry;
    };
    if (nameless && ::mkdirat(directory.get(), placement.name.c_str(), 0755) != 0 && errno != EEXIST)
      return Error::last_errno("create directory " + placement.directory + "/" + placement.name);
  }
  images::TarReader reader(source);
  return images::unpack_tar(reader, directory.get(), options);
}

// Whether the name is free or a regular file. Anything else, such as a link, is written to, not replaced.
bool may_replace(const Fd& directory, const std::string& name) {
  struct stat info{};
  if (::fstatat(directory.get(), name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) return errno == ENOENT;
  return S_ISREG(info.st_mode);
}

}  // namespace

Result<> unpack(const ByteSource& source, const std::string& top, const Placement& placement) {
  TRY_ASSIGN(Fd directory, open_file(placement.directory, O_RDONLY | O_DIRECTORY));
  std::string name = placement.name.empty() ? top : placement.name;
  if (!placement.one_file || !may_replace(directory, name))
    return unpack_into(source, top, directory, placement);
  // An interrupted copy leaves the former file.
  Placement beside{placement.directory, "." + name.substr(0, 200) + "." + random_hex(6), true};
  Result<> unpacked = unpack_into(source, top, directory, beside);
  if (unpacked && ::renameat(directory.get(), beside.name.c_str(), directory.get(), name.c_str()) != 0)
    unpacked = Error::last_errno("write " + placement.directory + "/" + name);
  if (!unpacked) (void)::unlinkat(directory.get(), beside.name.c_str(), 0);
  return unpacked;
}

}  // namespace stack::transfer
