#include "runtime/launch/engine_link.h"

#include <cstring>
#include <string_view>

#include "base/fd.h"

namespace stack::runtime {

namespace {

template <typename T>
std::string bytes_of(const T& message) {
  return {reinterpret_cast<const char*>(&message), sizeof(message)};
}

void add_word(std::string& bytes, const std::string& word) {
  // Cuts the text, because a message has a maximum size.
  std::string cut = word.substr(0, word.find('\0')).substr(0, 4000);
  if (bytes.size() + cut.size() + 1 > wire::kMaxMessage) cut.clear();
  bytes += cut;
  bytes += '\0';
}

}  // namespace

Result<> tell_process(int control, wire::Type type, pid_t pid, const ProcessFds& fds,
                      const std::vector<std::string>& notes) {
  wire::ProcessMessage message;
  message.header.type = type;
  message.pid = pid;
  std::vector<int> numbers;
  auto add = [&](int fd, uint32_t bit) {
    if (fd < 0) return;
    message.header.fd_bits |= bit;
    numbers.push_back(fd);
  };
  add(fds.pidfd, wire::kPidfd);
  add(fds.stdin_write, wire::kStdin);
  add(fds.stdout_read, wire::kStdout);
  add(fds.stderr_read, wire::kStderr);
  add(fds.terminal, wire::kTerminal);
  std::string bytes = bytes_of(message);
  for (const std::string& note : notes) add_word(bytes, note);
  return send_with_fds(control, bytes, numbers);
}

Result<> tell_failure(int control, const StepFailure& failure) {
  wire::FailedMessage message;
  message.header.type = wire::kFailed;
  message.code = failure.code;
  message.exit_code = failure.exit_code;
  std::string bytes = bytes_of(message);
  add_word(bytes, failure.step);
  add_word(bytes, failure.object);
  add_word(bytes, failure.text);
  return send_with_fds(control, bytes, {});
}

Result<std::optional<uint32_t>> wait_for_start(int control) {
  for (;;) {
    TRY_ASSIGN(MessageWithFds message, receive_with_fds(control, wire::kMaxMessage));
    if (message.bytes.size() < sizeof(wire::Header)) return std::optional<uint32_t>();
    wire::Header header;
    std::memcpy(&header, message.bytes.data(), sizeof(header));
    if (header.type == wire::kStart) return std::optional<uint32_t>(header.token);
  }
}

}  // namespace stack::runtime
