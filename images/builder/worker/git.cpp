#include "images/builder/worker/git.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <vector>

#include "base/directory.h"
#include "base/fd.h"
#include "base/files.h"
#include "base/process.h"
#include "base/text.h"

namespace stack::builder {

namespace {

constexpr int kStopCheckMilliseconds = 200;
constexpr size_t kMostGitOutput = size_t{4} << 20;

bool is_full_commit(const std::string& text) {
  return text.size() == 40 && text.find_first_not_of("0123456789abcdef") == std::string::npos;
}

// "https://host/path" -> "https://host/".
std::string origin_of(const std::string& remote) {
  size_t start = remote.find("://");
  if (start == std::string::npos) return remote;
  size_t slash = remote.find('/', start + 3);
  return remote.substr(0, slash) + "/";
}

class Git {
 public:
  explicit Git(const GitAccess& access) : access_(access) {
    const char* path = std::getenv("PATH");
    env_ = {std::string("PATH=") + (path != nullptr ? path : "/usr/bin:/bin"),
            "HOME=" + access.home,
            "LC_ALL=C",
            "GIT_CONFIG_NOSYSTEM=1",
            "GIT_TERMINAL_PROMPT=0",
            "GIT_ASKPASS=true",
            "SSH_ASKPASS=true",
            "GIT_ALLOW_PROTOCOL=git:http:https:ssh",
            "GIT_LFS_SKIP_SMUDGE=1",
            "GIT_SSH_COMMAND=ssh -F none -o BatchMode=yes -o StrictHostKeyChecking=accept-new -o "
            "UserKnownHostsFile=" +
                access.home + "/known_hosts"};
    for (const auto& [name, value] : access.proxy) env_.push_back(name + "=" + value);
    if (!access.ca_bundle.empty()) env_.push_back("GIT_SSL_CAINFO=" + access.ca_bundle);
    if (!access.ssh_socket.empty()) env_.push_back("SSH_AUTH_SOCK=" + access.ssh_socket);
  }

  // Passes it in the environment, which process lists do not show to other users.
  void authorize(const std::string& remote) {
    if (access_.authorization.empty() || !is_http_url(remote)) return;
    env_.push_back("GIT_CONFIG_COUNT=1");
    env_.push_back("GIT_CONFIG_KEY_0=http." + origin_of(remote) + ".extraheader");
    env_.push_back("GIT_CONFIG_VALUE_0=Authorization: " + access_.authorization);
  }

  // Returns its standard output; the text of an error is its standard error.
  Result<std::string> run(std::vector<std::string> args, const std::string& directory = "/") {
    TRY_ASSIGN(Pipe out, make_pipe());
    TRY_ASSIGN(Pipe err, make_pipe());
    TRY_ASSIGN(Fd nothing, open_file("/dev/null", O_RDONLY));
    SpawnRequest request;
    request.program = "git";
    request.args = std::move(args);
    request.env = env_;
    request.replace_env = true;
    request.directory = directory;
    request.new_session = true;
    request.fds = {{0, nothing.get()}, {1, out.write.get()}, {2, err.write.get()}};
    Result<pid_t> pid = spawn(request);
    if (!pid && pid.error().code() == ENOENT)
      return not_found("git is not installed on this machine, but the build uses a git repository");
    TRY(pid);
    out.write.reset();
    err.write.reset();
    std::string text;
    std::string complaint;
    bool stopped = follow(*pid, out.read.get(), text, err.read.get(), complaint);
    TRY_ASSIGN(int status, wait_for(*pid));
    if (stopped) return Error(ErrorKind::Canceled, "build was canceled");
    if (exit_code_of(status) == 0) return text;
    std::string reason = join(split(trim(complaint), '\n'), "; ");
    return Error("git: " + (reason.empty() ? "exit code " + std::to_string(exit_code_of(status)) : reason));
  }

 private:
  // Reads both pipes to their end; true if the build was canceled meanwhile.
  bool follow(pid_t pid, int out, std::string& text, int err, std::string& complaint) {
    bool stopped = false;
    pollfd both[2] = {{out, POLLIN, 0}, {err, POLLIN, 0}};
    std::string* taken[2] = {&text, &complaint};
    while (both[0].fd >= 0 || both[1].fd >= 0) {
      if (access_.stop.stop_requested() && !stopped) {
        stopped = true;
        ::kill(-pid, SIGKILL);
      }
      if (::poll(both, 2, kStopCheckMilliseconds) <= 0) continue;
      for (size_t i = 0; i < 2; ++i) {
        if (both[i].revents == 0) continue;
        char buffer[65536];
        ssize_t n = ::read(both[i].fd, buffer, sizeof buffer);
        if (n <= 0) both[i].fd = -1;
        if (n > 0 && taken[i]->size() < kMostGitOutput) taken[i]->append(buffer, static_cast<size_t>(n));
      }
    }
    return stopped;
  }

