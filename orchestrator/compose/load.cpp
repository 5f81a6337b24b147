#include "orchestrator/compose/load.h"

#include <iterator>

#include "base/files.h"
#include "orchestrator/compose/attributes.h"
#include "orchestrator/compose/consistency.h"
#include "orchestrator/compose/decode.h"
#include "orchestrator/compose/document.h"
#include "orchestrator/compose/env_files.h"
#include "orchestrator/compose/jobs.h"
#include "orchestrator/compose/layers.h"
#include "orchestrator/compose/normalize.h"
#include "orchestrator/compose/select.h"
#include "orchestrator/compose/settings.h"

namespace stack::compose {

namespace {

// The state passed between phases.
struct Work {
  Session& session;
  Node tree;
  Selection selection;
  Project project;
};

void normalize_phase(Work& work) {
  const LoadOptions& options = work.session.options;
  if (!options.no_normalize) {
    normalize(work.tree, work.session);
  } else if (!options.no_interpolate) {
    fill_empty_resources(work.tree);
  }
}

// Without interpolation, profile names are unknown, so every service is shown.
void select_phase(Work& work) {
  check_jobs(work.tree, work.session.report);
  if (work.session.options.no_interpolate) {
    take_jobs_from_services(work.tree);
  } else {
    work.selection = select_services(work.tree, work.session);
  }
}

void resources_phase(Work& work) {
  if (!work.session.options.all_resources && !work.session.options.no_interpolate)
    drop_unused_resources(work.tree);
}

void interpolation_phase(Work& work) {
  report_interpolation(work.tree, work.session.provenances, work.session.report);
}

void nulls_phase(Work& work) { check_nulls(work.tree, work.session.report); }

// Values with a `$` cannot be compared with others, and a project without interpolation is only shown, not run.
void consistency_phase(Work& work) {
  if (work.session.options.no_consistency || work.session.options.no_interpolate) return;
  const Node* services = work.tree.find("services");
  bool none = services == nullptr || (services->is_map() && services->entries.empty());
  // `config` also accepts such files.
  if (none && work.selection.disabled.empty() && !work.session.report.failed() && work.session.options.refuse &&
      !work.session.options.all_resources)
    work.session.report.error({}, "the project has no services");
  check_schedules(work.tree, work.session.report);
  check_consistency(work.tree, work.selection, work.session);
}

void support_phase(Work& work) {
  SupportOptions options{.strict = work.session.options.strict, .refuse = work.session.options.refuse};
  report_support(work.tree, options, work.session.report);
  work.tree.erase("version");  // the warning has been reported
}

void env_files_phase(Work& work) {
  const LoadOptions& options = work.session.options;
  if (!options.no_interpolate) fold_env_files(work.tree, work.session);
}

void decode_phase(Work& work) {
  if (work.session.options.only_document) return;
  if (work.session.report.failed()) return;
  work.project = decode_project(work.tree, work.selection, work.session);
  if (work.session.options.compatibility || work.session.version_one) work.project.separator = "_";
}

void contents_phase(Work& work) {
  if (!work.session.options.load_contents) return;
  // Missing contents are reported even after other errors.
  if (work.session.report.failed()) decode_file_objects(work.tree, work.project);
  load_contents(work.project, work.tree, work.session);
}

// The phases after merging (layers.h). Their order matters:
struct Phase {
  const char* name;
  void (*run)(Work&);
};
constexpr Phase kPhases[] = {
    {"nulls", nulls_phase},          // before normalization, which gives some nulls a meaning
    {"normalize", normalize_phase},  // implicit dependencies must precede the selection
    {"select", select_phase},        // later phases ignore disabled services
    {"consistency", consistency_phase},
    {"resources", resources_phase},          // after the checks, which suggest names of unused resources
    {"interpolation", interpolation_phase},  // problems of values that are used
    {"support", support_phase},
    {"env files", env_files_phase},
    {"decode", decode_phase},  // only if there are no errors
    {"contents", contents_phase},
};

// Includes warnings, which often explain the errors. Errors come last.
Diagnostics problems(Session& session) {
  Diagnostics out = session.report.take_warnings();
  Diagnostics errors = session.report.take_errors();
  std::move(errors.begin(), errors.end(), std::back_inserter(out));
  return out;
}

// Reads all files before checking any, because interpolation needs the project name.
std::optional<std::vector<ParsedFile>> read_files(Session& session) {
  std::optional<std::vector<ComposeFile>> files = find_files(session, true);
  if (!files) return std::nullopt;
  std::vector<ParsedFile> parsed;
  for (const ComposeFile& file : *files) {
    std::optional<ParsedFile> one = read_compose_file(session, file, session.project_directory, {});
    if (one) parsed.push_back(std::move(*one));
  }
  if (parsed.size() < files->size()) return std::nullopt;
  return parsed;
}

}  // namespace

tl::expected<Loaded, Diagnostics> load(const LoadOptions& options) {
  Session session(options);
  std::optional<std::vector<ParsedFile>> files = read_files(session);
  if (!files) return tl::unexpected(problems(session));
  session.project_name = choose_project_name(session, *files);
  session.variables["COMPOSE_PROJECT_NAME"] = {session.project_name, "the project name"};
  Work work{session, merge_layers(session, std::move(*files)), {}, {}};
  for (const Phase& phase : kPhases) phase.run(work);
  if (session.report.failed()) return tl::unexpected(problems(session));

  auto document = std::make_shared<Document>();
  Loaded loaded;
  loaded.project = std::move(work.project);
  loaded.warnings = session.report.take_warnings();
  document->tree = std::move(work.tree);
  document->selection = std::move(work.selection);
  document->provenances = std::move(session.provenances);
  document->variables = std::move(session.variables);
  document->mentioned = std::move(session.mentioned);
  document->sources = std::move(session.sources);
  document->raw = options.no_interpolate;
  loaded.document = std::move(document);
  return loaded;
}

tl::expected<ProjectHead, Diagnostics> load_head(const LoadOptions& options) {
  Session session(options);
  ProjectHead head;
  std::optional<std::vector<ComposeFile>> files = find_files(session, false);
  if (!files) return tl::unexpected(problems(session));
  for (const auto& [name, variable] : session.variables)
    if (name.starts_with("COMPOSE_")) head.settings[name] = variable.value;
  head.has_files = !files->empty();
  auto set = session.variables.find("COMPOSE_PROJECT_NAME");
  bool named = options.project_name || (set != session.variables.end() && !set->second.value.empty());
  std::vector<ParsedFile> parsed;
  if (!named) {
    for (const ComposeFile& file : *files) {
      std::optional<ParsedFile> one = read_compose_file(session, file, session.project_directory, {});
      if (one) parsed.push_back(std::move(*one));
    }
    if (session.report.failed()) return tl::unexpected(problems(session));
  }
  if (named || !files->empty()) head.project_name = choose_project_name(session, parsed);
  if (session.report.failed()) return tl::unexpected(problems(session));
  return head;
}

std::string load_target(const LoadOptions& options) {
  constexpr size_t kLimit = size_t{16} << 20;
  Session session(options);
  std::string target;
  std::optional<std::vector<ComposeFile>> files = find_files(session, false);
  if (!files) return target;
  for (const ComposeFile& file : *files) {
    if (file.path == "-") continue;
    auto text = read_file(file.path, kLimit);
    // Most files have none, and parsing takes most of the time of a short command.
    if (!text || text->find("x-stack") == std::string::npos) continue;
    std::optional<ParsedFile> parsed = read_compose_file(session, file, session.project_directory, {});
    if (!parsed) continue;
    for (const Node& document : parsed->documents) {
      const Node* extension = document.find("x-stack");
      if (extension == nullptr || !extension->is_map()) continue;
      std::string_view value = extension->text_of("target");
      if (!value.empty()) target = value;
    }
  }
  return target;
}

}  // namespace stack::compose
