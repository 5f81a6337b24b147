#include "cli/commands/docker/build_output.h"

#include <fcntl.h>
#include <unistd.h>

#include <map>

#include "base/fd.h"
#include "base/files.h"
#include "base/text.h"
#include "cli/session/body_file.h"
#include "cli/session/host_files.h"
#include "http/wire/query.h"

namespace stack::cli::docker_cli {

namespace {

using Kind = BuildOutput::Kind;

Result<std::map<std::string, std::string>> output_options(std::string_view text) {
  std::map<std::string, std::string> out;
  for (const std::string& field : split(text, ',')) {
    size_t equals = field.find('=');
    if (equals == std::string::npos) return invalid("invalid value for --output: " + std::string(text));
    out[lower(trim(field.substr(0, equals)))] = field.substr(equals + 1);
  }
  return out;
}

Result<Kind> output_kind(const std::string& type, bool push, bool has_path) {
  if (type == "local") return Kind::Folder;
  if (type == "tar") return Kind::Tar;
  if (type == "oci") return Kind::Archive;
  if (type == "docker") return has_path ? Kind::Archive : Kind::Store;
  if (type == "registry") return Kind::Push;
  if (type == "image") return push ? Kind::Push : Kind::Store;
  if (type == "cacheonly") return Kind::Nothing;
  return unsupported("--output type=" + type +
                     " is not supported: local, tar, oci, docker, image, registry or cacheonly");
}

std::string output_target(const BuildOutput& output, const std::string& image, bool discard) {
  http::Query query;
  query.add("image", image);
  query.add("form", output.kind == Kind::Archive ? "archive" : "files");
  if (discard) query.add("discard", "1");
  return "/stack/v1/build/output" + query.text();
}

// First stores the archive in an unnamed file on the folder's file system, because slow writes during the transfer
// would block the engine.
Result<> write_output_folder(Session& session, const std::string& target, const std::string& path) {
  TRY(ensure_directory(path));
  Fd spool(::open(path.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  if (!spool) return Error::last_errno("write to " + path);
  TRY_ASSIGN(http::Client client, session.connect());
  Result<> written;
  TRY(client.stream({.method = "GET", .target = target}, [&](std::string_view bytes) {
    written = write_all(spool.get(), bytes);
    return written.has_value();
  }));
  TRY(std::move(written));
  if (::lseek(spool.get(), 0, SEEK_SET) != 0) return Error::last_errno("seek");
  auto source = [&spool](char* buffer, size_t size) -> Result<size_t> {
    ssize_t n = ::read(spool.get(), buffer, size);
    if (n < 0) return Error::last_errno("read");
    return static_cast<size_t>(n);
  };
  return transfer::unpack(source, ".", {path, "", false});
}

}  // namespace

Result<BuildOutput> parse_build_output(std::string_view text, const std::string& directory) {
  BuildOutput out;
  if (text.find('=') == std::string_view::npos) {
    out.kind = text == "-" ? Kind::Tar : Kind::Folder;
    out.path = text == "-" ? "-" : absolute_path(directory, text);
    return out;
  }
  TRY_ASSIGN(auto options, output_options(text));
  std::string path = options["dest"];
  TRY_ASSIGN(out.kind, output_kind(options["type"], options["push"] == "true", !path.empty()));
  bool needs_path = out.kind == Kind::Folder || out.kind == Kind::Tar || out.kind == Kind::Archive;
  if (needs_path && path.empty()) {
    if (out.kind == Kind::Folder) return invalid("dest is required for local exporter");
    path = "-";
  }
  if (!path.empty()) out.path = path == "-" ? path : absolute_path(directory, path);
  return out;
}

std::string output_name(std::string_view text) {
  if (text.find('=') == std::string_view::npos) return {};
  auto options = output_options(text);
  return options ? (*options)["name"] : std::string();
}

Result<> write_build_output(Session& session, const BuildOutput& output, const std::string& image,
                            bool discard) {
  std::string target = output_target(output, image, discard);
  if (output.kind == Kind::Folder) return write_output_folder(session, target, output.path);
  if (output.path == "-" && session.out().is_terminal)
    return invalid("refusing to write the output to a terminal; use dest=FILE or a pipe");
  return write_body(session, target, output.path == "-" ? "" : output.path);
}

}  // namespace stack::cli::docker_cli
