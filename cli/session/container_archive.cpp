#include "cli/session/container_archive.h"

#include <signal.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <thread>

#include "base/fd.h"
#include "http/wire/query.h"

namespace stack::cli {

namespace {

// os.FileMode.
constexpr int64_t kModeDirectory = int64_t{1} << 31;
constexpr int64_t kModeLink = int64_t{1} << 27;

std::string archive_target(const std::string& container_id, const std::string& path) {
  http::Query query;
  query.add("path", path);
  return "/containers/" + container_id + "/archive" + query.text();
}

std::string from_base64(std::string_view text) {
  constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  uint32_t group = 0;
  int bits = 0;
  for (char c : text) {
    size_t digit = kDigits.find(c);
    if (digit == std::string_view::npos) break;
    group = group << 6 | static_cast<uint32_t>(digit);
    bits += 6;
    if (bits < 8) continue;
    bits -= 8;
    out += static_cast<char>(group >> bits & 0xff);
  }
  return out;
}

transfer::ByteSource source_of(int fd) {
  return [fd](char* buffer, size_t size) -> Result<size_t> {
    for (;;) {
      ssize_t n = ::read(fd, buffer, size);
      if (n >= 0) return static_cast<size_t>(n);
      if (errno != EINTR) return Error::last_errno("read archive");
    }
  };
}

}  // namespace

Result<std::optional<ContainerPath>> find_container_path(Session& session, const std::string& container_id,
                                                         const std::string& path) {
  TRY_ASSIGN(http::Client client, session.connect());
  auto answer = client.call({.method = "HEAD", .target = archive_target(container_id, path)});
  if (!answer && answer.error().kind() == ErrorKind::NotFound) return std::optional<ContainerPath>();
  if (!answer) return std::move(answer).error();
  TRY_ASSIGN(
      Json stat,
      parse_json(from_base64(answer->headers.get("X-Docker-Container-Path-Stat"))).in("the engine's answer"));
  int64_t mode = int_or(stat, "mode");
  return std::optional(
      ContainerPath{(mode & kModeDirectory) != 0, (mode & kModeLink) != 0, string_or(stat, "linkTarget")});
}

Result<> download(Session& session, const std::string& container_id, const std::string& path,
                  const std::function<Result<>(const transfer::ByteSource& source)>& take) {
  TRY_ASSIGN(http::Client client, session.connect());
  TRY_ASSIGN(Pipe pipe, make_pipe());
  Result<> taken;
  std::atomic<bool> over = false;
  // The consumer pulls bytes and the client pushes them; the pipe connects both. It is always drained,
  // because a write to a pipe without a reader would kill the program.
  std::thread reader([&] {
    taken = take(source_of(pipe.read.get()));
    over = !taken;
    std::array<char, 65536> rest{};
    while (::read(pipe.read.get(), rest.data(), rest.size()) > 0) {
    }
  });
  Result<> done = client.stream(
      {.method = "GET", .target = archive_target(container_id, path)},
      [&](std::string_view bytes) { return !over && write_all(pipe.write.get(), bytes).has_value(); });
  pipe.write.reset();
  reader.join();
  // If both failed, the engine's error is the cause.
  TRY(std::move(done));
  return taken;
}

Result<> upload(Session& session, const std::string& container_id, const std::string& path, bool own,
                const std::function<Result<>(const transfer::ByteSink& sink)>& give) {
  TRY_ASSIGN(http::Client client, session.connect());
  TRY_ASSIGN(Pipe pipe, make_pipe());
  Result<> given;
  // The engine may reject the request before reading all of it.
  ::signal(SIGPIPE, SIG_IGN);
  std::thread writer([&] {
    given = give([&](std::string_view bytes) { return write_all(pipe.write.get(), bytes); });
    pipe.write.reset();
  });
  http::ClientRequest request;
  request.method = "PUT";
  request.target =
      archive_target(container_id, path) + "&noOverwriteDirNonDir=true" + (own ? "&copyUIDGID=true" : "");
  request.content_type = "application/x-tar";
  request.body_source = [&]() -> Result<std::string> {
    std::string bytes(65536, '\0');
    TRY_ASSIGN(size_t n, source_of(pipe.read.get())(bytes.data(), bytes.size()));
    bytes.resize(n);
    return bytes;
  };
  auto answer = client.call(std::move(request));
  pipe.read.reset();
  writer.join();
  // A broken pipe is a consequence of the engine's rejection, not the cause.
  if (!given && given.error().code() != EPIPE) return given;
  if (!answer) return std::move(answer).error();
  return {};
}

}  // namespace stack::cli
