#include "orchestrator/targets/swarm/api/docker_connection.h"

#include <sys/socket.h>

#include <algorithm>

#include "base/text.h"
#include "http/wire/query.h"
#include "orchestrator/targets/swarm/convert.h"

namespace stack::targets::swarm {

namespace {

constexpr int kOldestVersion = 40;

bool is_broken(const Error& error) { return error.code() == ECONNRESET || error.code() == EPIPE; }

}  // namespace

Result<http::Client> DockerConnection::open(std::chrono::seconds patience) {
  TRY_ASSIGN(Fd stream, dial_().in("the Docker engine at " + address_));
  timeval limit{patience.count(), 0};
  if (patience.count() > 0) ::setsockopt(stream.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  return http::Client(std::move(stream));
}

std::string DockerConnection::versioned(const std::string& path) const {
  return version_ == 0 ? path : "/v1." + std::to_string(version_) + path;
}

Result<> DockerConnection::negotiate() {
  TRY_ASSIGN(http::Client client, open());
  auto answer = client.call({.method = "GET", .target = "/_ping"});
  if (!answer) return std::move(answer).error().in("the Docker engine at " + address_);
  std::string version = answer->headers.get("Api-Version");
  std::vector<std::string> words = split(version, '.');
  if (words.size() != 2 || !is_all_digits(words[1]) || words[1].size() > 3)
    return Error("the server at " + address_ + " is not a Docker engine");
  version_ = std::min(std::stoi(words[1]), kNewestVersion);
  if (version_ < kOldestVersion)
    return unsupported("the Docker engine at " + address_ + " is older than 19.03");
  return {};
}

Result<Json> DockerConnection::call(const std::string& method, const std::string& path, const Json& body,
                                    const std::vector<std::pair<std::string, std::string>>& headers) {
  http::ClientRequest request;
  request.method = method;
  request.target = versioned(path);
  request.headers = headers;
  if (!body.is_null()) request.body = stack::to_text(body);
  std::scoped_lock lock(mutex_);
  bool reused = client_.has_value();
  if (!client_) {
    TRY_ASSIGN(client_, open());
  }
  auto answer = client_->call(request);
  // The engine closes connections that were idle for long.
  if (!answer && is_broken(answer.error()) && (reused || method == "GET")) {
    client_.reset();
    TRY_ASSIGN(client_, open());
    answer = client_->call(request);
  }
  if (!answer) {
    client_.reset();
    return std::move(answer).error();
  }
  if (answer->body.empty()) return Json();
  return answer->json();
}

Result<> DockerConnection::stream(http::ClientRequest request,
                                  const std::function<bool(std::string_view)>& take,
                                  std::chrono::seconds patience) {
  TRY_ASSIGN(http::Client client, open(patience));
  request.target = versioned(request.target);
  return client.stream(std::move(request), take);
}

Result<http::HijackedConnection> DockerConnection::hijack(http::ClientRequest request) {
  TRY_ASSIGN(http::Client client, open());
  request.target = versioned(request.target);
  return client.hijack(std::move(request));
}

std::string labeled(const std::string& path, const std::string& label) {
  Json filters{{"label", Json::array({label})}};
  return path + "?filters=" + http::percent_encode(filters.dump());
}

}  // namespace stack::targets::swarm
