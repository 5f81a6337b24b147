// A scripted registry whose content is in memory.
#pragma once

#include <gtest/gtest.h>

#include "../../unit/registry/http_server.h"
#include "base/identity.h"
#include "base/json.h"
#include "images/archive/tar_writer.h"
#include "images/source/registry/pull.h"

namespace stack::images::registry {

using test::HttpServer;
using test::Reply;
using test::ServedRequest;

inline std::string digest_of(const std::string& bytes) { return "sha256:" + sha256_hex(bytes); }

// A tar stream with one file.
inline std::string tar_of(const std::string& name, const std::string& content) {
  std::string out;
  TarWriter tar([&](std::string_view bytes) {
    out += bytes;
    return Result<>();
  });
  TarEntry entry;
  entry.name = name;
  entry.mode = 0644;
  entry.size = static_cast<int64_t>(content.size());
  EXPECT_TRUE(tar.entry(entry));
  EXPECT_TRUE(content.empty() || tar.content(content).has_value());
  EXPECT_TRUE(tar.finish());
  return out;
}

inline Json descriptor(const std::string& type, const std::string& bytes) {
  return {{"mediaType", type}, {"digest", digest_of(bytes)}, {"size", bytes.size()}};
}

// A registry whose content is in memory and whose faults are scripted: `fault` is asked first.
class FakeRegistry {
 public:
  FakeRegistry() : server([this](const ServedRequest& request) { return answer(request); }) {}

  // An image of these layers (tar streams) under a tag; gives its manifest.
  std::string add_image(const std::string& tag, const std::vector<std::string>& layers) {
    Json diff_ids = Json::array();
    Json blobs = Json::array();
    for (const std::string& layer : layers) {
      diff_ids.push_back(digest_of(layer));
      blobs.push_back(descriptor(kOciLayerType, layer));
      content["blobs/" + digest_of(layer)] = layer;
    }
    std::string config = to_text(Json{{"architecture", host_platform().architecture},
                                      {"os", "linux"},
                                      {"config", Json::object()},
                                      {"rootfs", {{"type", "layers"}, {"diff_ids", diff_ids}}}});
    content["blobs/" + digest_of(config)] = config;
    std::string manifest = to_text(Json{{"schemaVersion", 2},
                                        {"mediaType", kOciManifestType},
                                        {"config", descriptor(kOciConfigType, config)},
                                        {"layers", blobs}});
    add_manifest(tag, manifest);
    return manifest;
  }
  void add_manifest(const std::string& tag, const std::string& manifest) {
    content["manifests/" + tag] = manifest;
    content["manifests/" + digest_of(manifest)] = manifest;
  }
  std::string reference(const std::string& tag) const { return server.host() + "/app:" + tag; }
  size_t gets(const std::string& what) const { return server.count("GET /v2/app/" + what); }

  std::map<std::string, std::string> content;  // by path below /v2/app/
  std::function<std::optional<Reply>(const ServedRequest& request)> fault;
  HttpServer server;

 private:
  Reply answer(const ServedRequest& request) {
    if (fault)
      if (std::optional<Reply> scripted = fault(request)) return *scripted;
    std::string path = request.target.substr(std::min<size_t>(request.target.size(), 8));
    auto found = content.find(path);
    if (found == content.end())
      return {404, {}, R"({"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]})", {}};
    if (path.starts_with("blobs/")) return test::ranged(request, found->second);
    return {200,
            {{"Content-Type", string_or(*parse_json(found->second), "mediaType")},
             {"Docker-Content-Digest", digest_of(found->second)}},
            found->second,
            {}};
  }
};

}  // namespace stack::images::registry
