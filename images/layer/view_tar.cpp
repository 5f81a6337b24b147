#include "images/layer/view_tar.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <vector>

#include "base/copy_tree.h"

namespace stack::images {

namespace {

class ViewWalk {
 public:
  ViewWalk(const LayerView& view, const ByteSink& sink) : view_(view), writer_(sink) {}

  Result<> run() {
    TRY(directory(""));
    return writer_.finish();
  }

 private:
  Result<> directory(const std::string& path) {
    TRY_ASSIGN(std::vector<ViewEntry> entries, view_.list(path));
    for (const ViewEntry& entry : entries) {
      TRY(put(entry).in(entry.path));
      if (S_ISDIR(entry.info.st_mode)) TRY(directory(entry.path));
    }
    return {};
  }

  static char type_of(mode_t mode) {
    if (S_ISREG(mode)) return '0';
    if (S_ISLNK(mode)) return '2';
    if (S_ISCHR(mode)) return '3';
    if (S_ISBLK(mode)) return '4';
    if (S_ISDIR(mode)) return '5';
    return S_ISFIFO(mode) ? '6' : '\0';
  }

  Result<> put(const ViewEntry& entry) {
    const struct stat& info = entry.info;
    TarEntry out;
    out.type = type_of(info.st_mode);
    if (out.type == '\0') return {};
    out.name = entry.path + (out.type == '5' ? "/" : "");
    out.mode = info.st_mode & 07777;
    out.uid = info.st_uid;
    out.gid = info.st_gid;
    out.mtime = info.st_mtim.tv_sec;
    if (out.type == '3' || out.type == '4') {
      out.device_major = major(info.st_rdev);
      out.device_minor = minor(info.st_rdev);
    }
    if (out.type == '2') {
      TRY_ASSIGN(out.link_name, view_.read_link(entry));
    }
    if (out.type != '0' && out.type != '5') return writer_.entry(out);
    TRY_ASSIGN(Fd file, view_.open_entry(entry, out.type == '5' ? O_RDONLY | O_DIRECTORY : O_RDONLY));
    TRY_ASSIGN(out.xattrs, portable_attributes(file.get()));
    if (out.type == '0') out.size = info.st_size;
    TRY(writer_.entry(out));
    return out.type == '0' ? content(file.get(), info.st_size) : Result<>();
  }

  Result<> content(int fd, int64_t size) {
    std::vector<char> buffer(size_t{256} << 10);
    while (size > 0) {
      ssize_t n = ::read(fd, buffer.data(), std::min<size_t>(buffer.size(), static_cast<size_t>(size)));
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return Error::last_errno("read");
      if (n == 0) return Error("a file of a layer was truncated while it was read");
      TRY(writer_.content({buffer.data(), static_cast<size_t>(n)}));
      size -= n;
    }
    return {};
  }

  const LayerView& view_;
  TarWriter writer_;
};

}  // namespace

Result<> write_view_tar(const LayerView& view, const ByteSink& sink) { return ViewWalk(view, sink).run(); }

}  // namespace stack::images
