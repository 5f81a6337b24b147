// An image as its users see it: a configuration and a stack of layer directories. Formats: OCI image-spec 1.1
// (config.md), Docker's additions to it (Healthcheck, Shell, OnBuild).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "base/units.h"

namespace stack::images {

// Zero durations mean "not set": Docker's defaults (30s, 30s, 0s, 5s, 3) apply.
struct Healthcheck {
  std::vector<std::string> test;  // {"NONE"} | {"CMD", args...} | {"CMD-SHELL", command}; empty = inherit
  Nanoseconds interval{0};
  Nanoseconds timeout{0};
  Nanoseconds start_period{0};
  Nanoseconds start_interval{0};
  int retries = 0;
  bool operator==(const Healthcheck&) const = default;
};

// The "config" member of an image configuration.
struct ImageConfig {
  std::vector<std::string> env;  // "K=V", order kept
  std::vector<std::string> entrypoint;
  std::vector<std::string> cmd;
  std::string working_dir;                 // "" means "/"
  std::string user;                        // "name|uid[:group|gid]" or ""
  std::vector<std::string> exposed_ports;  // "80/tcp", sorted
  std::vector<std::string> volumes;        // absolute paths, sorted
  std::map<std::string, std::string> labels;
  std::string stop_signal;
  std::optional<Healthcheck> healthcheck;
  std::vector<std::string> shell;     // {} means {"/bin/sh", "-c"}
  std::vector<std::string> on_build;  // instructions for the next build's FROM
  bool args_escaped = false;
};

struct HistoryEntry {
  std::string created;  // RFC 3339 or ""
  std::string created_by;
  std::string comment;
  std::string author;
  bool empty_layer = false;
};

// The whole configuration document.
struct ImageDocument {
  std::string architecture;  // "amd64"
  std::string os = "linux";
  std::string variant;
  std::string created;  // RFC 3339
  std::string author;
  ImageConfig config;
  std::vector<std::string> diff_ids;  // bottom first, "sha256:..."
  std::vector<HistoryEntry> history;
};

Result<ImageDocument> parse_image_document(std::string_view json);
// Canonical: sorted keys, empty members left out; equal documents give equal bytes (and so equal image ids).
std::string to_json_text(const ImageDocument& document);

// What Docker's format says of the container that an image was committed from. Not part of ImageDocument: images that are built on
// such an image do not inherit it.
struct ImageOrigin {
  std::string container;  // id; "" = the image was not committed
  Json config;            // of the container
  std::string parent;     // id of the container's image
};
std::string with_origin(const std::string& config_json, const ImageOrigin& origin);
ImageOrigin origin_of(std::string_view config_json);

// The "Config" member of Docker's GET /images/{name}/json, and of a container made from it.
Json docker_config(const ImageConfig& config);
// Accepts OCI's and Docker's "config" objects (they agree).
ImageConfig image_config_from_json(const Json& config);

// GOARCH of this machine: "amd64", "arm64", ...
std::string host_architecture();

struct Image {
  std::string id;                      // "sha256:<64 hex>": digest of config_json
  std::string manifest_digest;         // "sha256:..."
  std::vector<std::string> repo_tags;  // familiar form, sorted; empty for a dangling image
  // "name@sha256:...", sorted: of the manifest or index that a name refers to.
  std::vector<std::string> repo_digests;
  std::string last_tag_time;            // RFC 3339 or ""
  std::string created;                  // RFC 3339
  int64_t size = 0;                     // bytes of file content in all layers
  ImageDocument document;               // typed
  std::string config_json;              // the raw bytes; `id` is their digest
  std::vector<std::string> layer_dirs;  // absolute, top first, for overlay's lowerdirs; empty for scratch
  std::vector<std::string> diff_ids() const { return document.diff_ids; }  // bottom first
  const ImageConfig& config() const { return document.config; }
};

}  // namespace stack::images
