// Docker events: recent ones are kept, and new ones are passed to listeners.
#pragma once

#include <deque>
#include <functional>
#include <list>
#include <map>
#include <string>

#include "base/json.h"
#include "base/units.h"

namespace stack::engine {

struct Event {
  std::string type;    // container | network | volume | image
  std::string action;  // create, start, die, "health_status: healthy", ...
  std::string id;
  std::map<std::string, std::string> attributes;
  WallTime time;
};

// Docker's format (GET /events, one object per line).
Json event_to_json(const Event& event);

class EventBus {
 public:
  using Listener = std::function<void(const Event&)>;

  // Unsubscribes on destruction.
  class Subscription {
   public:
    Subscription() = default;
    Subscription(EventBus* bus, std::list<Listener>::iterator place) : bus_(bus), place_(place) {}
    Subscription(Subscription&& other) noexcept
        : bus_(std::exchange(other.bus_, nullptr)), place_(other.place_) {}
    Subscription& operator=(Subscription&&) = delete;
    ~Subscription() {
      if (bus_ != nullptr) bus_->listeners_.erase(place_);
    }

   private:
    EventBus* bus_ = nullptr;
    std::list<Listener>::iterator place_;
  };

  // Listeners run on the engine thread within publish; they must not publish or unsubscribe.
  [[nodiscard]] Subscription subscribe(Listener listener);
  void publish(std::string type, std::string action, std::string id,
               std::map<std::string, std::string> attributes);
  // The most recent events, oldest first (at most 1,024).
  const std::deque<Event>& recent() const { return recent_; }

 private:
  std::list<Listener> listeners_;
  std::deque<Event> recent_;
};

}  // namespace stack::engine
