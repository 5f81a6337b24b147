#include "engine/project/stored_projects.h"

#include "base/log.h"
#include "engine/project/project_requests.h"

namespace stack::engine {

Result<> StoredProjects::load() {
  TRY_ASSIGN(LoadedRecords<Store::Document> loaded, context_.store.load_documents(Table::Projects));
  for (const auto& [name, row] : loaded.good)
    projects_[name] = {name, string_or(row, "working_dir"), strings_of(row, "config_files"),
                       row.value("project", Json())};
  for (Unreadable& record : loaded.unreadable) {
    log_error("project " + record.key + ": its record cannot be read (" + record.reason +
              "); the next `up` with its files replaces it");
    context_.unreadable.push_back(std::move(record));
  }
  return {};
}

std::optional<StoredProject> StoredProjects::find(const std::string& name) const {
  auto found = projects_.find(name);
  return found == projects_.end() ? std::nullopt : std::optional(found->second);
}

Result<> StoredProjects::keep(const compose::Project& project, const Json& text) {
  auto present = projects_.find(project.name);
  if (present != projects_.end() && present->second.project == text) return {};
  StoredProject stored{project.name, project.working_dir, project.compose_files, text};
  TRY(context_.store.put(Table::Projects, project.name,
                         {{"working_dir", stored.working_dir},
                          {"config_files", stored.config_files},
                          {"project", stored.project}}));
  context_.note_record(Table::Projects, project.name);
  projects_[project.name] = std::move(stored);
  return {};
}

Result<> StoredProjects::forget(const std::string& name) {
  projects_.erase(name);
  context_.note_record(Table::Projects, name);
  return context_.store.remove(Table::Projects, name);
}

}  // namespace stack::engine
