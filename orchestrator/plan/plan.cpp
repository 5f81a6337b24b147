#include "orchestrator/plan/plan.h"

#include <algorithm>

namespace stack::orchestrator {
namespace {

// The texts for each kind of action.
struct ActionText {
  std::string_view kind;
  std::string_view phrase;  // "create container"
  char sign;                // '+' create, '-' remove, '~' change, '.' wait
};

ActionText text_of(const CreateNetwork&) { return {"create-network", "create network", '+'}; }
ActionText text_of(const RemoveNetwork&) { return {"remove-network", "remove network", '-'}; }
ActionText text_of(const CreateVolume&) { return {"create-volume", "create volume", '+'}; }
ActionText text_of(const RemoveVolume&) { return {"remove-volume", "remove volume", '-'}; }
ActionText text_of(const BuildImage&) { return {"build-image", "build image", '+'}; }
ActionText text_of(const PullImage&) { return {"pull-image", "pull image", '+'}; }
ActionText text_of(const RemoveImage&) { return {"remove-image", "remove image", '-'}; }
ActionText text_of(const CreateContainer&) { return {"create-container", "create container", '+'}; }
ActionText text_of(const RenameContainer&) { return {"rename-container", "rename container", '~'}; }
ActionText text_of(const StartContainer&) { return {"start-container", "start container", '~'}; }
ActionText text_of(const StopContainer&) { return {"stop-container", "stop container", '~'}; }
ActionText text_of(const KillContainer&) { return {"kill-container", "kill container", '~'}; }
ActionText text_of(const RemoveContainer&) { return {"remove-container", "remove container", '-'}; }
ActionText text_of(const PauseContainer&) { return {"pause-container", "pause container", '~'}; }
ActionText text_of(const UnpauseContainer&) { return {"unpause-container", "unpause container", '~'}; }
ActionText text_of(const WaitRunning&) { return {"wait-running", "wait until running", '.'}; }
ActionText text_of(const WaitHealthy&) { return {"wait-healthy", "wait until healthy", '.'}; }
ActionText text_of(const WaitCompleted&) { return {"wait-completed", "wait until completed", '.'}; }
ActionText text_of(const WaitAccepted&) { return {"wait-accepted", "wait until accepted", '.'}; }
ActionText text_of(const WaitDelay&) { return {"wait-delay", "wait before next batch", '.'}; }
ActionText text_of(const CheckUpdate& check) {
  return {"check-update", check.rollback ? "check rollback" : "check update", '.'};
}
ActionText text_of(const RunHook& hook) {
  return {"run-hook", hook.moment == HookMoment::PostStart ? "run post_start hook" : "run pre_stop hook",
          '~'};
}
ActionText text_of(const RunPreStart&) { return {"run-pre-start", "run pre_start hook", '~'}; }
ActionText text_of(const ConnectNetwork&) { return {"connect-network", "connect network", '~'}; }
ActionText text_of(const DisconnectNetwork&) { return {"disconnect-network", "disconnect network", '~'}; }

ActionText action_text(const Action& action) {
  return std::visit([](const auto& body) { return text_of(body); }, action.body);
}

std::string object(const CreateNetwork& body) { return body.network.config.name; }
std::string object(const RemoveNetwork& body) { return body.name; }
std::string object(const CreateVolume& body) { return body.volume.config.name; }
std::string object(const RemoveVolume& body) { return body.name; }
std::string object(const BuildImage& body) { return body.image.reference; }
std::string object(const PullImage& body) { return body.reference; }
std::string object(const RemoveImage& body) { return body.reference; }
std::string object(const CreateContainer& body) { return body.final_name; }
std::string object(const RenameContainer& body) { return body.name; }
std::string object(const RunPreStart& body) { return body.spec.name; }
std::string object(const WaitDelay& body) { return body.service; }
std::string object(const CheckUpdate& body) { return body.service; }
template <typename Body>
std::string object(const Body& body) {
  return body.container.name;
}

size_t widest(const Plan& plan, std::string (*text)(const Action&)) {
  size_t width = 0;
  for (const Action& action : plan.actions) {
    if (!action.contingent()) width = std::max(width, text(action).size());
  }
  return width;
}

std::string phrase_of(const Action& action) { return std::string(action_text(action).phrase); }

void pad(std::string& line, const std::string& text, size_t width) {
  line += text;
  line.append(width - std::min(width, text.size()) + 2, ' ');
}

std::string change_lines(const Action& action) {
  std::string lines;
  for (const FieldChange& change : action.changes) {
    lines += "      " + change.field + ": ";
    bool hidden = change.before.empty() && change.after.empty();
    lines += hidden ? "(not shown)"
                    : (change.before.empty() ? "(none)" : change.before) + " -> " +
                          (change.after.empty() ? "(none)" : change.after);
    lines += "\n";
  }
  return lines;
}

std::string plan_line(const Action& action, size_t phrase_width, size_t object_width) {
  std::string line = "  ";
  line += action_text(action).sign;
  line += ' ';
  pad(line, phrase_of(action), phrase_width);
  pad(line, object_of(action), object_width);
  line += action.cause;
  line.erase(line.find_last_not_of(' ') + 1);
  return line + "\n" + change_lines(action);
}

// Service names in order of their first action; "" (the project itself) comes first.
std::vector<std::string> groups_of(const Plan& plan) {
  std::vector<std::string> groups{""};
  for (const Action& action : plan.actions) {
    if (std::find(groups.begin(), groups.end(), action.service) == groups.end())
      groups.push_back(action.service);
  }
  return groups;
}

std::string group_text(const Plan& plan, const std::string& service, size_t phrase_width,
                       size_t object_width) {
  std::string lines;
  for (const Action& action : plan.actions) {
    if (action.service == service && !action.contingent())
      lines += plan_line(action, phrase_width, object_width);
  }
  if (lines.empty()) return "";
  return (service.empty() ? "project " + plan.project : "service " + service) + "\n" + lines;
}

std::string changes_text(int changes) {
  if (changes == 0) return "no changes\n";
  return std::to_string(changes) + (changes == 1 ? " change\n" : " changes\n");
}

}  // namespace

std::string_view kind_of(const Action& action) { return action_text(action).kind; }

std::string object_of(const Action& action) {
  return std::visit([](const auto& body) { return object(body); }, action.body);
}

std::string describe(const Action& action) {
  std::string name = object_of(action);
  if (std::holds_alternative<WaitRunning>(action.body)) return "wait until " + name + " is running";
  if (std::holds_alternative<WaitHealthy>(action.body)) return "wait until " + name + " is healthy";
  if (std::holds_alternative<WaitCompleted>(action.body)) return "wait until " + name + " completes";
  if (std::holds_alternative<WaitAccepted>(action.body)) return "wait until " + name + " is accepted";
  if (const auto* wait = std::get_if<WaitDelay>(&action.body))
    return "wait " + go_duration(wait->delay) + " before the next batch of " + name;
  if (std::holds_alternative<CheckUpdate>(action.body)) return phrase_of(action) + " of " + name;
  return phrase_of(action) + " " + name;
}

bool is_wait(const Action& action) { return action_text(action).sign == '.'; }
bool is_change(const Action& action) { return !is_wait(action); }

int count_changes(const Plan& plan) {
  return static_cast<int>(std::count_if(plan.actions.begin(), plan.actions.end(), [](const Action& action) {
    return is_change(action) && !action.contingent();
  }));
}

std::string plan_text(const Plan& plan) {
  std::string text;
  for (const std::string& warning : plan.warnings) text += "warning: " + warning + "\n";
  if (plan.empty()) return text + "nothing to do\n";
  size_t phrase_width = widest(plan, phrase_of);
  size_t object_width = widest(plan, object_of);
  for (const std::string& service : groups_of(plan))
    text += group_text(plan, service, phrase_width, object_width);
  return text + changes_text(count_changes(plan));
}

std::string plan_listing(const Plan& plan) {
  std::string text;
  for (const std::string& warning : plan.warnings) text += "warning: " + warning + "\n";
  for (const Action& action : plan.actions) {
    text += std::to_string(action.id) + " " + std::string(kind_of(action)) + " " + object_of(action);
    const char* before = " after ";
    for (const Edge& edge : action.after) {
      text += before + std::to_string(edge.id) + (edge.soft ? "?" : "");
      before = ",";
    }
    before = " if-changed ";
    for (const ImageChange& change : action.only_if) {
      text += before + std::to_string(change.image);
      before = ",";
    }
    before = " if-failed ";
    for (ActionId id : action.if_failed) {
      text += before + std::to_string(id);
      before = ",";
    }
    if (action.if_performed != 0) text += " if-performed " + std::to_string(action.if_performed);
    if (action.judged) text += " judged";
    if (action.optional) text += " optional";
    if (!action.cause.empty()) text += " [" + action.cause + "]";
    text += "\n";
  }
  return text.empty() ? "nothing to do\n" : text;
}

OrderedJson action_json(const Action& action) {
  OrderedJson after = OrderedJson::array();
  for (const Edge& edge : action.after) after.push_back(edge.id);
  OrderedJson json{{"id", action.id},           {"kind", kind_of(action)},  {"object", object_of(action)},
                   {"service", action.service}, {"text", describe(action)}, {"cause", action.cause},
                   {"after", std::move(after)}};
  for (const FieldChange& change : action.changes)
    json["changes"].push_back({{"field", change.field}, {"before", change.before}, {"after", change.after}});
  if (action.contingent()) json["contingent"] = true;
  return json;
}

OrderedJson plan_json(const Plan& plan) {
  OrderedJson list = OrderedJson::array();
  for (const Action& action : plan.actions) list.push_back(action_json(action));
  return list;
}

}  // namespace stack::orchestrator
