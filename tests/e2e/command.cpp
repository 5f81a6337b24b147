#include "command.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>

#include "base/files.h"
#include "base/process.h"

extern char** environ;

namespace stack::e2e {

namespace {

using Clock = std::chrono::steady_clock;

SpawnRequest request_for(const std::vector<std::string>& argv, const CommandOptions& options) {
  SpawnRequest request;
  request.program = argv.front();
  request.args.assign(argv.begin() + 1, argv.end());
  request.directory = options.directory;
  request.replace_env = true;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    std::string text = *entry;
    std::string name = text.substr(0, text.find('='));
    if (name.starts_with("COMPOSE_") || name.starts_with("STACK_") || options.env.contains(name)) continue;
    request.env.push_back(text);
  }
  for (const auto& [name, value] : options.env) request.env.push_back(name + "=" + value);
  return request;
}

// Reads the available bytes; false at the end of the stream.
bool drain(int fd, std::string& into) {
  std::array<char, 65536> buffer{};
  ssize_t n = ::read(fd, buffer.data(), buffer.size());
  if (n > 0) into.append(buffer.data(), static_cast<size_t>(n));
  return n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR));
}

int remaining_ms(Clock::time_point deadline) {
  auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
  return static_cast<int>(std::max<int64_t>(left, 0));
}

// Exit code, or nullopt at the deadline.
std::optional<int> wait_until(pid_t pid, Clock::time_point deadline) {
  for (;;) {
    int status = 0;
    pid_t ended = ::waitpid(pid, &status, WNOHANG);
    if (ended == pid) return exit_code_of(status);
    if (Clock::now() >= deadline) return std::nullopt;
    ::usleep(1000);
  }
}

}  // namespace

std::chrono::milliseconds patiently(std::chrono::milliseconds limit) {
  static const int kTimes = [] {
    const char* given = std::getenv("STACK_TEST_SLOWNESS");
    return given == nullptr ? 1 : std::clamp(std::atoi(given), 1, 100);
  }();
  return limit * kTimes;
}

void pause_briefly() { ::usleep(10'000); }

std::string CommandResult::text() const {
  return "exit code " + std::to_string(code) + " after " + std::to_string(took.count()) +
         " ms\n--- stdout\n" + out + "--- stderr\n" + err + "---";
}

CommandResult run_command(const std::vector<std::string>& argv, const CommandOptions& options) {
  CommandResult result;
  const Clock::time_point begin = Clock::now();
  const Clock::time_point deadline = begin + patiently(options.timeout);
  Result<Pipe> out = make_pipe();
  Result<Pipe> err = make_pipe();
  Result<Fd> input = sealed_memfd("input", options.input);
  if (!out || !err || !input) {
    result.err = "cannot make pipes";
    return result;
  }
  SpawnRequest request = request_for(argv, options);
  request.fds = {{0, input->get()}, {1, out->write.get()}, {2, err->write.get()}};
  Result<pid_t> pid = spawn(request);
  if (!pid) {
    result.err = pid.error().text();
    return result;
  }
  out->write.reset();
  err->write.reset();
  bool more_out = true;
  bool more_err = true;
  bool late = false;
  // A background process that keeps our pipes open must not delay us: only the command's own end counts.
  std::optional<int> code;
  while (!late && (more_out || more_err)) {
    std::array<pollfd, 2> watched{
        {{more_out ? out->read.get() : -1, POLLIN, 0}, {more_err ? err->read.get() : -1, POLLIN, 0}}};
    int ready = ::poll(watched.data(), watched.size(), std::min(remaining_ms(deadline), 50));
    if (ready > 0 && watched[0].revents != 0) more_out = drain(out->read.get(), result.out);
    if (ready > 0 && watched[1].revents != 0) more_err = drain(err->read.get(), result.err);
    if (ready == 0) {
      if (code) break;
      code = wait_until(*pid, Clock::now());
    }
    late = Clock::now() >= deadline;
  }
  if (!code) code = wait_until(*pid, deadline);
  if (!code) {
    ::kill(*pid, SIGKILL);
    (void)wait_for(*pid);
    result.err += "\n[killed at the test's deadline]\n";
  }
  result.code = code.value_or(-1);
  result.took = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - begin);
  return result;
}

BackgroundCommand::BackgroundCommand(const std::vector<std::string>& argv, const CommandOptions& options) {
  std::string name = "/tmp/stack-e2e-output-XXXXXX";
  Fd file(::mkostemp(name.data(), O_CLOEXEC | O_APPEND));
  output_file_ = name;
  Result<Fd> input = sealed_memfd("input", options.input);
  SpawnRequest request = request_for(argv, options);
  request.fds = {{0, input->get()}, {1, file.get()}, {2, file.get()}};
  request.new_session = true;
  Result<pid_t> pid = spawn(request);
  if (pid) pid_ = *pid;
}

BackgroundCommand::~BackgroundCommand() {
  if (pid_ > 0 && !code_) {
    ::kill(pid_, SIGKILL);
    (void)wait_for(pid_);
  }
  ::unlink(output_file_.c_str());
}

void BackgroundCommand::signal(int number) const {
  if (pid_ > 0) ::kill(pid_, number);
}

std::string BackgroundCommand::output() const { return read_file(output_file_).value_or(""); }

bool BackgroundCommand::says(const std::string& text, std::chrono::milliseconds within) const {
  return eventually(within, [&] { return output().find(text) != std::string::npos; });
}

int BackgroundCommand::wait(std::chrono::milliseconds within) {
  if (!code_ && pid_ > 0) code_ = wait_until(pid_, Clock::now() + patiently(within));
  return code_.value_or(-1);
}

}  // namespace stack::e2e
