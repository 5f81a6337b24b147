#include "stack_command.h"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <sstream>

#include "base/files.h"
#include "base/text.h"

namespace stack::e2e {

namespace {

RunningContainer container_of(const Json& details) {
  RunningContainer container;
  container.id = string_or(details, "Id");
  container.name = string_or(details, "Name");
  if (container.name.starts_with('/')) container.name.erase(0, 1);
  container.image_id = string_or(details, "Image");
  container.restarts = static_cast<int>(int_or(details, "RestartCount"));
  const Json state = details.value("State", Json::object());
  container.state = string_or(state, "Status");
  container.exit_code = static_cast<int>(int_or(state, "ExitCode"));
  container.pid = static_cast<pid_t>(int_or(state, "Pid"));
  if (state.contains("Health") && state["Health"].is_object())
    container.health = string_or(state["Health"], "Status");
  const Json config = details.value("Config", Json::object());
  container.service = string_or(config.value("Labels", Json::object()), "com.docker.compose.service");
  const Json settings = details.value("NetworkSettings", Json::object());
  const Json networks = settings.value("Networks", Json::object());
  for (const auto& [name, endpoint] : networks.items()) {
    std::string address = string_or(endpoint, "IPAddress");
    if (!address.empty()) container.addresses.push_back(address);
  }
  return container;
}

}  // namespace

std::string program_folder() {
  const char* given = std::getenv("STACK_TEST_BIN");
  return given != nullptr && *given != '\0' ? given : STACK_BIN_DIR;
}

StackRoot::StackRoot(std::string root, std::string run_root)
    : root_(std::move(root)), run_root_(std::move(run_root)) {}

std::vector<std::string> StackRoot::argv(const std::vector<std::string>& args) const {
  std::vector<std::string> all{program_folder() + "/stack", "--root", root_, "--run-root", run_root_};
  all.insert(all.end(), args.begin(), args.end());
  return all;
}

CommandResult StackRoot::run(const std::vector<std::string>& args, const CommandOptions& options) const {
  return run_command(argv(args), options);
}

ApiAnswer StackRoot::api(const std::string& method, const std::string& path, const Json& body) const {
  ApiAnswer answer = api_call(socket(), method, path, body);
  if (answer.status != 0) return answer;
  run({"ls"});  // starts the engine
  return api_call(socket(), method, path, body);
}

std::vector<RunningContainer> StackRoot::containers(const std::string& project) const {
  std::vector<RunningContainer> all;
  Json rows = api("GET", "/containers/json?all=1").body;
  if (!rows.is_array()) return all;
  for (const Json& row : rows) {
    const Json labels = row.value("Labels", Json::object());
    if (string_or(labels, "com.docker.compose.project") != project) continue;
    if (lower(string_or(labels, "com.docker.compose.oneoff")) == "true") continue;
    ApiAnswer details = api("GET", "/containers/" + string_or(row, "Id") + "/json");
    if (details.status == 200) all.push_back(container_of(details.body));
  }
  std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  return all;
}

pid_t StackRoot::engine_pid() const {
  for (pid_t pid : processes_with(root_)) {
    std::string line = read_file("/proc/" + std::to_string(pid) + "/cmdline").value_or("");
    std::string program = line.substr(0, line.find('\0'));
    if (base_name(program) == "stackd") return pid;
  }
  return 0;
}

void StackRoot::kill_engine() const {
  pid_t pid = engine_pid();
  if (pid == 0) return;
  uint64_t started = start_time_of(pid);
  ::kill(pid, SIGKILL);
  eventually(std::chrono::seconds(5), [&] { return start_time_of(pid) != started; });
}

void StackRoot::shut_down() const {
  if (engine_pid() == 0) return;
  api_call(socket(), "POST", "/stack/v1/shutdown");
  eventually(std::chrono::seconds(10), [this] { return engine_pid() == 0; });
}

std::vector<pid_t> processes_with(const std::string& text) {
  std::vector<pid_t> found;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    std::string name = entry.path().filename();
    if (!is_all_digits(name)) continue;
    pid_t pid = static_cast<pid_t>(std::stol(name));
    if (pid == ::getpid()) continue;
    Result<std::string> line = read_file("/proc/" + name + "/cmdline");
    if (line && line->find(text) != std::string::npos) found.push_back(pid);
  }
  return found;
}

uint64_t start_time_of(pid_t pid) {
  Result<std::string> stat = read_file("/proc/" + std::to_string(pid) + "/stat");
  if (!stat) return 0;
  size_t end = stat->rfind(')');
  if (end == std::string::npos) return 0;
  std::istringstream fields(stat->substr(end + 1));
  std::string field;
  for (int number = 3; number <= 22 && fields >> field; ++number) {
    if (number == 3 && field == "Z") return 0;
  }
  return std::stoull(field);
}

}  // namespace stack::e2e
