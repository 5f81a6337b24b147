#include "images/layer/layer_tar.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <vector>

#include "base/copy_tree.h"
#include "base/fd.h"
#include "base/files.h"
#include "base/identity.h"
#include "images/layer/whiteout.h"

namespace stack::images {

namespace {

constexpr const char* kOpaque = "trusted.overlay.opaque";

struct Child {
  std::string name;
  struct stat info{};
};

Result<std::vector<Child>> list(int directory) {
  int again = ::openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR* stream = again < 0 ? nullptr : ::fdopendir(again);
  if (stream == nullptr) return Error::last_errno("open directory");
  std::vector<Child> children;
  Result<> failure;
  while (dirent* item = ::readdir(stream)) {
    std::string_view name = item->d_name;
    if (name == "." || name == "..") continue;
    Child child;
    child.name = name;
    if (::fstatat(directory, item->d_name, &child.info, AT_SYMLINK_NOFOLLOW) != 0) {
      failure = Error::last_errno("stat " + child.name);
      break;
    }
    children.push_back(std::move(child));
  }
  ::closedir(stream);
  if (!failure) return std::move(failure).error();
  std::sort(children.begin(), children.end(), [](const Child& a, const Child& b) {
    bool first = is_whiteout(a.info);
    bool second = is_whiteout(b.info);
    return first != second ? first : a.name < b.name;
  });
  return children;
}

class LayerWalk {
 public:
  explicit LayerWalk(const ByteSink& sink)
      : writer_([this, &sink](std::string_view bytes) -> Result<> {
          digest_.update(bytes);
          out_.tar_size += static_cast<int64_t>(bytes.size());
          if (sink) return sink(bytes);
          return {};
        }) {}

  Result<LayerDigest> run(const std::string& path) {
    TRY_ASSIGN(Fd root, open_file(path, O_RDONLY | O_DIRECTORY));
    struct stat info{};
    if (::fstat(root.get(), &info) != 0) return Error::last_errno("stat " + path);
    out_.empty = true;
    TRY_ASSIGN(Attributes attributes, attributes_of(root.get()));
    if ((info.st_mode & 07777) != 0755 || info.st_uid != 0 || info.st_gid != 0 ||
        !attributes.portable.empty())
      TRY(put(base_entry('5', "./", info), std::move(attributes)));
    TRY(children(root.get(), ""));
    TRY(writer_.finish());
    out_.diff_id = "sha256:" + digest_.finish_hex();
    return out_;
  }

 private:
  struct Attributes {
    std::map<std::string, std::string> portable;
    bool opaque = false;
  };

  static TarEntry base_entry(char type, std::string name, const struct stat& info) {
    TarEntry entry;
    entry.type = type;
    entry.name = std::move(name);
    entry.mode = info.st_mode & 07777;
    entry.uid = info.st_uid;
    entry.gid = info.st_gid;
    entry.mtime = info.st_mtim.tv_sec;
    return entry;
  }

  Result<> put(TarEntry entry, Attributes attributes) {
    out_.empty = false;
    entry.xattrs = std::move(attributes.portable);
    return writer_.entry(entry);
  }

  static Result<Attributes> read_attributes(const std::vector<char>& names,
                                            const std::function<ssize_t(const char*, char*, size_t)>& read) {
    Attributes out;
    for (size_t i = 0; i < names.size();) {
      std::string name(names.data() + i);
      i += name.size() + 1;
      if (name == "trusted.overlay.redirect" || name == "trusted.overlay.metacopy")
        return unsupported("layer was written with overlayfs redirect_dir or metacopy on");
      bool opaque = name == kOpaque || name == "user.overlay.opaque";
      if (!opaque && !is_portable_attribute(name)) continue;
      std::string value(64 * 1024, '\0');
      ssize_t n = read(name.c_str(), value.data(), value.size());
      if (n < 0) return Error::last_errno("read attribute " + name);
      value.resize(static_cast<size_t>(n));
      if (opaque) {
        out.opaque = out.opaque || value == "y";
      } else {
        out.portable[name] = value;
      }
    }
    return out;
  }

  static Result<std::vector<char>> names_from(const std::function<ssize_t(char*, size_t)>& read) {
    std::vector<char> names(512);
    ssize_t n = read(names.data(), names.size());
    if (n < 0 && errno == ERANGE) {
      names.resize(64 * 1024);
      n = read(names.data(), names.size());
    }
    if (n < 0 && errno != ENOTSUP) return Error::last_errno("list attributes");
    names.resize(static_cast<size_t>(std::max<ssize_t>(n, 0)));
    return names;
  }

  static Result<Attributes> attributes_of(int fd) {
    TRY_ASSIGN(std::vector<char> names,
               names_from([fd](char* buffer, size_t size) { return ::flistxattr(fd, buffer, size); }));
    if (names.empty()) return Attributes{};
    return read_attributes(names, [fd](const char* name, char* buffer, size_t size) {
      return ::fgetxattr(fd, name, buffer, size);
    });
  }

