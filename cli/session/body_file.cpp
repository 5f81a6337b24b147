#include "cli/session/body_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/files.h"
#include "cli/session/engine_start.h"
#include "cli/session/reconnects.h"

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

// Discards what was written so far to a file that was opened for it.
bool may_repeat(const Fd& output) {
  struct stat info{};
  return ::fstat(output.get(), &info) == 0 && S_ISREG(info.st_mode) && ::ftruncate(output.get(), 0) == 0 &&
         ::lseek(output.get(), 0, SEEK_SET) == 0;
}

// A transfer through a pipe cannot be repeated, nor one to stdout, which may be a file with other contents.
Error engine_ended() { return Error("the engine ended during the transfer; repeat the command"); }

}  // namespace

Result<> write_body(Session& session, const std::string& target, const std::string& file,
                    const BodyFileOptions& options) {
  bool in_place = !file.empty() && !is_replaceable(file);
  std::string unfinished = in_place ? file : file + ".part";
  Fd output(file.empty()
                ? ::dup(STDOUT_FILENO)
                : ::open(unfinished.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, options.mode));
  if (!output) return Error::last_errno("create " + unfinished);
  Result<> done = repeated(
      [&]() -> Result<> {
        Result<> streamed = stream_to(session, target, output.get());
        if (streamed || !is_broken_connection(streamed.error())) return streamed;
        if (!file.empty() && may_repeat(output)) return streamed;
        return engine_ended();
      },
      Reconnects::kMostTransfers);
  if (file.empty() || in_place) return done;
  if (done) done = complete_file(output, unfinished, file, options.durable);
  if (!done) ::unlink(unfinished.c_str());
  return done;
}

Result<> upload(int file, const std::function<Result<>()>& send) {
  off_t begin = ::lseek(file, 0, SEEK_CUR);
  return repeated(
      [&]() -> Result<> {
        if (begin >= 0) (void)::lseek(file, begin, SEEK_SET);
        Result<> sent = send();
        return !sent && begin < 0 && is_broken_connection(sent.error()) ? engine_ended() : sent;
      },
      Reconnects::kMostTransfers);
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
