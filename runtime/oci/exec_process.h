// The process object of an exec: the container's own with what the flags change, or a file's.
#pragma once

#include "base/json.h"
#include "base/result.h"
#include "runtime/oci/command.h"

namespace stack::runtime::oci {

// Pure, but for reading the file of --process. `container_process`: of the container's configuration.
Result<Json> exec_process(const Json& container_process, const Arguments& arguments);

// "uid[:gid]", both whole numbers below 2^32: crun's and runc's form. CVE-2026-30892: nothing else is taken.
Result<Json> parse_exec_user(const std::string& text, const Json& container_user);

}  // namespace stack::runtime::oci
