#include "docker/object_filter.h"

#include <algorithm>

#include "docker/text_match.h"

namespace stack::docker {

namespace {

Result<std::optional<bool>> read_dangling(const Filters& filters) {
  if (!filters.contains("dangling")) return std::optional<bool>();
  TRY_ASSIGN(bool dangling, filter_flag(filters, "dangling", false));
  return std::optional(dangling);
}

}  // namespace

Result<NetworkFilter> NetworkFilter::read(std::string_view json) {
  NetworkFilter out;
  TRY_ASSIGN(out.filters_, read_filters(FilterList::Networks, json));
  TRY_ASSIGN(out.dangling_, read_dangling(out.filters_));
  for (const std::string& type : out.filters_["type"])
    if (type != "custom" && type != "builtin") return invalid("invalid filter: 'type'='" + type + "'");
  return out;
}

bool NetworkFilter::matches(const NetworkFacts& network) const {
  // Docker considers only user-defined networks dangling.
  if (dangling_ && *dangling_ != (!network.used && !network.predefined)) return false;
  return labels_match(filters_, network.labels) &&
         any_value(filters_, "name", [&](const std::string& w) { return text_matches(w, network.name); }) &&
         any_value(filters_, "id", [&](const std::string& w) { return text_matches(w, network.id); }) &&
         any_value(filters_, "driver", [&](const std::string& w) { return network.driver == w; }) &&
         any_value(filters_, "scope", [&](const std::string& w) { return w == "local"; }) &&
         any_value(filters_, "type",
                   [&](const std::string& w) { return network.predefined == (w == "builtin"); });
}

Result<VolumeFilter> VolumeFilter::read(std::string_view json) {
  VolumeFilter out;
  TRY_ASSIGN(out.filters_, read_filters(FilterList::Volumes, json));
  TRY_ASSIGN(out.dangling_, read_dangling(out.filters_));
  return out;
}

bool VolumeFilter::matches(const VolumeFacts& volume) const {
  if (dangling_ && *dangling_ == volume.used) return false;
  return labels_match(filters_, volume.labels) &&
         any_value(filters_, "name", [&](const std::string& w) { return text_matches(w, volume.name); }) &&
         any_value(filters_, "driver", [&](const std::string& w) { return volume.driver == w; });
}

Result<EventFilter> EventFilter::read(std::string_view json) {
  EventFilter out;
  TRY_ASSIGN(out.filters_, read_filters(FilterList::Events, json));
  return out;
}

// Matches by ID prefix or by name.
bool EventFilter::matches_object(const EventFacts& event, const std::string& key) const {
  auto name = event.attributes.find("name");
  return any_value(filters_, key, [&](const std::string& w) {
    return event.id.starts_with(w) || (name != event.attributes.end() && name->second.starts_with(w));
  });
}

// Matches an image by its ID or name, a container by its image's.
bool EventFilter::matches_image(const EventFacts& event) const {
  auto name = event.attributes.find(event.type == "image" ? "name" : "image");
  std::string image = name == event.attributes.end() ? "" : name->second;
  return any_value(filters_, "image", [&](const std::string& w) {
    return event.id == w || image == w || reference_matches(w, image);
  });
}

bool EventFilter::matches(const EventFacts& event) const {
  for (const char* object :
       {"container", "volume", "network", "daemon", "plugin", "service", "node", "secret", "config"})
    if (!matches_object(event, object)) return false;
  return matches_image(event) && labels_match(filters_, event.attributes) &&
         any_value(filters_, "type", [&](const std::string& w) { return event.type == w; }) &&
         any_value(filters_, "scope", [&](const std::string& w) { return w == "local"; }) &&
         any_value(filters_, "event", [&](const std::string& w) {
           return event.action == w || event.action.starts_with(w + ":");
         });
}

}  // namespace stack::docker
