#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <map>
#include <thread>

#include "base/copy_tree.h"
#include "base/files.h"
#include "base/identity.h"
#include "base/path.h"
#include "base/text.h"
#include "images/builder/worker/copy.h"

namespace stack::builder {

namespace {

using images::ViewEntry;

constexpr size_t kFilesPerThread = 64;

// A relative, clean path; ".." cannot leave the source.
std::string clean_source(std::string_view pattern) {
  return clean_path("/" + std::string(pattern)).substr(1);
}

class Planner {
 public:
  Planner(const CopySource& source, const CopyOptions& options, const IgnoreRules& exclude, CopyPlan& plan)
      : source_(source), options_(options), exclude_(exclude), plan_(plan) {}

  Result<> add(const std::string& pattern) {
    std::string text = pattern;
    if (options_.parents) {
      size_t pivot = ("/" + text).find("/./");
      if (pivot != std::string::npos) pivot_ = clean_source(text.substr(0, pivot));
    }
    text = clean_source(text);
    if (!has_wildcards(text)) return plain(text, pattern);
    TRY(check_glob(text));
    return wildcard(text);
  }

 private:
  bool ignored(const std::string& path) const {
    return source_.ignore != nullptr && !path.empty() && source_.ignore->excluded(path);
  }

  Result<> plain(const std::string& path, const std::string& shown) {
    TRY_ASSIGN(std::optional<ViewEntry> entry, source_.view->find(unescaped(path), true));
    int line = source_.ignore != nullptr && entry ? source_.ignore->excluding_line(path) : 0;
    bool reincluded =
        entry && S_ISDIR(entry->info.st_mode) && line > 0 && source_.ignore->may_reinclude_below(path);
    if (!entry) return not_found("\"" + shown + "\" not found");
    if (line > 0 && !reincluded)
      return not_found("\"" + shown + "\" not found: excluded by line " + std::to_string(line) +
                       " of .dockerignore");
    return top(unescaped(path), *entry);
  }

  static std::string unescaped(const std::string& path) {
    std::string out;
    for (size_t i = 0; i < path.size(); ++i) {
      if (path[i] == '\\' && i + 1 < path.size()) ++i;
      out += path[i];
    }
    return out;
  }

  Result<> wildcard(const std::string& pattern) {
    std::string base;
    std::vector<std::string> rest;
    for (std::string& part : split(pattern, '/')) {
      if (rest.empty() && !has_wildcards(part)) {
        base = join_path(base, unescaped(part));
      } else {
        rest.push_back(std::move(part));
      }
    }
    TRY_ASSIGN(std::optional<ViewEntry> start, source_.view->find(base, true));
    if (!start || !S_ISDIR(start->info.st_mode)) return {};
    bool deep = options_.parents && pattern.find("**") != std::string::npos;
    return deep ? match_deep(start->path, join(rest, "/"), "") : match_level(start->path, rest, 0);
  }

  Result<> match_level(const std::string& directory, const std::vector<std::string>& parts, size_t level) {
    TRY_ASSIGN(std::vector<ViewEntry> entries, source_.view->list(directory));
    for (const ViewEntry& entry : entries) {
      if (!glob_matches(parts[level], base_name(entry.path))) continue;
      TRY_ASSIGN(std::optional<ViewEntry> real, source_.view->find(entry.path, true));
      if (!real) continue;
      if (level + 1 == parts.size()) {
        TRY(matched(entry.path, *real));
      } else if (S_ISDIR(real->info.st_mode)) {
        TRY(match_level(real->path, parts, level + 1));
      }
    }
    return {};
  }

  Result<> match_deep(const std::string& directory, const std::string& pattern, const std::string& below) {
    TRY_ASSIGN(std::vector<ViewEntry> entries, source_.view->list(directory));
    for (const ViewEntry& entry : entries) {
      std::string relative = join_path(below, base_name(entry.path));
      if (deep_glob_matches(pattern, relative)) {
        TRY(matched(entry.path, entry));
      } else if (S_ISDIR(entry.info.st_mode)) {
        TRY(match_deep(entry.path, pattern, relative));
      }
    }
    return {};
  }

