#include "docker/transfer_message.h"

#include <algorithm>

#include "base/units.h"

namespace stack::docker {

namespace {

constexpr int64_t kBarWidth = 50;

// "[====>     ]  1.2MB/3.4MB", 50 characters between the brackets.
std::string bar(int64_t current, int64_t total) {
  int64_t filled = total > 0 ? std::clamp<int64_t>(current * kBarWidth / total, 0, kBarWidth) : 0;
  std::string out = "[" + std::string(static_cast<size_t>(filled), '=');
  if (filled < kBarWidth) out += ">";
  out.append(static_cast<size_t>(std::max<int64_t>(0, kBarWidth - filled - 1)), ' ');
  return out + "]  " + decimal_size({current}) + "/" + decimal_size({total});
}

}  // namespace

OrderedJson status_message(const std::string& status, const std::string& id) {
  OrderedJson out{{"status", status}};
  if (id.empty()) return out;
  out["progressDetail"] = OrderedJson::object();
  out["id"] = id;
  return out;
}

OrderedJson progress_message(const std::string& status, const std::string& id, int64_t current,
                             int64_t total) {
  return {{"status", status},
          {"progressDetail", {{"current", current}, {"total", total}}},
          {"progress", bar(current, total)},
          {"id", id}};
}

OrderedJson error_message(const std::string& text) {
  return {{"errorDetail", {{"message", text}}}, {"error", text}};
}

std::string message_text(const OrderedJson& message) {
  return message.dump(-1, ' ', false, OrderedJson::error_handler_t::replace);
}

}  // namespace stack::docker
