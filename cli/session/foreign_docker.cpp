#include "cli/session/foreign_docker.h"

#include <algorithm>

#include "base/files.h"
#include "base/text.h"
#include "cli/session/member.h"
#include "http/wire/query.h"
#include "model/labels.h"

namespace stack::cli {

Result<ForeignDocker> ForeignDocker::connect(const std::string& socket) {
  auto client = http::Client::connect(socket);
  if (!client) return not_found("no Docker engine serves at " + socket + ": " + client.error().text());
  return ForeignDocker(std::move(*client));
}

Result<std::string> ForeignDocker::root() {
  TRY_ASSIGN(Json info, client_.call_json("GET", "/info"));
  return string_or(info, "DockerRootDir");
}

Result<> ForeignDocker::read_images(DockerInventory& found) {
  TRY_ASSIGN(Json images, client_.call_json("GET", "/images/json"));
  for (const Json& row : items_of(images)) {
    DockerImage image{string_or(row, "Id"), strings_of(member(row, "RepoTags")), int_or(row, "Size")};
    std::erase_if(image.names,
                  [](const std::string& name) { return name.find("<none>") != std::string::npos; });
    if (!image.names.empty()) found.images.push_back(std::move(image));
  }
  return {};
}

Result<> ForeignDocker::read_volumes(DockerInventory& found) {
  TRY_ASSIGN(Json volumes, client_.call_json("GET", "/volumes"));
  for (const Json& row : items_of(member(volumes, "Volumes"))) {
    std::string name = string_or(row, "Name");
    // Names of anonymous volumes.
    bool anonymous = name.size() == 64 && name.find_first_not_of("0123456789abcdef") == std::string::npos;
    if (anonymous) continue;
    const Json& options = member(row, "Options");
    if (string_or(row, "Driver") != "local" || (options.is_object() && !options.empty())) {
      found.notes.push_back("volume " + name + " has a driver or options of its own; copy it by hand");
      continue;
    }
    DockerVolume volume{name, string_or(row, "Mountpoint"), {}};
    for (const auto& [key, value] : member(row, "Labels").items())
      if (value.is_string()) volume.labels[key] = value.get<std::string>();
    found.volumes.push_back(std::move(volume));
  }
  return {};
}

Result<> ForeignDocker::read_projects(DockerInventory& found) {
  TRY_ASSIGN(Json containers, client_.call_json("GET", "/containers/json"));
  std::map<std::string, DockerProject> projects;
  for (const Json& row : items_of(containers)) {
    const Json& labels = member(row, "Labels");
    std::string name = string_or(labels, label::kProject);
    if (name.empty()) {
      std::vector<std::string> names = strings_of(member(row, "Names"));
      found.notes.push_back("container " + (names.empty() ? string_or(row, "Id") : names.front().substr(1)) +
                            " belongs to no project; start it again by hand");
      continue;
    }
    DockerProject& project = projects[name];
    project.name = name;
    project.folder = string_or(labels, label::kWorkingDir);
    project.files = split(string_or(labels, label::kConfigFiles), ',');
    project.containers.push_back(string_or(row, "Id"));
  }
  for (auto& [name, project] : projects) {
    bool readable =
        !project.files.empty() && std::all_of(project.files.begin(), project.files.end(), path_exists);
    if (readable) {
      found.projects.push_back(std::move(project));
    } else {
      found.notes.push_back("project " + name + ": its Compose files are not on this machine");
    }
  }
  return {};
}

Result<DockerInventory> ForeignDocker::inventory() {
  DockerInventory found;
  TRY(read_images(found));
  TRY(read_volumes(found));
  TRY(read_projects(found));
  return found;
}

Result<> ForeignDocker::save_images(const std::vector<std::string>& names, int file) {
  http::Query query;
  for (const std::string& name : names) query.add("names", name);
  Result<> written;
  TRY(client_.stream({.method = "GET", .target = "/images/get" + query.text()}, [&](std::string_view bytes) {
    written = write_all(file, bytes);
    return written.has_value();
  }));
  return written;
}

Result<> ForeignDocker::stop(const DockerProject& project) {
  for (const std::string& id : project.containers)
    TRY(client_.call_json("POST", "/containers/" + id + "/stop").map([](const Json&) {}));
  return {};
}

Result<> ForeignDocker::start(const DockerProject& project) {
  for (const std::string& id : project.containers)
    TRY(client_.call_json("POST", "/containers/" + id + "/start").map([](const Json&) {}));
  return {};
}

}  // namespace stack::cli
