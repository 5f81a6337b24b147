#include "docker/container_filter.h"

#include <algorithm>
#include <array>

#include "base/text.h"
#include "docker/text_match.h"

namespace stack::docker {

namespace {

Error refused(const std::string& key, const std::string& value) {
  return invalid("invalid filter '" + key + "=" + value + "'");
}

Result<> check_words(const Filters& filters, const char* key, std::initializer_list<std::string_view> words) {
  auto found = filters.find(key);
  if (found == filters.end()) return {};
  for (const std::string& value : found->second)
    if (std::find(words.begin(), words.end(), value) == words.end()) return refused(key, value);
  return {};
}

Result<> check_exit_codes(const Filters& filters) {
  auto found = filters.find("exited");
  if (found == filters.end()) return {};
  for (const std::string& value : found->second)
    if (!is_all_digits(value.starts_with('-') ? value.substr(1) : value) || value.size() > 9)
      return refused("exited", value);
  return {};
}

// "80", "80/udp", "8000-8010/tcp" -> "80/tcp" and so on.
Result<> add_ports(const Filters& filters, const std::string& key, std::set<std::string>& out) {
  auto found = filters.find(key);
  if (found == filters.end()) return {};
  for (const std::string& value : found->second) {
    size_t slash = value.find('/');
    std::string protocol = slash == std::string::npos ? "tcp" : value.substr(slash + 1);
    std::string range = value.substr(0, slash);
    size_t dash = range.find('-');
    std::string first = range.substr(0, dash);
    std::string last = dash == std::string::npos ? first : range.substr(dash + 1);
    if (!is_all_digits(first) || !is_all_digits(last) || first.size() > 5 || last.size() > 5 ||
        std::stoi(last) > 65535)
      return refused(key, value);
    for (int port = std::stoi(first); port <= std::stoi(last); ++port)
      out.insert(std::to_string(port) + "/" + protocol);
  }
  return {};
}

Result<std::optional<WallTime>> time_of(const Filters& filters, const std::string& key,
                                        const ContainerFilter::Lookup& lookup) {
  auto found = filters.find(key);
  if (found == filters.end() || found->second.empty()) return std::optional<WallTime>();
  TRY_ASSIGN(std::string created, lookup.created_at(found->second.front()));
  TRY_ASSIGN(WallTime time, parse_rfc3339(created));
  return std::optional(time);
}

}  // namespace

Result<ContainerFilter> ContainerFilter::read(std::string_view json, const Lookup& lookup) {
  ContainerFilter out;
  TRY_ASSIGN(out.filters_, read_filters(FilterList::Containers, json));
  TRY(check_words(out.filters_, "status",
                  {"created", "restarting", "running", "removing", "paused", "exited", "dead"}));
  TRY(check_words(out.filters_, "health", {"none", "starting", "healthy", "unhealthy"}));
  TRY(check_exit_codes(out.filters_));
  TRY(filter_flag(out.filters_, "is-task", false));
  TRY(add_ports(out.filters_, "publish", out.published_));
  TRY(add_ports(out.filters_, "expose", out.exposed_));
  TRY_ASSIGN(out.before_, time_of(out.filters_, "before", lookup));
  TRY_ASSIGN(out.since_, time_of(out.filters_, "since", lookup));
  if (auto ancestors = out.filters_.find("ancestor"); ancestors != out.filters_.end())
    for (const std::string& image : ancestors->second) out.images_.merge(lookup.descendants(image));
  return out;
}

bool ContainerFilter::matches(const ContainerFacts& container) const {
  return labels_match(filters_, container.labels) && matches_identity(container) &&
         matches_state(container) && matches_objects(container) && matches_ports(container);
}

bool ContainerFilter::matches_identity(const ContainerFacts& container) const {
  if (before_ || since_) {
    Result<WallTime> created = parse_rfc3339(container.created_at);
    if (!created || (before_ && *created >= *before_) || (since_ && *created <= *since_)) return false;
  }
  return any_value(filters_, "id",
                   [&](const std::string& w) {
                     return container.id.text().starts_with(w) || text_matches(w, container.id.text());
                   }) &&
         any_value(filters_, "name", [&](const std::string& w) {
           return text_matches(w, container.spec.name) || text_matches(w, "/" + container.spec.name);
         });
}

bool ContainerFilter::matches_state(const ContainerFacts& container) const {
  std::string health = container.health ? std::string(to_text(container.health->status)) : "none";
  // No container belongs to a task, because there is no swarm.
  bool task = filter_flag(filters_, "is-task", false).value_or(false);
  return !task &&
         any_value(filters_, "status", [&](const std::string& w) { return w == container.status; }) &&
         any_value(filters_, "health", [&](const std::string& w) { return w == health; }) &&
         any_value(filters_, "exited", [&](const std::string& w) {
           return container.status == "exited" && w == std::to_string(container.exit_code);
         });
}

bool ContainerFilter::matches_objects(const ContainerFacts& container) const {
  return any_value(filters_, "ancestor",
                   [&](const std::string& w) {
                     return container.spec.image == w || images_.contains(container.image_id);
                   }) &&
         any_value(filters_, "volume",
                   [&](const std::string& w) {
                     return std::any_of(
                         container.mounts.begin(), container.mounts.end(),
                         [&](const MountFacts& m) { return m.name == w || m.destination == w; });
                   }) &&
         any_value(filters_, "network", [&](const std::string& w) {
           return std::any_of(container.endpoints.begin(), container.endpoints.end(),
                              [&](const EndpointFacts& e) {
                                return e.network == w || e.network_id == w ||
                                       (w.size() >= 12 && e.network_id.starts_with(w));
                              });
         });
}

bool ContainerFilter::matches_ports(const ContainerFacts& container) const {
  if (published_.empty() && exposed_.empty()) return true;
  for (const auto& [key, bindings] : container.ports) {
    if (exposed_.contains(key)) return true;
    std::string protocol = key.substr(key.find('/'));
    for (const PortBinding& binding : bindings)
      if (published_.contains(std::to_string(binding.host_port) + protocol)) return true;
  }
  return false;
}

}  // namespace stack::docker
