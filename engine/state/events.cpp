#include "engine/state/events.h"

namespace stack::engine {

Json event_to_json(const Event& event) {
  auto since_epoch = event.time.time_since_epoch();
  int64_t nanoseconds = std::chrono::duration_cast<Nanoseconds>(since_epoch).count();
  Json out{{"Type", event.type},
           {"Action", event.action},
           {"Actor", {{"ID", event.id}, {"Attributes", event.attributes}}},
           {"scope", "local"},
           {"time", nanoseconds / 1'000'000'000},
           {"timeNano", nanoseconds}};
  if (event.type == "container") {
    out["status"] = event.action;
    out["id"] = event.id;
    if (auto image = event.attributes.find("image"); image != event.attributes.end())
      out["from"] = image->second;
  }
  return out;
}

EventBus::Subscription EventBus::subscribe(Listener listener) {
  return {this, listeners_.insert(listeners_.end(), std::move(listener))};
}

void EventBus::publish(std::string type, std::string action, std::string id,
                       std::map<std::string, std::string> attributes) {
  constexpr size_t kKept = 1024;
  recent_.push_back({std::move(type), std::move(action), std::move(id), std::move(attributes),
                     std::chrono::system_clock::now()});
  if (recent_.size() > kKept) recent_.pop_front();
  for (const Listener& listener : listeners_) listener(recent_.back());
}

}  // namespace stack::engine
