// `stack engine docker-socket`: programs that look for Docker's socket find the engine's.
#include <sys/stat.h>
#include <unistd.h>

#include "base/files.h"
#include "cli/flags/commands.h"
#include "cli/render/output.h"
#include "cli/session/session.h"

namespace stack::cli {

namespace {

constexpr const char* kDockerSocket = "/run/docker.sock";
// tmpfiles.d(5): /run is empty after a boot.
constexpr const char* kBootRule = "/etc/tmpfiles.d/stack-docker-socket.conf";

enum class LinkState { Absent, Ours, Foreign };

LinkState link_state(const std::string& path, const std::string& socket) {
  struct stat info{};
  if (::lstat(path.c_str(), &info) != 0) return LinkState::Absent;
  if (!S_ISLNK(info.st_mode)) return LinkState::Foreign;
  std::string target(4096, '\0');
  ssize_t size = ::readlink(path.c_str(), target.data(), target.size());
  target.resize(size > 0 ? static_cast<size_t>(size) : 0);
  return target == socket ? LinkState::Ours : LinkState::Foreign;
}

Error foreign(const std::string& path) {
  return Error(path + " exists and is not a link to this engine; does Docker run here?");
}

Result<> switch_on(const std::string& path, const std::string& socket) {
  LinkState state = link_state(path, socket);
  if (state == LinkState::Foreign) return foreign(path);
  if (state == LinkState::Absent && ::symlink(socket.c_str(), path.c_str()) != 0)
    return Error::last_errno("link " + path);
  if (path != kDockerSocket || !is_directory("/etc/tmpfiles.d")) return {};
  return write_file(kBootRule, "L " + path + " - - - - " + socket + "\n");
}

Result<> switch_off(const std::string& path, const std::string& socket) {
  LinkState state = link_state(path, socket);
  if (state == LinkState::Foreign) return foreign(path);
  if (state == LinkState::Ours && ::unlink(path.c_str()) != 0) return Error::last_errno("remove " + path);
  if (path == kDockerSocket && ::unlink(kBootRule) != 0 && errno != ENOENT)
    return Error::last_errno(std::string("remove ") + kBootRule);
  return {};
}

std::string state_line(const std::string& path, const std::string& socket) {
  switch (link_state(path, socket)) {
    case LinkState::Ours:
      return "on: " + path + " is " + socket;
    case LinkState::Foreign:
      return "off: " + path + " belongs to another program";
    case LinkState::Absent:
      break;
  }
  return "off";
}

constexpr Example kDockerSocketExamples[] = {
    {"stack engine docker-socket on", "docker, docker-py, Testcontainers and the like use this engine"},
    {"stack engine docker-socket", "whether they do"}};
constexpr Flag kDockerSocketFlags[] = {
    {0, "path", FlagArity::Value, "PATH", "Where programs look for it (default: /run/docker.sock)"}};

Result<int> run_docker_socket(Session& session, const Arguments& arguments) {
  std::string path = arguments.text("path").empty() ? kDockerSocket : arguments.text("path");
  std::string socket = session.place().socket();
  std::string word = arguments.words.empty() ? "" : arguments.words.front();
  if (word.empty()) {
    print_line(state_line(path, socket));
    return 0;
  }
  if (word != "on" && word != "off") return session.usage_error("expected on or off, not " + word);
  TRY(session.refuse_dry_run());
  if (word == "off") return switch_off(path, socket).map([] { return 0; });
  TRY(switch_on(path, socket));
  // Docker's clients cannot start the engine. While the link is there, it does not exit when it is idle.
  return session.connect().map([](auto&&) { return 0; });
}

}  // namespace

const Command kEngineDockerSocket{
    .name = "engine docker-socket",
    .aliases = {},
    .group = Group::Engine,
    .usage = "[OPTIONS] [on|off]",
    .summary = "Let programs that look for Docker's socket find this engine",
    .details = "Whoever may use the socket can do everything on the machine: see docs/SECURITY.md.",
    .examples = kDockerSocketExamples,
    .flags = kDockerSocketFlags,
    .most_words = 1,
    .run = run_docker_socket,
};

}  // namespace stack::cli
