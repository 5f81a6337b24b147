// The incremental parser of one request, over http-parser.
#pragma once

#include <http_parser.h>

#include <string>
#include <string_view>

#include "http/wire/header_form.h"
#include "http/wire/headers.h"

namespace stack::http {

// Feed bytes until header_complete(), use the results, then feed the body. One object parses one message.
class RequestParser {
 public:
  explicit RequestParser(size_t header_limit);
  RequestParser(const RequestParser&) = delete;
  RequestParser& operator=(const RequestParser&) = delete;

  // Returns the number of bytes used; the rest belongs to the next message or to the switched protocol.
  // Appends decoded body bytes to `body`.
  size_t feed(std::string_view bytes);

  bool header_complete() const { return header_complete_; }
  bool message_complete() const { return message_complete_; }
  // 0, or the status of the rejection.
  int failure() const { return failure_; }
  std::string failure_text() const;

  std::string method() const;
  bool keep_alive() const { return keep_alive_; }
  bool http_1_1() const {
    return parser_.http_major > 1 || (parser_.http_major == 1 && parser_.http_minor >= 1);
  }

  std::string target;
  Headers headers;
  std::string body;

 private:
  static RequestParser& self(http_parser* parser) { return *static_cast<RequestParser*>(parser->data); }
  static const http_parser_settings& settings();
  void on_header_field(std::string_view bytes);
  void on_header_value(std::string_view bytes);
  void check_host();
  void refuse(std::string reason);

  http_parser parser_{};
  size_t header_limit_;
  size_t header_bytes_ = 0;
  std::string field_;
  std::string value_;
  bool in_value_ = false;
  bool header_complete_ = false;
  bool message_complete_ = false;
  bool keep_alive_ = false;
  int failure_ = 0;
  std::string reason_;  // of a failure that http-parser does not detect
  HeaderForm form_;
};

// The path and the query of a request target in origin form ("/a?b") or absolute form ("http://host/a?b"),
// still encoded.
struct TargetParts {
  std::string_view path;
  std::string_view query;
};
TargetParts split_target(std::string_view target);

}  // namespace stack::http
