#include "cli/session/containers.h"

#include <algorithm>
#include <chrono>
#include <ctime>
#include <tuple>

#include "base/text.h"
#include "cli/render/table.h"
#include "cli/session/member.h"
#include "docker/filters.h"
#include "http/wire/query.h"

namespace stack::cli {

namespace {

constexpr size_t kCommandWidth = 20;

int small_int(const Json& object, std::string_view key) {
  int64_t value = int_or(object, key);
  return value < 0 || value > 1'000'000'000 ? 0 : static_cast<int>(value);
}

Port parse_port(const Json& json) {
  return {string_or(json, "IP"), small_int(json, "PrivatePort"), small_int(json, "PublicPort"),
          string_or(json, "Type", "tcp")};
}

void parse_labels(const Json& labels, Container& container) {
  for (const auto& [key, value] : labels.items()) {
    if (value.is_string()) container.labels.emplace_back(key, value.get<std::string>());
  }
  container.project = string_or(labels, "com.docker.compose.project");
  container.service = string_or(labels, "com.docker.compose.service");
  container.oneoff = lower(string_or(labels, "com.docker.compose.oneoff")) == "true";
  std::string number = string_or(labels, "com.docker.compose.container-number");
  if (is_all_digits(number) && number.size() < 9) container.number = std::stoi(number);
}

void parse_mounts(const Json& mounts, Container& container) {
  for (const Json& mount : items_of(mounts)) {
    bool is_volume = string_or(mount, "Type") == "volume";
    std::string source = is_volume ? string_or(mount, "Name") : string_or(mount, "Source");
    if (!source.empty()) container.mounts.push_back(source);
    if (is_volume) ++container.local_volumes;
  }
}

std::string address_text(const std::string& ip) {
  return ip.find(':') == std::string::npos ? ip : "[" + ip + "]";
}

std::string range_text(int first, int last) {
  return first == last ? std::to_string(first) : std::to_string(first) + "-" + std::to_string(last);
}

std::string utc_text(int64_t seconds) {
  std::time_t time = seconds;
  std::tm parts{};
  gmtime_r(&time, &parts);
  char text[64];
  std::strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S +0000 UTC", &parts);
  return text;
}

}  // namespace

Container parse_container(const Json& row) {
  Container container;
  container.id = string_or(row, "Id");
  std::vector<std::string> names = strings_of(member(row, "Names"));
  if (!names.empty()) container.name = names[0].starts_with('/') ? names[0].substr(1) : names[0];
  container.image = string_or(row, "Image");
  container.image_id = string_or(row, "ImageID");
  container.command = string_or(row, "Command");
  container.state = string_or(row, "State");
  container.status = string_or(row, "Status");
  container.health = string_or(member(row, "Health"), "Status");
  if (container.health == "none") container.health.clear();
  container.exit_code = small_int(row, "ExitCode");
  container.created = int_or(row, "Created");
  parse_labels(member(row, "Labels"), container);
  for (const Json& port : items_of(member(row, "Ports"))) container.ports.push_back(parse_port(port));
  for (const auto& [name, endpoint] : member(member(row, "NetworkSettings"), "Networks").items()) {
    container.networks.push_back(name);
  }
  parse_mounts(member(row, "Mounts"), container);
  return container;
}

Result<std::vector<Container>> list_containers(Session& session, const std::string& project_name,
                                               ContainerFilter which, bool with_oneoffs,
                                               const std::vector<std::string>& services) {
  docker::Filters filters{{"label", {"com.docker.compose.project=" + project_name}}};
  // In a large project, the row of one container is much less work for the engine than all. Labels are joined by "and".
  if (services.size() == 1) filters["label"].push_back("com.docker.compose.service=" + services.front());
  http::Query query;
  if (which == ContainerFilter::All) query.add("all", "1");
  query.add("filters", docker::filters_text(filters));
  TRY_ASSIGN(Json rows, session.call("GET", "/containers/json" + query.text()));
  std::vector<Container> containers;
  for (const Json& row : items_of(rows)) {
    Container container = parse_container(row);
    if (container.oneoff && !with_oneoffs) continue;
    containers.push_back(std::move(container));
  }
  std::sort(containers.begin(), containers.end(), [](const Container& a, const Container& b) {
    return std::tie(a.service, a.number, a.name) < std::tie(b.service, b.number, b.name);
  });
  return of_services(std::move(containers), services);
}

std::vector<Container> of_services(std::vector<Container> containers,
                                   const std::vector<std::string>& services) {
  if (services.empty()) return containers;
  std::erase_if(containers, [&](const Container& container) {
    return std::find(services.begin(), services.end(), container.service) == services.end();
  });
  return containers;
}

Result<Container> find_container(Session& session, const std::string& project_name,
                                 const std::string& service, int64_t index, ContainerFilter which) {
  TRY_ASSIGN(auto all, list_containers(session, project_name, ContainerFilter::All, false, {service}));
  std::vector<Container> candidates = std::move(all);
  if (candidates.empty()) {
    TRY(session.require_services(project_name, {service}));
    return not_found("service \"" + service + "\" has no container; start it with `" +
                     session.program_with_project() + " up -d " + service + "`");
  }
  const Container* stopped = nullptr;
  for (Container& container : candidates) {
    if (index > 0 && container.number != index) continue;
    if (which == ContainerFilter::All || container.is_running()) return std::move(container);
    if (!stopped) stopped = &container;
  }
  if (stopped) {
    return conflict("service \"" + service + "\" is not running: container " + stopped->name + " is " +
                    (stopped->status.empty() ? stopped->state : stopped->status));
  }
  return not_found("service \"" + service + "\" has no container number " + std::to_string(index));
}

std::string ports_text(std::vector<Port> ports) {
  std::sort(ports.begin(), ports.end(), [](const Port& a, const Port& b) {
    return std::tie(a.private_port, a.ip, a.protocol, a.public_port) <
           std::tie(b.private_port, b.ip, b.protocol, b.public_port);
  });
  struct Range {
    Port first;
    int length;
  };
  std::vector<Range> ranges;
  for (const Port& port : ports) {
    auto continues = [&](const Range& range) {
      const Port& first = range.first;
      bool same_kind = first.ip == port.ip && first.protocol == port.protocol &&
                       (first.public_port == 0) == (port.public_port == 0);
      return same_kind && port.private_port == first.private_port + range.length &&
             (port.public_port == 0 || port.public_port == first.public_port + range.length);
    };
    auto found = std::find_if(ranges.begin(), ranges.end(), continues);
    if (found != ranges.end()) {
      ++found->length;
    } else {
      ranges.push_back({port, 1});
    }
  }
  std::vector<std::string> published;
  std::vector<std::string> exposed;
  for (const Range& range : ranges) {
    const Port& port = range.first;
    std::string inner =
        range_text(port.private_port, port.private_port + range.length - 1) + "/" + port.protocol;
    if (port.public_port == 0) {
      exposed.push_back(inner);
    } else {
      std::string address = port.ip.empty() ? "0.0.0.0" : address_text(port.ip);
      published.push_back(address + ":" + range_text(port.public_port, port.public_port + range.length - 1) +
                          "->" + inner);
    }
  }
  published.insert(published.end(), exposed.begin(), exposed.end());
  return join(published, ", ");
}

std::string short_id(const std::string& id) {
  std::string_view text = id;
  if (text.starts_with("sha256:")) text.remove_prefix(7);
  return std::string(text.substr(0, 12));
}

std::string ago(int64_t created, int64_t now) {
  return human_duration(std::chrono::seconds(std::max<int64_t>(0, now - created))) + " ago";
}

Json container_json(const Container& container, int64_t now, bool truncate) {
  std::vector<std::string> labels;
  for (const auto& [key, value] : container.labels) labels.push_back(key + "=" + value);
  Json publishers = Json::array();
  std::vector<Port> ports = container.ports;
  std::sort(ports.begin(), ports.end(), [](const Port& a, const Port& b) {
    return std::tie(a.public_port, a.private_port, a.ip) < std::tie(b.public_port, b.private_port, b.ip);
  });
  for (const Port& port : ports) {
    publishers.push_back({{"URL", port.ip},
                          {"TargetPort", port.private_port},
                          {"PublishedPort", port.public_port},
                          {"Protocol", port.protocol}});
  }
  return {
      {"ID", truncate ? short_id(container.id) : container.id},
      {"Name", container.name},
      {"Names", container.name},
      {"Image", container.image},
      {"Command", "\"" + (truncate ? ellipsis(container.command, kCommandWidth) : container.command) + "\""},
      {"Project", container.project},
      {"Service", container.service},
      {"State", container.state},
      {"Health", container.health},
      {"ExitCode", container.exit_code},
      {"Status", container.status},
      {"Ports", ports_text(container.ports)},
      {"Publishers", publishers},
      {"Labels", join(labels, ",")},
      {"Networks", join(container.networks, ",")},
      {"Mounts", join(container.mounts, ",")},
      {"LocalVolumes", std::to_string(container.local_volumes)},
      {"CreatedAt", utc_text(container.created)},
      {"RunningFor", ago(container.created, now)},
      {"Size", "0B"}};
}

std::string log_label(const std::string& project_name, const std::string& container,
                      const std::string& service) {
  for (const char* separator : {"-", "_"}) {
    std::string prefix = project_name + separator + service + separator;
    if (container.starts_with(prefix) && is_all_digits(std::string_view(container).substr(prefix.size())))
      return container.substr(project_name.size() + 1);
  }
  return container;
}

int64_t seconds_now() {
  return std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

}  // namespace stack::cli