  Result<> matched(const std::string& path, const ViewEntry& entry) {
    if (ignored(path) && !(S_ISDIR(entry.info.st_mode) && source_.ignore->may_reinclude_below(path)))
      return {};
    return top(path, entry);
  }

  // A path that the user named.
  Result<> top(const std::string& path, const ViewEntry& entry) {
    if (source_.take && S_ISREG(entry.info.st_mode)) {
      TRY_ASSIGN(bool taken, source_.take(entry));
      if (taken) return {};
    }
    plan_.single_file = plan_.items.empty() && !S_ISDIR(entry.info.st_mode) && !options_.parents;
    std::string target;
    if (options_.parents) {
      TRY(add_parents(path));
      target = below_pivot(path);
    }
    if (S_ISDIR(entry.info.st_mode)) return directory(entry, path, target, "");
    if (!options_.parents) target = base_name(path);
    if (exclude_.excluded(base_name(path))) return {};
    return leaf(entry, target);
  }

  std::string below_pivot(const std::string& path) const {
    if (pivot_.empty()) return path;
    return path.size() > pivot_.size() ? path.substr(pivot_.size() + 1) : "";
  }

  Result<> add_parents(const std::string& path) {
    std::string relative = below_pivot(path);
    for (size_t slash = relative.find('/'); slash != std::string::npos;
         slash = relative.find('/', slash + 1)) {
      std::string target = relative.substr(0, slash);
      if (!parents_done_.insert(target).second) continue;
      TRY_ASSIGN(std::optional<ViewEntry> entry, source_.view->find(join_path(pivot_, target), true));
      if (!entry) return not_found(target);
      TRY(push(*entry, target));
    }
    return {};
  }

  // `logical` is the path for .dockerignore, `below` the one for --exclude.
  Result<> directory(const ViewEntry& entry, const std::string& logical, const std::string& target,
                     const std::string& below) {
    TRY(push(entry, target));
    plan_.items.back().is_root = target.empty();
    TRY_ASSIGN(std::vector<ViewEntry> entries, source_.view->list(entry.path));
    for (const ViewEntry& child : entries) {
      std::string name = base_name(child.path);
      TRY(member(child, join_path(logical, name), join_path(target, name), join_path(below, name)));
    }
    return {};
  }

  Result<> member(const ViewEntry& entry, const std::string& logical, const std::string& target,
                  const std::string& below) {
    bool is_directory = S_ISDIR(entry.info.st_mode);
    bool out = ignored(logical) || exclude_.excluded(below);
    if (!is_directory) return out ? Result<>{} : leaf(entry, target);
    if (!out) return directory(entry, logical, target, below);
    bool may_return = (source_.ignore != nullptr && source_.ignore->may_reinclude_below(logical)) ||
                      exclude_.may_reinclude_below(below);
    if (!may_return) return {};
    size_t before = plan_.items.size();
    TRY(directory(entry, logical, target, below));
    if (plan_.items.size() == before + 1) plan_.items.pop_back();  // nothing was added
    return {};
  }

  Result<> leaf(const ViewEntry& entry, const std::string& target) {
    if (S_ISSOCK(entry.info.st_mode)) return {};
    return push(entry, target);
  }

  Result<> push(const ViewEntry& entry, const std::string& target) {
    CopyItem item;
    item.target = target;
    item.source = entry.path;
    item.entry = entry;
    item.from = &source_;
    item.owner = options_.owner.value_or(
        source_.keep_owner ? images::Owner{entry.info.st_uid, entry.info.st_gid} : images::Owner{});
    item.mode = entry.info.st_mode;
    if (S_ISLNK(item.mode)) {
      item.mode = S_IFLNK | 0777;
      TRY_ASSIGN(item.link_target, source_.view->read_link(entry));
    } else if (!options_.mode.empty()) {
      TRY_ASSIGN(mode_t mode, changed_mode(options_.mode, item.mode & 07777, S_ISDIR(item.mode)));
      item.mode = (item.mode & S_IFMT) | mode;
    }
    plan_.items.push_back(std::move(item));
    return {};
  }

