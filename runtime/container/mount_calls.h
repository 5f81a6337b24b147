// The kernel's mount-by-descriptor calls with errors as values. fsopen(2), open_tree(2), mount_setattr(2)
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "runtime/spec/spec.h"

namespace stack::runtime {

// A detached mount of a new file system. `data`: "key=value" or "flag".
Result<Fd> mount_new(const std::string& type, const std::string& source, const std::vector<std::string>& data,
                     uint64_t attributes);
// Mounts a new file system on the directory `target` in two calls: changes the working directory to `target` and mounts on
// ".". Changes the working directory of the process.
Result<> mount_new_on(int target, const std::string& type, const std::string& source,
                      const std::vector<std::string>& data, uint64_t attributes);
// The same on `name` in the working directory. Follows links, so `name` must not be one.
Result<> mount_new_here(const std::string& name, const std::string& type, const std::string& source,
                        const std::vector<std::string>& data, uint64_t attributes);
// A detached copy of the mount (tree) at `fd`.
Result<Fd> clone_mount(int fd, bool recursive);
Result<Fd> clone_mount_at(const std::string& path, bool recursive);
Result<> change_mount(int mount, uint64_t set, uint64_t clear, bool recursive, uint64_t propagation = 0);
// Attaches a detached mount on what `target` refers to.
Result<> attach_mount(int mount, int target);
// The same on a path of the host; links are followed.
Result<> attach_mount_to_path(int mount, const std::string& path);
// The same on `name` (not followed if a link) in the directory `parent`.
Result<> attach_mount_at(int mount, int parent, const std::string& name);

}  // namespace stack::runtime
