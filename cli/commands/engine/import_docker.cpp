// `stack import docker`: images, volumes, and running projects of a Docker engine on this machine.
#include <fcntl.h>
#include <unistd.h>

#include "base/copy_tree.h"
#include "base/files.h"
#include "base/process.h"
#include "base/text.h"
#include "base/units.h"
#include "cli/flags/commands.h"
#include "cli/render/output.h"
#include "cli/render/question.h"
#include "cli/session/body_file.h"
#include "cli/session/foreign_docker.h"
#include "cli/session/member.h"
#include "cli/session/session.h"
#include "http/wire/query.h"

namespace stack::cli {

namespace {

constexpr const char* kDefaultDockerSocket = "/var/run/docker.sock";
constexpr Flag kImportDockerFlags[] = {
    {0, "socket", FlagArity::Value, "PATH", "Docker's socket (default: /var/run/docker.sock)"},
    {0, "no-images", FlagArity::Nothing, "", "Do not copy images"},
    {0, "no-volumes", FlagArity::Nothing, "", "Do not copy volumes"},
    {0, "no-projects", FlagArity::Nothing, "", "Do not move running projects"},
    {'f', "force", FlagArity::Nothing, "", "Skip confirmation"},
};
constexpr Example kImportDockerExamples[] = {
    {"stack --dry-run import docker", "show what would be copied and moved"},
    {"stack import docker", "copy everything, after one question"},
    {"stack import docker shop", "move one project with its volumes"},
};

// What will be copied: without objects that are here already.
struct ImportPlan {
  std::vector<DockerImage> images;
  std::vector<DockerVolume> volumes;
  std::vector<DockerProject> projects;
  std::vector<std::string> notes;
  bool empty() const { return images.empty() && volumes.empty() && projects.empty(); }
};

bool exists_here(Session& session, const std::string& path) { return session.call("GET", path).has_value(); }

bool is_wanted_volume(const DockerVolume& volume, const std::vector<std::string>& projects) {
  if (projects.empty()) return true;
  auto owner = volume.labels.find("com.docker.compose.project");
  return owner != volume.labels.end() &&
         std::find(projects.begin(), projects.end(), owner->second) != projects.end();
}

Result<ImportPlan> plan_import(Session& session, const Arguments& arguments, DockerInventory found) {
  const std::vector<std::string>& only = arguments.words;
  ImportPlan plan;
  plan.notes = std::move(found.notes);
  if (!arguments.is_set("no-images"))
    for (DockerImage& image : found.images)
      if (!exists_here(session, "/images/" + http::percent_encode(image.names.front()) + "/json"))
        plan.images.push_back(std::move(image));
  if (!arguments.is_set("no-volumes"))
    for (DockerVolume& volume : found.volumes) {
      if (!is_wanted_volume(volume, only)) continue;
      if (exists_here(session, "/volumes/" + http::percent_encode(volume.name))) {
        plan.notes.push_back("volume " + volume.name + " exists here already; it is not copied");
      } else {
        plan.volumes.push_back(std::move(volume));
      }
    }
  for (const std::string& name : only) {
    bool known = std::any_of(found.projects.begin(), found.projects.end(),
                             [&](const DockerProject& project) { return project.name == name; });
    if (!known)
      return not_found("Docker runs no project " + name + " whose Compose files are on this machine");
  }
  if (!arguments.is_set("no-projects"))
    for (DockerProject& project : found.projects)
      if (only.empty() || std::find(only.begin(), only.end(), project.name) != only.end())
        plan.projects.push_back(std::move(project));
  return plan;
}

std::string plan_lines(const ImportPlan& plan) {
  std::string out;
  for (const DockerImage& image : plan.images)
    out += "  copy image     " + join(image.names, ", ") + "  " + decimal_size({image.size}) + "\n";
  for (const DockerVolume& volume : plan.volumes) out += "  copy volume    " + volume.name + "\n";
  for (const DockerProject& project : plan.projects)
    out += "  move project   " + project.name + "  stop in Docker, start with " + join(project.files, ", ") +
           "\n";
  for (const std::string& note : plan.notes) out += "  note: " + note + "\n";
  return out;
}

Result<> upload_images(Session& session, int file) {
  if (::lseek(file, 0, SEEK_SET) < 0) return Error::last_errno("read archive");
  http::ClientRequest request;
  request.method = "POST";
  request.target = "/images/load";
  request.content_type = "application/x-tar";
  request.body_source = body_from(file, "archive");
  TRY_ASSIGN(http::Client client, session.connect());
  TRY_ASSIGN(http::Answer answer, client.call(std::move(request)));
  // A failure after the head is a line of the body.
  for (const std::string& line : split(answer.body, '\n')) {
    Result<Json> json = parse_json(line);
    if (json && !string_or(*json, "error").empty()) return Error(string_or(*json, "error"));
  }
  return {};
}

Result<> copy_image(Session& session, ForeignDocker& docker, const DockerImage& image) {
  // In the state root, which has room for images, unlike /tmp on many machines.
  Fd file(::open(session.place().root.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  if (!file) return Error::last_errno("temporary file in " + session.place().root);
  TRY(docker.save_images(image.names, file.get()));
  return upload_images(session, file.get());
}

Result<Fd> open_folder(const std::string& path) {
  Fd folder(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder) return Error::last_errno(path);
  return folder;
}

// A volume that could not be copied completely is removed, so that it is not mistaken for a copy.
Result<> copy_volume(Session& session, const DockerVolume& volume) {
  TRY_ASSIGN(Fd from, open_folder(volume.folder));
  TRY_ASSIGN(Json made,
             session.call("POST", "/volumes/create", {{"Name", volume.name}, {"Labels", volume.labels}}));
  Result<Fd> to = open_folder(string_or(made, "Mountpoint"));
  Result<> copied = to ? copy_tree(from.get(), to->get()) : Result<>(std::move(to).error());
  if (copied) return {};
  (void)session.call("DELETE", "/volumes/" + http::percent_encode(volume.name));
  return copied;
}

Result<> start_project(const Session& session, const DockerProject& project) {
  SpawnRequest request;
  request.program = own_program();
  request.args = {"--root",    session.globals().root, "--run-root", session.globals().run_root, "-p",
                  project.name};
  for (const std::string& file : project.files) request.args.insert(request.args.end(), {"-f", file});
  request.args.insert(request.args.end(), {"up", "-d"});
  request.directory = is_directory(project.folder) ? project.folder : "/";
  TRY_ASSIGN(pid_t child, spawn(request));
  TRY_ASSIGN(int status, wait_for(child));
  int code = exit_code_of(status);
  return code == 0 ? Result<>() : Result<>(Error("`stack up` failed with exit code " + std::to_string(code)));
}

Result<> carry_out_import(Session& session, ForeignDocker& docker, const ImportPlan& plan) {
  for (const DockerImage& image : plan.images) {
    print_message("copying image " + image.names.front());
    TRY(copy_image(session, docker, image).in("image " + image.names.front()));
  }
  // Volumes are copied while nothing writes to them.
  for (const DockerProject& project : plan.projects) {
    print_message("stopping project " + project.name + " in Docker");
    TRY(docker.stop(project).in("project " + project.name));
  }
  Result<> done;
  for (const DockerVolume& volume : plan.volumes) {
    if (!done) break;
    print_message("copying volume " + volume.name);
    done = copy_volume(session, volume).in("volume " + volume.name);
  }
  for (const DockerProject& project : plan.projects) {
    Result<> started = done;
    if (done) {
      print_message("starting project " + project.name);
      started = start_project(session, project).in("project " + project.name);
    }
    if (started) continue;
    if (done) done = started;
    print_message("starting project " + project.name + " in Docker again");
    if (Result<> back = docker.start(project); !back)
      print_message("project " + project.name + ": " + back.error().text());
  }
  return done;
}

Result<int> run_import_docker(Session& session, const Arguments& arguments) {
  if (geteuid() != 0)
    return Error("`import docker` reads Docker's volumes, which needs root; run it with sudo");
  std::string socket = arguments.text("socket", kDefaultDockerSocket);
  TRY_ASSIGN(ForeignDocker docker, ForeignDocker::connect(socket));
  TRY_ASSIGN(std::string root, docker.root());
  if (root == session.place().root) return invalid(socket + " is this engine's own socket, not Docker's");
  TRY_ASSIGN(DockerInventory found, docker.inventory());
  TRY_ASSIGN(ImportPlan plan, plan_import(session, arguments, std::move(found)));
  print(plan_lines(plan));
  if (plan.empty()) {
    print_line("nothing to import");
    return 0;
  }
  if (session.globals().dry_run) return 0;
  if (!arguments.is_set("force")) {
    TRY_ASSIGN(bool yes, ask("Continue?"));
    if (!yes) return kExitError;
  }
  TRY(carry_out_import(session, docker, plan));
  print_message("done; Docker's images, volumes, and stopped containers are unchanged");
  return 0;
}

}  // namespace

const Command kImportDocker{
    .name = "import docker",
    .aliases = {},
    .group = Group::Engine,
    .usage = "[OPTIONS] [PROJECT...]",
    .summary = "Copy images, volumes, and running projects of a Docker engine on this machine",
    .details =
        "Running projects are stopped in Docker, their volumes are copied, and they are started here from "
        "their Compose\n"
        "files. If this fails, they are started in Docker again. Nothing is removed from Docker.",
    .examples = kImportDockerExamples,
    .flags = kImportDockerFlags,
    .run = run_import_docker,
};

}  // namespace stack::cli
