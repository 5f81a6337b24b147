// Images as Docker's API shows them (GET /images/json, /images/{name}/json, /images/{name}/history).
#include <algorithm>
#include <chrono>

#include "images/store/store_state.h"

namespace stack::images {

namespace {

constexpr const char* kNoTime = "0001-01-01T00:00:00Z";

int64_t unix_seconds(const std::string& time) {
  Result<WallTime> parsed = parse_rfc3339(time);
  if (!parsed) return 0;
  return std::chrono::duration_cast<std::chrono::seconds>(parsed->time_since_epoch()).count();
}

}  // namespace

std::string with_origin(const std::string& config_json, const ImageOrigin& origin) {
  Json config = parse_json(config_json).value_or(Json::object());
  config["container"] = origin.container;
  config["container_config"] = origin.config;
  config["parent"] = origin.parent;
  return to_text(config);
}

ImageOrigin origin_of(std::string_view config_json) {
  Json config = parse_json(config_json).value_or(Json::object());
  ImageOrigin origin{string_or(config, "container"), Json::object(), string_or(config, "parent")};
  if (config.is_object() && config.contains("container_config") && config["container_config"].is_object())
    origin.config = config["container_config"];
  return origin;
}

Json ImageStore::inspect_json(const Image& image) const {
  const ImageDocument& document = image.document;
  std::string comment = document.history.empty() ? "" : document.history.back().comment;
  Json out = {{"Id", image.id},
              {"RepoTags", image.repo_tags},
              {"RepoDigests", image.repo_digests},
              {"Parent", origin_of(image.config_json).parent},
              {"Comment", comment},
              {"Created", image.created.empty() ? kNoTime : image.created},
              {"DockerVersion", ""},
              {"Author", document.author},
              {"Config", docker_config(document.config)},
              {"Architecture", document.architecture},
              {"Os", document.os},
              {"Size", image.size},
              {"VirtualSize", image.size},
              {"GraphDriver", {{"Name", "overlay2"}, {"Data", nullptr}}},
              {"RootFS", {{"Type", "layers"}, {"Layers", document.diff_ids}}},
              {"Metadata", {{"LastTagTime", image.last_tag_time.empty() ? kNoTime : image.last_tag_time}}}};
  if (!document.variant.empty()) out["Variant"] = document.variant;
  return out;
}

Json ImageStore::history_json(const Image& image) const {
  Json out = Json::array();
  size_t next_layer = 0;
  for (const HistoryEntry& entry : image.document.history) {
    int64_t size = 0;
    if (!entry.empty_layer && next_layer < image.document.diff_ids.size()) {
      LayerPin layer = pin_layer(image.document.diff_ids[next_layer++]);
      if (layer) size = layer->size;
    }
    out.push_back({{"Id", "<missing>"},
                   {"Created", unix_seconds(entry.created)},
                   {"CreatedBy", entry.created_by},
                   {"Tags", nullptr},
                   {"Size", size},
                   {"Comment", entry.comment}});
  }
  std::reverse(out.begin(), out.end());
  if (!out.empty()) {
    out[0]["Id"] = image.id;
    if (!image.repo_tags.empty()) out[0]["Tags"] = image.repo_tags;
  }
  return out;
}

Json ImageStore::summary_json(const Image& image) const {
  Json labels = image.document.config.labels.empty() ? Json(nullptr) : Json(image.document.config.labels);
  return {{"Id", image.id},
          {"ParentId", ""},
          {"RepoTags", image.repo_tags},
          {"RepoDigests", image.repo_digests},
          {"Created", unix_seconds(image.created)},
          {"Size", image.size},
          {"SharedSize", -1},
          {"VirtualSize", image.size},
          {"Labels", std::move(labels)},
          {"Containers", -1}};
}

}  // namespace stack::images
