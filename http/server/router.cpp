#include "http/server/router.h"

#include <algorithm>
#include <asio/this_coro.hpp>
#include <charconv>
#include <set>

#include "base/text.h"

namespace stack::http {

namespace {

struct Segment {
  enum class Kind { Literal, One, Many } kind = Kind::Literal;
  std::string text;  // the literal, or the parameter's name
};

Segment segment_of(std::string_view text) {
  if (!text.starts_with('{') || !text.ends_with('}')) return {Segment::Kind::Literal, std::string(text)};
  std::string_view name = text.substr(1, text.size() - 2);
  if (!name.ends_with("...")) return {Segment::Kind::One, std::string(name)};
  return {Segment::Kind::Many, std::string(name.substr(0, name.size() - 3))};
}

std::vector<std::string> segments_of(std::string_view path) {
  std::vector<std::string> parts = split(path, '/');
  std::erase(parts, "");
  return parts;
}

// NN of "v1.NN".
std::optional<int> version_of(std::string_view segment) {
  if (!segment.starts_with("v1.") || !is_all_digits(segment.substr(3)) || segment.size() > 6)
    return std::nullopt;
  int number = 0;
  std::from_chars(segment.data() + 3, segment.data() + segment.size(), number);
  return number;
}

}  // namespace

struct Router::Route {
  std::string method;
  std::string pattern;
  std::vector<Segment> segments;
  Handler handler;

  // Literal segments have the highest weight; a one-segment parameter outweighs a multi-segment one.
  int weight() const {
    int sum = 0;
    for (const Segment& s : segments)
      sum += s.kind == Segment::Kind::Literal ? 100 : s.kind == Segment::Kind::One ? 1 : 0;
    return sum;
  }

  // The number of segments matched by {name...} for this path length; nullopt if the lengths do not match.
  std::optional<size_t> many_length(size_t path_length) const {
    bool has_many = std::any_of(segments.begin(), segments.end(),
                                [](const Segment& s) { return s.kind == Segment::Kind::Many; });
    if (!has_many) return path_length == segments.size() ? std::optional<size_t>(0) : std::nullopt;
    if (path_length < segments.size()) return std::nullopt;
    return path_length - segments.size() + 1;
  }

  bool match(const std::vector<std::string>& path,
             std::map<std::string, std::string, std::less<>>* params) const {
    std::optional<size_t> many = many_length(path.size());
    if (!many) return false;
    size_t at = 0;
    for (const Segment& segment : segments) {
      size_t taken = segment.kind == Segment::Kind::Many ? *many : 1;
      if (segment.kind == Segment::Kind::Literal && path[at] != segment.text) return false;
      if (segment.kind != Segment::Kind::Literal && params != nullptr)
        (*params)[segment.text] = join(std::span(path).subspan(at, taken), "/");
      at += taken;
    }
    return true;
  }
};

Router::Router(int oldest, int newest, int current) : oldest_(oldest), newest_(newest), current_(current) {}
Router::Router(Router&&) noexcept = default;
Router& Router::operator=(Router&&) noexcept = default;
Router::~Router() = default;

void Router::add(std::string_view method, std::string_view pattern, Handler handler) {
  auto route = std::make_unique<Route>();
  route->method = method;
  route->pattern = pattern;
  for (const std::string& text : segments_of(pattern)) route->segments.push_back(segment_of(text));
  route->handler = std::move(handler);
  // Kept in order of weight, so that the first match is the right one.
  auto position = std::find_if(routes_.begin(), routes_.end(),
                               [&](const auto& other) { return other->weight() < route->weight(); });
  routes_.insert(position, std::move(route));
}

const Handler* Router::find(Request& request, Response& response) const {
  std::vector<std::string> path = segments_of(request.path);
  request.version = current_;
  std::optional<int> version = path.empty() ? std::nullopt : version_of(path.front());
  if (version) {
    path.erase(path.begin());
    request.path = "/" + join(path, "/");
    request.version = *version;
    request.versioned = true;
    if (*version < oldest_ || *version > newest_) {
      bool old = *version < oldest_;
      std::string bound = old ? "old. Minimum supported API version is 1." + std::to_string(oldest_)
                              : "new. Maximum supported API version is 1." + std::to_string(newest_);
      response.error(400, "client version 1." + std::to_string(*version) + " is too " + bound);
      return nullptr;
    }
  }
  std::set<std::string> allowed;
  for (const auto& route : routes_) {
    if (!route->match(path, nullptr)) continue;
    if (route->method == request.method) {
      route->match(path, &request.params);
      return &route->handler;
    }
    allowed.insert(route->method);
  }
  if (allowed.empty()) {
    response.error(404, "page not found");
    return nullptr;
  }
  std::vector<std::string> methods(allowed.begin(), allowed.end());
  response.set_header("Allow", join(methods, ", "));
  response.error(405, "method not allowed");
  return nullptr;
}

asio::awaitable<void> Router::operator()(Request& request, Response& response) const {
  const Handler* handler = find(request, response);
  if (handler != nullptr) co_await (*handler)(request, response);
}

std::vector<std::string> Router::routes() const {
  std::vector<std::string> out;
  for (const auto& route : routes_) out.push_back(route->method + " " + route->pattern);
  std::sort(out.begin(), out.end());
  return out;
}

}  // namespace stack::http
