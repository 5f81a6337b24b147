#include "cli/session/body_file.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/fd.h"

namespace stack::cli {

Result<> write_body(Session& session, const std::string& target, const std::string& file) {
  std::string unfinished = file + ".part";
  Fd output(file.empty() ? ::dup(STDOUT_FILENO)
                         : ::open(unfinished.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666));
  if (!output) return Error::last_errno("create " + unfinished);
  TRY_ASSIGN(http::Client client, session.connect());
  Result<> written;
  Result<> done = client.stream({.method = "GET", .target = target}, [&](std::string_view bytes) {
    written = write_all(output.get(), bytes);
    return written.has_value();
  });
  if (done) done = std::move(written);
  if (!file.empty() && done && ::rename(unfinished.c_str(), file.c_str()) != 0)
    done = Error::last_errno("rename " + unfinished);
  if (!file.empty() && !done) ::unlink(unfinished.c_str());
  return done;
}

}  // namespace stack::cli
