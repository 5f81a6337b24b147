#include "cli/commands/compose/dashboard_backend.h"

#include "base/process.h"
#include "cli/session/member.h"

namespace stack::cli {

namespace {

// The options that load a project again: as this command was called, or as the engine recorded another project.
Result<compose::LoadOptions> options_for(const Session& session, const std::string& own_project,
                                         const std::string& project_name) {
  compose::LoadOptions options = session.load_options();
  if (project_name == own_project) return options;
  TRY_ASSIGN(http::Client engine, session.connect());
  TRY_ASSIGN(Json recorded, engine.call_json("GET", project_path(project_name)));
  options.files = strings_of(member(recorded, "config_files"));
  if (options.files.empty()) return not_found("project " + project_name + " has no Compose files");
  options.project_name = project_name;
  options.project_directory = string_or(recorded, "working_dir");
  options.env_files.clear();
  options.profiles.clear();
  return options;
}

Result<Json> plan_of(const Session& session, const std::string& own_project,
                     const std::string& project_name) {
  TRY_ASSIGN(compose::LoadOptions options, options_for(session, own_project, project_name));
  auto loaded = compose::load(options);
  if (!loaded) return invalid(compose::render(loaded.error()));
  TRY_ASSIGN(http::Client engine, session.connect());
  Json body{
      {"project", compose::project_to_json(loaded->project)}, {"options", Json::object()}, {"command", "up"}};
  return engine.call_json("POST", project_path(project_name, "/plan"), body);
}

std::string own_project_name(const Session& session) {
  if (session.globals().project_name) return *session.globals().project_name;
  auto head = compose::load_head(session.load_options());
  return head && head->project_name ? *head->project_name : "";
}

}  // namespace

Result<std::unique_ptr<DashboardServer>> start_dashboard(const Session& session, uint16_t port, bool write) {
  DashboardBackend backend;
  backend.project = own_project_name(session);
  backend.write = write;
  backend.connect = [&session] { return session.connect(); };
  backend.plan = [&session, own = backend.project](const std::string& name) {
    return plan_of(session, own, name);
  };
  return DashboardServer::listen(port, std::move(backend));
}

Result<> BrowserLink::open(const std::string& link) {
  TRY_ASSIGN(folder_, TemporaryDirectory::create("/tmp/stack-dashboard-"));
  const std::string file = folder_->path() + "/stack-dashboard.html";
  TRY(write_file(file, "<!doctype html><meta http-equiv=\"refresh\" content=\"0; url=" + link + "\">\n"));
  SpawnRequest request;
  request.program = "xdg-open";
  request.args = {file};
  request.new_session = true;
  TRY(spawn(request));
  return {};
}

}  // namespace stack::cli
