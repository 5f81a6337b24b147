#include "orchestrator/compose/layers.h"

#include <map>
#include <set>

#include "base/files.h"
#include "base/text.h"
#include "orchestrator/compose/attributes.h"
#include "orchestrator/compose/canonical.h"
#include "orchestrator/compose/jobs.h"
#include "orchestrator/compose/merge.h"
#include "orchestrator/compose/paths.h"
#include "orchestrator/compose/version_one.h"

namespace stack::compose {

namespace {

constexpr size_t kMostIncludes = 500;
constexpr size_t kLongestExtends = 100;
// Maximum number of values copied by extends, a limit against malicious files.
constexpr size_t kMostExtended = 1'000'000;

constexpr const char* kSections[] = {"services", "networks", "volumes", "secrets", "configs", "models"};

std::vector<std::string> keys_of(const Node& map) {
  std::vector<std::string> out;
  for (const Entry& entry : map.entries) out.push_back(entry.key);
  return out;
}

size_t count_nodes(const Node& node) {
  size_t count = 1;
  for (const Entry& entry : node.entries) count += count_nodes(entry.value);
  for (const Node& item : node.items) count += count_nodes(item);
  return count;
}

void note_mentioned(const Node& node, MentionedVariables& out) {
  if (node.is_scalar() && node.text.find('$') != std::string::npos) note_mentioned_variables(node.text, out);
  for (const Entry& entry : node.entries) note_mentioned(entry.value, out);
  for (const Node& item : node.items) note_mentioned(item, out);
}

class Layers {
 public:
  explicit Layers(Session& session) : session_(session) {}

  // `variables` are the variables visible to these files; an include may have more than the project.
  Node load(std::vector<ParsedFile> files, const Variables& variables) {
    Node total = map_node({});
    for (ParsedFile& file : files)
      for (Node& document : file.documents) add_document(total, std::move(document), variables);
    if (!session_.options.no_interpolate) resolve_bare_names(total, variables);
    if (session_.version_one) resolve_version_one(total);
    return total;
  }

 private:
  // A document's services while their extends are being resolved.
  struct Scope {
    Scope(Node& own, const Node* included, const Variables& seen)
        : services(own), index(own), imported(included), variables(seen) {}
    Node* find(const std::string& name) {
      Entry* entry = index.find(name);
      return entry == nullptr ? nullptr : &entry->value;
    }

    Node& services;
    KeyIndex index;
    const Node* imported;  // resolved services of the includes, or nullptr
    const Variables& variables;
    std::set<std::string> done;
  };
  struct Step {
    std::string path;
    std::string service;
    bool operator==(const Step&) const = default;
  };
  using Chain = std::vector<Step>;

  void prepare(Node& document, const Variables& variables) {
    const LoadOptions& options = session_.options;
    if (options.version_one && is_version_one(document)) {
      convert_version_one(document, session_.report);
      session_.version_one = true;
    }
    put_jobs_among_services(document, session_.report);
    note_mentioned(document, session_.mentioned);
    if (!options.no_interpolate) interpolate(document, variables, session_.provenances);
    rename_former_keys(document);
    check_attributes(document, {.normalize = !options.no_interpolate, .refuse = options.refuse},
                     session_.provenances, session_.report);
    make_canonical(document, {.raw = options.no_interpolate, .refuse = options.refuse}, session_.provenances,
                   session_.report);
    resolve_paths(document, session_);
  }

  void add_document(Node& total, Node document, const Variables& variables) {
    prepare(document, variables);
    if (!document.is_map()) return;
    Node imported = load_includes(document, variables);
    document.erase("include");
    note_conflicts(document, imported);
    if (Node* services = document.find("services"); services != nullptr && services->is_map()) {
      Scope scope(*services, imported.find("services"), variables);
      for (size_t i = 0; i < services->entries.size(); ++i) {
        if (services->entries[i].value.find("extends") == nullptr) continue;
        Chain chain;
        resolve_extends(scope, services->entries[i].key, chain);
      }
    }
    merge_document(total, std::move(imported), session_.report);
    merge_document(total, std::move(document), session_.report);
  }

  // --- extends

