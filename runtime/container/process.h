// From a set-up container to the running command: limits, identity, capabilities, seccomp, execve.
// Used for a container's first process and for exec sessions alike.
#pragma once

#include <string>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "runtime/container/plan.h"
#include "runtime/spec/spec.h"

namespace stack::runtime {

// Kernel keyrings are not namespaced: a new session keyring hides the host's. Without a name, which another
// container could have given to one of its own. Kernels without keys, or a full quota: nothing to hide,
// nothing lost.
void leave_session_keyring();

// Closes every descriptor above 2 that is not in `kept`; numbers below 3 in it, and repeated ones, do no
// harm. Close-on-exec is not enough where paths of others are still to be looked up.
Result<> close_all_but(std::vector<int> kept);

// Takes the place of descriptors 0, 1, 2. Missing ones become `null_device`. With a terminal: all three are
// it, and it becomes the controlling terminal of this (new) session. Their owner becomes the process's user,
// so that /dev/stdout can be opened again.
Result<> set_up_stdio(const ProcessSpec& process, const ChildStdio& stdio, int terminal, int null_device);

// Resource limits, OOM score, scheduling, I/O priority. What may not be raised is set as high as it may, with
// a note.
Result<> apply_limits(const ProcessSpec& process, std::vector<std::string>& notes);

// personality(2) and set_mempolicy(2), as linux.personality and linux.memoryPolicy say.
Result<> apply_execution_domain(const OciSpec& spec);

// sched_setaffinity(2) of the calling process; an empty mask changes nothing.
Result<> pin_to_cpus(const std::vector<uint64_t>& mask);

// chdir; a missing directory is made. Afterwards the working directory is known to be inside the root.
Result<> enter_working_directory(const std::string& cwd);

// The file that execvp(3) would execute, with PATH taken from `env`. NoCommand / NotExecutable with Docker's
// text.
Result<std::string> find_executable(const std::string& command, const std::vector<std::string>& env);

// Bounding set, seccomp, groups, user, capabilities, no_new_privs, in the order that
// never needs a right already given away. A filter that notifies sends its listener to `sync`.
Result<> become(const ProcessSpec& process, const SeccompProgram& seccomp, int sync);

// Marks all descriptors from `first` on as close-on-exec. Before become(): a filter may not know the call.
Result<> close_on_execution(int first);

// The environment as given; without a HOME, with the one that the passwd file below `root` has for the user.
// `root`: a directory, or AT_FDCWD where the working directory is the root.
std::vector<std::string> command_environment(const ProcessSpec& process, int root);

// Executes. Returns only on failure. `init_fd` >= 0: our init is executed instead and runs the command as its
// child.
Error execute(const ProcessSpec& process, const std::vector<std::string>& env, const std::string& executable,
              int init_fd);

}  // namespace stack::runtime
