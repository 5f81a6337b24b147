#include "cli/session/container_copy.h"

#include <unistd.h>

#include "base/files.h"
#include "cli/session/container_archive.h"
#include "cli/session/reconnects.h"

namespace stack::cli {

namespace {

// Makes the path absolute. Keeps a trailing "/" or "/.", because both change the meaning of a copy.
std::string local_path(const Session& session, const std::string& path) {
  std::string absolute = absolute_path(session.current_directory(), path);
  if (path.ends_with("/.") || path == ".") return absolute + "/.";
  return path.ends_with('/') && absolute != "/" ? absolute + "/" : absolute;
}

}  // namespace

namespace {

Result<> copy_out(Session& session, const CopyContainer& container, std::string path,
                  const std::string& destination, bool follow_link) {
  TRY_ASSIGN(auto found, find_container_path(session, container.id, path));
  if (!found) return not_found("could not find the file " + path + " in container " + container.name);
  std::string source_name = transfer::top_name(path);
  bool directory = found->is_directory;
  std::string top = source_name;
  if (found->is_link && follow_link) {
    path = found->link_target;
    top = transfer::top_name(path);
    TRY_ASSIGN(auto target, find_container_path(session, container.id, path));
    if (!target) return not_found("could not find the file " + path + " in container " + container.name);
    directory = target->is_directory;
  }
  if (destination == "-") {
    return download(session, container.id, path, [](const transfer::ByteSource& source) -> Result<> {
      std::string buffer(65536, '\0');
      for (;;) {
        TRY_ASSIGN(size_t n, source(buffer.data(), buffer.size()));
        if (n == 0) return {};
        TRY(write_all(STDOUT_FILENO, std::string_view(buffer.data(), n)));
      }
    });
  }
  TRY_ASSIGN(transfer::CopyPath target, transfer::find_destination(local_path(session, destination)));
  TRY_ASSIGN(transfer::Placement placement, transfer::place_copy({path, true, directory}, target));
  // A followed link keeps its own name when it is copied into a directory.
  if (placement.name.empty() && top != source_name) placement.name = source_name;
  return download(session, container.id, path, [&](const transfer::ByteSource& source) {
    return transfer::unpack(source, top, placement);
  });
}

Result<> copy_in(Session& session, const CopyContainer& container, const std::string& source_path,
                 std::string path, const CopyToOptions& options) {
  TRY_ASSIGN(auto found, find_container_path(session, container.id, path));
  if (found && found->is_link) {
    path = found->link_target + (path.ends_with('/') ? "/" : "");
    TRY_ASSIGN(found, find_container_path(session, container.id, path));
  }
  transfer::CopyPath destination{path, found.has_value(), found && found->is_directory};

  if (source_path == "-") {
    if (!destination.is_directory)
      return invalid("destination \"" + container.name + ":" + path + "\" must be a directory");
    return upload(session, container.id, path, options.archive,
                  [](const transfer::ByteSink& sink) -> Result<> {
                    std::string buffer(65536, '\0');
                    for (;;) {
                      ssize_t n = ::read(STDIN_FILENO, buffer.data(), buffer.size());
                      if (n < 0 && errno == EINTR) continue;
                      if (n < 0) return Error::last_errno("read stdin");
                      if (n == 0) return {};
                      TRY(sink(std::string_view(buffer.data(), static_cast<size_t>(n))));
                    }
                  });
  }
  TRY_ASSIGN(transfer::HostSource source,
             transfer::open_source(local_path(session, source_path), options.follow_link));
  TRY_ASSIGN(transfer::Placement placement, transfer::place_copy(source.info, destination));
  std::string name = placement.name.empty() ? transfer::top_name(source.info.path) : placement.name;
  return upload(session, container.id, placement.directory, options.archive,
                [&](const transfer::ByteSink& sink) { return transfer::pack(source, name, sink); });
}

}  // namespace

// Streams of the caller cannot begin again after the engine died.
Result<> copy_from_container(Session& session, const CopyContainer& container, const std::string& path,
                             const std::string& destination, bool follow_link) {
  auto copy = [&] { return copy_out(session, container, path, destination, follow_link); };
  return destination == "-" ? copy() : repeated(copy);
}

Result<> copy_to_container(Session& session, const CopyContainer& container, const std::string& source_path,
                           const std::string& path, const CopyToOptions& options) {
  auto copy = [&] { return copy_in(session, container, source_path, path, options); };
  return source_path == "-" ? copy() : repeated(copy);
}

}  // namespace stack::cli
