// COPY and ADD: selects and names the files, and writes them as a layer without mounts.
#pragma once

#include <sys/stat.h>

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/glob.h"
#include "base/result.h"
#include "images/builder/solver/cache.h"
#include "images/layer/layer_view.h"

namespace stack::builder {

// The source of files: the context, a stage, an image, an unpacked archive.
struct CopySource {
  const images::LayerView* view = nullptr;
  const IgnoreRules* ignore = nullptr;  // of the context
  FileDigests* digests = nullptr;       // remembers content digests
  std::string digest_prefix;            // keeps names of different trees apart in `digests`
  bool keep_owner = false;              // for stages and images; context files become root's
  // Plans a file that the user named, alone or by a wildcard, in its own way (ADD unpacks archives): true if it did.
  std::function<Result<bool>(const images::ViewEntry& file)> take;
};

struct CopyOptions {
  std::optional<images::Owner> owner;  // --chown
  std::string mode;                    // --chmod, "" = keep
  std::vector<std::string> exclude;    // --exclude
  bool parents = false;                // --parents
};

struct CopyItem {
  std::string target;  // relative to the destination; "" is the destination itself
  std::string source;  // resolved path in the source's view
  images::ViewEntry entry;
  std::string content;  // of heredocs, if entry has no layer
  bool inline_content = false;
  bool is_root = false;     // the copied directory itself, whose attributes are not copied
  std::string digest;       // of content and extended attributes
  std::string link_target;  // of symbolic links
  mode_t mode = 0;          // final type and permissions
  images::Owner owner;
  const CopySource* from = nullptr;
};

struct CopyPlan {
  std::vector<CopyItem> items;  // parents before children
  bool single_file = false;     // one file, written to the destination itself unless that is a directory
};

// Adds the files that match `pattern` (a path or wildcard, relative to the source). NotFound if a plain path does not
// exist; the text says whether .dockerignore is the reason.
Result<> plan_source(const CopySource& source, const std::string& pattern, const CopyOptions& options,
                     CopyPlan& plan);
// A heredoc's file.
Result<> plan_inline(const std::string& name, const std::string& content, const CopyOptions& options,
                     CopyPlan& plan);

// Fills in the digests (in several threads) and returns one digest of all: names, types, modes, owners, contents,
// links; not times.
Result<std::string> digest_plan(CopyPlan& plan);

struct CopyTarget {
  const images::LayerView* base = nullptr;  // the layers below
  std::string layer;                        // the empty layer directory
  std::string destination;                  // absolute path in the image
  bool destination_is_directory = false;    // it ends with '/', or there are several sources
  images::Owner new_directories;            // owner of parent directories that are created
};

// Writes the layer. Existing directories keep their attributes; links on the path are followed inside the image.
Result<> write_plan(const CopyPlan& plan, const CopyTarget& target);

// mkdir -p in a layer: true if a directory was created.
Result<bool> write_directory(const images::LayerView& base, const std::string& layer, const std::string& path,
                             images::Owner owner);

// Octal or symbolic (chmod(1)); checks the syntax.
Result<mode_t> changed_mode(std::string_view change, mode_t mode, bool directory);

}  // namespace stack::builder
