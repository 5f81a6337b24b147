// The request of `docker run` and `docker create`, made from their flags.
// Engine API POST /containers/create
#pragma once

#include <string>
#include <vector>

#include "base/json.h"
#include "cli/flags/flags.h"
#include "cli/session/session.h"

namespace stack::cli::docker_cli {

// The body of POST /containers/create for IMAGE [COMMAND...] and the flags. Reads --env-file, --label-file and seccomp
// profiles of the caller. Errors name the flag like Docker's client.
Result<Json> container_body(const Session& session, const Arguments& arguments);

// "K=V" unchanged, "K" with the caller's value; left out if the caller has none.
std::vector<std::string> resolved_environment(const Session& session, const std::vector<std::string>& given);
// The lines of an --env-file, resolved the same way.
Result<std::vector<std::string>> environment_file(const Session& session, const std::string& path);

// Parses a byte size; an error names the flag.
Result<int64_t> byte_size(const std::string& text, std::string_view flag);
// "always", "on-failure:3" and so on as {"Name", "MaximumRetryCount"}.
Result<Json> restart_policy(const std::string& text);
// "0.5" processors in units of 1e-9.
Result<int64_t> nano_cpus(const std::string& text);

}  // namespace stack::cli::docker_cli
