// linux.seccomp of a configuration. config-linux.md "Seccomp"
#pragma once

#include <string>

#include "base/json.h"
#include "base/result.h"
#include "runtime/container/plan.h"

namespace stack::runtime::oci {

struct ContainerFilter {
  SeccompProgram program;
  std::string listener_path;  // socket that receives the notify descriptor; "" if there is none
  std::string listener_metadata;
};

// Null: no filter. Compiled programs are kept in `cache_dir`.
Result<ContainerFilter> make_filter(const Json& seccomp, const std::string& cache_dir);

// Sends the listener to the process that listens at listener_path, with the container process state document of the
// specification.
Result<> send_listener(const ContainerFilter& filter, int agent, int listener, const Json& state, pid_t pid);
// Connects to the filter's listenerPath on the host: call before joining any namespace of the container. Empty for
// a filter without notifications.
Result<Fd> connect_agent(const ContainerFilter& filter);

}  // namespace stack::runtime::oci
