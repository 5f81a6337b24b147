#include "cli/session/body_file.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/files.h"

namespace stack::cli {

namespace {

Result<> complete_file(const Fd& output, const std::string& unfinished, const std::string& file,
                       bool durable) {
  if (durable && ::fsync(output.get()) != 0) return Error::last_errno("sync " + unfinished);
  if (::rename(unfinished.c_str(), file.c_str()) != 0) return Error::last_errno("rename " + unfinished);
  return {};
}

Result<> stream_to(Session& session, const std::string& target, int output) {
  TRY_ASSIGN(http::Client client, session.connect());
  Result<> written;
  TRY(client.stream({.method = "GET", .target = target}, [&](std::string_view bytes) {
    written = write_all(output, bytes);
    return written.has_value();
  }));
  return written;
}

}  // namespace

Result<> write_body(Session& session, const std::string& target, const std::string& file,
                    const BodyFileOptions& options) {
  bool in_place = !file.empty() && !is_replaceable(file);
  std::string unfinished = in_place ? file : file + ".part";
  Fd output(file.empty()
                ? ::dup(STDOUT_FILENO)
                : ::open(unfinished.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, options.mode));
  if (!output) return Error::last_errno("create " + unfinished);
  Result<> done = stream_to(session, target, output.get());
  if (file.empty() || in_place) return done;
  if (done) done = complete_file(output, unfinished, file, options.durable);
  if (!done) ::unlink(unfinished.c_str());
  return done;
}

std::function<Result<std::string>()> body_from(int file, std::string name) {
  return [file, name = std::move(name)]() -> Result<std::string> {
    std::string bytes(size_t{256} << 10, '\0');
    for (;;) {
      ssize_t n = ::read(file, bytes.data(), bytes.size());
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return Error::last_errno("read " + name);
      bytes.resize(static_cast<size_t>(n));
      return bytes;
    }
  };
}

}  // namespace stack::cli
