#include "engine/image/build_ssh.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>

#include <chrono>
#include <thread>

#include "base/files.h"
#include "base/process.h"
#include "base/text.h"

namespace stack::engine {

namespace {

bool is_socket(const std::string& path) {
  struct stat info{};
  return ::stat(path.c_str(), &info) == 0 && S_ISSOCK(info.st_mode);
}

// ssh-agent listens as soon as its socket exists, within milliseconds.
bool wait_for_socket(const std::string& path) {
  for (int i = 0; i < 200; ++i) {
    if (is_socket(path)) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return false;
}

}  // namespace

SshAgents& SshAgents::operator=(SshAgents&& other) noexcept {
  std::swap(sockets_, other.sockets_);
  std::swap(started_, other.started_);
  std::swap(directories_, other.directories_);
  return *this;
}

SshAgents::~SshAgents() {
  for (pid_t pid : started_) {
    ::kill(pid, SIGTERM);
    (void)wait_for(pid);
  }
  for (const std::string& directory : directories_) (void)remove_tree(directory);
}

Result<std::string> SshAgents::start_for_key(const std::string& key, const std::string& directory) {
  TRY(ensure_directory(directory, 0700));
  TRY_ASSIGN(TemporaryDirectory own, TemporaryDirectory::create(directory + "/ssh-"));
  directories_.push_back(own.release());
  std::string socket = directories_.back() + "/agent";
  SpawnRequest agent;
  agent.program = "ssh-agent";
  agent.args = {"-D", "-a", socket};
  agent.new_session = true;
  TRY_ASSIGN(Fd nothing, open_file("/dev/null", O_RDWR));
  agent.fds = {{0, nothing.get()}, {1, nothing.get()}, {2, nothing.get()}};
  TRY_ASSIGN(pid_t pid, spawn(agent).in("ssh-agent, which holds the key " + key));
  started_.push_back(pid);
  if (!wait_for_socket(socket)) return Error("ssh-agent did not start serving");
  SpawnRequest add;
  add.program = "ssh-add";
  add.args = {"-q", key};
  add.env = {"SSH_AUTH_SOCK=" + socket, "SSH_ASKPASS_REQUIRE=never", "PATH=/usr/bin:/bin", "HOME=/root"};
  add.replace_env = true;
  add.new_session = true;
  TRY_ASSIGN(CapturedRun added, run_captured(std::move(add)));
  if (added.exit_code != 0) return invalid("ssh-add: " + std::string(trim(added.output)));
  return socket;
}

Result<SshAgents> SshAgents::open(const std::vector<std::string>& wanted, const std::string& caller_socket,
                                  const std::string& directory) {
  SshAgents agents;
  for (const std::string& text : wanted) {
    size_t equals = text.find('=');
    std::string id = text.substr(0, equals);
    std::string path = equals == std::string::npos ? caller_socket : text.substr(equals + 1);
    std::string what = "build.ssh " + id;
    if (path.empty()) return invalid(what + ": no SSH agent, because SSH_AUTH_SOCK is not set");
    if (!path_exists(path)) return not_found(what + ": " + path + " does not exist");
    if (!is_socket(path)) {
      TRY_ASSIGN(path, agents.start_for_key(path, directory).in(what));
    }
    agents.sockets_.push_back({id, path});
  }
  return agents;
}

}  // namespace stack::engine
