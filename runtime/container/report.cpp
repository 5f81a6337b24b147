#include "runtime/container/report.h"

#include <array>

namespace stack::runtime {

namespace {

// "code\0exit\0step\0object\0text\0"
std::string encode(const StepFailure& failure) {
  std::string out;
  for (const std::string& part : {std::to_string(failure.code), std::to_string(failure.exit_code),
                                  failure.step, failure.object, failure.text}) {
    out += part.substr(0, part.find('\0')).substr(0, 4096);
    out += '\0';
  }
  return out;
}

std::string next_part(std::string_view& bytes) {
  size_t end = bytes.find('\0');
  std::string part(bytes.substr(0, end));
  bytes.remove_prefix(end == std::string_view::npos ? bytes.size() : end + 1);
  return part;
}

StepFailure decode(std::string_view bytes) {
  StepFailure failure;
  failure.code = std::atoi(next_part(bytes).c_str());
  failure.exit_code = std::atoi(next_part(bytes).c_str());
  failure.step = next_part(bytes);
  failure.object = next_part(bytes);
  failure.text = next_part(bytes);
  return failure;
}

}  // namespace

StepFailure make_failure(std::string step, std::string object, const Error& error) {
  int exit_code = 125;
  if (error.kind() == ErrorKind::NotExecutable) exit_code = 126;
  if (error.kind() == ErrorKind::NoCommand) exit_code = 127;
  std::string text = exit_code == 125 ? step + ": " + error.text() : error.text();
  return {std::move(step), std::move(object), error.code(), exit_code, std::move(text)};
}

Result<> send_report(int socket, ReportKind kind, std::string_view text, int fd) {
  std::string bytes(1, static_cast<char>(kind));
  bytes += text;
  if (fd < 0) return send_with_fds(socket, bytes, {});
  std::array<int, 1> fds{fd};
  return send_with_fds(socket, bytes, fds);
}

Result<> send_failure(int socket, const StepFailure& failure) {
  return send_report(socket, ReportKind::Failure, encode(failure));
}

Result<std::optional<Report>> receive_report(int socket) {
  Result<MessageWithFds> message = receive_with_fds(socket, 32 * 1024);
  if (!message && message.error().code() == ECONNRESET) return std::optional<Report>();
  if (!message) return std::move(message).error();
  if (message->bytes.empty()) return std::optional<Report>();
  Report report;
  report.kind = static_cast<ReportKind>(message->bytes[0]);
  std::string_view rest = std::string_view(message->bytes).substr(1);
  if (report.kind == ReportKind::Failure) {
    report.failure = decode(rest);
  } else {
    report.text = rest;
  }
  if (!message->fds.empty()) report.fd = std::move(message->fds.front());
  return std::optional<Report>(std::move(report));
}

}  // namespace stack::runtime
