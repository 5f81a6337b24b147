#include "orchestrator/targets/deployment.h"

namespace stack::targets {

void EventLines::action(int id, const std::string& state, const std::string& error) const {
  Json line{{"event", "action"}, {"id", id}, {"state", state}};
  if (!error.empty()) line["error"] = error;
  send(line);
}

void EventLines::wait(int id, const std::string& text) const {
  send({{"event", "wait"}, {"id", id}, {"text", text}});
}

}  // namespace stack::targets
