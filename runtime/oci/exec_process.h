// The process object of an exec: the container's own, changed by the flags, or that of a file.
#pragma once

#include "base/json.h"
#include "base/result.h"
#include "runtime/oci/command.h"

namespace stack::runtime::oci {

// Pure, except that it reads the file of --process. `container_process`: from the container's configuration.
Result<Json> exec_process(const Json& container_process, const Arguments& arguments);

// "uid[:gid]", both whole numbers below 2^32: the form of crun and runc. Rejects everything else (CVE-2026-30892).
Result<Json> parse_exec_user(const std::string& text, const Json& container_user);

}  // namespace stack::runtime::oci
