// The streams of containers: attachments, and the size of the terminal.
#pragma once

#include <cstdint>
#include <memory>
#include <stop_token>

#include "engine/container/container_run.h"
#include "engine/state/context.h"

namespace stack::engine {

class ContainerStreams {
 public:
  explicit ContainerStreams(Context& context) : context_(context) {}

  // Takes the place of an attachment: a stream of framed output (Docker's 8-byte headers) and, if requested, stdin, with all
  // output from now on, or from the start of a container that does not run yet.
  Result<std::shared_ptr<PendingAttach>> begin(Container& container, const runtime::AttachOptions& options);
  // The same for output only, and also if the container is to be restarted by its policy, when clients are refused.
  Result<std::shared_ptr<PendingAttach>> begin_output(Container& container, const runtime::AttachOptions& options);
  // Waits for its stream, and for a stopped container to start. Gives up the place if it fails; Canceled on a stop request.
  Task<Result<Fd>> finish(ContainerPtr container, std::shared_ptr<PendingAttach> pending,
                          std::stop_token stop = {});
  Result<> resize(ContainerPtr container, uint16_t rows, uint16_t columns);

 private:
  Context& context_;
};

}  // namespace stack::engine
