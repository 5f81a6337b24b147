#include "cli/session/ssh_connection.h"

#include <sys/socket.h>

#include "base/process.h"
#include "base/text.h"

namespace stack::cli {

Result<std::vector<std::string>> ssh_arguments(const std::string& url) {
  auto wrong = [&](const std::string& why) { return invalid("invalid host \"" + url + "\": " + why); };
  std::string rest = url.substr(6);
  if (rest.ends_with('/')) rest.pop_back();
  if (rest.find('/') != std::string::npos) return wrong("must be ssh://[USER@]HOST[:PORT]");
  std::string user;
  if (size_t at = rest.rfind('@'); at != std::string::npos) {
    user = rest.substr(0, at);
    rest.erase(0, at + 1);
    if (user.empty() || user.find(':') != std::string::npos) return wrong("must be ssh://[USER@]HOST[:PORT]");
  }
  std::string port;
  size_t colon = rest.find(':');
  bool ipv6 = rest.starts_with('[');
  if (ipv6) {
    size_t end = rest.find(']');
    if (end == std::string::npos) return wrong("the address is not closed by ]");
    if (end + 1 < rest.size() && rest[end + 1] == ':') port = rest.substr(end + 2);
    rest = rest.substr(1, end - 1);
  } else if (colon != std::string::npos) {
    port = rest.substr(colon + 1);
    rest.resize(colon);
  }
  if (rest.empty()) return wrong("the host is missing");
  if (rest.starts_with('-') || user.starts_with('-')) return wrong("must not begin with a hyphen");
  if (!port.empty() && (!is_all_digits(port) || port.size() > 5)) return wrong("the port must be a number");
  std::vector<std::string> arguments{"-T"};
  if (!port.empty()) arguments.insert(arguments.end(), {"-p", port});
  if (!user.empty()) arguments.insert(arguments.end(), {"-l", user});
  arguments.insert(arguments.end(), {"--", rest, "stack", "__dial"});
  return arguments;
}

Result<Fd> connect_over_ssh(const std::string& url) {
  SpawnRequest request;
  request.program = "ssh";
  TRY_ASSIGN(request.args, ssh_arguments(url));
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) return Error::last_errno("socketpair");
  Fd ours(ends[0]);
  Fd theirs(ends[1]);
  request.fds = {{0, theirs.get()}, {1, theirs.get()}};
  TRY_ASSIGN(pid_t child, spawn(request).in("ssh"));
  // It ends with the connection.
  (void)child;
  return ours;
}

}  // namespace stack::cli