  const GitAccess& access_;
  std::vector<std::string> env_;
};

// The commit in `git ls-remote` output that a reference means: the full name, then a branch, then a tag (its target).
std::string chosen_commit(const std::string& listing, const std::string& ref) {
  std::string wanted = ref.empty() ? "HEAD" : ref;
  const std::string candidates[] = {wanted + "^{}", wanted, "refs/heads/" + wanted,
                                    "refs/tags/" + wanted + "^{}", "refs/tags/" + wanted};
  std::map<std::string, std::string> found;
  for (const std::string& line : split(listing, '\n')) {
    size_t tab = line.find('\t');
    if (tab != std::string::npos && is_full_commit(line.substr(0, tab)))
      found[line.substr(tab + 1)] = line.substr(0, tab);
  }
  for (const std::string& name : candidates)
    if (auto entry = found.find(name); entry != found.end()) return entry->second;
  return {};
}

Result<> fetch(Git& git, const GitUrl& url, const std::string& commit, const std::string& directory) {
  if (git.run({"fetch", "-q", "--depth=1", "--no-tags", "--", url.remote, commit}, directory)) return {};
  std::string ref = url.ref.empty() || is_full_commit(url.ref) ? "HEAD" : url.ref;
  (void)git.run({"fetch", "-q", "--depth=1", "--no-tags", "--", url.remote, ref}, directory);
  if (git.run({"cat-file", "-e", commit + "^{commit}"}, directory)) return {};
  // The server supports neither single commits nor shallow clones.
  (void)::unlink((directory + "/.git/shallow").c_str());
  TRY(git.run(
      {"fetch", "-q", "--", url.remote, "+refs/heads/*:refs/remotes/origin/*", "+refs/tags/*:refs/tags/*"},
      directory));
  return {};
}

Result<> drop_git_entries(const std::string& directory) {
  TRY_ASSIGN(std::vector<std::string> names, names_in(directory));
  for (const std::string& name : names) {
    std::string path = directory + "/" + name;
    struct stat info{};
    if (::lstat(path.c_str(), &info) != 0) return Error::last_errno("stat " + path);
    if (name == ".git") {
      TRY(remove_tree(path));
    } else if (S_ISDIR(info.st_mode)) {
      TRY(drop_git_entries(path));
    }
  }
  return {};
}

Result<> set_times(const std::string& directory, time_t time) {
  TRY_ASSIGN(std::vector<std::string> names, names_in(directory));
  timespec both[2] = {{time, 0}, {time, 0}};
  for (const std::string& name : names) {
    std::string path = directory + "/" + name;
    struct stat info{};
    if (::lstat(path.c_str(), &info) != 0) return Error::last_errno("stat " + path);
    if (S_ISDIR(info.st_mode)) TRY(set_times(path, time));
    if (::utimensat(AT_FDCWD, path.c_str(), both, AT_SYMLINK_NOFOLLOW) != 0)
      return Error::last_errno("set time of " + path);
  }
  return {};
}

}  // namespace

Result<std::string> find_commit(const GitUrl& url, const GitAccess& access) {
  std::string commit = url.ref;
  if (!is_full_commit(commit)) {
    Git git(access);
    git.authorize(url.remote);
    TRY_ASSIGN(std::string listing, git.run({"ls-remote", "--", url.remote}));
    commit = chosen_commit(listing, url.ref);
  }
  if (commit.empty())
    return not_found(url.remote + " has no branch or tag " + (url.ref.empty() ? "HEAD" : url.ref));
  if (!commit.starts_with(url.checksum))
    return invalid("the commit is " + commit + ", but expected " + url.checksum);
  return commit;
}

Result<> check_out(const GitUrl& url, const std::string& commit, bool keep_git_dir,
                   const std::string& directory, const GitAccess& access) {
  Git git(access);
  git.authorize(url.remote);
  TRY(git.run({"init", "-q", "--template=", directory}));
  TRY(git.run({"remote", "add", "origin", url.remote}, directory));
  TRY(fetch(git, url, commit, directory));
  TRY(git.run({"checkout", "-q", "--detach", commit}, directory));
  if (url.submodules && path_exists(directory + "/.gitmodules"))
    TRY(git.run({"-c", "protocol.file.allow=never", "submodule", "update", "--init", "--recursive",
                 "--depth=1", "-q"},
                directory));
  TRY_ASSIGN(std::string time, git.run({"log", "-1", "--format=%ct"}, directory));
  if (!keep_git_dir) TRY(drop_git_entries(directory));
  return set_times(directory, std::strtoll(time.c_str(), nullptr, 10));
}

}  // namespace stack::builder
