// The last steps before the command runs: limits, identity, capabilities, seccomp, execve.
// Used for a container's first process and for exec sessions.
#pragma once

#include <string>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "runtime/container/plan.h"
#include "runtime/spec/spec.h"

namespace stack::runtime {

// Kernel keyrings are not namespaced: a new session keyring hides the host's. It has no name, because another container
// could use the same name. Ignores kernels without keys and a full quota.
void leave_session_keyring();

// Closes every descriptor above 2 that is not in `kept`, which may contain lower and repeated numbers. Close-on-exec is not
// sufficient if untrusted paths are looked up before execve.
Result<> close_all_but(std::vector<int> kept);

// Sets descriptors 0, 1, 2; missing ones become `null_device`. A terminal is used for all three and becomes the controlling
// terminal of this (new) session. Changes their owner to the process's user, so that /dev/stdout can be reopened.
Result<> set_up_stdio(const ProcessSpec& process, const ChildStdio& stdio, int terminal, int null_device);

// Applies resource limits, OOM score, scheduling, and I/O priority. Limits that cannot be raised are set as high as
// possible, with a note.
Result<> apply_limits(const ProcessSpec& process, std::vector<std::string>& notes);

// personality(2) and set_mempolicy(2) according to linux.personality and linux.memoryPolicy.
Result<> apply_execution_domain(const OciSpec& spec);

// sched_setaffinity(2) of the calling process; an empty mask changes nothing.
Result<> pin_to_cpus(const std::vector<uint64_t>& mask);

// Creates the working directory of a container's first process if it is missing.
Result<> make_working_directory(const std::string& cwd);

// Changes the working directory. Verifies that it is inside the root. NoCommand if it is missing.
Result<> enter_working_directory(const std::string& cwd);

// The file that execvp(3) would execute, with PATH taken from `env`. NoCommand / NotExecutable with Docker's
// text.
Result<std::string> find_executable(const std::string& command, const std::vector<std::string>& env);

// Applies bounding set, seccomp, groups, user, capabilities, and no_new_privs, in an order that never needs a right that
// has been dropped. A notifying filter sends its listener to `sync`.
Result<> become(const ProcessSpec& process, const SeccompProgram& seccomp, int sync);

// Marks all descriptors from `first` as close-on-exec. Must precede become(), because a filter may deny the call.
Result<> close_on_execution(int first);

// The given environment; if HOME is not set, adds it from the passwd file below `root`. `root`: a directory, or AT_FDCWD if
// the working directory is the root.
std::vector<std::string> command_environment(const ProcessSpec& process, int root);

// Executes the command. Returns only on failure. `init_fd` >= 0: executes our init, which runs the command as its child.
Error execute(const ProcessSpec& process, const std::vector<std::string>& env, const std::string& executable,
              int init_fd);

}  // namespace stack::runtime
