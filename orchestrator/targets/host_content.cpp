#include "orchestrator/targets/host_content.h"

#include <sys/stat.h>

#include "base/directory.h"
#include "base/files.h"
#include "base/path.h"

namespace stack::targets {

namespace {

constexpr int kDeepest = 40;  // also ends loops of links
constexpr size_t kMostFiles = 4000;

class Reader {
 public:
  Reader(HostContent& out, uint64_t limit) : out_(out), left_(limit) {}

  void file(const std::string& path, const std::string& relative, const struct stat& info) {
    uint64_t size = info.st_size < 0 ? 0 : static_cast<uint64_t>(info.st_size);
    if (size > left_ || out_.files.size() >= kMostFiles) {
      out_.too_large = true;
      return;
    }
    auto bytes = read_file(path, static_cast<size_t>(left_) + 1);
    if (!bytes) {
      if (out_.unreadable.empty()) out_.unreadable = bytes.error().text();
      return;
    }
    left_ -= std::min<uint64_t>(left_, bytes->size());
    out_.files.push_back({relative, std::move(*bytes), info.st_mode & 0777U});
  }

  void directory(const std::string& path, const std::string& relative, int depth) {
    auto names = names_in(path);
    if (!names || depth > kDeepest) {
      if (out_.unreadable.empty())
        out_.unreadable = names ? path + ": too many nested directories" : names.error().text();
      return;
    }
    for (const std::string& name : *names) {
      if (out_.too_large) return;
      entry(path + "/" + name, join_path(relative, name), depth);
    }
  }

 private:
  void entry(const std::string& path, const std::string& relative, int depth) {
    struct stat info{};
    if (::stat(path.c_str(), &info) != 0) return;  // a dangling link
    if (S_ISREG(info.st_mode)) {
      file(path, relative, info);
    } else if (S_ISDIR(info.st_mode)) {
      directory(path, relative, depth + 1);
    }
  }

  HostContent& out_;
  uint64_t left_;
};

}  // namespace

HostContent read_host(const std::string& path, uint64_t limit) {
  HostContent out;
  struct stat info{};
  if (::stat(path.c_str(), &info) != 0) return out;
  Reader reader(out, limit);
  if (S_ISREG(info.st_mode)) {
    out.kind = HostKind::File;
    reader.file(path, "", info);
  } else if (S_ISDIR(info.st_mode)) {
    out.kind = HostKind::Directory;
    reader.directory(path, "", 0);
  } else {
    out.kind = HostKind::Special;
  }
  return out;
}

}  // namespace stack::targets
