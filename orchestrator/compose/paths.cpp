#include "orchestrator/compose/paths.h"

#include <array>
#include <filesystem>
#include <system_error>

#include "base/text.h"
#include "orchestrator/compose/rule_table.h"
#include "orchestrator/compose/values.h"

namespace stack::compose {

namespace {

bool is_remote_context(std::string_view text) {
  static constexpr std::array<std::string_view, 5> kPrefixes{"git://", "ssh://", "github.com/", "git@",
                                                             "service:"};
  for (std::string_view prefix : kPrefixes)
    if (text.starts_with(prefix)) return true;
  return text.find("://") != std::string_view::npos;
}

// The directory of the file that contains the node.
const std::string& directory_of(const Node& node, const Session& session) {
  return node.mark.file == 0 ? session.project_directory : session.sources.at(node.mark.file).directory;
}

bool opaque(const Node& node, const Session& session) {
  bool raw = session.options.no_interpolate && node.text.find('$') != std::string::npos;
  return !node.is_scalar() || node.text.empty() || raw || session.provenances.poisoned(node);
}

using Resolve = void (*)(Node&, const Session&);

// Absolute paths stay unchanged.
void plain_path(Node& node, const Session& session) {
  node.string = true;
  if (opaque(node, session) || node.text.starts_with('/')) return;
  node.text = session.placed(node.text, directory_of(node, session));
}

// The watch follows a link to its target. Only the first link in the path needs to be resolved: the result is a real
// path.
void watched_path(Node& node, const Session& session) {
  plain_path(node, session);
  if (opaque(node, session) || session.options.no_path_resolution) return;
  std::error_code none;
  for (size_t slash = node.text.find('/', 1);; slash = node.text.find('/', slash + 1)) {
    std::string part = node.text.substr(0, slash);
    if (std::filesystem::is_symlink(part, none)) {
      std::filesystem::path real = std::filesystem::canonical(part, none);
      if (!none) node.text.replace(0, part.size(), real.string());
      return;
    }
    if (slash == std::string::npos) return;
  }
}

void context(Node& node, const Session& session) {
  if (!opaque(node, session)) node.text = resolve_context(session, node.text, directory_of(node, session));
}

void ssh_key(Node& node, const Session& session) {
  size_t equals = node.text.find('=');
  if (opaque(node, session) || equals == std::string::npos) return;
  node.text = node.text.substr(0, equals + 1) +
              session.placed(std::string_view(node.text).substr(equals + 1), directory_of(node, session));
}

// "type=local,src=./cache": the folder of a build cache.
void cache_folder(Node& node, const Session& session) {
  if (opaque(node, session) || node.text.find("type=local") == std::string::npos) return;
  std::vector<std::string> fields = split(node.text, ',');
  for (std::string& field : fields) {
    size_t equals = field.find('=');
    std::string key = field.substr(0, equals);
    if (equals == std::string::npos || (key != "src" && key != "dest") ||
        field.substr(equals + 1).starts_with('/'))
      continue;
    field =
        key + "=" + session.placed(std::string_view(field).substr(equals + 1), directory_of(node, session));
  }
  node.text = join(fields, ",");
}

void bind_source(Node& mount, const Session& session) {
  if (!mount.is_map() || mount.text_of("type") != "bind") return;
  Node* source = mount.find("source");
  if (source != nullptr && !is_windows_path(source->text)) plain_path(*source, session);
}

// A local volume that is a bind mount in disguise: driver_opts {type: none, o: bind, device: ./data}
void bind_volume(Node& volume, const Session& session) {
  std::string_view driver = volume.text_of("driver");
  Node* options = volume.find("driver_opts");
  if (options == nullptr || (!driver.empty() && driver != "local")) return;
  std::vector<std::string> flags = split(options->text_of("o"), ',');
  bool bind = std::find(flags.begin(), flags.end(), "bind") != flags.end() ||
              std::find(flags.begin(), flags.end(), "rbind") != flags.end();
  Node* device = options->find("device");
  if (bind && device != nullptr) plain_path(*device, session);
}

using PathTable = RuleTable<Resolve>;

const PathTable::Row kPathRows[] = {
    {"services.*.build.context", context},
    {"services.*.build.additional_contexts.*", context},
    {"services.*.build.ssh.*", ssh_key},
    {"services.*.build.cache_from.*", cache_folder},
    {"services.*.build.cache_to.*", cache_folder},
    {"services.*.develop.watch.*.path", watched_path},
    {"services.*.env_file.*.path", plain_path},
    {"services.*.label_file.*", plain_path},
    {"services.*.pre_start.*.volumes.*", bind_source},
    {"services.*.volumes.*", bind_source},
    {"volumes.*", bind_volume},
    {"configs.*.file", plain_path},
    {"secrets.*.file", plain_path},
};

}  // namespace

std::string resolve_context(const Session& session, std::string_view text, const std::string& directory) {
  if (text.starts_with('/') || is_remote_context(text)) return std::string(text);
  return session.placed(text, directory);
}

void resolve_paths(Node& document, const Session& session) {
  static const PathTable table(kPathRows);
  apply_rules<Resolve>(document, table.root(), [&](Node& node, Resolve resolve) { resolve(node, session); });
}

}  // namespace stack::compose
