// Copies directory trees inside a pod.
#pragma once

namespace stack::runtime::pod {

struct Failure {
  const char* step = nullptr;  // null: success
  long error = 0;              // errno
};

// Fills `volume`/data with the contents of the directory `source`, owners, modes, times, and links included, if it
// is empty, as a container engine does with a new volume. Markers beside `data` record the start and the end of the
// copy, so that an interrupted one is repeated. Without a `source`, creates an empty directory, which another image
// may still fill. Pods that do so at the same time wait for each other.
Failure fill_volume(const char* source, const char* volume);

struct Owner {
  unsigned uid = ~0U;  // ~0: as in the source
  unsigned gid = ~0U;
};
// Copies the contents of the directory `source` into the existing directory `target`. Follows symbolic links and skips
// names that begin with "..", because this is how files of a ConfigMap or Secret appear. Replaces existing files.
Failure copy_files(const char* source, const char* target, Owner owner);

}  // namespace stack::runtime::pod
