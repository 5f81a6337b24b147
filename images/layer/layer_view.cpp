#include "images/layer/layer_view.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <deque>
#include <map>
#include <set>

#include "base/files.h"
#include "base/path.h"
#include "base/rooted_path.h"
#include "base/text.h"
#include "images/layer/whiteout.h"

namespace stack::images {

namespace {

constexpr int kMostLinks = 40;

const char* at(const std::string& path) { return path.empty() ? "." : path.c_str(); }

Result<bool> is_opaque(int root, const std::string& path) {
  TRY_ASSIGN(Fd fd, open_below_without_links(root, path, O_RDONLY | O_DIRECTORY));
  char value = 0;
  if (::fgetxattr(fd.get(), "trusted.overlay.opaque", &value, 1) == 1 && value == 'y') return true;
  return ::fgetxattr(fd.get(), "user.overlay.opaque", &value, 1) == 1 && value == 'y';
}

std::deque<std::string> parts_of(std::string_view path) {
  std::deque<std::string> parts;
  for (std::string& part : split(path, '/'))
    if (!part.empty() && part != ".") parts.push_back(std::move(part));
  return parts;
}

}  // namespace

Result<LayerView> LayerView::open(const std::vector<std::string>& layer_dirs) {
  LayerView view;
  for (const std::string& directory : layer_dirs) {
    TRY_ASSIGN(Fd root, open_file(directory, O_PATH | O_DIRECTORY));
    view.roots_.push_back(std::move(root));
    view.directories_.push_back(directory);
  }
  Members all;
  for (size_t i = 0; i < layer_dirs.size(); ++i) all.push_back(i);
  view.known_[""] = std::move(all);
  return view;
}

Result<LayerView::Members> LayerView::members(const std::string& directory) const {
  auto known = known_.find(directory);
  if (known != known_.end()) return known->second;
  TRY_ASSIGN(Members above, members(parent_path(directory)));
  Members out;
  for (size_t layer : above) {
    struct stat info{};
    if (::fstatat(roots_[layer].get(), at(directory), &info, AT_SYMLINK_NOFOLLOW) != 0) {
      if (errno == ENOENT || errno == ENOTDIR) continue;
      return Error::last_errno("stat " + directory);
    }
    if (!S_ISDIR(info.st_mode)) break;  // a file or whiteout hides the layers below
    out.push_back(layer);
    if (layer + 1 < roots_.size()) {
      TRY_ASSIGN(bool opaque, is_opaque(roots_[layer].get(), directory));
      if (opaque) break;
    }
  }
  known_[directory] = out;
  return out;
}

Result<std::optional<ViewEntry>> LayerView::child(const std::string& directory,
                                                  const std::string& name) const {
  TRY_ASSIGN(Members layers, members(directory));
  ViewEntry entry;
  entry.path = join_path(directory, name);
  for (size_t layer : layers) {
    if (::fstatat(roots_[layer].get(), at(entry.path), &entry.info, AT_SYMLINK_NOFOLLOW) != 0) {
      if (errno == ENOENT || errno == ENOTDIR) continue;
      return Error::last_errno("stat " + entry.path);
    }
    if (is_whiteout(entry.info)) return std::optional<ViewEntry>();
    entry.layer = layer;
    return std::optional<ViewEntry>(std::move(entry));
  }
  return std::optional<ViewEntry>();
}

// A path resolution in progress.
struct LayerView::Walk {
  const LayerView& view;
  std::deque<std::string> todo;
  ViewEntry here;  // always a directory, except at the end
  int links = 0;

  explicit Walk(const LayerView& of) : view(of) { reset(); }

  void reset() {
    here = ViewEntry{};
    here.info.st_mode = S_IFDIR | 0755;
    if (!view.roots_.empty()) (void)::fstatat(view.roots_[0].get(), "", &here.info, AT_EMPTY_PATH);
  }

  Result<> up() {
    std::string parent = parent_path(here.path);
    if (parent.empty()) {
      reset();
      return {};
    }
    TRY_ASSIGN(std::optional<ViewEntry> entry, view.child(parent_path(parent), last_component(parent)));
    if (!entry) return Error("layer view: parent vanished");
    here = std::move(*entry);
    return {};
  }

  // Prepends the link's target to the remaining path.
  Result<> take_link(const ViewEntry& link) {
    if (++links > kMostLinks) return Error::from_errno(link.path, ELOOP);
    TRY_ASSIGN(std::string target, view.read_link(link));
    if (target.starts_with('/')) reset();
    std::deque<std::string> parts = parts_of(target);
    todo.insert(todo.begin(), parts.begin(), parts.end());
    return {};
  }

  enum class Step { Done, Missing, NotDirectory };

