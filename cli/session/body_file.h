// Files as bodies of responses and requests: `export`, `image save`, `image load`, `volume backup`.
#pragma once

#include <sys/types.h>

#include <functional>
#include <string>

#include "base/result.h"
#include "cli/session/session.h"

namespace stack::cli {

struct BodyFileOptions {
  mode_t mode = 0666;    // minus the umask
  bool durable = false;  // on disk before it has its name
};

// Writes the response to GET `target` into `file`, or to stdout if `file` is "". The file appears only when complete. If the
// engine dies, begins the file again; what went to stdout cannot be taken back.
Result<> write_body(Session& session, const std::string& target, const std::string& file,
                    const BodyFileOptions& options = {});

// The rest of an open file as the body of a request. The file must outlive the request; errors name it `name`.
std::function<Result<std::string>()> body_from(int file, std::string name);

// Calls send(), which sends the rest of `file`; calls it again if the engine dies meanwhile, unless the file is a pipe.
Result<> upload(int file, const std::function<Result<>()>& send);

}  // namespace stack::cli