  // Attributes of files that cannot be opened: links and devices.
  static Result<Attributes> attributes_at(int directory, const std::string& name) {
    std::string path = "/proc/self/fd/" + std::to_string(directory) + "/" + name;
    TRY_ASSIGN(std::vector<char> names, names_from([&](char* buffer, size_t size) {
                 return ::llistxattr(path.c_str(), buffer, size);
               }));
    if (names.empty()) return Attributes{};
    return read_attributes(names, [&](const char* key, char* buffer, size_t size) {
      return ::lgetxattr(path.c_str(), key, buffer, size);
    });
  }

  Result<> children(int directory, const std::string& prefix) {
    TRY_ASSIGN(std::vector<Child> all, list(directory));
    for (const Child& child : all)
      TRY(entry(directory, prefix, child).in(prefix.empty() ? child.name : prefix));
    return {};
  }

  Result<> entry(int directory, const std::string& prefix, const Child& child) {
    const struct stat& info = child.info;
    std::string path = prefix + child.name;
    if (is_whiteout(info)) return whiteout(prefix + ".wh." + child.name, info);
    if (child.name.starts_with(".wh."))
      return unsupported("a file name that begins with .wh. cannot be part of a layer: " + path);
    if (S_ISSOCK(info.st_mode)) return {};
    if (S_ISDIR(info.st_mode)) return subdirectory(directory, path, child);
    if (info.st_nlink > 1) {
      auto [found, first] = links_.try_emplace({info.st_dev, info.st_ino}, path);
      if (!first) {
        TarEntry link = base_entry('1', path, info);
        link.link_name = found->second;
        return put(std::move(link), {});
      }
    }
    if (S_ISREG(info.st_mode)) return file(directory, path, child);
    return special(directory, path, child);
  }

  Result<> whiteout(std::string name, struct stat info) {
    info.st_mode = S_IFREG;
    info.st_uid = 0;
    info.st_gid = 0;
    info.st_mtim.tv_sec = 0;
    return put(base_entry('0', std::move(name), info), {});
  }

  Result<> subdirectory(int parent, const std::string& path, const Child& child) {
    Fd directory(::openat(parent, child.name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!directory) return Error::last_errno("open " + path);
    TRY_ASSIGN(Attributes attributes, attributes_of(directory.get()));
    bool opaque = attributes.opaque;
    TRY(put(base_entry('5', path + "/", child.info), std::move(attributes)));
    if (opaque) TRY(whiteout(path + "/.wh..wh..opq", child.info));
    return children(directory.get(), path + "/");
  }

  Result<> file(int directory, const std::string& path, const Child& child) {
    Fd fd(
        ::openat(directory, child.name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOATIME | O_CLOEXEC));
    if (!fd && errno == EPERM)
      fd.reset(::openat(directory, child.name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    if (!fd) return Error::last_errno("open " + path);
    TRY_ASSIGN(Attributes attributes, attributes_of(fd.get()));
    TarEntry entry = base_entry('0', path, child.info);
    entry.size = child.info.st_size;
    out_.size += entry.size;
    TRY(put(std::move(entry), std::move(attributes)));
    int64_t left = child.info.st_size;
    while (left > 0) {
      ssize_t n = ::read(fd.get(), buffer_.data(), std::min(buffer_.size(), static_cast<size_t>(left)));
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return Error::last_errno("read " + path);
      if (n == 0) return Error("read " + path + ": file changed while it was read");
      TRY(writer_.content(std::string_view(buffer_.data(), static_cast<size_t>(n))));
      left -= n;
    }
    return {};
  }

  Result<> special(int directory, const std::string& path, const Child& child) {
    const struct stat& info = child.info;
    char type = S_ISLNK(info.st_mode) ? '2' : S_ISCHR(info.st_mode) ? '3' : S_ISBLK(info.st_mode) ? '4' : '6';
    TarEntry entry = base_entry(type, path, info);
    if (type == '2') {
      entry.mode = 0777;
      std::string target(static_cast<size_t>(info.st_size) + 1, '\0');
      ssize_t n = ::readlinkat(directory, child.name.c_str(), target.data(), target.size());
      if (n < 0) return Error::last_errno("read link " + path);
      target.resize(static_cast<size_t>(n));
      entry.link_name = std::move(target);
    }
    if (type == '3' || type == '4') {
      entry.device_major = major(info.st_rdev);
      entry.device_minor = minor(info.st_rdev);
    }
    TRY_ASSIGN(Attributes attributes, attributes_at(directory, child.name));
    return put(std::move(entry), std::move(attributes));
  }

  TarWriter writer_;
  Sha256 digest_;
  LayerDigest out_;
  std::map<std::pair<dev_t, ino_t>, std::string> links_;
  std::vector<char> buffer_ = std::vector<char>(256 * 1024);
};

}  // namespace

Result<LayerDigest> write_layer_tar(const std::string& directory, const ByteSink& sink) {
  LayerWalk walk(sink);
  return walk.run(directory).in("read layer");
}

Result<LayerDigest> digest_layer(const std::string& directory) { return write_layer_tar(directory, {}); }

}  // namespace stack::images
