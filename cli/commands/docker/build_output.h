// `docker build --output`: the destination of the result in addition to, or instead of, the image store.
// https://docs.docker.com/reference/cli/docker/buildx/build/#output
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "cli/session/session.h"

namespace stack::cli::docker_cli {

struct BuildOutput {
  enum class Kind {
    Store,    // type=image, type=docker without a file: the image, as without --output
    Push,     // type=registry, type=image,push=true: the image, pushed under its names
    Folder,   // type=local: the files of the image
    Tar,      // type=tar: the same as an archive
    Archive,  // type=oci, type=docker with a file: the image in the format of `save`
    Nothing,  // type=cacheonly
  } kind = Kind::Store;
  std::string path;  // absolute; "-" = stdout
};

// "type=local,dest=DIR", "DIR", "-" and so on. Relative paths are below `directory`.
Result<BuildOutput> parse_build_output(std::string_view text, const std::string& directory);

// The name of the image in an output like "type=image,name=app:1"; "" if there is none.
std::string output_name(std::string_view text);

// Fetches the result of a build from the engine. `discard`: removes the image afterward.
Result<> write_build_output(Session& session, const BuildOutput& output, const std::string& image,
                            bool discard);

}  // namespace stack::cli::docker_cli
