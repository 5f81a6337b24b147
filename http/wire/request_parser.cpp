#include "http/wire/request_parser.h"

#include <algorithm>

namespace stack::http {

RequestParser::RequestParser(size_t header_limit) : header_limit_(header_limit) {
  http_parser_init(&parser_, HTTP_REQUEST);
  parser_.data = this;
}

const http_parser_settings& RequestParser::settings() {
  static const http_parser_settings table = [] {
    http_parser_settings s{};
    s.on_url = [](http_parser* p, const char* at, size_t n) {
      self(p).target.append(at, n);
      return 0;
    };
    s.on_header_field = [](http_parser* p, const char* at, size_t n) {
      self(p).on_header_field({at, n});
      return 0;
    };
    s.on_header_value = [](http_parser* p, const char* at, size_t n) {
      self(p).on_header_value({at, n});
      return 0;
    };
    s.on_headers_complete = [](http_parser* p) {
      RequestParser& me = self(p);
      me.on_header_field({});
      me.check_host();
      me.header_complete_ = true;
      me.keep_alive_ = http_should_keep_alive(p) != 0;
      return 0;
    };
    s.on_body = [](http_parser* p, const char* at, size_t n) {
      self(p).body.append(at, n);
      return 0;
    };
    s.on_message_complete = [](http_parser* p) {
      self(p).message_complete_ = true;
      http_parser_pause(p, 1);
      return 0;
    };
    return s;
  }();
  return table;
}

void RequestParser::on_header_field(std::string_view bytes) {
  if (in_value_) {
    // Drops trailer fields of a chunked body, which are not used.
    if (!header_complete_) headers.add(std::move(field_), std::move(value_));
    field_.clear();
    value_.clear();
    in_value_ = false;
  }
  field_.append(bytes);
}

void RequestParser::on_header_value(std::string_view bytes) {
  in_value_ = true;
  value_.append(bytes);
}

// An HTTP/1.1 request has exactly one Host field (RFC 9112 section 3.2).
void RequestParser::check_host() {
  auto hosts = std::count_if(headers.items().begin(), headers.items().end(),
                             [](const auto& item) { return equal_ignoring_case(item.first, "Host"); });
  if (hosts > 1) refuse("more than one Host field");
  if (hosts == 0 && http_1_1()) refuse("missing Host field");
}

void RequestParser::refuse(std::string reason) {
  failure_ = 400;
  reason_ = std::move(reason);
}

size_t RequestParser::feed(std::string_view bytes) {
  if (failure_ != 0 || message_complete_) return 0;
  // The limit applies only to the header, so a large first read that includes the body must not exceed it.
  size_t allowed = bytes.size();
  if (!header_complete_) {
    allowed = std::min(allowed, header_limit_ - header_bytes_);
    if (const char* wrong = form_.take(bytes.substr(0, allowed))) refuse(wrong);
    if (failure_ != 0) return 0;
  }
  size_t used = http_parser_execute(&parser_, &settings(), bytes.data(), allowed);
  if (!header_complete_) {
    header_bytes_ += used;
    if (header_bytes_ >= header_limit_) failure_ = 431;
  }
  if (failure_ == 400) return used;
  http_errno problem = HTTP_PARSER_ERRNO(&parser_);
  if (problem == HPE_HEADER_OVERFLOW)
    failure_ = 431;
  else if (problem != HPE_OK && problem != HPE_PAUSED)
    failure_ = 400;
  return used;
}

std::string RequestParser::failure_text() const {
  if (failure_ == 431) return "request header too large";
  if (!reason_.empty()) return "malformed request: " + reason_;
  return std::string("malformed request: ") + http_errno_description(HTTP_PARSER_ERRNO(&parser_));
}

std::string RequestParser::method() const {
  return http_method_str(static_cast<http_method>(parser_.method));
}

TargetParts split_target(std::string_view target) {
  if (!target.starts_with('/')) {
    size_t scheme = target.find("://");
    size_t slash = scheme == std::string_view::npos ? scheme : target.find('/', scheme + 3);
    if (slash != std::string_view::npos) target.remove_prefix(slash);
  }
  target = target.substr(0, target.find('#'));
  size_t mark = target.find('?');
  if (mark == std::string_view::npos) return {target, {}};
  return {target.substr(0, mark), target.substr(mark + 1)};
}

}  // namespace stack::http