  const CopySource& source_;
  const CopyOptions& options_;
  const IgnoreRules& exclude_;
  CopyPlan& plan_;
  std::string pivot_;
  std::set<std::string> parents_done_;
};

// "name=value" lines of the attributes that count as content.
Result<std::string> attribute_text(int fd) {
  TRY_ASSIGN(auto found, portable_attributes(fd));
  std::string out;
  for (const auto& [name, value] : found) out += std::to_string(value.size()) + " " + name + "=" + value;
  return out;
}

Result<std::string> digest_file(const CopyItem& item) {
  TRY_ASSIGN(Fd fd, item.from->view->open_entry(item.entry, O_RDONLY));
  Sha256 digest;
  char buffer[64 * 1024];
  for (;;) {
    ssize_t n = ::read(fd.get(), buffer, sizeof buffer);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return Error::last_errno("read " + item.source);
    if (n == 0) break;
    digest.update(std::string_view(buffer, static_cast<size_t>(n)));
  }
  std::string content = digest.finish_hex();
  TRY_ASSIGN(std::string attributes, attribute_text(fd.get()));
  if (attributes.empty()) return content;
  return sha256_hex(content + attributes);
}

Result<> fill_digest(CopyItem& item) {
  FileDigests* known = item.from->digests;
  std::string name = item.from->digest_prefix + item.source;
  TRY_ASSIGN(item.digest, digest_file(item));
  if (known != nullptr) known->put(name, item.entry.info, item.digest);
  return {};
}

Result<> fill_all(const std::vector<CopyItem*>& missing) {
  size_t count = std::min<size_t>(
      {4, std::max(1u, std::thread::hardware_concurrency()), missing.size() / kFilesPerThread + 1});
  std::atomic<size_t> next{0};
  std::vector<Result<>> results(count);
  auto work = [&](size_t worker) {
    for (size_t i = next++; i < missing.size() && results[worker]; i = next++)
      results[worker] = fill_digest(*missing[i]);
  };
  std::vector<std::thread> threads;
  for (size_t i = 1; i < count; ++i) threads.emplace_back(work, i);
  work(0);
  for (std::thread& thread : threads) thread.join();
  for (Result<>& result : results) TRY(std::move(result));
  return {};
}

}  // namespace

Result<> plan_source(const CopySource& source, const std::string& pattern, const CopyOptions& options,
                     CopyPlan& plan) {
  TRY_ASSIGN(IgnoreRules exclude, IgnoreRules::from_patterns(options.exclude));
  Planner planner(source, options, exclude, plan);
  return planner.add(pattern);
}

Result<> plan_inline(const std::string& name, const std::string& content, const CopyOptions& options,
                     CopyPlan& plan) {
  CopyItem item;
  item.target = base_name(name);
  item.inline_content = true;
  item.content = content;
  item.digest = sha256_hex(content);
  item.mode = S_IFREG | 0644;
  item.owner = options.owner.value_or(images::Owner{});
  if (!options.mode.empty()) {
    TRY_ASSIGN(mode_t mode, changed_mode(options.mode, 0644, false));
    item.mode = S_IFREG | mode;
  }
  plan.single_file = plan.items.empty();
  plan.items.push_back(std::move(item));
  return {};
}

Result<std::string> digest_plan(CopyPlan& plan) {
  std::vector<CopyItem*> missing;
  for (CopyItem& item : plan.items) {
    if (!S_ISREG(item.mode) || item.inline_content) continue;
    std::optional<std::string> known;
    if (item.from->digests != nullptr)
      known = item.from->digests->find(item.from->digest_prefix + item.source, item.entry.info);
    if (known) {
      item.digest = std::move(*known);
    } else {
      missing.push_back(&item);
    }
  }
  if (!missing.empty()) TRY(fill_all(missing));
  KeyBuilder key("tree");
  key.add(plan.single_file ? "file" : "directory");
  for (const CopyItem& item : plan.items) {
    if (item.is_root) {
      key.add("root").add(item.target);
      continue;
    }
    key.add(item.target).add(std::to_string(item.mode)).add(std::to_string(item.owner.uid));
    key.add(std::to_string(item.owner.gid)).add(item.digest).add(item.link_target);
    if (S_ISCHR(item.mode) || S_ISBLK(item.mode)) key.add(std::to_string(item.entry.info.st_rdev));
  }
  return key.hex();
}

}  // namespace stack::builder
