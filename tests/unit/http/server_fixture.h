// Handlers that several tests of the server use.
#pragma once

#include <string>
#include <string_view>

#include "fixture.h"

namespace stack::http {

inline constexpr std::string_view kGet = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";

inline void answer_body_length(TestServer& server) {
  server.router.post("/", [](Request& request, Response& response) -> asio::awaitable<void> {
    auto body = co_await request.body.read_all();
    if (!body) {
      response.error(body.error());
    } else {
      response.text(200, std::to_string(body->size()));
    }
  });
}

inline void answer_text(TestServer& server, std::string text) {
  server.router.get("/", [text](Request&, Response& response) -> asio::awaitable<void> {
    response.text(200, text);
    co_return;
  });
}

}  // namespace stack::http