  // Replaces the service with its bases, overlaid with the service itself.
  void resolve_extends(Scope& scope, const std::string& name, Chain& chain) {
    Node* service = scope.find(name);
    if (service == nullptr || !service->is_map() || !scope.done.insert(name).second) return;
    Node* extends = service->find("extends");
    if (extends == nullptr) return;
    Node reference = std::move(*extends);
    service->erase("extends");
    if (!reference.is_map()) return;
    std::string base_service(reference.text_of("service"));
    Mark mark = reference.mark;
    if (base_service.empty()) {
      if (reference.find("service") == nullptr)
        session_.report.error(mark, "extends requires a service name");
      return;
    }
    chain.push_back({session_.sources.at(mark.file).path, name});
    if (chain.size() > kLongestExtends) {
      session_.report.error(mark, "the chain of extends is too long");
      return;
    }
    std::optional<Node> base = find_base(scope, reference, base_service, chain);
    chain.pop_back();
    // find_base may have loaded documents, but this scope's services have not moved.
    service = scope.find(name);
    if (service == nullptr) return;
    if (!base) {
      // The error has been reported; suppresses a second one about a missing image.
      if (service->find("image") == nullptr) service->at("image").make_invalid();
      return;
    }
    Node over = std::move(*service);
    merge_service(*base, std::move(over), session_.report);
    *service = std::move(*base);
  }

  std::optional<Node> find_base(Scope& scope, const Node& reference, const std::string& base, Chain& chain) {
    std::string_view file = reference.text_of("file");
    Mark mark = reference.find("service")->mark;
    if (file.empty()) return base_in(scope, base, session_.sources.at(mark.file).path, mark, chain);
    std::string path = session_.resolved(file, session_.sources.at(reference.mark.file).directory);
    Node* document = extended_file(path, reference.find("file")->mark, scope.variables);
    if (document == nullptr) return std::nullopt;
    Node* services = document->find("services");
    Node none = map_node(mark);
    Scope other(services != nullptr && services->is_map() ? *services : none, nullptr, scope.variables);
    return base_in(other, base, path, mark, chain);
  }

  std::optional<Node> base_in(Scope& scope, const std::string& base, const std::string& path, Mark mark,
                              Chain& chain) {
    if (std::find(chain.begin(), chain.end(), Step{path, base}) != chain.end()) {
      std::string shown;
      for (const Step& step : chain) shown += step.service + " -> ";
      session_.report.error(mark, "extends cycle: " + shown + base);
      return std::nullopt;
    }
    resolve_extends(scope, base, chain);
    const Node* found = scope.find(base);
    if (found == nullptr && scope.imported != nullptr) found = scope.imported->find(base);
    if (found == nullptr) {
      std::string near = nearest(base, keys_of(scope.services));
      session_.report.error(mark,
                            "service \"" + base + "\", named by extends, is not in " + session_.shown(path),
                            near.empty() ? "" : "did you mean \"" + near + "\"?");
      return std::nullopt;
    }
    if (!found->is_map()) return std::nullopt;
    extended_nodes_ += count_nodes(*found);
    if (extended_nodes_ > kMostExtended) {
      session_.report.error(mark, "too many values copied by extends", "the expanded project is too large");
      return std::nullopt;
    }
    return *found;
  }

  // The prepared tree of a file used only by extends; loaded once.
  Node* extended_file(const std::string& path, Mark from, const Variables& variables) {
    auto known = extended_.find(path);
    if (known == extended_.end()) {
      Node total = map_node({});
      std::optional<ParsedFile> file =
          read_compose_file(session_, {session_.shown(path), path}, directory_name(path), from);
      if (!file) total.make_invalid();
      if (file) {
        for (Node& document : file->documents) {
          prepare(document, variables);
          merge_document(total, std::move(document), session_.report);
        }
      }
      known = extended_.emplace(path, std::move(total)).first;
    }
    return known->second.is_map() ? &known->second : nullptr;
  }

  // --- include

  Node load_includes(const Node& document, const Variables& variables) {
    Node total = map_node({});
    const Node* list = document.find("include");
    if (list == nullptr) return total;
    std::vector<Node> loaded;
    for (const Node& item : list->items) loaded.push_back(load_include(item, variables));
    // Earlier includes override later ones.
    for (auto one = loaded.rbegin(); one != loaded.rend(); ++one)
      merge_document(total, std::move(*one), session_.report);
    total.erase("name");
    total.erase("version");
    return total;
  }

  static std::vector<const Node*> texts_of(const Node* node) {
    std::vector<const Node*> out;
    if (node == nullptr) return out;
    if (node->is_scalar()) out.push_back(node);
    for (const Node& item : node->items)
      if (item.is_scalar()) out.push_back(&item);
    return out;
  }

