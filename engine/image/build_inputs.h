// The local inputs of a build, to determine whether an image is up to date.
#pragma once

#include <set>
#include <string>

#include "base/result.h"
#include "orchestrator/compose/project.h"

namespace stack::engine {

// The inputs are the build section, the Dockerfile, and the files of the context (and of additional contexts that
// are directories) that .dockerignore does not exclude.
class BuildInputs {
 public:
  // Blocks: checks every file, but reads only the Dockerfile. Fails if the context cannot be read.
  static Result<BuildInputs> find(const compose::Build& build);

  // Depends on names, types, modes, sizes, and times: equal digests mean that nothing has changed.
  const std::string& quick_digest() const { return quick_; }
  // Depends on names, types, modes, and contents. Blocks: reads every file.
  Result<std::string> content_digest() const;
  // References in FROM lines and COPY --from without variables.
  const std::set<std::string>& bases() const { return bases_; }

 private:
  struct Entry {
    std::string root;  // the context it belongs to
    std::string path;  // relative to it
    std::string kind;  // type, mode, link target
    bool regular = false;
  };
  Result<> add_tree(const std::string& root, const class InputIgnore& ignore);
  void read_bases(const std::string& dockerfile);

  std::string settings_;  // the build section and the Dockerfile
  std::vector<Entry> entries_;
  std::string quick_;
  std::set<std::string> bases_;
};

}  // namespace stack::engine
