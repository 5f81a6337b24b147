// GET /images/search: asks the search of Docker Hub, or of the registry that the term names.
// Source: Engine API v1.50, ImageSearch; the index API of Docker Hub (/v1/search).
#include <algorithm>

#include "base/files.h"
#include "base/text.h"
#include "docker/filters.h"
#include "engine/api/api.h"
#include "model/image_reference.h"

namespace stack::engine {

namespace {

using http::Request;
using http::Response;

constexpr int64_t kUsualLimit = 25;
constexpr int64_t kLargestLimit = 100;

// "ghcr.io/team/app" names a registry, "team/app" does not.
Result<std::string> search_url(const std::string& term, int64_t limit) {
  size_t slash = term.find('/');
  std::string host = slash == std::string::npos ? "" : term.substr(0, slash);
  bool names_host = host == "localhost" || host.find_first_of(".:") != std::string::npos;
  if (!names_host || host == "docker.io" || host == "index.docker.io") {
    std::string rest = names_host ? term.substr(slash + 1) : term;
    http::Query query;
    query.add("q", rest);
    query.add("n", std::to_string(limit));
    return "https://index.docker.io/v1/search" + query.text();
  }
  // A check of the host, which becomes part of the URL.
  TRY_ASSIGN(Reference reference, parse_reference(host + "/x"));
  http::Query query;
  query.add("q", term.substr(slash + 1));
  query.add("n", std::to_string(limit));
  bool plain = host.starts_with("localhost") || host.starts_with("127.");
  return (plain ? "http://" : "https://") + reference.domain + "/v1/search" + query.text();
}

struct SearchFilter {
  std::optional<bool> official;
  int64_t stars = 0;
};

Result<SearchFilter> search_filter(const std::string& text) {
  TRY_ASSIGN(docker::Filters filters, docker::read_filters(docker::FilterList::Search, text));
  SearchFilter out;
  if (filters.contains("is-official")) {
    TRY_ASSIGN(out.official, docker::filter_flag(filters, "is-official", false));
  }
  for (const std::string& value : filters["stars"]) {
    if (!is_all_digits(value) || value.size() > 9) return invalid("invalid filter 'stars=" + value + "'");
    out.stars = std::max<int64_t>(out.stars, std::stol(value));
  }
  return out;
}

Json search_rows(const Json& answer, const SearchFilter& filter) {
  Json rows = Json::array();
  auto results = answer.find("results");
  if (results == answer.end() || !results->is_array()) return rows;
  for (const Json& entry : *results) {
    bool official = bool_or(entry, "is_official");
    int64_t stars = int_or(entry, "star_count");
    if (stars < filter.stars || (filter.official && official != *filter.official)) continue;
    rows.push_back({{"name", string_or(entry, "name")},
                    {"description", string_or(entry, "description")},
                    {"star_count", stars},
                    {"is_official", official},
                    {"is_automated", false}});
  }
  return rows;
}

Result<Json> fetch_json(RegistryService& registries, const std::string& url, std::stop_token stop) {
  TRY_ASSIGN(TemporaryDirectory folder, TemporaryDirectory::create("/tmp/stack-search-"));
  Caller caller;
  caller.proxy = own_proxy_settings();
  std::string path = folder.path() + "/answer";
  TRY(registries.download(url, path, caller, std::move(stop)).map([](auto&&) {}));
  TRY_ASSIGN(std::string text, read_file(path, size_t{16} << 20));
  TRY_ASSIGN(Json answer, parse_json(text).in(url));
  if (!answer.is_object()) return invalid(url + ": the answer is not an object");
  return answer;
}

Task<> search_images(Services& s, Request& request, Response& response) {
  std::string term = request.query.get("term");
  Result<int64_t> limit = request.query.integer("limit", kUsualLimit);
  if (limit && *limit == 0) limit = kUsualLimit;
  if (limit && (*limit < 0 || *limit > kLargestLimit))
    limit = invalid("limit " + std::to_string(*limit) + " is outside the range of [1, 100]");
  if (term.empty()) limit = invalid("no search term");
  Result<SearchFilter> filter = search_filter(request.query.get("filters"));
  Result<std::string> url = limit ? search_url(term, *limit) : Result<std::string>(limit.error());
  if (!url || !filter) {
    response.error(url ? filter.error() : url.error());
    co_return;
  }
  std::stop_source stop;
  request.on_client_gone([&stop] { stop.request_stop(); });
  auto work = [&registries = s.registries, url = *url, token = stop.get_token()] {
    return fetch_json(registries, url, token);
  };
  Result<Json> answer = co_await offload(s.registries.threads(), std::move(work));
  if (answer) {
    response.json(200, search_rows(*answer, *filter));
  } else {
    response.error(answer.error());
  }
}

}  // namespace

void add_search_routes(http::Router& router, Services& s) {
  router.get("/images/search", [&s](Request& q, Response& r) -> Task<> { co_await search_images(s, q, r); });
}

}  // namespace stack::engine
