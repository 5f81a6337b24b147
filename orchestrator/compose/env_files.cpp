#include "orchestrator/compose/env_files.h"

#include <map>

#include "base/files.h"
#include "orchestrator/compose/dotenv.h"
#include "orchestrator/compose/settings.h"

namespace stack::compose {

namespace {

constexpr size_t kLargestFile = size_t{16} << 20;

class Folder {
 public:
  explicit Folder(Session& session) : session_(session) {}

  void fold(Node& service) {
    if (!session_.options.no_env_resolution) fold_environment(service);
    fold_labels(service);
  }

 private:
  using Found = std::map<std::string, Node>;
  struct Kind {
    bool required = true;
    bool raw = false;
    std::string noun;  // for messages
  };

  void fold_environment(Node& service) {
    Node* list = service.find("env_file");
    if (list == nullptr) return;
    Node files = std::move(*list);
    service.erase("env_file");
    const Node* own = service.find("environment");
    Found found;
    for (const Node& file : files.items) {
      if (!file.is_map() || file.find("path") == nullptr || !file.find("path")->is_scalar()) continue;
      bool required = file.text_of("required") != "false";
      std::string_view format = file.text_of("format");
      if (!format.empty() && format != "raw") {
        session_.report.error(file.find("format")->mark,
                              "unknown env_file format \"" + std::string(format) + "\": expected raw");
        continue;
      }
      read(*file.find("path"), {required, format == "raw", "env file "}, own, found);
    }
    put_under(service, "environment", std::move(found));
  }

  // The attribute stays, because reading the file again gives the same labels.
  void fold_labels(Node& service) {
    const Node* list = service.find("label_file");
    if (list == nullptr) return;
    const Node files = *list;
    Found found;
    for (const Node& file : files.items)
      if (file.is_scalar()) read(file, {true, false, "file "}, nullptr, found);
    put_under(service, "labels", std::move(found));
  }

  // Variables in the file resolve from the project, then the service's environment, then files read earlier.
  void read(const Node& path, const Kind& kind, const Node* own, Found& found) {
    std::optional<uint32_t> source = open(path, kind);
    if (!source) return;
    Lookup lookup = [&](std::string_view name) -> const std::string* {
      if (auto outer = session_.variables.find(name); outer != session_.variables.end())
        return &outer->second.value;
      const Node* value = own == nullptr ? nullptr : own->find(name);
      return value != nullptr && value->is_scalar() ? &value->text : nullptr;
    };
    Lookup before = [&](std::string_view name) -> const std::string* {
      auto earlier = found.find(std::string(name));
      return earlier == found.end() || earlier->second.is_null() ? nullptr : &earlier->second.text;
    };
    std::vector<DotenvLine> lines =
        kind.raw ? parse_raw_env(session_.sources, *source, lookup, session_.report)
                 : parse_dotenv(session_.sources, *source, lookup, session_.report, before);
    for (DotenvLine& line : lines) {
      Mark mark{*source, line.line, 1};
      Node value = line.value ? scalar_node(std::move(*line.value), mark) : null_node(mark);
      // A bare name that is not set anywhere is dropped.
      if (!value.is_null()) found[line.name] = std::move(value);
    }
  }

  // Many services often use the same file.
  std::optional<uint32_t> open(const Node& path, const Kind& kind) {
    auto known = opened_.find(path.text);
    if (known != opened_.end()) return known->second;
    // Still relative with --no-path-resolution.
    const std::string file = session_.resolved(path.text, session_.project_directory);
    if (!path_exists(file)) {
      if (kind.required) session_.report.error(path.mark, kind.noun + session_.shown(file) + " not found");
      return std::nullopt;
    }
    Result<std::string> text = is_directory(file) ? Result<std::string>(invalid("it is a directory"))
                               : is_pipe(file)    ? Result<std::string>(invalid("it is a pipe"))
                                                  : read_file(file, kLargestFile);
    if (!text) {
      session_.report.error(path.mark, "cannot read " + session_.shown(file) + ": " + text.error().text());
      return std::nullopt;
    }
    uint32_t source =
        session_.sources.add(session_.shown(file), file, directory_name(file), std::move(*text));
    opened_.emplace(path.text, source);
    return source;
  }

  static void put_under(Node& service, const char* key, Found found) {
    if (found.empty()) return;
    Node& own = service.at(key);
    if (own.is_null()) own = map_node(service.mark);
    if (!own.is_map()) return;
    KeyIndex index(own);
    for (auto& [name, value] : found)
      if (index.find(name) == nullptr) index.set(name, std::move(value));
  }

  Session& session_;
  std::map<std::string, uint32_t> opened_;
};

}  // namespace

void fold_env_files(Node& tree, Session& session) {
  Node* services = tree.find("services");
  if (services == nullptr) return;
  Folder folder(session);
  for (Entry& service : services->entries)
    if (service.value.is_map()) folder.fold(service.value);
}

}  // namespace stack::compose
