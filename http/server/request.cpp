#include "http/server/request.h"

#include "http/server/connection.h"

namespace stack::http {

asio::awaitable<Result<std::string>> Body::read() { return connection_.read_body(); }

asio::awaitable<Result<std::string>> Body::read_all(size_t limit) {
  std::string all;
  while (true) {
    Result<std::string> piece = co_await read();
    if (!piece) co_return piece;
    if (piece->empty()) co_return all;
    all += *piece;
    if (all.size() > limit) co_return invalid("request body larger than " + std::to_string(limit) + " bytes");
  }
}

asio::awaitable<Result<Json>> Body::read_json(size_t limit) {
  Result<std::string> text = co_await read_all(limit);
  if (!text) co_return std::move(text).error();
  if (text->empty()) co_return Json();
  Result<Json> json = parse_json(*text);
  if (!json) co_return invalid("request body: " + json.error().text());
  co_return json;
}

asio::awaitable<Result<Json>> Body::read_object(size_t limit) {
  Result<Json> json = co_await read_json(limit);
  if (!json) co_return json;
  if (json->is_null()) co_return Json::object();
  if (!json->is_object()) co_return invalid("request body: a JSON object is expected");
  co_return json;
}

const std::string& Request::param(std::string_view name) const {
  static const std::string kNone;
  auto found = params.find(name);
  return found == params.end() ? kNone : found->second;
}

bool Request::wants_upgrade() const {
  return headers.has_token("Connection", "upgrade") && headers.has("Upgrade");
}

void Request::on_client_gone(std::function<void()> callback) {
  connection_.watch_client(std::move(callback));
}

}  // namespace stack::http
