// stack-launch: starts one container (or exec session) for the engine, then becomes stack-monitor.
#include <fcntl.h>
#include <unistd.h>

#include <string_view>

#include "base/descriptor_limit.h"
#include "base/fd.h"
#include "base/json.h"
#include "runtime/launch/engine_link.h"
#include "runtime/launch/launch.h"
#include "runtime/launch/launch_request.h"

namespace {

using namespace stack;
using namespace stack::runtime;

StepFailure run(std::string_view mode) {
  Result<std::string> text = read_all(kRequestFd);
  if (!text) return make_failure("request", "", text.error());
  Result<Json> request = parse_json(*text);
  if (!request) return make_failure("request", "", request.error());
  ::close(kRequestFd);
  // The request comes from our engine; a malformed one is a bug, which is reported as a failure.
  try {
    // Restores the descriptor limit, because the engine raised its own and containers inherit ours.
    if (request->contains("descriptor_limit"))
      (void)set_descriptor_limit(request->at("descriptor_limit").get<uint64_t>());
    if (mode == "launch") return launch_container(*request);
    if (mode == "adopt") return adopt_container(*request);
    if (mode == "exec") return launch_exec_session(*request);
  } catch (const std::exception& error) {
    return make_failure("request", "", invalid(error.what()));
  }
  return make_failure("request", "", invalid("unknown mode " + std::string(mode)));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2 || ::fcntl(kControlFd, F_GETFD) < 0) {
    constexpr std::string_view kText = "stack-launch must be started by the engine\n";
    (void)!::write(2, kText.data(), kText.size());
    return 125;
  }
  StepFailure failure = run(argv[1]);
  (void)tell_failure(kControlFd, failure);
  return failure.exit_code;
}
