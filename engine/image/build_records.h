// What the present images were built from.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>

#include "engine/state/store.h"
#include "orchestrator/compose/project.h"

namespace stack::engine {

// Kept about an image that was built here; survives the engine.
struct BuildRecord {
  std::string image_id;
  std::string quick;    // BuildInputs::quick_digest
  std::string content;  // BuildInputs::content_digest
  std::map<std::string, std::string> bases =
      {};  // ids of images of its project that it began with, by reference
};

// A build section as it is now.
struct BuildInspection {
  std::string quick;
  std::string content;  // "" = it cannot be read
  std::set<std::string> bases;
};

// Blocks; for any thread. Reads the files only where something looks changed since `known`.
BuildInspection inspect_build(const compose::Build& build, const std::optional<BuildRecord>& known);

class BuildRecords {
 public:
  explicit BuildRecords(Store& store) : store_(store) {}

  Result<> load();
  // The record of a reference, if the image under it is still the one that was built.
  std::optional<BuildRecord> find(const std::string& reference, const std::string& image_id) const;
  // Of a build that has just been made.
  Result<> remember(const std::string& reference, const BuildRecord& record);
  // The quick digest that belongs to a content digest, as of the last look at it; "" = none.
  void note(const BuildInspection& look) { quick_of_[look.content] = look.quick; }
  std::string quick_of(const std::string& content) const;

 private:
  Store& store_;
  std::map<std::string, BuildRecord> records_;   // by reference
  std::map<std::string, std::string> quick_of_;  // content digest -> quick digest
};

}  // namespace stack::engine
