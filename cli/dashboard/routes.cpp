#include "cli/dashboard/routes.h"

#include <algorithm>
#include <optional>

#include "base/text.h"
#include "http/wire/query.h"
#include "http/wire/request_parser.h"

namespace stack::cli {

namespace {

using Kind = Route::Kind;

struct Row {
  std::string_view method;
  std::string_view pattern;  // "*" is any one segment
  Kind kind;
  bool changes;                 // needs --write
  std::string_view parameters;  // allowed names in the query, separated by blanks
};

// clang-format off
constexpr Row kRows[] = {
    {"POST", "/session",                          Kind::Session,  false, ""},
    {"GET",  "/api/version",                      Kind::Relay,    false, ""},
    {"GET",  "/api/containers/json",              Kind::Relay,    false, "all filters"},
    {"GET",  "/api/containers/*/stats",           Kind::Relay,    false, "stream one-shot"},
    {"GET",  "/api/containers/*/json",            Kind::Reduced,  false, ""},
    {"GET",  "/api/stack/v1/projects",            Kind::Relay,    false, ""},
    {"GET",  "/api/stack/v1/projects/*",          Kind::Reduced,  false, ""},
    {"GET",  "/api/stack/v1/projects/*/logs",     Kind::Relay,    false, "follow stay tail since until services"},
    {"POST", "/api/stack/v1/projects/*/plan",     Kind::Plan,     false, ""},
    {"POST", "/api/stack/v1/projects/*/start",    Kind::Relay,    true,  ""},
    {"POST", "/api/stack/v1/projects/*/stop",     Kind::Relay,    true,  ""},
    {"POST", "/api/stack/v1/projects/*/restart",  Kind::Relay,    true,  ""},
    {"POST", "/api/exec/*/resize",                Kind::Relay,    true,  "h w"},
    {"GET",  "/terminal/*",                       Kind::Terminal, true,  ""},
};
// clang-format on

// The decoded segments of an encoded path; nullopt for a path that could mean another one after decoding.
std::optional<std::vector<std::string>> segments_of(std::string_view path) {
  std::vector<std::string> segments;
  if (!path.starts_with('/')) return std::nullopt;
  for (const std::string& part : split(path.substr(1), '/')) {
    Result<std::string> segment = http::percent_decode(part);
    if (!segment || segment->empty() || *segment == "." || *segment == "..") return std::nullopt;
    for (char c : *segment)
      if (c == '/' || c == '\\' || static_cast<unsigned char>(c) < 0x20) return std::nullopt;
    segments.push_back(*std::move(segment));
  }
  return segments;
}

bool matches(const Row& row, const std::vector<std::string>& segments) {
  std::vector<std::string> pattern = split(row.pattern.substr(1), '/');
  return std::equal(
      pattern.begin(), pattern.end(), segments.begin(), segments.end(),
      [](const std::string& one, const std::string& segment) { return one == "*" || one == segment; });
}

tl::expected<std::string, Refusal> allowed_query(const Row& row, std::string_view text) {
  Result<http::Query> query = http::Query::parse(text);
  if (!query) return tl::unexpected(Refusal{400, query.error().text()});
  const std::vector<std::string> names = split(row.parameters, ' ');
  for (const auto& [name, value] : query->items())
    if (name.empty() || std::find(names.begin(), names.end(), name) == names.end())
      return tl::unexpected(Refusal{400, "the dashboard does not pass on the parameter \"" + name + "\""});
  return query->text();
}

// Without the leading "api".
std::string engine_path(const std::vector<std::string>& segments) {
  std::string path;
  for (size_t i = 1; i < segments.size(); ++i) path += "/" + http::percent_encode(segments[i]);
  return path;
}

tl::expected<Route, Refusal> route_of(const Row& row, const std::vector<std::string>& segments,
                                      std::string_view query) {
  Route route;
  route.kind = row.kind;
  if (row.kind == Kind::Terminal) route.name = segments[1];
  if (row.kind == Kind::Plan) route.name = segments[4];
  auto allowed = allowed_query(row, query);
  if (!allowed) return tl::unexpected(allowed.error());
  route.target = engine_path(segments) + *allowed;
  return route;
}

Json members_of(const Json& object, std::initializer_list<const char*> names) {
  Json kept = Json::object();
  for (const char* name : names)
    if (object.is_object() && object.contains(name)) kept[name] = object[name];
  return kept;
}

}  // namespace

tl::expected<Route, Refusal> find_route(std::string_view method, std::string_view target, bool write) {
  http::TargetParts parts = http::split_target(target);
  if (parts.path == "/") return Route{Kind::Page, "/", ""};
  auto segments = segments_of(parts.path);
  if (!segments) return tl::unexpected(Refusal{400, "invalid path"});
  bool known = false;
  for (const Row& row : kRows) {
    if (!matches(row, *segments)) continue;
    known = true;
    if (row.method != method) continue;
    if (row.changes && !write)
      return tl::unexpected(Refusal{403, "the dashboard is read-only; start it with --write"});
    return route_of(row, *segments, parts.query);
  }
  if (known) return tl::unexpected(Refusal{405, "method not allowed"});
  if (segments->front() == "api" || segments->front() == "terminal")
    return tl::unexpected(Refusal{404, "the dashboard does not offer this path"});
  return Route{Kind::Page, "/" + join(*segments, "/"), ""};
}

Json reduced(const Json& response) {
  Json kept = members_of(
      response, {"Id", "Name", "Created", "State", "RestartCount", "name", "working_dir", "config_files"});
  if (!response.is_object() || !response.contains("project")) return kept;
  const Json& project = response["project"];
  Json services = Json::object();
  if (project.is_object() && project.contains("services") && project["services"].is_object())
    for (const auto& [name, service] : project["services"].items())
      services[name] = members_of(service, {"depends_on", "image"});
  kept["services"] = std::move(services);
  return kept;
}

}  // namespace stack::cli
