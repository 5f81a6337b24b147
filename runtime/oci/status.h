// The states of a container and the operations that each allows. runtime-spec runtime.md, "Lifecycle" and "Operations"
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace stack::runtime::oci {

enum class Status : uint8_t { Creating, Created, Running, Paused, Stopped };

std::string_view status_name(Status status);

enum class Operation : uint8_t { Start, Kill, Delete, Exec, Pause, Resume, Update, Processes };

// Pure. Conflict, with the container and its state in the text, if `status` does not allow it. Delete requires a
// stopped container, as in the specification.
Result<> check_allowed(Operation operation, Status status, const std::string& container_id);

// Letters, digits and "_+-.", not beginning with a dot, at most 255 of them.
Result<> check_container_id(std::string_view id);

}  // namespace stack::runtime::oci
