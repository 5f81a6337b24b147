// Errors as values: every fallible operation of `stack` returns a Result<T>.
//
// Error texts are lowercase, without a period, with the outermost context first:
//   "service web: network back: create bridge br-3f2a: file exists"
#pragma once

#include <cerrno>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <utility>

namespace stack {

// The kind of a failure, for callers that depend on it (HTTP status, exit code, retry).
enum class ErrorKind {
  Internal,     // system call or library failed
  Invalid,      // the input is wrong: HTTP 400
  NotFound,     // the named object does not exist: HTTP 404
  Conflict,     // the object's state or another object prevents it: HTTP 409
  Unsupported,  // not supported by this machine or version: HTTP 501
  Canceled,    // canceled by the caller
  Timeout,
  NotExecutable,  // command found but cannot be executed: exit code 126
  NoCommand,      // command not found in the container: exit code 127
};

class Error {
 public:
  explicit Error(std::string text) : text_(std::move(text)) {}
  Error(ErrorKind kind, std::string text) : kind_(kind), text_(std::move(text)) {}

  // "<what>: <strerror(err)>" in lowercase; keeps the errno.
  static Error from_errno(std::string_view what, int err);
  // Uses the calling thread's current errno.
  static Error last_errno(std::string_view what) { return from_errno(what, errno); }

  const std::string& text() const { return text_; }
  ErrorKind kind() const { return kind_; }
  // The errno that caused it, or 0.
  int code() const { return code_; }

  // Prepends "context: " to the text.
  Error in(std::string_view context) &&;
  Error in(std::string_view context) const&;

 private:
  ErrorKind kind_ = ErrorKind::Internal;
  int code_ = 0;
  std::string text_;
};

template <typename T = void>
class [[nodiscard]] Result : public tl::expected<T, Error> {
 public:
  using tl::expected<T, Error>::expected;
  Result(Error error) : tl::expected<T, Error>(tl::unexpect, std::move(error)) {}
  Result(tl::expected<T, Error> other) : tl::expected<T, Error>(std::move(other)) {}

  // Adds context to the error, if there is one.
  Result in(std::string_view context) && {
    if (this->has_value()) return std::move(*this);
    return Result(std::move(this->error()).in(context));
  }
};

inline Error invalid(std::string text) { return {ErrorKind::Invalid, std::move(text)}; }
inline Error not_found(std::string text) { return {ErrorKind::NotFound, std::move(text)}; }
inline Error conflict(std::string text) { return {ErrorKind::Conflict, std::move(text)}; }
inline Error unsupported(std::string text) { return {ErrorKind::Unsupported, std::move(text)}; }

}  // namespace stack

#define STACK_CONCAT_INNER(a, b) a##b
#define STACK_CONCAT(a, b) STACK_CONCAT_INNER(a, b)

// TRY(expression): returns the error from the enclosing function; for Result<void>.
#define TRY(expr)                                            \
  do {                                                       \
    auto&& try_result_ = (expr);                             \
    if (!try_result_) return std::move(try_result_).error(); \
  } while (false)

// TRY_ASSIGN(auto x, expression): declares or assigns x from the value, or returns the error.
#define TRY_ASSIGN(target, expr) TRY_ASSIGN_INNER(STACK_CONCAT(try_value_, __LINE__), target, expr)
#define TRY_ASSIGN_INNER(name, target, expr) \
  auto name = (expr);                        \
  if (!name) return std::move(name).error(); \
  target = std::move(*name)

// In coroutines: name the awaited value first (g++ 12 cannot take co_await inside a macro), then
//   auto r = co_await f();  CO_TRY(r);
#define CO_TRY(result)                                  \
  do {                                                  \
    if (!(result)) co_return std::move(result).error(); \
  } while (false)
