// An attachment to a running container that outlives the engine.
#pragma once

#include <functional>
#include <string>

#include "cli/session/attachment.h"
#include "cli/session/session.h"

namespace stack::cli {

struct RunningAttachment {
  std::string path;                    // "/containers/ID"
  bool stdin_wanted = false;           // the rest of Attachment is set as for join_streams()
  std::function<Result<>()> attached;  // called once, after the first attachment; may start the container
  std::function<Error(const Error&)>
      explain;  // the text of a refused attachment; none: as the engine answers
};

// Attaches to the container from now on, until it ends or the caller detaches. If the engine dies, attaches through the
// next one; output of the moments between may be missing.
Result<AttachmentEnd> attach_to_running(Session& session, const RunningAttachment& target,
                                        Attachment attachment);

}  // namespace stack::cli
