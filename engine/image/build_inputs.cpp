#include "engine/image/build_inputs.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "base/directory.h"
#include "base/fd.h"
#include "base/files.h"
#include "base/glob.h"
#include "base/identity.h"
#include "base/json.h"
#include "images/builder/frontend/dockerfile.h"
#include "model/labels.h"

namespace stack::engine {

namespace {

constexpr size_t kDockerfileLimit = size_t{16} << 20;
constexpr size_t kEntryLimit = 500'000;
constexpr size_t kReadSize = size_t{1} << 20;

std::string dockerfile_path(const compose::Build& build) {
  return absolute_path(build.context, build.dockerfile.empty() ? "Dockerfile" : build.dockerfile);
}

// The build section without settings that do not affect the result.
std::string settings_text(const compose::Build& build) {
  compose::Service service;
  service.build = build;
  service.build->labels.erase(label::kService);
  service.build->labels.erase(label::kVersion);
  service.build->provenance.clear();
  service.build->sbom.clear();
  return stack::to_text(compose::service_to_json(service));
}

Result<IgnoreRules> ignore_rules(const compose::Build& build) {
  for (const std::string& path :
       {dockerfile_path(build) + ".dockerignore", build.context + "/.dockerignore"}) {
    Result<std::string> text = read_file(path);
    if (text) return IgnoreRules::parse(*text);
    if (text.error().code() != ENOENT) return std::move(text).error();
  }
  return IgnoreRules();
}

Result<std::string> input_link_target(const std::string& path) {
  char target[4096];
  ssize_t size = ::readlink(path.c_str(), target, sizeof target);
  if (size < 0) return Error::last_errno("readlink " + path);
  return std::string(target, static_cast<size_t>(size));
}

Result<> hash_file(const std::string& path, Sha256& hash) {
  TRY_ASSIGN(Fd file, open_file(path, O_RDONLY | O_NOFOLLOW));
  std::string buffer(kReadSize, '\0');
  for (;;) {
    ssize_t size = ::read(file.get(), buffer.data(), buffer.size());
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return Error::last_errno("read " + path);
    if (size == 0) return {};
    hash.update(std::string_view(buffer).substr(0, static_cast<size_t>(size)));
  }
}

// Separates fields unambiguously, regardless of their content.
void add_field(Sha256& hash, std::string_view text) {
  hash.update(std::to_string(text.size()));
  hash.update(":");
  hash.update(text);
}

std::string without_latest(std::string reference) {
  constexpr std::string_view kLatest = ":latest";
  if (reference.ends_with(kLatest)) reference.resize(reference.size() - kLatest.size());
  return reference;
}

}  // namespace

// Selects the files of a tree that are inputs.
class InputIgnore {
 public:
  explicit InputIgnore(IgnoreRules rules) : rules_(std::move(rules)) {}
  bool leaves_out(const std::string& path, bool directory) const {
    return rules_.excluded(path) && !(directory && rules_.may_reinclude_below(path));
  }

 private:
  IgnoreRules rules_;
};

Result<> BuildInputs::add_tree(const std::string& root, const InputIgnore& ignore) {
  Sha256 quick;
  add_field(quick, quick_);
  std::vector<std::string> open{""};
  while (!open.empty()) {
    std::string folder = std::move(open.back());
    open.pop_back();
    TRY_ASSIGN(std::vector<std::string> names, names_in(root + "/" + folder));
    for (const std::string& name : names) {
      Entry entry{root, folder.empty() ? name : folder + "/" + name, "", false};
      struct stat info{};
      if (::lstat((root + "/" + entry.path).c_str(), &info) != 0) continue;  // removed meanwhile
      bool directory = S_ISDIR(info.st_mode);
      if (ignore.leaves_out(entry.path, directory)) continue;
      if (directory) open.push_back(entry.path);
      entry.regular = S_ISREG(info.st_mode);
      entry.kind = std::to_string(info.st_mode);
      if (S_ISLNK(info.st_mode)) entry.kind += input_link_target(root + "/" + entry.path).value_or("");
      add_field(quick, entry.path);
      add_field(quick, entry.kind);
      if (entry.regular)
        add_field(quick, std::to_string(info.st_size) + " " + std::to_string(info.st_mtim.tv_sec) + "." +
                             std::to_string(info.st_mtim.tv_nsec));
      entries_.push_back(std::move(entry));
      if (entries_.size() > kEntryLimit) return Error("build context " + root + " has too many files");
    }
  }
  quick_ = quick.finish_hex();
  return {};
}

void BuildInputs::read_bases(const std::string& dockerfile) {
  constexpr std::string_view kFrom = "--from=";
  Result<builder::Dockerfile> parsed = builder::parse_dockerfile(dockerfile, "Dockerfile");
  if (!parsed) return;  // the build will report the error
  auto add = [this](const std::string& reference) {
    if (reference.find('$') == std::string::npos) bases_.insert(without_latest(reference));
  };
  for (const builder::Instruction& instruction : parsed->instructions) {
    if (instruction.keyword == "from" && !instruction.words.empty()) add(instruction.words.front());
    for (const std::string& flag : instruction.flags)
      if (flag.starts_with(kFrom)) add(flag.substr(kFrom.size()));
  }
}

Result<BuildInputs> BuildInputs::find(const compose::Build& build) {
  BuildInputs inputs;
  std::string dockerfile = build.dockerfile_inline.value_or("");
  if (!build.dockerfile_inline) {
    TRY_ASSIGN(dockerfile, read_file(dockerfile_path(build), kDockerfileLimit));
  }
  inputs.read_bases(dockerfile);
  inputs.settings_ = settings_text(build) + "\n" + dockerfile;
  inputs.quick_ = sha256_hex(inputs.settings_);
  if (!build.context.starts_with('/')) return inputs;
  TRY_ASSIGN(IgnoreRules rules, ignore_rules(build));
  TRY(inputs.add_tree(build.context, InputIgnore(std::move(rules))));
  for (const auto& [name, context] : build.additional_contexts)
    if (context.starts_with('/')) TRY(inputs.add_tree(context, InputIgnore(IgnoreRules())));
  return inputs;
}

Result<std::string> BuildInputs::content_digest() const {
  std::vector<const Entry*> sorted;
  for (const Entry& entry : entries_) sorted.push_back(&entry);
  std::sort(sorted.begin(), sorted.end(), [](const Entry* a, const Entry* b) {
    return a->root != b->root ? a->root < b->root : a->path < b->path;
  });
  Sha256 hash;
  add_field(hash, settings_);
  for (const Entry* entry : sorted) {
    add_field(hash, entry->path);
    add_field(hash, entry->kind);
    if (!entry->regular) continue;
    Sha256 content;
    TRY(hash_file(entry->root + "/" + entry->path, content));
    add_field(hash, content.finish_hex());
  }
  return hash.finish_hex();
}

}  // namespace stack::engine
