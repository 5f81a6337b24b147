#include "cli/session/engine_start.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <thread>

#include "base/files.h"
#include "base/process.h"
#include "base/text.h"
#include "cli/session/ssh_connection.h"

namespace stack::cli {

namespace {

constexpr int kReadyFd = 3;
constexpr int kStartTimeoutMs = 60'000;
constexpr int kStartAttempts = 5;
constexpr int kOtherEngineAttempts = 5;
constexpr std::chrono::milliseconds kOtherEnginePause{100};
constexpr off_t kLogLimit = off_t{8} << 20;

bool no_engine_listening(const Error& error) {
  return error.kind() == ErrorKind::NotFound || error.code() == ENOENT || error.code() == ECONNREFUSED;
}

Error not_permitted(const std::string& path, int uid) {
  return Error("no permission to use the engine at " + path +
               (uid == 0 ? "" : ": `stack` needs root; run it with sudo"));
}

// Root can write everywhere except on read-only file systems and in immutable folders, so probe by writing.
Result<> ensure_writable(const std::string& what, const std::string& path, mode_t mode) {
  Result<> made = ensure_directory(path, mode);
  if (!made) return Error(what + " " + path + " cannot be created: " + made.error().text());
  std::string probe = path + "/.writable-" + std::to_string(gettid());  // `up` calls this from two threads
  int fd = ::open(probe.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0) return Error::last_errno(what + " " + path + " is not writable");
  ::close(fd);
  ::unlink(probe.c_str());
  return {};
}

std::string environment_value(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

// Keeps the previous log once.
Result<Fd> open_engine_log(const std::string& path, off_t& begin) {
  struct stat info{};
  if (::stat(path.c_str(), &info) == 0 && info.st_size > kLogLimit)
    ::rename(path.c_str(), (path + ".1").c_str());
  TRY_ASSIGN(Fd log, open_file(path, O_WRONLY | O_CREAT | O_APPEND, 0600));
  begin = ::lseek(log.get(), 0, SEEK_END);
  return log;
}

Error start_failure(const EnginePlace& place, off_t log_begin, const std::string& reason) {
  std::string text = "the engine did not start: " + reason;
  auto log = read_file(place.log());
  if (log && static_cast<size_t>(log_begin) <= log->size()) {
    for (const std::string& line :
         last_lines(std::string_view(*log).substr(static_cast<size_t>(log_begin)), 15)) {
      text += "\n  | " + line;
    }
  }
  return Error(text + "\nengine log: " + place.log());
}

// One byte means "serving"; end of file means that the engine died before.
Result<> wait_ready(int fd, const EnginePlace& place, off_t log_begin) {
  pollfd waiting{fd, POLLIN, 0};
  int ready = 0;
  do {
    ready = ::poll(&waiting, 1, kStartTimeoutMs);
  } while (ready < 0 && errno == EINTR);
  if (ready == 0) return start_failure(place, log_begin, "it was not ready after 60 seconds");
  char byte = 0;
  ssize_t n = 0;
  do {
    n = ::read(fd, &byte, 1);
  } while (n < 0 && errno == EINTR);
  if (n == 1) return {};
  return start_failure(place, log_begin, "it exited");
}

// An engine that this process started and that has been killed would otherwise stay as a zombie.
void reap_former_engine(pid_t started) {
  static pid_t former = 0;
  if (former > 0) ::waitpid(former, nullptr, WNOHANG);
  former = started;
}

Result<> start_engine(const EnginePlace& place) {
  std::string program = engine_program();
  off_t log_begin = 0;
  TRY_ASSIGN(Fd log, open_engine_log(place.log(), log_begin));
  TRY_ASSIGN(Fd nothing, open_file("/dev/null", O_RDONLY));
  TRY_ASSIGN(Pipe ready, make_pipe());
  // Descriptors left open by the caller, such as pipes of a test harness, must not live as long as the engine.
  ::close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
  SpawnRequest request;
  request.program = program;
  request.args = {"--root", place.root, "--run-root", place.run_root, "--ready-fd", std::to_string(kReadyFd)};
  request.directory = "/";
  request.fds = {{0, nothing.get()}, {1, log.get()}, {2, log.get()}, {kReadyFd, ready.write.get()}};
  request.new_session = true;
  auto started = spawn(request);
  if (!started) {
    return Error(
        "the engine cannot be started: " + started.error().text() +
        (program.find('/') == std::string::npos
             ? "\nsearched for stackd in the folder of `stack`, $STACK_LIBEXEC, /usr/libexec/stack, and PATH"
             : ""));
  }
  reap_former_engine(*started);
  ready.write.reset();
  return wait_ready(ready.read.get(), place, log_begin);
}

}  // namespace

std::string own_program() {
  char path[4096];
  ssize_t n = ::readlink("/proc/self/exe", path, sizeof path);
  return n <= 0 ? std::string("stack") : std::string(path, static_cast<size_t>(n));
}

std::string engine_program() { return find_program("stackd"); }

std::vector<std::string> last_lines(std::string_view text, size_t count) {
  std::vector<std::string> lines = split(text, '\n');
  if (!lines.empty() && lines.back().empty()) lines.pop_back();
  if (lines.size() > count) lines.erase(lines.begin(), lines.end() - static_cast<ptrdiff_t>(count));
  return lines;
}

namespace {

std::string find_in_folders(const std::string& name, const std::string& folder, const std::string& libexec) {
  for (const std::string& candidate :
       {folder, libexec, folder.empty() ? folder : folder + "/../libexec/stack",
        std::string("/usr/libexec/stack"), std::string("/usr/local/libexec/stack")}) {
    if (candidate.empty()) continue;
    std::string program = candidate + "/" + name;
    if (::access(program.c_str(), X_OK) == 0 && !is_directory(program)) return program;
  }
  return name;
}

}  // namespace

std::string find_engine_program(const std::string& folder, const std::string& libexec) {
  return find_in_folders("stackd", folder, libexec);
}

std::string find_program(const std::string& name) {
  std::string own = own_program();
  std::string folder = own.find('/') == std::string::npos ? std::string() : directory_name(own);
  return find_in_folders(name, folder, environment_value("STACK_LIBEXEC"));
}

bool is_broken_connection(const Error& error) {
  // The last two: the client noticed that its connection was closed, and a new connection was refused.
  return error.code() == ECONNRESET || error.code() == EPIPE || error.code() == ENOTCONN ||
         error.code() == ECONNREFUSED || error.code() == ENOENT;
}

Result<http::Client> connect_running(const EnginePlace& place) {
  if (is_ssh_url(place.foreign_socket)) {
    TRY_ASSIGN(Fd stream, connect_over_ssh(place.foreign_socket));
    return http::Client(std::move(stream));
  }
  auto client = http::Client::connect(place.socket());
  if (client) return client;
  if (client.error().code() == EACCES || client.error().code() == EPERM) {
    return not_permitted(place.socket(), static_cast<int>(geteuid()));
  }
  if (no_engine_listening(client.error())) return not_found("no engine serves at " + place.socket());
  return client;
}

namespace {

// An engine whose state root is not ours would show other containers and images, and take ours in the wrong place.
Result<> check_root(const EnginePlace& place) {
  if (!place.foreign_socket.empty()) return {};
  std::string link = place.run_root + "/root";
  struct stat theirs{};
  struct stat ours{};
  if (::stat(link.c_str(), &theirs) != 0) return {};
  bool same = ::stat(place.root.c_str(), &ours) == 0 && ours.st_dev == theirs.st_dev && ours.st_ino == theirs.st_ino;
  if (same) return {};
  std::error_code ignored;
  return conflict("the engine at " + place.socket() + " has the state root " +
                  std::filesystem::read_symlink(link, ignored).string() + ", not " + place.root +
                  "\nto use both, give each a run root of its own with --run-root or STACK_RUN_ROOT; to change, stop the "
                  "engine with `stack engine stop`");
}

}  // namespace

Result<http::Client> connect_or_start(const EnginePlace& place) {
  TRY(check_root(place));
  auto client = connect_running(place);
  if (client || client.error().kind() != ErrorKind::NotFound) return client;
  if (!place.foreign_socket.empty())
    return Error("Cannot connect to the Docker daemon at unix://" + place.foreign_socket +
                 ". Is the docker daemon running?");
  if (geteuid() != 0) {
    return Error("the engine is not running, and only root can start it; run this command with sudo");
  }
  TRY(ensure_writable("run directory", place.run_root, 0755));
  TRY(ensure_writable("state directory", place.root, 0711));
  TRY_ASSIGN(FileLock lock,
             FileLock::acquire(place.run_root + "/start.lock").in("lock for starting the engine"));
  // Another command may have started it while we waited for the lock.
  client = connect_running(place);
  if (client || client.error().kind() != ErrorKind::NotFound) return client;
  Result<> started;
  // An engine killed during or right after its start is started again, up to a few times.
  for (int attempt = 0; attempt < kStartAttempts; ++attempt) {
    started = start_engine(place);
    client = connect_running(place);
    if (client || client.error().kind() != ErrorKind::NotFound) return client;
  }
  // A monitor may have started an engine at the same time; ours then exits because the other holds the state lock.
  for (int attempt = 0; attempt < kOtherEngineAttempts; ++attempt) {
    client = connect_running(place);
    if (client) return client;
    std::this_thread::sleep_for(kOtherEnginePause);
  }
  if (started) return client;
  return std::move(started).error();
}

}  // namespace stack::cli
