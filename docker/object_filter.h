// The filters of GET /networks, GET /volumes and GET /events.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "docker/filters.h"

namespace stack::docker {

struct NetworkFacts {
  std::string id;
  std::string name;
  std::string driver;
  std::map<std::string, std::string> labels;
  bool predefined = false;  // bridge, host, none
  bool used = false;        // by a container
};

class NetworkFilter {
 public:
  static Result<NetworkFilter> read(std::string_view json);
  bool matches(const NetworkFacts& network) const;

 private:
  Filters filters_;
  std::optional<bool> dangling_;
};

struct VolumeFacts {
  std::string name;
  std::string driver;
  std::map<std::string, std::string> labels;
  bool used = false;  // by a container
};

class VolumeFilter {
 public:
  static Result<VolumeFilter> read(std::string_view json);
  bool matches(const VolumeFacts& volume) const;

 private:
  Filters filters_;
  std::optional<bool> dangling_;
};

struct EventFacts {
  std::string_view type;
  std::string_view action;
  std::string_view id;
  const std::map<std::string, std::string>& attributes;
};

// moby: daemon/events/filter.go.
class EventFilter {
 public:
  static Result<EventFilter> read(std::string_view json);
  bool matches(const EventFacts& event) const;

 private:
  bool matches_object(const EventFacts& event, const std::string& key) const;
  bool matches_image(const EventFacts& event) const;

  Filters filters_;
};

}  // namespace stack::docker
