#include "runtime/oci/status.h"

#include <algorithm>

namespace stack::runtime::oci {

namespace {

struct CommandRow {
  Operation operation;
  bool creating, created, running, paused, stopped;
  const char* refusal;
};

constexpr CommandRow kCommandRows[] = {
    {Operation::Start, false, true, false, false, false, "cannot start"},
    {Operation::Kill, false, true, true, true, false, "cannot signal"},
    {Operation::Delete, false, false, false, false, true, "cannot delete"},
    {Operation::Exec, false, true, true, false, false, "cannot exec in"},
    {Operation::Pause, false, true, true, false, false, "cannot pause"},
    {Operation::Resume, false, false, false, true, false, "cannot resume"},
    {Operation::Update, false, true, true, true, false, "cannot update"},
    {Operation::Processes, true, true, true, true, true, "cannot list the processes of"},
};

bool allows(const CommandRow& row, Status status) {
  switch (status) {
    case Status::Creating:
      return row.creating;
    case Status::Created:
      return row.created;
    case Status::Running:
      return row.running;
    case Status::Paused:
      return row.paused;
    case Status::Stopped:
      return row.stopped;
  }
  return false;
}

}  // namespace

std::string_view status_name(Status status) {
  switch (status) {
    case Status::Creating:
      return "creating";
    case Status::Created:
      return "created";
    case Status::Running:
      return "running";
    case Status::Paused:
      return "paused";
    case Status::Stopped:
      return "stopped";
  }
  return "unknown";
}

Result<> check_allowed(Operation operation, Status status, const std::string& container_id) {
  for (const CommandRow& row : kCommandRows) {
    if (row.operation != operation || allows(row, status)) continue;
    std::string text = std::string(row.refusal) + " container " + container_id + ": it is " +
                       std::string(status_name(status));
    // containerd recognizes an exited process by these words.
    if (operation == Operation::Kill) text += " (container not running)";
    if (operation == Operation::Delete) text += "; use --force to kill it first";
    return conflict(std::move(text));
  }
  return {};
}

Result<> check_container_id(std::string_view id) {
  auto fits = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '+' || c == '-' || c == '.';
  };
  if (id.empty()) return invalid("the container id is empty");
  if (id.size() > 255 || id[0] == '.' || !std::all_of(id.begin(), id.end(), fits))
    return invalid("not a container ID: \"" + std::string(id) +
                   "\" (must consist of letters, digits, and _+-. and not start with a dot)");
  return {};
}

}  // namespace stack::runtime::oci