  // Walks until nothing is left or the next component does not exist.
  Result<Step> run(bool follow) {
    while (!todo.empty()) {
      if (!S_ISDIR(here.info.st_mode)) return Step::NotDirectory;
      std::string name = todo.front();
      if (name == "..") {
        todo.pop_front();
        TRY(up());
        continue;
      }
      TRY_ASSIGN(std::optional<ViewEntry> next, view.child(here.path, name));
      if (!next) return Step::Missing;
      todo.pop_front();
      if (S_ISLNK(next->info.st_mode) && (follow || !todo.empty())) {
        TRY(take_link(*next));
      } else {
        here = std::move(*next);
      }
    }
    return Step::Done;
  }
};

Result<std::optional<ViewEntry>> LayerView::find(std::string_view path, bool follow) const {
  Walk walk(*this);
  walk.todo = parts_of(path);
  bool must_be_directory = path.ends_with('/') || path.ends_with("/.");
  TRY_ASSIGN(Walk::Step step, walk.run(follow || must_be_directory));
  if (step != Walk::Step::Done) return std::optional<ViewEntry>();
  return std::optional<ViewEntry>(std::move(walk.here));
}

Result<std::string> LayerView::resolve_for_creation(std::string_view path) const {
  Walk walk(*this);
  walk.todo = parts_of(path);
  TRY_ASSIGN(Walk::Step step, walk.run(true));
  if (step == Walk::Step::NotDirectory) return invalid("/" + walk.here.path + " is not a directory");
  if (step == Walk::Step::Done) return walk.here.path;
  std::string rest = clean_path("/" + walk.here.path + "/" +
                                join(std::vector<std::string>(walk.todo.begin(), walk.todo.end()), "/"));
  return rest.substr(1);
}

Result<std::vector<ViewEntry>> LayerView::list(const std::string& directory) const {
  TRY_ASSIGN(Members layers, members(directory));
  std::vector<ViewEntry> out;
  std::set<std::string, std::less<>> hidden;  // names that an upper layer defines
  for (size_t position = 0; position < layers.size(); ++position) {
    size_t layer = layers[position];
    bool last = position + 1 == layers.size();
    TRY_ASSIGN(Fd fd, open_below_without_links(roots_[layer].get(), directory, O_RDONLY | O_DIRECTORY));
    int raw = fd.get();
    DIR* stream = ::fdopendir(raw);
    if (stream == nullptr) return Error::last_errno("open " + directory);
    (void)fd.release();
    Result<> failure;
    while (dirent* item = ::readdir(stream)) {
      std::string_view name = item->d_name;
      if (name == "." || name == ".." || hidden.contains(name)) continue;
      ViewEntry entry;
      if (::fstatat(raw, item->d_name, &entry.info, AT_SYMLINK_NOFOLLOW) != 0) {
        if (errno == ENOENT) continue;
        failure = Error::last_errno("stat " + join_path(directory, item->d_name));
        break;
      }
      if (!last) hidden.emplace(name);
      if (is_whiteout(entry.info)) continue;
      entry.path = join_path(directory, item->d_name);
      entry.layer = layer;
      out.push_back(std::move(entry));
    }
    ::closedir(stream);
    if (!failure) return std::move(failure).error();
  }
  std::sort(out.begin(), out.end(), [](const ViewEntry& a, const ViewEntry& b) { return a.path < b.path; });
  return out;
}

Result<Fd> LayerView::open_entry(const ViewEntry& entry, int flags) const {
  if (roots_.empty()) return not_found("/" + entry.path);
  return open_below_without_links(roots_[entry.layer].get(), entry.path, flags | O_NOFOLLOW | O_NONBLOCK);
}

Result<std::string> LayerView::read_link(const ViewEntry& entry) const {
  std::string target(static_cast<size_t>(std::max<off_t>(entry.info.st_size, 0)) + 1, '\0');
  ssize_t n = ::readlinkat(roots_[entry.layer].get(), entry.path.c_str(), target.data(), target.size());
  if (n < 0) return Error::last_errno("read link " + entry.path);
  target.resize(static_cast<size_t>(n));
  return target;
}

Result<std::optional<std::string>> LayerView::read_file(std::string_view path, size_t limit) const {
  TRY_ASSIGN(std::optional<ViewEntry> entry, find(path, true));
  if (!entry || !S_ISREG(entry->info.st_mode)) return std::optional<std::string>();
  TRY_ASSIGN(Fd fd, open_entry(*entry, O_RDONLY));
  TRY_ASSIGN(std::string text, read_all(fd.get(), limit));
  return std::optional<std::string>(std::move(text));
}

namespace {

std::optional<uint32_t> number(std::string_view text) {
  uint32_t value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  // (uid_t)-1 means "leave as it is" to chown(2).
  if (text.empty() || error != std::errc() || end != text.data() + text.size() || value == UINT32_MAX)
    return std::nullopt;
  return value;
}

// Field `wanted` of the line whose first field is `name`.
Result<std::optional<uint32_t>> look_up(const LayerView& view, const char* file, std::string_view name) {
  TRY_ASSIGN(std::optional<std::string> text, view.read_file(file));
  if (!text) return std::optional<uint32_t>();
  for (const std::string& line : split(*text, '\n')) {
    std::vector<std::string> fields = split(line, ':');
    if (fields.size() >= 3 && fields[0] == name) return number(fields[2]);
  }
  return std::optional<uint32_t>();
}

Result<uint32_t> id_of(const LayerView& view, const char* file, std::string_view text) {
  if (is_all_digits(text)) {
    std::optional<uint32_t> value = number(text);
    if (!value) return invalid("id out of range: " + std::string(text));
    return *value;
  }
  TRY_ASSIGN(std::optional<uint32_t> value, look_up(view, file, text));
  if (!value) return invalid("\"" + std::string(text) + "\" is not in the image's /" + file);
  return *value;
}

}  // namespace

Result<Owner> find_owner(const LayerView& view, std::string_view text) {
  size_t colon = text.find(':');
  std::string_view user = text.substr(0, colon);
  Owner owner;
  if (!user.empty()) {
    TRY_ASSIGN(owner.uid, id_of(view, "etc/passwd", user));
    owner.gid = owner.uid;
  }
  if (colon != std::string_view::npos && colon + 1 < text.size()) {
    TRY_ASSIGN(owner.gid, id_of(view, "etc/group", text.substr(colon + 1)));
  }
  return owner;
}

}  // namespace stack::images