  Node load_include(const Node& item, const Variables& variables) {
    Node nothing = map_node(item.mark);
    if (item.is_invalid() || session_.provenances.poisoned(item)) {
      report_interpolation(item, session_.provenances, session_.report);
      return nothing;
    }
    std::vector<const Node*> names = texts_of(item.is_map() ? item.find("path") : &item);
    if (names.empty()) {
      session_.report.error(item.mark, "an include requires a path");
      return nothing;
    }
    if (++includes_ > kMostIncludes) {
      session_.report.error(item.mark, "too many includes");
      return nothing;
    }
    const std::string& here = session_.sources.at(item.mark.file).directory;
    std::string main_path = session_.resolved(names[0]->text, here);
    std::string directory = directory_name(main_path);
    if (std::string_view given = item.text_of("project_directory"); !given.empty())
      directory = session_.resolved(given, here);
    Variables inner = variables;
    if (!read_include_env(item, here, directory, inner)) return nothing;
    std::vector<ParsedFile> files;
    size_t depth = including_.size();
    for (const Node* name : names) {
      std::string path = session_.resolved(name->text, here);
      if (!enter(path, name->mark)) break;
      std::optional<ParsedFile> file =
          read_compose_file(session_, {session_.shown(path), path}, directory, name->mark);
      if (!file) continue;
      session_.included_variables[file->source] = inner;
      files.push_back(std::move(*file));
    }
    Node loaded = load(std::move(files), inner);
    including_.resize(depth);
    return loaded;
  }

  bool enter(const std::string& path, Mark mark) {
    bool circle = std::find(including_.begin(), including_.end(), path) != including_.end() ||
                  std::find(session_.compose_files.begin(), session_.compose_files.end(), path) !=
                      session_.compose_files.end();
    including_.push_back(path);
    if (!circle) return true;
    std::string shown;
    for (const std::string& step : including_) shown += (shown.empty() ? "" : " -> ") + session_.shown(step);
    session_.report.error(mark, "include cycle: " + shown);
    return false;
  }

  // Variables of the including project override those of the include.
  bool read_include_env(const Node& item, const std::string& here, const std::string& directory,
                        Variables& variables) {
    std::vector<const Node*> named = texts_of(item.find("env_file"));
    Variables own;
    if (named.empty() && directory != session_.project_directory)
      read_env_file(session_, directory + "/.env", variables, own);
    for (const Node* name : named) {
      if (name->text == "/dev/null") continue;
      if (read_env_file(session_, session_.resolved(name->text, here), variables, own)) continue;
      session_.report.error(name->mark, "environment file " + name->text + " not found");
      return false;
    }
    for (auto& [name, variable] : own) variables.emplace(name, std::move(variable));
    return true;
  }

  void note_conflicts(const Node& document, const Node& imported) {
    for (const char* section : kSections) {
      const Node* own = document.find(section);
      const Node* other = imported.find(section);
      if (own == nullptr || other == nullptr) continue;
      for (const Entry& entry : own->entries) {
        const Node* there = other->find(entry.key);
        if (there != nullptr && there->is_map() && !there->entries.empty())
          session_.report.warning(entry.mark, std::string(section) + "." + entry.key + " overrides what " +
                                                  session_.sources.place(there->mark) + " includes");
      }
    }
  }

  // --- NAME without a value, taken from the variables

  void resolve_bare_names(Node& total, const Variables& variables) {
    Node* services = total.find("services");
    if (services == nullptr) return;
    for (Entry& service : services->entries) {
      if (Node* build = service.value.find("build"))
        if (Node* args = build->find("args")) fill(*args, variables);
      if (Node* environment = service.value.find("environment")) fill(*environment, variables);
      for (const char* hooks : {"pre_start", "post_start", "pre_stop"})
        if (Node* list = service.value.find(hooks))
          for (Node& hook : list->items)
            if (Node* environment = hook.find("environment")) fill(*environment, variables);
    }
  }

  void fill(Node& map, const Variables& variables) {
    for (Entry& entry : map.entries) {
      if (!entry.value.is_null()) continue;
      auto found = variables.find(entry.key);
      if (found == variables.end()) continue;
      Node value = scalar_node(found->second.value, entry.value.mark);
      value.provenance = session_.provenances.add({{}, entry.key + " from " + found->second.source});
      entry.value = std::move(value);
    }
  }

  Session& session_;
  std::map<std::string, Node> extended_;
  std::vector<std::string> including_;
  size_t includes_ = 0;
  size_t extended_nodes_ = 0;
};

}  // namespace

Node merge_layers(Session& session, std::vector<ParsedFile> files) {
  Node total = Layers(session).load(std::move(files), session.variables);
  Mark mark = total.find("name") == nullptr ? Mark{} : total.find("name")->mark;
  total.set("name", scalar_node(session.project_name, mark));
  return total;
}

}  // namespace stack::compose
