// What a build reads from this machine: to tell whether an image was built from what is there now.
#pragma once

#include <set>
#include <string>

#include "base/result.h"
#include "orchestrator/compose/project.h"

namespace stack::engine {

// Of the build section, the Dockerfile, and the files of the context (and of additional contexts that are
// directories) that .dockerignore lets through.
class BuildInputs {
 public:
  // Blocks: looks at every file, and reads none but the Dockerfile. Errors where the context cannot be read.
  static Result<BuildInputs> find(const compose::Build& build);

  // Changes with names, types, modes, sizes and times: equal ones mean that nothing has changed.
  const std::string& quick_digest() const { return quick_; }
  // Changes with names, types, modes and contents. Blocks: reads every file.
  Result<std::string> content_digest() const;
  // References of FROM lines and COPY --from that have no variable in them.
  const std::set<std::string>& bases() const { return bases_; }

 private:
  struct Entry {
    std::string root;  // the context it belongs to
    std::string path;  // relative to it
    std::string kind;  // type, mode, target of a link
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
