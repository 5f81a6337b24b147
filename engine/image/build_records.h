// The inputs from which the existing images were built.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>

#include "engine/state/store.h"
#include "orchestrator/compose/project.h"

namespace stack::engine {

// A record about an image built on this machine; outlives the engine.
struct BuildRecord {
  std::string image_id;
  std::string quick;                              // BuildInputs::quick_digest
  std::string content;                            // BuildInputs::content_digest
  std::map<std::string, std::string> bases = {};  // IDs of base images of the same project, by reference
};

// The current inputs of a build section.
struct BuildInspection {
  std::string quick;
  std::string content;  // "" = it cannot be read
  std::set<std::string> bases;
};

// Blocks; any thread. Reads the files only if something seems to have changed since `known`.
BuildInspection inspect_build(const compose::Build& build, const std::optional<BuildRecord>& known);

class BuildRecords {
 public:
  explicit BuildRecords(Store& store) : store_(store) {}

  Result<> load();
  // The record of a reference, if it still names the image that was built.
  std::optional<BuildRecord> find(const std::string& reference, const std::string& image_id) const;
  // Stores the record of a completed build.
  Result<> remember(const std::string& reference, const BuildRecord& record);
  // note() remembers the last known quick digest of a content digest; quick_of() returns it, "" = none.
  void note(const BuildInspection& look) { quick_of_[look.content] = look.quick; }
  std::string quick_of(const std::string& content) const;

 private:
  Store& store_;
  std::map<std::string, BuildRecord> records_;   // by reference
  std::map<std::string, std::string> quick_of_;  // content digest -> quick digest
};

}  // namespace stack::engine
