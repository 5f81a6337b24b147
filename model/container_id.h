// The id of a container of the engine.
#pragma once

#include <compare>
#include <string>
#include <utility>

namespace stack {

// 64 hexadecimal digits, drawn when the container is made (Docker's "Id"). A name, a prefix, and what a client sends as "name or id" are
// texts until Context::find_container has found their container. The ids of networks, images, and exec sessions, and the ids that callers of an OCI runtime choose,
// are texts of their own.
class ContainerId {
 public:
  ContainerId() = default;  // of no container
  explicit ContainerId(std::string text) : text_(std::move(text)) {}

  const std::string& text() const { return text_; }
  std::string short_text() const { return text_.substr(0, 12); }  // as lists show it
  bool empty() const { return text_.empty(); }

  auto operator<=>(const ContainerId&) const = default;

 private:
  std::string text_;
};

}  // namespace stack
