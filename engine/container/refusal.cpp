#include "engine/container/refusal.h"

namespace stack::engine {

namespace {

Error start_refusal(const Container& c) {
  if (c.phase == Phase::Paused) return conflict("cannot start a paused container, try unpause instead");
  return conflict("container " + c.spec.name + " is marked for removal and cannot be started");
}

Error remove_refusal(const Container& c) {
  if (c.leaving()) return conflict("removal of container " + c.spec.name + " is already in progress");
  return conflict("cannot remove container \"/" + c.spec.name + "\": container is " +
                  std::string(to_text(c.status())) + ": stop the container before removing or force remove");
}

// exec, attach, and pause require a running process.
Error not_running(const Container& c, const std::string& request) {
  if (c.phase == Phase::Paused && request == "pause")
    return conflict("Container " + c.id.text() + " is already paused");
  if (c.phase == Phase::Paused)
    return conflict("Container " + c.id.text() + " is paused, unpause the container before " + request);
  if (c.phase == Phase::Backoff)
    return conflict("Container " + c.id.text() + " is restarting, wait until the container is running");
  return conflict("Container " + c.id.text() + " is not running");
}

}  // namespace

Error refusal(const Container& c, LifeEvent request) {
  switch (request) {
    case LifeEvent::Start:
    case LifeEvent::Restart:
      return start_refusal(c);
    case LifeEvent::Remove:
    case LifeEvent::ForceRemove:
      return remove_refusal(c);
    case LifeEvent::Pause:
      return not_running(c, "pause");
    case LifeEvent::Exec:
      return not_running(c, "exec");
    case LifeEvent::Attach:
      return not_running(c, "attach");
    case LifeEvent::Unpause:
      return conflict("Container " + c.id.text() + " is not paused");
    default:
      return conflict("cannot kill container: " + c.spec.name + ": container " + c.id.text() +
                      " is not running");
  }
}

Error start_canceled(const Container& c) {
  return conflict("the start of container " + c.spec.name + " was canceled: it is being " +
                  (c.leaving() ? "removed" : "stopped"));
}

}  // namespace stack::engine
