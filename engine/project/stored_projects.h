// The projects stored by `up`, so that later commands need no Compose file.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "engine/state/context.h"
#include "orchestrator/compose/project.h"

namespace stack::engine {

struct StoredProject {
  std::string name;
  std::string working_dir;
  std::vector<std::string> config_files;
  Json project;  // as written by the loader
};

class StoredProjects {
 public:
  explicit StoredProjects(Context& context) : context_(context) {}

  // Unreadable records are logged and noted in the context.
  Result<> load();
  const std::map<std::string, StoredProject>& all() const { return projects_; }
  std::optional<StoredProject> find(const std::string& name) const;
  bool contains(const std::string& name) const { return projects_.contains(name); }
  // `text` is the project as JSON; written only if it differs from the stored one.
  Result<> keep(const compose::Project& project, const Json& text);
  Result<> forget(const std::string& name);

 private:
  Context& context_;
  std::map<std::string, StoredProject> projects_;
};

}  // namespace stack::engine
